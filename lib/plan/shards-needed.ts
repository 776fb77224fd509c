// lib/plan: the one arithmetic of size: how many shards a hash range's demand needs, be the range one shard, two neighbours or the whole stream.
// in: quantiles of the range's highest demand within a time, what is there already, the policy · out: a number of shards
//
// Two ways, as the policy says. By a quantile: the acted-on quantile must stay under the target. By cost (`throttledToIdle`): one more shard is taken as
// long as the demand that it is expected to save from throttling is worth more than the shard; the quantile follows from the two.
import { QUANTILES } from '../model/forecast.ts';
import { coldUtilizationOf, type Policy } from '../model/policy.ts';

/** A range's demand in shards' worth: 1 fills a shard. */
export interface DemandAhead {
  /** Quantiles (as in `QUANTILES`) of the highest demand within the time; empty without a forecast. */
  readonly quantiles: readonly number[];
  /** What is there already, which no forecast talks away: the reactive net. */
  readonly now: number;
}

/** What of a policy decides a size. */
export type SizingPolicy = Pick<Policy, 'targetUtilization' | 'actOnQuantile' | 'throttledToIdle' | 'maxShards'>;

const ROUNDING = 1e-9;
/** The highest demand of a window lasts for a part of it only: the expected excess of all its minutes is so much of that of the highest. */
const SHARE_OF_HIGHEST = 0.4;
/** The last minute's demand is no bound but one value, as likely to fall as to rise: so much of a shard above a capacity is not yet answered with one more. */
const LET_BE = 0.1;
/** A shard is given back when the chance is no higher that it is needed again so soon that giving it back was not worth two operations. */
const NEEDED_AGAIN = 0.2;
const [, MEDIAN, UPPER90, UPPER95] = QUANTILES.map((_, i) => i) as [number, number, number, number];

/** How many shards, at the least one. More demand never needs fewer. `share` is how much of the excess of the highest minute counts, where costs decide. */
export const shardsNeeded = (demand: DemandAhead, policy: SizingPolicy, share = SHARE_OF_HIGHEST): number =>
  policy.throttledToIdle === undefined ? byQuantile(demand, policy) : byCost(demand, policy, share * policy.throttledToIdle);

/** What one shard more than these would save from throttling, in what an idle shard costs; null where the policy does not weigh costs. */
export const worthOfOneMore = (demand: DemandAhead, shards: number, policy: SizingPolicy): number | null => {
  if (policy.throttledToIdle === undefined || demand.quantiles.length === 0) return null;
  const excessAbove = expectedExcess(demand.quantiles.map((quantile) => quantile / policy.targetUtilization));
  return policy.throttledToIdle * SHARE_OF_HIGHEST * (excessAbove(shards) - excessAbove(shards + 1));
};

/** How many shards are enough to keep, at the least one: fewer than `shardsNeeded` of the same time where costs decide, because a shard that is needed again can be had again. */
export const shardsEnough = (demand: DemandAhead, policy: SizingPolicy): number => {
  if (policy.throttledToIdle === undefined) return byQuantile(demand, policy);
  const kept = Math.max(exceededWith(NEEDED_AGAIN, demand.quantiles), demand.now);
  return Math.max(Math.ceil(kept / policy.targetUtilization - LET_BE - ROUNDING), 1);
};

/** The demand that is exceeded with this chance, between a half and a tenth: on the line between the two quantiles. */
const exceededWith = (chance: number, quantiles: readonly number[]): number => {
  const median = quantiles[MEDIAN] ?? 0;
  const upper90 = Math.max(quantiles[UPPER90] ?? 0, median);
  return median + ((0.5 - chance) / 0.4) * (upper90 - median);
};

const byQuantile = ({ quantiles, now }: DemandAhead, { targetUtilization, actOnQuantile }: SizingPolicy): number => {
  const bound = quantiles[QUANTILES.indexOf(actOnQuantile)] ?? 0;
  return Math.max(Math.ceil(Math.max(bound, now) / targetUtilization - ROUNDING), 1);
};

/** One shard more is worth it while the excess that it is expected to take away, weighed, is above one. What is there already is met. */
const byCost = (demand: DemandAhead, policy: SizingPolicy, weight: number): number => {
  const reactive = Math.ceil(demand.now / policy.targetUtilization - LET_BE - ROUNDING);
  const scaled = demand.quantiles.map((quantile) => quantile / policy.targetUtilization);
  let shards = Math.max(reactive, Math.floor(scaled[MEDIAN] ?? 0), 1);
  if (scaled.length === 0) return shards;
  const excessAbove = expectedExcess(scaled);
  while (shards < policy.maxShards && weight * (excessAbove(shards) - excessAbove(shards + 1)) > 1) shards++;
  return shards;
};

/** The expected demand above a capacity: between the known quantiles the probability falls on straight lines, past the 0.9 one exponentially through the 0.95 one. */
const expectedExcess = (quantiles: readonly number[]): ((capacity: number) => number) => {
  const median = quantiles[MEDIAN] ?? 0;
  const upper90 = Math.max(quantiles[UPPER90] ?? 0, median);
  const scale = Math.max((quantiles[UPPER95] ?? 0) - upper90, ROUNDING) / Math.LN2;
  const beyond90 = 0.1 * scale;
  return (capacity) => {
    if (capacity >= upper90) return beyond90 * Math.exp(-(capacity - upper90) / scale);
    if (capacity < median) return beyond90 + 0.3 * (upper90 - median) + (median - capacity);
    const probability = 0.5 - (0.4 * (capacity - median)) / (upper90 - median);
    return beyond90 + ((upper90 - capacity) * (probability + 0.1)) / 2;
  };
};

/** What was measured must have stayed below this share of what is to remain; sized by cost, the target alone leaves room. */
export const coldBelowOf = (policy: Policy): number =>
  policy.throttledToIdle === undefined ? coldUtilizationOf(policy) : policy.targetUtilization;
