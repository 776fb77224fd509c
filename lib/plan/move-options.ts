// lib/plan: the ways to relieve a full worker of one shard.
// in: its outlook, the others' room · out: the best way, or why there is none
import type { Rate, Worker } from '../model/worker.ts';
import { busyWith, openOperations } from './in-flight.ts';
import type { MoveQuestion } from './move-worth.ts';
import { isReady, pendingTarget, restingAfterFailure } from './pending-moves.ts';
import { minus } from './rates.ts';
import { percent } from './sentences.ts';
import type { ShardOutlook } from './shard-outlook.ts';
import { hostFor, type Loads, leastLoaded, type WorkerOutlook } from './worker-outlook.ts';

/** A shard below this is never worth a move, whatever share of a tiny capacity it is. */
const FLOOR: Rate = { recordsPerSec: 1, bytesPerSec: 1024 };

/** One way to relieve a worker of one shard. */
export interface Option {
  readonly shard: ShardOutlook;
  readonly target: Worker;
  readonly targetUtilization: number;
  /** `replace-shadow`: its shadow stands for replication on a worker without room, and goes first; a lease has one shadow. */
  readonly how: 'handover' | 'create-shadow' | 'replace-shadow';
  readonly relieves: boolean;
}

const EASE = { handover: 0, 'create-shadow': 1, 'replace-shadow': 2 } as const;

/** Moves that relieve fully come first, the smallest of them (fixes most with least), then those to a shadow that is already there; else the biggest. */
const better = (a: Option, b: Option): boolean => {
  if (a.relieves !== b.relieves) return a.relieves;
  if (a.how !== b.how) return EASE[a.how] < EASE[b.how];
  if (a.shard.peakUtilization !== b.shard.peakUtilization)
    return a.shard.peakUtilization < b.shard.peakUtilization === a.relieves;
  return a.shard.shard.shardId < b.shard.shard.shardId;
};

/** The best way to relieve `source` of one more shard; those in `tried` have had their turn. `resting` names shards that cannot move now, three at most. */
export const bestOption = (
  { fleet, workers, policy, resharded }: MoveQuestion,
  { worker, shards, peak }: WorkerOutlook,
  loads: Loads,
  tried: ReadonlySet<string>,
  isRelieved: (load: Rate) => boolean,
  nowMs: number,
): { best: Option | null; resting: readonly string[] } => {
  const operations = openOperations(fleet);
  const load = loads.get(worker.workerId) ?? peak;
  const resting: string[] = [];
  let best: Option | null = null;
  for (const shard of shards) {
    const { shardId } = shard.shard;
    const { lease } = shard;
    if (tried.has(shardId) || resharded.has(shardId) || lease?.state !== 'active' || pendingTarget(shard) !== undefined) continue;
    if (
      worker.state !== 'draining' &&
      shard.peak.recordsPerSec < FLOOR.recordsPerSec &&
      shard.peak.bytesPerSec < FLOOR.bytesPerSec
    )
      continue;
    const rest = busyWith(lease, operations.get(shardId)) ?? restingAfterFailure(fleet, shardId, nowMs);
    if (rest !== null) {
      if (resting.length < 3) resting.push(`${shardId}: ${rest}`);
      continue;
    }
    const { shadow } = lease;
    const roomAt = (allowed: (candidate: Worker) => boolean) =>
      hostFor(
        workers,
        loads,
        shard.peak,
        (candidate) => candidate.workerId !== worker.workerId && allowed(candidate),
        policy.workerTargetUtilization,
      );
    const atShadow =
      shadow === undefined || !isReady(shadow) ? null : roomAt((candidate) => candidate.workerId === shadow.workerId);
    const replaceable = shadow === undefined || (shadow.purpose === 'replication' && isReady(shadow));
    const host = atShadow ?? (replaceable ? roomAt(() => true) : null);
    if (host === null) continue;
    const relieves = isRelieved(minus(load, shard.peak));
    const option: Option = {
      shard,
      target: host.worker,
      targetUtilization: host.utilization,
      how: shadow === undefined ? 'create-shadow' : atShadow === null ? 'replace-shadow' : 'handover',
      relieves,
    };
    if (best === null || better(option, best)) best = option;
  }
  return { best, resting };
};

/** Why no shard of a full worker can move, in words. */
export const whyNone = (
  { workers, policy }: MoveQuestion,
  source: WorkerOutlook,
  loads: Loads,
  resting: readonly string[],
): string => {
  const lightest = source.shards.reduce((a, b) => (b.peakUtilization < a.peakUtilization ? b : a));
  const roomiest = leastLoaded(workers, loads, lightest.peak, (candidate) => candidate.workerId !== source.worker.workerId);
  if (resting.length > 0) return `none of its shards can move now (${resting.join('; ')})`;
  if (roomiest === null) return 'there is no other worker that takes shards';
  return roomiest.utilization > policy.workerTargetUtilization
    ? `even its lightest shard, ${lightest.shard.shardId}, would bring ${roomiest.worker.workerId}, which has the most room, to ${percent(roomiest.utilization)}`
    : 'none of its shards is big enough, free of other work, and without a shadow elsewhere';
};
