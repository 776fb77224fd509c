// lib/plan: what forbids acting at all, and what forbids resharding, at this moment.
// in: fleet, policy, now · out: holds with their reasons, or nothing
import type { Fleet } from '../model/fleet.ts';
import type { Operation } from '../model/operation.ts';
import type { Hold, Trigger } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import { RESERVED_TOKENS, RESHARDS_PER_SEC, reshardTokens } from './account-tokens.ts';
import { blackoutAt } from './blackouts.ts';
import { foreignChangeOf } from './foreign-change.ts';
import { isReshard, isReshardInFlight } from './in-flight.ts';
import { duration } from './sentences.ts';

const HOUR_MS = 3_600_000;
const FOREIGN_CHANGE_REST_SEC = 600;
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
  const open = circuitOf(fleet, policy, nowMs);
  if (open !== null) holds.push(hold(streamName, 'circuit-open', open));
  const blackout = blackoutAt(policy, nowMs);
  if (blackout !== null)
    holds.push(
      hold(streamName, 'blackout', `The policy’s blackout lasts until ${minuteOf(blackout.untilMs)} UTC: ${blackout.reason}.`),
    );
  return holds;
};

const BREAKER_FAILURES = 5;
const BREAKER_REST_SEC = 1800;

/** Why everything stops after operations failed in a row, until half an hour after the last failure; null while they do not. */
export const circuitOf = (fleet: Fleet, policy: Policy, nowMs: number): string | null => {
  const limit = policy.breakerFailures ?? BREAKER_FAILURES;
  const ended = fleet.operations
    .filter((o) => o.trigger !== 'request' && (o.status === 'failed' || o.status === 'succeeded'))
    .sort((a, b) => endOf(b) - endOf(a));
  const lastSuccess = ended.findIndex((o) => o.status === 'succeeded');
  const failures = ended.slice(0, lastSuccess === -1 ? ended.length : lastSuccess);
  const [last] = failures;
  if (last === undefined || failures.length < limit) return null;
  const sinceSec = (nowMs - endOf(last)) / 1000;
  if (sinceSec >= BREAKER_REST_SEC) return null;
  const why = last.result === undefined ? '' : ` (${last.result})`;
  return `${failures.length} operations failed in a row, the last, ${last.kind} of ${last.shardId}, ${duration(sinceSec)} ago${why}; allowed are ${limit - 1}. Only observing until ${minuteOf(endOf(last) + BREAKER_REST_SEC * 1000)} UTC.`;
};

const endOf = (operation: Operation): number => operation.endedAtMs ?? operation.acceptedAtMs;

/** Why no reshard may begin now: Kinesis takes one at a time and only while the stream is ACTIVE. Null when one may. */
export const reshardGuardOf = (
  fleet: Fleet,
  policy: Policy,
  trigger: Trigger,
  nowMs: number,
): { reason: Hold['reason']; because: string } | null => {
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
  const foreignAtMs = foreignChangeOf(fleet, nowMs);
  const restSec = policy.foreignChangeRestSec ?? FOREIGN_CHANGE_REST_SEC;
  if (foreignAtMs !== undefined && nowMs - foreignAtMs < restSec * 1000)
    return {
      reason: 'foreign-change',
      because: `someone else changed the stream’s shards ${duration((nowMs - foreignAtMs) / 1000)} ago; Penumbra yields for ${duration(restSec)}`,
    };
  const tokens = reshardTokens(fleet.accountReshardsAtMs ?? [], nowMs);
  const reserve = trigger === 'reactive' ? 0 : RESERVED_TOKENS;
  if (tokens < 1 + reserve)
    return {
      reason: 'account-limit',
      because: `the account’s splits and merges are limited to ${RESHARDS_PER_SEC} a second: ${tokens.toFixed(1)} are left${reserve > 0 ? `, and ${reserve} are kept for emergencies` : ''}`,
    };
  return null;
};

/** Seconds since the last reshard that was not refused began or ended, as far as the operations of the last hour tell. */
export const secondsSinceReshard = (fleet: Fleet, nowMs: number): number => {
  const last = fleet.operations
    .filter((operation) => isReshard(operation) && operation.status !== 'failed')
    .reduce((latest, operation) => Math.max(latest, operation.endedAtMs ?? operation.acceptedAtMs), Number.NEGATIVE_INFINITY);
  return (nowMs - last) / 1000;
};

/** Removing a shadow frees resources and is never rationed; what a person asked for is not counted either. */
const countsAgainstBudget = (operation: Operation): boolean =>
  operation.kind !== 'remove-shadow' && operation.trigger !== 'request';

/** How many more operations the policy allows within this hour. */
export const operationsLeft = (fleet: Fleet, policy: Policy, nowMs: number): number =>
  policy.maxOperationsPerHour - fleet.operations.filter((o) => countsAgainstBudget(o) && nowMs - o.acceptedAtMs < HOUR_MS).length;
