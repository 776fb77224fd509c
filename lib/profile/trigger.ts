// lib/profile: when a profiling shadow begins without being asked.
// in: workers with their resources, since when they were busy, what is foreseen, what was profiled lately · out: a shard to profile and why, or why none
import type { BusyWorker } from '../model/plan.ts';
import type { Rate, Worker } from '../model/worker.ts';
import { memoryShareOf } from './memory-share.ts';
import { shareTaken } from './profile-input.ts';

export interface TriggerPolicy {
  readonly threshold: number;
  readonly sustainedMin: number;
  readonly restMin: number;
}

export interface TriggerScene {
  readonly workers: readonly Worker[];
  /** As the tick before this one left them. */
  readonly busyBefore: readonly BusyWorker[];
  /** The bound of each worker's highest load within the lead time; missing where no forecast is. */
  readonly foreseen: ReadonlyMap<string, Rate>;
  /** Shards with a run under way. */
  readonly live: ReadonlySet<string>;
  /** When each shard was last profiled. */
  readonly profiledAtMs: ReadonlyMap<string, number>;
}

export type ProfileWish =
  | {
      readonly kind: 'profile';
      readonly trigger: 'utilization' | 'forecast';
      readonly shardId: string;
      readonly owner: string;
      readonly reason: string;
    }
  | { readonly kind: 'hold'; readonly reason: string };

const MINUTE_MS = 60_000;
const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Each worker's fullest resource, where it is above the threshold. `io`: records and bytes against what the worker says that it can take. */
export const busyWorkersOf = (
  workers: readonly Worker[],
  before: readonly BusyWorker[],
  threshold: number,
  nowMs: number,
): BusyWorker[] =>
  workers.flatMap(({ workerId, load, capacity }) => {
    const shares = [
      { resource: 'cpu' as const, share: load.cpuShare },
      { resource: 'event-loop' as const, share: load.eventLoopShare },
      { resource: 'memory' as const, share: memoryShareOf(load) },
      { resource: 'io' as const, share: shareTaken(load, capacity) },
    ];
    const fullest = shares.reduce((a, b) => (b.share > a.share ? b : a));
    const since = before.find((each) => each.workerId === workerId)?.sinceMs ?? nowMs;
    return fullest.share > threshold ? [{ workerId, ...fullest, sinceMs: since }] : [];
  });

const fullestShard = (worker: Worker, allowed: (shardId: string) => boolean): string | undefined =>
  worker.shardIds
    .filter(allowed)
    .map((shardId) => ({ shardId, rate: worker.shardRates?.[shardId] }))
    .sort(
      (a, b) =>
        shareTaken(b.rate ?? { recordsPerSec: 0, bytesPerSec: 0 }, worker.capacity) -
          shareTaken(a.rate ?? { recordsPerSec: 0, bytesPerSec: 0 }, worker.capacity) || (a.shardId < b.shardId ? -1 : 1),
    )[0]?.shardId;

/** The shard to profile now: of the worker that has been busy for longest, else of the one that is foreseen to be the fullest. One run of a stream at a time. */
export const profileWish = (
  { workers, busyBefore, foreseen, live, profiledAtMs }: TriggerScene,
  policy: TriggerPolicy,
  nowMs: number,
): ProfileWish => {
  const { threshold, sustainedMin, restMin } = policy;
  if (live.size > 0) return { kind: 'hold', reason: `${[...live].join(', ')} is being profiled` };
  const allowed = (shardId: string) => nowMs - (profiledAtMs.get(shardId) ?? Number.NEGATIVE_INFINITY) >= restMin * MINUTE_MS;
  const named = new Map(workers.map((worker) => [worker.workerId, worker]));
  const busy = busyWorkersOf(workers, busyBefore, threshold, nowMs);
  const sustained = busy
    .filter(({ sinceMs }) => nowMs - sinceMs >= sustainedMin * MINUTE_MS)
    .sort((a, b) => a.sinceMs - b.sinceMs || b.share - a.share);
  for (const { workerId, resource, share, sinceMs } of sustained) {
    const shardId = fullestShard(named.get(workerId)!, allowed);
    if (shardId === undefined) continue;
    const minutes = Math.round((nowMs - sinceMs) / MINUTE_MS);
    return {
      kind: 'profile',
      trigger: 'utilization',
      shardId,
      owner: workerId,
      reason: `${workerId} has had more than ${percent(threshold)} of its ${resource} in use for ${minutes} min (${percent(share)} now); ${shardId} is its fullest shard.`,
    };
  }
  const coming = workers
    .map((worker) => ({
      worker,
      share: shareTaken(foreseen.get(worker.workerId) ?? { recordsPerSec: 0, bytesPerSec: 0 }, worker.capacity),
    }))
    .filter(({ share }) => share > threshold)
    .sort((a, b) => b.share - a.share);
  for (const { worker, share } of coming) {
    const shardId = fullestShard(worker, allowed);
    if (shardId === undefined) continue;
    return {
      kind: 'profile',
      trigger: 'forecast',
      shardId,
      owner: worker.workerId,
      reason: `${worker.workerId} is foreseen to reach ${percent(share)} of what it says that it can take (threshold ${percent(threshold)}); ${shardId} is its fullest shard.`,
    };
  }
  const waiting =
    busy.length === 0
      ? ''
      : `, ${busy.map(({ workerId, share }) => `${workerId} ${percent(share)}`).join(', ')} not for ${sustainedMin} min yet, or profiled lately`;
  return { kind: 'hold', reason: `no worker is above ${percent(threshold)}${waiting}` };
};
