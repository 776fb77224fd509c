// lib/plan: where to cut a shard.
// in: its range and how its measured load spreads over equal slices · out: the new starting hash key, or why no cut helps
import { type HashKeyRange, slicesOf, widthOf } from '../model/hash-key-range.ts';

/** One slice of sixteen that carries this share of the load is one key in practice: MD5 spreads many keys evenly. */
const SINGLE_KEY_SHARE = 0.9;
/** A child narrower than a millionth of the key space would attract no keys. */
const NARROWEST_CHILD = 2n ** 108n;
const PRECISION = 1_000_000_000;

export type SplitPoint =
  | {
      readonly kind: 'cut';
      readonly newStartingHashKey: bigint /** Share of the load that goes to the lower child. */;
      readonly lowerShare: number;
    }
  | { readonly kind: 'single-key'; readonly share: number; readonly slice: HashKeyRange }
  | { readonly kind: 'range-too-small'; readonly width: bigint };

/** A middle that is off the half by so little is taken for it. */
const AS_GOOD_AS_HALF = 0.02;

const evenly = (shares: readonly number[]): boolean => shares.length === 0 || !shares.some((share) => share > 0);

/**
 * The cut that leaves both children the same measured load: the weighted median, interpolated within its slice. Where one slice carries more than
 * half, its load may be one key, which no cut within it shares out: then the slice's edge is cut that divides more evenly, which holds in either case.
 */
export const splitPointOf = (range: HashKeyRange, sliceShares: readonly number[]): SplitPoint => {
  const width = widthOf(range);
  if (width < 2n * NARROWEST_CHILD) return { kind: 'range-too-small', width };
  const raw = evenly(sliceShares) ? [1] : sliceShares;
  const total = raw.reduce((sum, share) => sum + share, 0);
  const shares = raw.map((share) => share / total);
  const slices = slicesOf(range, shares.length);
  const heaviest = shares.reduce((best, share, i) => (share > shares[best]! ? i : best), 0);
  const share = shares[heaviest]!;
  if (shares.length > 1 && share >= SINGLE_KEY_SHARE) return { kind: 'single-key', share, slice: slices[heaviest]! };

  const below = shares.slice(0, heaviest).reduce((sum, x) => sum + x, 0);
  if (shares.length > 1 && share > 0.5) {
    const above = 1 - below - share;
    const cutBelow = heaviest > 0 && below >= above;
    const key = cutBelow ? slices[heaviest]!.startingHashKey : slices[heaviest]!.endingHashKey + 1n;
    return inside(range, key, cutBelow ? below : below + share);
  }
  // A middle that divides as well leaves ranges equal once every shard was split: then the whole stream can be resized at once.
  const half = shares.slice(0, shares.length / 2).reduce((total, x) => total + x, 0);
  if (shares.length % 2 === 0 && Math.abs(half - 0.5) <= AS_GOOD_AS_HALF) return inside(range, middleOf(range), half);
  let sum = 0;
  let i = 0;
  while (i < shares.length - 1 && sum + shares[i]! < 0.5) sum += shares[i++]!;
  const within = shares[i]! > 0 ? (0.5 - sum) / shares[i]! : 0.5;
  const offset = (widthOf(slices[i]!) * BigInt(Math.round(within * PRECISION))) / BigInt(PRECISION);
  return inside(range, slices[i]!.startingHashKey + offset, 0.5);
};

const middleOf = (range: HashKeyRange): bigint => range.startingHashKey + widthOf(range) / 2n;

/** Both children stay wide enough to attract keys. */
const inside = (range: HashKeyRange, key: bigint, lowerShare: number): SplitPoint => {
  const lowest = range.startingHashKey + NARROWEST_CHILD;
  const highest = range.endingHashKey + 1n - NARROWEST_CHILD;
  return { kind: 'cut', newStartingHashKey: key < lowest ? lowest : key > highest ? highest : key, lowerShare };
};
