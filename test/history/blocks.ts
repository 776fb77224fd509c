// test/history: makers of blocks, counters and samples.
import { type DemandCounters, type DemandSample, type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../../lib/model/demand.ts';
import { type HashKeyRange, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';

export const HOUR_0 = Date.UTC(2026, 0, 5, 10);
export const at = (minute: number): number => HOUR_0 + minute * MINUTE_MS;
export const even = (): number[] => new Array<number>(SLICE_COUNT).fill(1 / SLICE_COUNT);
export const halves = (range: HashKeyRange): [HashKeyRange, HashKeyRange] => {
  const middle = (range.startingHashKey + range.endingHashKey + 1n) / 2n;
  return [
    { startingHashKey: range.startingHashKey, endingHashKey: middle - 1n },
    { startingHashKey: middle, endingHashKey: range.endingHashKey },
  ];
};
export const [LOWER, UPPER] = halves(WHOLE_RANGE);

export const block = (
  hashKeyRange: HashKeyRange,
  startMinute: number,
  records: (number | null)[],
  sliceShares = even(),
): HistoryBlock => ({
  streamName: 'orders',
  hashKeyRange,
  startMs: at(startMinute),
  records,
  bytes: records.map((value) => (value === null ? null : value * 100)),
  censored: records.map(() => false),
  sliceShares,
});

let flush = 0;
export const counters = (
  hashKeyRange: HashKeyRange,
  minute: number,
  records: number,
  change: Partial<DemandCounters> = {},
): DemandCounters => ({
  streamName: 'orders',
  shardId: 'shardId-0',
  hashKeyRange,
  minuteMs: at(minute),
  workerId: 'w1',
  flushId: `flush-${flush++}`,
  records,
  bytes: records * 100,
  sliceRecords: even().map((share) => share * records),
  sliceBytes: even().map((share) => share * records * 100),
  outOfRangeRecords: 0,
  latencyMsP50: 1,
  latencyMsP99: 2,
  ...change,
});

export const sample = (minute: number, records: number, throttledRecords = 0, hashKeyRange = WHOLE_RANGE): DemandSample => ({
  streamName: 'orders',
  hashKeyRange,
  minuteMs: at(minute),
  records,
  bytes: records * 100,
  throttledRecords,
});
