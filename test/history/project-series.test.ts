import { describe, expect, it } from 'vitest';
import { projectSeries } from '../../lib/history/project-series.ts';
import { SLICE_COUNT } from '../../lib/model/demand.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { at, block, halves, LOWER, UPPER } from './blocks.ts';

const values = (...args: Parameters<typeof projectSeries>): number[] => [...projectSeries(...args).values];
const seeded = (records: (number | null)[], minutes = 120) =>
  block(WHOLE_RANGE, 0, [...records, ...new Array<number>(minutes - records.length).fill(0)]);

describe('projectSeries', () => {
  it('states totals of a minute as units per second', () => {
    expect(values([block(LOWER, 0, [60, 120])], LOWER, 'records', at(0), at(2))).toEqual([1, 2]);
    expect(values([block(LOWER, 0, [60])], LOWER, 'bytes', at(0), at(1))).toEqual([100]);
  });

  it('gives a child its measured share of the parent’s past', () => {
    const shares = Array.from({ length: SLICE_COUNT }, (_, i) => (i < 8 ? 0.75 / 8 : 0.25 / 8));
    const parent = block(WHOLE_RANGE, 0, [600], shares);
    expect(values([parent], LOWER, 'records', at(0), at(1))[0]).toBeCloseTo(7.5);
    expect(values([parent], UPPER, 'records', at(0), at(1))[0]).toBeCloseTo(2.5);
  });

  it('gives a merged shard the sum of its parents', () => {
    expect(values([block(LOWER, 0, [60]), block(UPPER, 0, [120])], WHOLE_RANGE, 'records', at(0), at(1))).toEqual([3]);
  });

  it('adds parent and children in the minute of a reshard', () => {
    const blocks = [
      block(WHOLE_RANGE, 0, [600, 300, null]),
      block(LOWER, 0, [null, 120, 240]),
      block(UPPER, 0, [null, 180, 360]),
    ];
    expect(values(blocks, WHOLE_RANGE, 'records', at(0), at(3))).toEqual([10, 10, 10]);
    expect(values(blocks, LOWER, 'records', at(0), at(3))).toEqual([5, 4.5, 4]);
  });

  it('prefers measured blocks to a seeded past in the same minute', () => {
    expect(values([seeded([600, 600]), block(WHOLE_RANGE, 0, [null, 60])], WHOLE_RANGE, 'records', at(0), at(2))).toEqual([
      10, 1,
    ]);
  });

  it('takes from a seeded past only the keys that no measured block knows', () => {
    expect(values([seeded([600]), block(LOWER, 0, [60])], WHOLE_RANGE, 'records', at(0), at(1))).toEqual([6]);
  });

  it('leaves a gap where a part of the range is unknown', () => {
    const blocks = [block(LOWER, 0, [60, 60, null]), block(UPPER, 0, [60, null, null])];
    expect(values(blocks, WHOLE_RANGE, 'records', at(0), at(4))).toEqual([2, Number.NaN, Number.NaN, Number.NaN]);
  });

  it('knows a child fully by the parent alone', () => {
    const [quarter] = halves(LOWER);
    expect(values([block(WHOLE_RANGE, 0, [480])], quarter, 'records', at(0), at(1))).toEqual([2]);
  });

  it('marks a minute as censored when any block with load in it is', () => {
    const clipped = { ...block(LOWER, 0, [60, 60]), censored: [true, false] };
    expect([...projectSeries([clipped, block(UPPER, 0, [60, 60])], WHOLE_RANGE, 'records', at(0), at(2)).censored]).toEqual([
      1, 0,
    ]);
  });

  it('is all gaps without blocks', () => {
    expect(values([], WHOLE_RANGE, 'records', at(0), at(2))).toEqual([Number.NaN, Number.NaN]);
  });
});
