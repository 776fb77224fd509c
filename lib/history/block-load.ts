// lib/history: which part of a block's load lies where.
// in: a history block, a hash range · out: a share, an end, a class
import { type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../model/demand.ts';
import { type HashKeyRange, shareWithin, slicesOf, widthOf } from '../model/hash-key-range.ts';

export const HOUR_MS = 60 * MINUTE_MS;
/** Blocks up to this long are measured ones; longer blocks are a seeded (imported or coarse) past, which gives way to measured ones. */
export const MEASURED_BLOCK_MINUTES = 60;

/** The length of one entry of a block. */
export const stepMsOf = (block: Pick<HistoryBlock, 'stepSec'>): number =>
  block.stepSec === undefined ? MINUTE_MS : block.stepSec * 1000;

/** The end of a block's last entry, exclusive. */
export const endOf = (block: HistoryBlock): number => block.startMs + block.records.length * stepMsOf(block);

/** Whether a block is a seeded past (longer than an hour, or coarse) and not a measured hour. */
export const isSeeded = (block: HistoryBlock): boolean =>
  block.stepSec !== undefined || block.records.length > MEASURED_BLOCK_MINUTES;

/** The slices of a range, or the range itself where it is narrower than one key per slice. */
const sliceRangesOf = (range: HashKeyRange): HashKeyRange[] =>
  widthOf(range) < BigInt(SLICE_COUNT) ? [range] : slicesOf(range, SLICE_COUNT);

/** The share of a block's load that fell inside `range`, in [0, 1]: whole slices by their measured share, a cut slice by the width of its part. */
export const loadWithin = (block: Pick<HistoryBlock, 'hashKeyRange' | 'sliceShares'>, range: HashKeyRange): number => {
  const { startingHashKey, endingHashKey } = block.hashKeyRange;
  if (startingHashKey >= range.startingHashKey && endingHashKey <= range.endingHashKey) return 1;
  const byWidth = shareWithin(block.hashKeyRange, range);
  if (byWidth === 0) return 0;
  const slices = sliceRangesOf(block.hashKeyRange);
  if (slices.length === 1) return byWidth;
  let load = 0;
  slices.forEach((slice, i) => {
    load += (block.sliceShares[i] ?? 0) * shareWithin(slice, range);
  });
  return Math.min(load, 1);
};

/** Slice masses as shares that sum to 1; even where there is no mass. */
export const normalise = (masses: readonly number[]): number[] => {
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  return total > 0 ? masses.map((mass) => mass / total) : masses.map(() => 1 / masses.length);
};
