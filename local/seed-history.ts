// local/seed-history: the trace's days before now become the stream's past.
// in: the load, the shards' ranges, the moment that is now · out: history blocks of a day, one per shard and day
import { type HistoryBlock, MAX_BLOCK_MINUTES, MINUTE_MS, SLICE_COUNT } from '../lib/model/demand.ts';
import { contains, type HashKeyRange, sliceIndexOf } from '../lib/model/hash-key-range.ts';
import { type Load, shareAt } from './load.ts';

/** The past of each range, shifted in time so that the load's now is `nowMs` (a full minute). Gaps stay gaps. Nothing from now on is in it. */
export const pastBlocks = (
  load: Load,
  ranges: readonly HashKeyRange[],
  streamName: string,
  bytesPerRecord: number,
  nowMs: number,
): HistoryBlock[] => {
  const blocks: HistoryBlock[] = [];
  for (let until = load.now; until > 0; until -= MAX_BLOCK_MINUTES) {
    const from = Math.max(until - MAX_BLOCK_MINUTES, 0);
    for (const range of ranges) blocks.push(blockOf(load, range, streamName, bytesPerRecord, from, until, nowMs));
  }
  return blocks.reverse();
};

const blockOf = (
  load: Load,
  range: HashKeyRange,
  streamName: string,
  bytesPerRecord: number,
  from: number,
  until: number,
  nowMs: number,
): HistoryBlock => {
  const keys = load.keys.filter((key) => contains(range, key.hashKey));
  const masses = new Array<number>(SLICE_COUNT).fill(0);
  const records: (number | null)[] = [];
  for (let minute = from; minute < until; minute++) {
    const stream = load.minutes[minute]! * 60;
    if (Number.isNaN(stream)) {
      records.push(null);
      continue;
    }
    let sum = 0;
    for (const key of keys) {
      const mass = stream * shareAt(key, minute);
      sum += mass;
      masses[sliceIndexOf(range, key.hashKey, SLICE_COUNT)]! += mass;
    }
    records.push(sum);
  }
  const total = masses.reduce((a, b) => a + b, 0);
  return {
    streamName,
    hashKeyRange: range,
    startMs: nowMs - (load.now - from) * MINUTE_MS,
    records,
    bytes: records.map((value) => (value === null ? null : value * bytesPerRecord)),
    censored: records.map(() => false),
    sliceShares: masses.map((mass) => (total > 0 ? mass / total : 1 / SLICE_COUNT)),
  };
};
