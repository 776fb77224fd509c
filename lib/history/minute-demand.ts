// lib/history: one minute's demand of each hash range, from all that was told about it.
// in: counters and samples of one minute, the layout, its recent shares · out: demand per range (accepted plus throttled), nothing for what is unknown
import type { DemandCounters, DemandSample } from '../model/demand.ts';
import { type HashKeyRange, rangeText, shareWithin, widthOf } from '../model/hash-key-range.ts';

/** The demand of one range in one minute. `sliceRecords` is null when only a total is known. */
export interface RangeDemand {
  readonly range: HashKeyRange;
  readonly records: number;
  readonly bytes: number;
  readonly censored: boolean;
  readonly sliceRecords: readonly number[] | null;
}

interface Counted {
  readonly range: HashKeyRange;
  records: number;
  bytes: number;
  censored: boolean;
  slices: number[] | null;
}

/**
 * What is known of one minute. The counters of one range add up; a range of the layout of which no worker told anything while others told something had
 * no records. A sample fills what the workers have not read (yet), by the recent shares of the layout, and adds what was throttled. Without either
 * the minute is unknown and the answer is empty.
 */
export const demandOfMinute = (
  counters: readonly DemandCounters[],
  samples: readonly DemandSample[],
  layout: readonly HashKeyRange[],
  recentShares: readonly number[],
): RangeDemand[] => {
  const counted = new Map<string, Counted>();
  const at = (range: HashKeyRange): Counted => {
    const key = rangeText(range);
    const there = counted.get(key) ?? { range, records: 0, bytes: 0, censored: false, slices: null };
    counted.set(key, there);
    return there;
  };
  for (const each of counters) {
    const sum = at(each.hashKeyRange);
    sum.records += each.records;
    sum.bytes += each.bytes;
    sum.slices = each.sliceRecords.map((value, i) => value + (sum.slices?.[i] ?? 0));
  }
  if (counters.length > 0) layout.forEach(at);
  const shareOf = new Map(layout.map((range, i) => [rangeText(range), recentShares[i] ?? 0]));
  // Narrow samples first: where shards have metrics of their own, these say what the stream's sample only sums up.
  const narrowFirst = [...samples].sort(
    (a, b) =>
      Number(widthOf(a.hashKeyRange) > widthOf(b.hashKeyRange)) - Number(widthOf(a.hashKeyRange) < widthOf(b.hashKeyRange)),
  );
  const told = new Set<string>();
  for (const sample of narrowFirst) {
    const inside = (range: HashKeyRange): boolean => shareWithin(range, sample.hashKeyRange) > 0.5 && !told.has(rangeText(range));
    layout.filter(inside).forEach(at);
    const ranges = [...counted.values()].filter(({ range }) => inside(range));
    raise(
      ranges,
      lessWhatIsTold(
        sample,
        [...counted.values()].filter(({ range }) => told.has(rangeText(range))),
      ),
      shareOf,
    );
    for (const { range } of ranges) told.add(rangeText(range));
  }
  return [...counted.values()].map(({ slices, ...demand }) => ({
    ...demand,
    sliceRecords: slices?.some((mass) => mass > 0) ? slices : null,
  }));
};

/** The part of a sample that narrower samples left open. Throttling is taken as told where they told anything. */
const lessWhatIsTold = (sample: DemandSample, told: readonly Counted[]): DemandSample => {
  const inside = told.filter(({ range }) => shareWithin(range, sample.hashKeyRange) > 0.5);
  const sum = (metric: 'records' | 'bytes'): number => inside.reduce((total, each) => total + each[metric], 0);
  return {
    ...sample,
    records: sample.records - sum('records'),
    bytes: sample.bytes - sum('bytes'),
    throttledRecords: inside.length > 0 ? 0 : sample.throttledRecords,
  };
};

/** Raises what was counted to what the sample saw: the unread rest goes to the ranges that lie furthest below their recent share, the throttled to all by load. */
const raise = (ranges: readonly Counted[], sample: DemandSample, shareOf: ReadonlyMap<string, number>): void => {
  if (ranges.length === 0) return;
  const weights = ranges.map(({ range }) => shareOf.get(rangeText(range)) ?? 0);
  const shares = evenUnless(weights);
  for (const metric of ['records', 'bytes'] as const) {
    const sum = ranges.reduce((total, each) => total + each[metric], 0);
    const missing = sample[metric] - sum;
    if (missing <= 0) continue;
    const deficits = evenUnless(ranges.map((each, i) => Math.max(0, sample[metric] * shares[i]! - each[metric])));
    ranges.forEach((each, i) => {
      each[metric] += missing * deficits[i]!;
    });
  }
  if (sample.throttledRecords <= 0) return;
  const accepted = ranges.reduce((total, each) => total + each.records, 0);
  const bytes = ranges.reduce((total, each) => total + each.bytes, 0);
  const loads = accepted > 0 ? ranges.map(({ records }) => records / accepted) : shares;
  ranges.forEach((each, i) => {
    const throttled = sample.throttledRecords * loads[i]!;
    each.records += throttled;
    if (accepted > 0) each.bytes += throttled * (bytes / accepted);
    each.censored = true;
  });
};

const evenUnless = (weights: readonly number[]): number[] => {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return total > 0 ? weights.map((weight) => weight / total) : weights.map(() => 1 / weights.length);
};
