// lib/history: how the recent load of a shard spreads over its own range, for choosing where to split.
// in: blocks, the shard's range, the recent minutes · out: a share for each equal slice, and the current rate
import { type HistoryBlock, SLICE_COUNT } from '../model/demand.ts';
import { type HashKeyRange, slicesOf, widthOf } from '../model/hash-key-range.ts';
import type { Rate } from '../model/worker.ts';
import { normalise } from './block-load.ts';
import { projectSeries } from './project-series.ts';

/** Shares of equal slices (they sum to 1; even when nothing is known) and the mean rate over the known minutes of fromMs..untilMs. */
export const spreadOf = (
  blocks: readonly HistoryBlock[],
  range: HashKeyRange,
  fromMs: number,
  untilMs: number,
): { sliceShares: number[]; current: Rate } => {
  const slices = widthOf(range) < BigInt(SLICE_COUNT) ? [] : slicesOf(range, SLICE_COUNT);
  const masses = slices.map((slice) => meanOfKnown(projectSeries(blocks, slice, 'records', fromMs, untilMs).values));
  const current = {
    recordsPerSec: meanOfKnown(projectSeries(blocks, range, 'records', fromMs, untilMs).values),
    bytesPerSec: meanOfKnown(projectSeries(blocks, range, 'bytes', fromMs, untilMs).values),
  };
  return { sliceShares: normalise(masses.length > 0 ? masses : new Array<number>(SLICE_COUNT).fill(0)), current };
};

const meanOfKnown = (values: Float64Array): number => {
  let [sum, count] = [0, 0];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return count === 0 ? 0 : sum / count;
};
