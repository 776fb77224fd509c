// lib/profile: where a shard's load lies half below and half above.
// in: a range, the shares of its slices, how much of the load one key has · out: the hash key at which a split evens it out, and how much the fuller child keeps
import { type HashKeyRange, slicesOf, widthOf } from '../model/hash-key-range.ts';

export interface Division {
  readonly newStartingHashKey: bigint;
  readonly fullerShare: number;
}

/** The weighted median of the slices; within a slice the load counts as even. Null where the range holds a single hash key. */
export const divisionOf = (range: HashKeyRange, sliceShares: readonly number[], hottestShare: number): Division | null => {
  if (widthOf(range) < 2n) return null;
  const total = sliceShares.reduce((a, b) => a + b, 0);
  const count = BigInt(sliceShares.length) > widthOf(range) || sliceShares.length === 0 || total <= 0 ? 1 : sliceShares.length;
  const shares = count === 1 ? [1] : sliceShares.map((share) => share / total);
  const slices = slicesOf(range, count);
  let below = 0;
  const at = Math.max(
    shares.findIndex((share) => {
      below += share;
      return below >= 0.5;
    }),
    0,
  );
  const share = shares[at]!;
  const within = share === 0 ? 0 : (0.5 - (below - share)) / share;
  const slice = slices[at]!;
  const key = slice.startingHashKey + (widthOf(slice) * BigInt(Math.round(within * 1e6))) / 1_000_000n;
  const [least, most] = [range.startingHashKey + 1n, range.endingHashKey];
  // One key stays in one child, whole.
  return { newStartingHashKey: key < least ? least : key > most ? most : key, fullerShare: Math.max(0.5, hottestShare) };
};
