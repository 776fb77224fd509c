// lib/plan: what forbids acting at all, and what forbids resharding, at this moment.
// in: fleet, policy, now · out: holds with their reasons, or nothing
import type { Fleet } from '../model/fleet.ts';
import type { Operation } from '../model/operation.ts';
import type { Hold } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import { isReshardInFlight } from './in-flight.ts';
import { duration } from './sentences.ts';

const HOUR_MS = 3_600_000;
const hold = (subject: string, reason: Hold['reason'], detail: string): Hold => ({ kind: 'hold', subject, reason, detail });
const minuteOf = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

/** Why nothing may be done now; empty when acting is allowed. */
export const guardsOf = (fleet: Fleet, policy: Policy, nowMs: number): Hold[] => {
  const holds: Hold[] = [];
  const { streamName, observedUntilMs } = fleet;
  if (observedUntilMs === null) {
    holds.push(hold(streamName, 'stale-data', 'Nothing of this stream has been observed yet.'));
  } else if (nowMs - observedUntilMs > policy.staleAfterSec * 1000) {
    const ageSec = (nowMs - observedUntilMs) / 1000;
    holds.push(
      hold(
        streamName,
        'stale-data',
        `The last observed minute ended ${duration(ageSec)} ago; allowed are ${duration(policy.staleAfterSec)}.`,
      ),
    );
  }
  if (!fleet.workers.some((worker) => worker.state === 'active'))
    holds.push(hold(streamName, 'no-workers', `No worker is alive and takes shards; ${fleet.workers.length} are draining.`));
  const blackout = policy.blackouts.find((window) => nowMs >= window.fromMs && nowMs < window.untilMs);
  if (blackout !== undefined)
    holds.push(
      hold(streamName, 'blackout', `The policy’s blackout lasts until ${minuteOf(blackout.untilMs)} UTC: ${blackout.reason}.`),
    );
  return holds;
};

/** Why no reshard may begin now: Kinesis takes one at a time and only while the stream is ACTIVE. Null when one may. */
export const reshardGuardOf = (fleet: Fleet): { reason: Hold['reason']; because: string } | null => {
  const { status, mode } = fleet.stream;
  if (mode === 'ON_DEMAND') return { reason: 'on-demand', because: 'the stream is ON_DEMAND: Kinesis chooses its shards' };
  const running = fleet.operations.find(isReshardInFlight);
  if (running !== undefined)
    return {
      reason: 'stream-busy',
      because: `${running.kind} ${running.operationId} is ${running.status}, and a stream takes one reshard at a time`,
    };
  if (status === 'UPDATING')
    return { reason: 'foreign-change', because: 'the stream is UPDATING, and not by Penumbra: someone else changes it' };
  if (status !== 'ACTIVE') return { reason: 'stream-busy', because: `the stream is ${status}` };
  return null;
};

/** Seconds since the last reshard that was not refused began or ended, as far as the operations of the last hour tell. */
export const secondsSinceReshard = (fleet: Fleet, nowMs: number): number => {
  const last = fleet.operations
    .filter((operation) => (operation.kind === 'split' || operation.kind === 'merge') && operation.status !== 'failed')
    .reduce((latest, operation) => Math.max(latest, operation.endedAtMs ?? operation.acceptedAtMs), Number.NEGATIVE_INFINITY);
  return (nowMs - last) / 1000;
};

/** Removing a shadow frees resources and is never rationed; what a person asked for is not counted either. */
const countsAgainstBudget = (operation: Operation): boolean =>
  operation.kind !== 'remove-shadow' && operation.trigger !== 'request';

/** How many more operations the policy allows within this hour. */
export const operationsLeft = (fleet: Fleet, policy: Policy, nowMs: number): number =>
  policy.maxOperationsPerHour - fleet.operations.filter((o) => countsAgainstBudget(o) && nowMs - o.acceptedAtMs < HOUR_MS).length;
