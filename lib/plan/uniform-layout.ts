// lib/plan: layouts of equal ranges, which are all that UpdateShardCount makes.
// in: hash ranges · out: whether they are equal, who inherits what, how many fit together
import { type HashKeyRange, slicesOf, WHOLE_RANGE, widthOf } from '../model/hash-key-range.ts';

/** A boundary may lie off its even place by this share of a shard: Kinesis, CloudFormation and tools round differently. */
const TOLERANCE = 1000n;

/** Whether ranges in hash order cover the key space in equal parts: the layout of a stream that nobody has split or merged by hand. */
export const isUniform = (ranges: readonly HashKeyRange[]): boolean => {
  if (ranges.length === 0) return false;
  const even = slicesOf(WHOLE_RANGE, ranges.length);
  const leeway = widthOf(even[0]!) / TOLERANCE;
  return ranges.every(({ startingHashKey }, i) => {
    const off = startingHashKey - even[i]!.startingHashKey;
    return off <= leeway && off >= -leeway;
  });
};

/** The former range in which the middle of a new one lies: its owner inherits the new shard. Former ranges in hash order. */
export const heirOf = <T extends { readonly hashKeyRange: HashKeyRange }>(
  range: HashKeyRange,
  former: readonly T[],
): T | undefined => {
  const middle = range.startingHashKey + widthOf(range) / 2n;
  let [low, high] = [0, former.length - 1];
  while (low < high) {
    const at = (low + high + 1) >> 1;
    if (former[at]!.hashKeyRange.startingHashKey <= middle) low = at;
    else high = at - 1;
  }
  return former[low];
};

/** Kinesis resizes to at least half and at most twice as many, and is faster in steps of a quarter. Source: SDK UpdateShardCount. */
const QUARTERS = { grow: [5, 6, 7, 8], shrink: [2, 3] } as const;

/** The counts to which a stream of `count` shards may be resized, nearest to the wanted end first: the smallest that grows, the smallest that shrinks. */
export const resizeCounts = (count: number, way: keyof typeof QUARTERS, least: number, most: number): number[] => {
  const counts = QUARTERS[way].map((quarters) => Math.ceil((count * quarters) / 4));
  const within = counts.filter((to) => to >= least && to <= most && (way === 'grow' ? to > count : to < count));
  return [...new Set(within)];
};

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** The splits and merges that lead from one number of equal ranges to another: a split for each boundary that is new, a merge for each that goes. */
export const uniformSteps = (from: number, to: number): number => {
  const kept = greatestCommonDivisor(from, to);
  return to - kept + (from - kept);
};
