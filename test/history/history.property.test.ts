import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeCounters } from '../../lib/history/merge-counters.ts';
import { projectSeries } from '../../lib/history/project-series.ts';
import { type DemandCounters, type HistoryBlock, SLICE_COUNT } from '../../lib/model/demand.ts';
import { type HashKeyRange, rangeText, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { at, block, counters, halves, LOWER, UPPER } from './blocks.ts';

const mass = (blocks: readonly HistoryBlock[], range: HashKeyRange, until = 30): number =>
  projectSeries(blocks, range, 'records', at(0), at(until)).values.reduce(
    (sum, value) => sum + (Number.isNaN(value) ? 0 : value),
    0,
  );
const shares = fc
  .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: SLICE_COUNT, maxLength: SLICE_COUNT })
  .map((weights) => {
    const total = weights.reduce((a, b) => a + b);
    return weights.map((weight) => weight / total);
  });
const told = fc.array(
  fc.record({
    minute: fc.integer({ min: 0, max: 9 }),
    records: fc.integer({ min: 0, max: 1000 }),
    upper: fc.boolean(),
    worker: fc.constantFrom('a', 'b'),
    shares,
  }),
  { minLength: 1, maxLength: 40 },
);
type Told = typeof told extends fc.Arbitrary<infer T> ? T : never;
const asCounters = (all: Told): DemandCounters[] =>
  all.map((each, i) =>
    counters(each.upper ? UPPER : LOWER, each.minute, each.records, {
      workerId: each.worker,
      flushId: `${i}`,
      sliceRecords: each.shares.map((share) => share * each.records),
    }),
  );
const byKey = (blocks: readonly HistoryBlock[]): Map<string, HistoryBlock> =>
  new Map(blocks.map((each) => [rangeText(each.hashKeyRange) + each.startMs, each]));

describe('history', () => {
  it('never loses or adds mass when a range is split at any key', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: WHOLE_RANGE.endingHashKey }),
        shares,
        fc.array(fc.nat(1000), { minLength: 1, maxLength: 30 }),
        (key, slices, records) => {
          const blocks = [block(WHOLE_RANGE, 0, records, slices)];
          const parts =
            mass(blocks, { startingHashKey: 0n, endingHashKey: key - 1n }) +
            mass(blocks, { ...WHOLE_RANGE, startingHashKey: key });
          expect(parts).toBeCloseTo(mass(blocks, WHOLE_RANGE), 4);
        },
      ),
    );
  });

  it('never loses or adds mass when counters of any generations are merged', () => {
    fc.assert(
      fc.property(told, fc.nat(9), (all, reshardAt) => {
        const parents = counters(WHOLE_RANGE, reshardAt, 500, { flushId: 'parent' });
        const blocks = mergeCounters([], [...asCounters(all), parents], [], [LOWER, UPPER], at(0), at(10));
        const expected = all.reduce((sum, { records }) => sum + records, 500) / 60;
        expect(mass(blocks, WHOLE_RANGE)).toBeCloseTo(expected, 6);
        expect(mass(blocks, LOWER) + mass(blocks, UPPER)).toBeCloseTo(expected, 6);
        const [a, b] = halves(LOWER);
        expect(mass(blocks, a) + mass(blocks, b)).toBeCloseTo(mass(blocks, LOWER), 6);
      }),
    );
  });

  it('gives for every order of arrival, late data and repetition the same values', () => {
    fc.assert(
      fc.property(told, fc.nat(40), (all, cut) => {
        const everything = asCounters(all);
        const atOnce = mergeCounters([], everything, [], [LOWER, UPPER], at(0), at(10));
        const early = mergeCounters([], everything.slice(0, cut), [], [LOWER, UPPER], at(0), at(10));
        const late = byKey([...early, ...mergeCounters(early, everything.toReversed(), [], [LOWER, UPPER], at(0), at(10))]);
        for (const [key, expected] of byKey(atOnce)) expect(late.get(key)?.records).toEqual(expected.records);
        expect(mergeCounters([...late.values()], everything.toReversed(), [], [LOWER, UPPER], at(0), at(10))).toEqual([]);
      }),
    );
  });
});
