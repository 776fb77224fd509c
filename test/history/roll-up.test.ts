import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blocksByRange } from '../../lib/history/blocks-by-range.ts';
import { projectSeries } from '../../lib/history/project-series.ts';
import { DAY_MS, rollUp } from '../../lib/history/roll-up.ts';
import { COARSE_STEP_SEC, type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../../lib/model/demand.ts';
import { type HashKeyRange, intersection, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { block, even, halves, LOWER, UPPER } from './blocks.ts';

const DAY = Date.UTC(2026, 0, 5);
const at = (minute: number): number => DAY + minute * MINUTE_MS;
/** An hour of so many records a minute. */
const hour = (range: HashKeyRange, of: number, records: (minute: number) => number | null, slices = even()): HistoryBlock => ({
  ...block(
    range,
    0,
    Array.from({ length: 60 }, (_, minute) => records(minute)),
    slices,
  ),
  startMs: at(60 * of),
});
const massOf = (blocks: readonly HistoryBlock[], range: HashKeyRange): number =>
  projectSeries(blocks, range, 'records', DAY, DAY + DAY_MS).values.reduce((sum, x) => sum + (Number.isNaN(x) ? 0 : x * 60), 0);

describe('rollUp', () => {
  it('makes a day of each range that holds what its minutes held, through a split', () => {
    const leaning = [0.5, ...new Array<number>(SLICE_COUNT - 1).fill(0.5 / (SLICE_COUNT - 1))];
    const blocks = [hour(WHOLE_RANGE, 0, () => 160, leaning), hour(LOWER, 1, () => 30), hour(UPPER, 1, () => 10)];
    const coarse = rollUp(blocks, [LOWER, UPPER], DAY);
    expect(coarse.map(({ startMs, stepSec, records }) => [startMs, stepSec, records.length])).toEqual([
      [DAY, COARSE_STEP_SEC, 96],
      [DAY, COARSE_STEP_SEC, 96],
    ]);
    for (const range of [WHOLE_RANGE, LOWER, UPPER]) expect(massOf(coarse, range)).toBeCloseTo(massOf(blocks, range), 6);
    expect(coarse[0]!.records.slice(0, 9).map((total) => total && Math.round(total))).toEqual([
      ...new Array<number>(4).fill(Math.round(2400 * (0.5 + (0.5 * 7) / 15))),
      450,
      450,
      450,
      450,
      null,
    ]);
  });

  it('keeps a step that is half unknown as a gap, and a clipped minute clips its step', () => {
    const broken = hour(WHOLE_RANGE, 0, (minute) => (minute < 8 || minute === 20 ? null : 60));
    broken.censored[31] = true;
    const [coarse] = rollUp([broken], [WHOLE_RANGE], DAY);
    expect(coarse!.records.slice(0, 4)).toEqual([null, 900, 900, 900]);
    expect(coarse!.censored.slice(0, 4)).toEqual([false, false, true, false]);
  });

  it('gives way to minutes where both are read, and says nothing of a day without any', () => {
    const minutes = hour(WHOLE_RANGE, 3, () => 60);
    const [coarse] = rollUp([hour(WHOLE_RANGE, 3, () => 120), hour(WHOLE_RANGE, 4, () => 120)], [WHOLE_RANGE], DAY);
    const { values } = projectSeries([coarse!, minutes], WHOLE_RANGE, 'records', at(180), at(300));
    expect([values[0], values[59], values[60], values[119]]).toEqual([1, 1, 2, 2]);
    expect(rollUp([], [WHOLE_RANGE], DAY)).toEqual([]);
  });
});

describe('blocksByRange', () => {
  const key = fc.bigInt({ min: 0n, max: WHOLE_RANGE.endingHashKey });
  const range = fc
    .tuple(key, key)
    .map(([a, b]): HashKeyRange => (a < b ? { startingHashKey: a, endingHashKey: b } : { startingHashKey: b, endingHashKey: a }));

  it('finds for every range exactly the blocks that touch it', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 30 }), range, (ranges, wanted) => {
        const blocks = [...ranges, ...halves(WHOLE_RANGE)].map((each, i) => block(each, i, [1]));
        const touching = blocks.filter(({ hashKeyRange }) => intersection(hashKeyRange, wanted) !== null);
        expect(new Set(blocksByRange(blocks)(wanted))).toEqual(new Set(touching));
      }),
    );
  });
});
