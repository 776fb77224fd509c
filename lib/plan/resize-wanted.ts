// lib/plan: what one resize of the whole stream would replace.
// in: outlooks, policy, measured durations · out: grow or shrink, to how many shards, in place of how many splits or merges; null where those are as good
import type { LeadTimes } from '../model/fleet.ts';
import type { Policy } from '../model/policy.ts';
import type { LeadTime } from './lead-time.ts';
import { NO_LOAD, plus, times, utilizationOf } from './rates.ts';
import type { ShardOutlook } from './shard-outlook.ts';
import { KEPT_SEC } from './size-stream.ts';
import { cellsOf, fitOf } from './uniform-fit.ts';
import { resizeCounts } from './uniform-layout.ts';

/** Until a resize was measured. Kinesis says "a few minutes". */
const RESIZE_PRIOR_SEC = 300;
/** It has to be so many times as fast as the splits, for its time is known less well and it uses up the day's budget. */
const TIMES_AS_FAST = 2;
/** Fewer shards than this are hot ones, not a hot stream. */
const LEAST_SPLITS = 3;
/** Shrinking saves money only: it is worth a call from so many merges on, and leaves half of the day's calls to growing. */
const LEAST_MERGES = 4;
/** Doubling spreads the load when the fullest half carries no more than this of its shard. */
const SPREADS = 0.6;
/** More shards' ids than this do not fit what a state machine carries. */
const MOST_RESIZED = 4000;

/** A resize that would be better than what it replaces. */
export interface WantedResize {
  readonly way: 'grow' | 'shrink';
  readonly to: number;
  readonly fullest: number;
  /** Splits or merges in its place, and how long they would take. */
  readonly steps: number;
  readonly stepsSec: number;
}

/** Seconds that a resize is expected to take. */
export const resizeSecOf = (policy: Policy, leadTimes: LeadTimes): number =>
  leadTimes.resizeSec ??
  policy.resizeDurationPriorSec ??
  // It consists of splits and merges: never faster than one.
  Math.max(RESIZE_PRIOR_SEC, leadTimes.reshardSec ?? policy.reshardDurationPriorSec);

/** What one resize would replace; null where a few splits or merges, or none, are as good. */
export const wantedResize = (
  outlooks: readonly ShardOutlook[],
  policy: Policy,
  leadTime: LeadTime,
  leadTimes: LeadTimes,
  nowMs: number,
): WantedResize | null => {
  const count = outlooks.length;
  const oneSec = leadTimes.reshardSec ?? policy.reshardDurationPriorSec;
  const most = Math.min(policy.maxShards, MOST_RESIZED);
  const tooLong = (seconds: number) => seconds >= TIMES_AS_FAST * resizeSecOf(policy, leadTimes);
  const splits = Math.min(
    outlooks.reduce((sum, outlook) => sum + outlook.needed - 1, 0),
    policy.maxShards - count,
  );
  if (splits > 0) {
    if (splits < LEAST_SPLITS || !tooLong(splits * oneSec)) return null;
    const counts = resizeCounts(count, 'grow', policy.minShards, most);
    if (counts.length === 0) return null;
    const cells = cellsOf(outlooks, policy, leadTime.leadTimeSec, nowMs);
    for (const to of counts) {
      const { needed, fullest } = fitOf(cells, to, policy, 1);
      if (needed === 1) return { way: 'grow', to, fullest, steps: splits, stepsSec: splits * oneSec };
    }
    // Where even twice as many are too few, doubling is still the fastest beginning, if the whole stream is hot and doubling spreads it.
    if (2 * count > most || !outlooks.every((outlook) => outlook.needed > 1)) return null;
    const twice = fitOf(cells, 2 * count, policy);
    const spreads = twice.fullest <= SPREADS * fitOf(cells, count, policy).fullest;
    return spreads ? { way: 'grow', to: 2 * count, fullest: twice.fullest, steps: count, stepsSec: count * oneSec } : null;
  }
  if (!outlooks.every((outlook) => outlook.foreseen && outlook.spread?.recentPeak !== undefined)) return null;
  const worthwhile = resizeCounts(count, 'shrink', policy.minShards, most).filter(
    (to) => count - to >= LEAST_MERGES && tooLong((count - to) * (oneSec + policy.mergeCooldownSec)),
  );
  const total = outlooks.reduce((sum, { now }) => plus(sum, now ?? NO_LOAD), NO_LOAD);
  const possible = worthwhile.filter(
    (to) => utilizationOf(times(total, 1 / to), policy.shardCapacity) < policy.targetUtilization,
  );
  if (possible.length === 0) return null;
  const withinSec = leadTime.leadTimeSec + KEPT_SEC;
  const cells = cellsOf(outlooks, policy, withinSec, nowMs);
  const measured = outlooks.reduce((sum, { spread }) => plus(sum, spread?.recentPeak ?? NO_LOAD), NO_LOAD);
  const coldBelow = policy.throttledToIdle === undefined ? policy.coldUtilization : policy.targetUtilization;
  for (const to of possible) {
    const merges = count - to;
    const { needed, fullest } = fitOf(cells, to, policy, 1);
    const cold = needed === 1 && fullest < coldBelow && utilizationOf(times(measured, 1 / to), policy.shardCapacity) < coldBelow;
    if (cold) return { way: 'shrink', to, fullest, steps: merges, stepsSec: merges * (oneSec + policy.mergeCooldownSec) };
  }
  return null;
};
