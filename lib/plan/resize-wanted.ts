// lib/plan: what one resize of the whole stream would replace.
// in: outlooks, policy, measured durations · out: grow or shrink, to how many shards, in place of how many splits or merges; null where those are as good
import type { LeadTimes } from '../model/fleet.ts';
import type { Policy } from '../model/policy.ts';
import type { LeadTime } from './lead-time.ts';
import { NO_LOAD, plus, times, utilizationOf } from './rates.ts';
import type { ShardOutlook } from './shard-outlook.ts';
import { coldBelowOf } from './shards-needed.ts';
import { cellsOf, fitOf } from './uniform-fit.ts';
import { resizeCounts, uniformSteps } from './uniform-layout.ts';

/** Until a resize was measured it takes as long as the splits and merges that it consists of, and no longer than this. Kinesis says "a few minutes". */
const RESIZE_PRIOR_SEC = 300;
/** Where it leaves no fewer shards than the splits, or a shard is too full already, it has to be so many times as fast: the first splits help sooner. */
const TIMES_AS_FAST = 2;
/** One shard that needs a split is a hot one, not a hot stream. */
const LEAST_SPLITS = 2;
/** Shrinking saves money only: it is worth a call from so many shards on, and leaves half of the day's calls to growing. */
const LEAST_SAVED = 2;
/** Ten calls a day are one in 2.4 hours: what is given back by one is not needed again within half an hour. */
const SHRUNK_FOR_SEC = 1800;
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

/** Seconds that a resize takes of which none was measured yet, where a split or merge takes `oneSec`. */
export const unmeasuredResizeSec = (from: number, to: number, oneSec: number): number =>
  Math.max(Math.min(RESIZE_PRIOR_SEC, uniformSteps(from, to) * oneSec), oneSec);

/** Seconds that a resize is expected to take. */
export const resizeSecOf = (policy: Policy, leadTimes: LeadTimes, from: number, to: number): number =>
  leadTimes.resizeSec ??
  policy.resizeDurationPriorSec ??
  unmeasuredResizeSec(from, to, leadTimes.reshardSec ?? policy.reshardDurationPriorSec);

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
  const splits = Math.min(
    outlooks.reduce((sum, outlook) => sum + outlook.needed - 1, 0),
    policy.maxShards - count,
  );
  if (splits > 0) {
    if (splits < LEAST_SPLITS) return null;
    // Splits double each hot shard: where the whole stream is a little too small, equal ranges need fewer shards in all.
    const atLeastAsFast = outlooks.some((outlook) => outlook.utilizationNow > policy.targetUtilization) ? TIMES_AS_FAST : 1;
    const timesAsFast = (to: number) => (splits * oneSec) / resizeSecOf(policy, leadTimes, count, to);
    const counts = resizeCounts(count, 'grow', policy.minShards, most).filter(
      (to) => timesAsFast(to) >= (to < count + splits ? atLeastAsFast : TIMES_AS_FAST),
    );
    const cells = cellsOf(outlooks, policy, leadTime.leadTimeSec, nowMs);
    for (const to of counts) {
      const { needed, fullest } = fitOf(cells, to, policy, 1);
      if (needed === 1) return { way: 'grow', to, fullest, steps: splits, stepsSec: splits * oneSec };
    }
    // Where even twice as many are too few, doubling is still the fastest beginning, if the whole stream is hot and doubling spreads it.
    if (2 * count > most || timesAsFast(2 * count) < atLeastAsFast || !outlooks.every((outlook) => outlook.needed > 1))
      return null;
    const twice = fitOf(cells, 2 * count, policy);
    const spreads = twice.fullest <= SPREADS * fitOf(cells, count, policy).fullest;
    return spreads ? { way: 'grow', to: 2 * count, fullest: twice.fullest, steps: count, stepsSec: count * oneSec } : null;
  }
  if (!outlooks.every((outlook) => outlook.foreseen && outlook.spread?.recentPeak !== undefined)) return null;
  const worthwhile = resizeCounts(count, 'shrink', policy.minShards, most).filter((to) => count - to >= LEAST_SAVED);
  const total = outlooks.reduce((sum, { now }) => plus(sum, now ?? NO_LOAD), NO_LOAD);
  const possible = worthwhile.filter(
    (to) => utilizationOf(times(total, 1 / to), policy.shardCapacity) < policy.targetUtilization,
  );
  if (possible.length === 0) return null;
  const withinSec = leadTime.leadTimeSec + SHRUNK_FOR_SEC;
  const cells = cellsOf(outlooks, policy, withinSec, nowMs);
  const measured = outlooks.reduce((sum, { spread }) => plus(sum, spread?.recentPeak ?? NO_LOAD), NO_LOAD);
  const coldBelow = coldBelowOf(policy);
  for (const to of possible) {
    const merges = count - to;
    const { needed, fullest } = fitOf(cells, to, policy, 1);
    const cold = needed === 1 && fullest < coldBelow && utilizationOf(times(measured, 1 / to), policy.shardCapacity) < coldBelow;
    if (cold) return { way: 'shrink', to, fullest, steps: merges, stepsSec: merges * (oneSec + policy.mergeCooldownSec) };
  }
  return null;
};
