// lib/plan: how far ahead to look: as far as the queue of operations needs, no further.
// in: shard views, operations, measured durations · out: seconds, and why so many
import type { Fleet, LeadTimes } from '../model/fleet.ts';
import type { Policy } from '../model/policy.ts';
import { isReshardInFlight } from './in-flight.ts';
import { counted } from './sentences.ts';
import { neededFor, type ShardView } from './shard-outlook.ts';

/** Metrics are seen up to one tick late, and a decision waits up to one tick. */
const TICK_SEC = 60;
/** Until a drain was measured. */
const DRAIN_PRIOR_SEC = 30;
/** Each round can only find more splits; three settle all but absurd loads, and the forecast's horizon ends the rest. */
const ROUNDS = 3;

/** How far a plan looks ahead. */
export interface LeadTime {
  readonly leadTimeSec: number;
  readonly reason: string;
  /** Seconds of one reshard, drained. */
  readonly operationSec: number;
}

/** How many splits the shards need so that each stays under its target within `leadTimeSec`. */
export const splitsNeeded = (views: readonly ShardView[], policy: Policy, leadTimeSec: number, nowMs: number): number => {
  const needed = views.reduce((sum, view) => sum + neededFor([view], policy, leadTimeSec, nowMs) - 1, 0);
  return Math.min(needed, Math.max(policy.maxShards - views.length, 0));
};

/** Kinesis reshards one at a time: what is queued must all be done before the load comes. The queue depends on how far one looks, so it is looked at again. */
export const leadTimeOf = (
  fleet: Fleet,
  views: readonly ShardView[],
  policy: Policy,
  leadTimes: LeadTimes,
  nowMs: number,
): LeadTime => {
  const reshardSec = leadTimes.reshardSec ?? policy.reshardDurationPriorSec;
  const drainSec = leadTimes.drainSec ?? DRAIN_PRIOR_SEC;
  const inFlight = fleet.operations.filter(isReshardInFlight).length;
  const secondsFor = (operations: number) => operations * reshardSec + drainSec + 2 * TICK_SEC;
  let queued = Math.max(inFlight, 1);
  let leadTimeSec = Math.max(policy.minLeadTimeSec, secondsFor(queued));
  for (let round = 0; round < ROUNDS; round++) {
    const wanted = Math.max(inFlight + splitsNeeded(views, policy, leadTimeSec, nowMs), 1);
    if (wanted <= queued) break;
    queued = wanted;
    leadTimeSec = Math.max(policy.minLeadTimeSec, secondsFor(queued));
  }
  const source =
    leadTimes.reshardSec === null
      ? 'the policy’s prior, none measured yet'
      : `measured over ${counted(leadTimes.samples, 'operation')}`;
  const needs = `${counted(queued, 'reshard')} × ${Math.round(reshardSec)} s (${source}) + ${Math.round(drainSec)} s to drain + two ticks of ${TICK_SEC} s`;
  const reason =
    leadTimeSec > secondsFor(queued)
      ? `Looks ${Math.round(leadTimeSec)} s ahead, the policy’s minimum; the operations need less: ${needs}.`
      : `Looks ${Math.round(leadTimeSec)} s ahead: ${needs}.`;
  return { leadTimeSec, reason, operationSec: reshardSec + drainSec };
};
