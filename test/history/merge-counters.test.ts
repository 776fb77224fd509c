import { describe, expect, it } from 'vitest';
import { mergeCounters } from '../../lib/history/merge-counters.ts';
import { projectSeries } from '../../lib/history/project-series.ts';
import type { HistoryBlock } from '../../lib/model/demand.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { at, block, counters, LOWER, sample, UPPER } from './blocks.ts';

const of = (blocks: readonly HistoryBlock[], range = LOWER): HistoryBlock | undefined =>
  blocks.find(
    (each) =>
      each.hashKeyRange.startingHashKey === range.startingHashKey && each.hashKeyRange.endingHashKey === range.endingHashKey,
  );
const layout = [LOWER, UPPER];

describe('mergeCounters', () => {
  it('adds up the flushes of several workers for one minute of one range', () => {
    const blocks = mergeCounters(
      [],
      [counters(LOWER, 3, 10), counters(LOWER, 3, 5, { workerId: 'w2' })],
      [],
      layout,
      at(3),
      at(4),
    );
    expect(of(blocks)?.records).toEqual([null, null, null, 15]);
    expect(of(blocks)?.bytes[3]).toBe(1500);
  });

  it('aligns each block with the UTC hour of its minutes', () => {
    const blocks = mergeCounters([], [counters(LOWER, 59, 1), counters(LOWER, 60, 2)], [], [LOWER], at(59), at(61));
    expect(blocks.map(({ startMs, records }) => [startMs, records.at(-1), records.length])).toEqual([
      [at(0), 1, 60],
      [at(60), 2, 1],
    ]);
  });

  it('takes a silent shard of the layout for zero when others told something, and a silent minute for a gap', () => {
    const blocks = mergeCounters([], [counters(LOWER, 0, 10), counters(LOWER, 2, 10)], [], layout, at(0), at(3));
    expect(of(blocks, UPPER)?.records).toEqual([0, null, 0]);
  });

  it('does not invent zeros for a range that has left the layout', () => {
    const before = mergeCounters([], [counters(WHOLE_RANGE, 0, 10)], [], [WHOLE_RANGE], at(0), at(1));
    const after = mergeCounters(before, [counters(LOWER, 1, 6), counters(UPPER, 1, 4)], [], layout, at(1), at(2));
    expect(of(after, WHOLE_RANGE)).toBeUndefined();
  });

  it('puts nothing again when the same minutes are merged again', () => {
    const told = [
      counters(LOWER, 0, 7),
      counters(UPPER, 0, 3),
      counters(LOWER, 1, 9, { sliceRecords: [9, ...new Array<number>(15).fill(0)] }),
    ];
    const once = mergeCounters([], told, [sample(1, 9, 4)], layout, at(0), at(3));
    expect(mergeCounters(once, told, [sample(1, 9, 4)], layout, at(0), at(3))).toEqual([]);
    expect(once).toHaveLength(2);
  });

  it('counts a flush once that was read twice', () => {
    const told = counters(LOWER, 0, 7);
    expect(of(mergeCounters([], [told, told], [], layout, at(0), at(1)))?.records).toEqual([7]);
  });

  it('merges late data into the minute where it belongs', () => {
    const early = [counters(LOWER, 0, 7), counters(UPPER, 1, 1)];
    const first = mergeCounters([], early, [], layout, at(0), at(2));
    const second = mergeCounters(first, [...early, counters(LOWER, 1, 5, { workerId: 'late' })], [], layout, at(0), at(2));
    expect(of(first)?.records).toEqual([7, 0]);
    expect(of(second)?.records).toEqual([7, 5]);
  });

  it('keeps minutes outside the window and minutes of which nothing is told', () => {
    const before = [block(LOWER, 0, [1, 2, 3, 4])];
    const after = mergeCounters(before, [counters(LOWER, 1, 20), counters(LOWER, 3, 40)], [], [LOWER], at(1), at(3));
    expect(of(after)?.records).toEqual([1, 20, 3, 4]);
  });

  it('shares out a stream sample by the recent shares where no worker counted', () => {
    const before = [block(LOWER, 0, [30, 30]), block(UPPER, 0, [10, 10])];
    const after = mergeCounters(before, [], [sample(2, 400)], layout, at(2), at(3));
    expect(of(after)?.records[2]).toBeCloseTo(300);
    expect(of(after, UPPER)?.records[2]).toBeCloseTo(100);
  });

  it('shares out a stream sample by width where nothing recent is known', () => {
    expect(of(mergeCounters([], [], [sample(0, 400)], layout, at(0), at(1)))?.records[0]).toBeCloseTo(200);
  });

  it('gives what the workers have not read yet to the range that lies furthest below its share', () => {
    const before = [block(LOWER, 0, [30, 30]), block(UPPER, 0, [10, 10])];
    const after = mergeCounters(before, [counters(LOWER, 2, 300)], [sample(2, 400)], layout, at(2), at(3));
    expect(of(after)?.records[2]).toBeCloseTo(300);
    expect(of(after, UPPER)?.records[2]).toBeCloseTo(100);
  });

  it('adds what was throttled to what was accepted and marks the minute as censored', () => {
    const after = mergeCounters([], [counters(LOWER, 0, 60), counters(UPPER, 0, 40)], [sample(0, 100, 50)], layout, at(0), at(1));
    expect(of(after)?.records[0]).toBeCloseTo(90);
    expect(of(after)?.bytes[0]).toBeCloseTo(9000);
    expect(of(after)?.censored[0]).toBe(true);
  });

  it('prefers the sample of a shard to that of the stream', () => {
    const after = mergeCounters([], [], [sample(0, 100), sample(0, 90, 0, LOWER)], layout, at(0), at(1));
    expect(of(after)?.records[0]).toBeCloseTo(90);
    expect(of(after, UPPER)?.records[0]).toBeCloseTo(10);
  });

  it('keeps the shares of the whole block by mass, not those of the last minutes', () => {
    const first = [1, ...new Array<number>(15).fill(0)];
    const last = [...new Array<number>(15).fill(0), 1];
    const told = (minute: number, records: number, shares: number[]) =>
      counters(LOWER, minute, records, { sliceRecords: shares.map((s) => s * records) });
    const before = mergeCounters([], [told(0, 300, first)], [], [LOWER], at(0), at(1));
    const after = mergeCounters(before, [told(1, 100, last)], [], [LOWER], at(1), at(2));
    expect(of(after)?.sliceShares[0]).toBeCloseTo(0.75);
    expect(of(after)?.sliceShares[15]).toBeCloseTo(0.25);
  });

  it('cuts a seeded block of the same range and start, so that none of it is lost', () => {
    const seeded = { ...block(WHOLE_RANGE, 0, new Array<number>(120).fill(60)) };
    const after = mergeCounters([seeded], [counters(WHOLE_RANGE, 30, 90)], [], [WHOLE_RANGE], at(30), at(31));
    expect(after.map(({ startMs, records }) => [startMs, records.length])).toEqual([
      [at(0), 60],
      [at(60), 60],
    ]);
    const series = projectSeries(after, WHOLE_RANGE, 'records', at(0), at(120));
    expect([series.values[29], series.values[30], series.values[119]]).toEqual([1, 1.5, 1]);
  });

  it('answers nothing when nothing is told', () => {
    expect(mergeCounters([], [], [], layout, at(0), at(5))).toEqual([]);
  });
});
