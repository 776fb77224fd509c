// lib/plan: moves that are under way, prepared, or rest after a failure.
// in: leases, operations · out: who will own what, and which shard is left alone for now
import type { Fleet } from '../model/fleet.ts';
import type { Shadow } from '../model/lease.ts';
import type { Rate } from '../model/worker.ts';
import { isReshardInFlight } from './in-flight.ts';
import { minus, NO_LOAD, plus, times } from './rates.ts';
import { duration } from './sentences.ts';
import type { ShardOutlook } from './shard-outlook.ts';
import type { Loads } from './worker-outlook.ts';

/** After a failed operation a shard rests this long, doubled for each further failure of the last hour. */
const REST_AFTER_FAILURE_SEC = 60;

/** Whether a shadow has verified a mark of the owner, so that a handover to it may begin. */
export const isReady = (shadow: Shadow): boolean => shadow.state === 'tracking' && shadow.verifiedThrough !== undefined;
/** A shadow that stands for a move to come counts as moved already, so that one need is not met twice. One on the owner itself stands for nothing. */
export const pendingTarget = ({ lease }: ShardOutlook): string | undefined => {
  if (lease?.handover !== undefined) return lease.handover.target;
  const shadow = lease?.shadow;
  return shadow?.purpose === 'handover' && shadow.state !== 'diverged' && shadow.workerId !== lease?.owner
    ? shadow.workerId
    : undefined;
};

/** The loads once every move and every split that is under way has arrived. */
export const withPendingMoves = (fleet: Fleet, outlooks: readonly ShardOutlook[], loads: Loads): Loads => {
  const next = new Map(loads);
  const shift = (load: Rate, from: string, to: string) => {
    if (from === to) return;
    next.set(from, minus(next.get(from) ?? NO_LOAD, load));
    next.set(to, plus(next.get(to) ?? NO_LOAD, load));
  };
  const splitting = new Map(fleet.operations.filter(isReshardInFlight).map((operation) => [operation.shardId, operation.action]));
  for (const outlook of outlooks) {
    const owner = outlook.lease?.owner;
    if (owner === undefined) continue;
    const action = splitting.get(outlook.shard.shardId);
    if (action?.kind === 'split') for (const child of action.childOwners) shift(times(outlook.peak, 0.5), owner, child);
    else shift(outlook.peak, owner, pendingTarget(outlook) ?? owner);
  }
  return next;
};

/** Why a shard rests after failures of its operations; null when it does not. */
export const restingAfterFailure = (fleet: Fleet, shardId: string, nowMs: number): string | null => {
  const failures = fleet.operations.filter(
    (o) => o.shardId === shardId && o.status === 'failed' && (o.kind === 'handover' || o.kind === 'create-shadow'),
  );
  if (failures.length === 0) return null;
  const restSec = REST_AFTER_FAILURE_SEC * 2 ** (failures.length - 1);
  const sinceSec = (nowMs - Math.max(...failures.map((o) => o.endedAtMs ?? o.acceptedAtMs))) / 1000;
  return sinceSec < restSec
    ? `its last move failed ${duration(sinceSec)} ago; it rests ${duration(restSec)} after ${failures.length} failed within the hour`
    : null;
};
