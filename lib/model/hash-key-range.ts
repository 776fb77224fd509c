// lib/model: the nouns. A range of the 128-bit hash key space, which is a shard's lasting identity.
// in: decimal strings from AWS · out: bigint ranges and their arithmetic
import { z } from 'zod';

const LARGEST = 2n ** 128n - 1n;

/** A hash key: a decimal string of at most 39 digits at the edge, a bigint inside (JS numbers lose precision). Source: Kinesis `HashKeyRange`. */
export const HashKey = z.codec(
  z.string().regex(/^\d{1,39}$/, 'a hash key is a decimal integer string'),
  z.bigint().min(0n).max(LARGEST),
  {
    decode: (text) => BigInt(text),
    encode: (value) => value.toString(),
  },
);
export type HashKey = z.output<typeof HashKey>;

/** An inclusive range of hash keys, as Kinesis states it. */
export const HashKeyRange = z.object({ startingHashKey: HashKey, endingHashKey: HashKey });
export type HashKeyRange = z.output<typeof HashKeyRange>;

/** The whole key space of a stream: 0 to 2^128 - 1. */
export const WHOLE_RANGE: HashKeyRange = { startingHashKey: 0n, endingHashKey: LARGEST };

/** The number of hash keys in a range (inclusive at both ends). */
export const widthOf = (range: HashKeyRange): bigint => range.endingHashKey - range.startingHashKey + 1n;

/** Whether a hash key lies in a range. */
export const contains = (range: HashKeyRange, key: bigint): boolean => key >= range.startingHashKey && key <= range.endingHashKey;

/** The part that two ranges share, or null. */
export const intersection = (a: HashKeyRange, b: HashKeyRange): HashKeyRange | null => {
  const startingHashKey = a.startingHashKey > b.startingHashKey ? a.startingHashKey : b.startingHashKey;
  const endingHashKey = a.endingHashKey < b.endingHashKey ? a.endingHashKey : b.endingHashKey;
  return startingHashKey <= endingHashKey ? { startingHashKey, endingHashKey } : null;
};

/** Which share of `part` lies in `range`, in [0, 1], measured in hash keys. */
export const shareWithin = (part: HashKeyRange, range: HashKeyRange): number => {
  const shared = intersection(part, range);
  return shared === null ? 0 : Number((widthOf(shared) * 1_000_000_000n) / widthOf(part)) / 1_000_000_000;
};

/** `count` equal slices of a range, in order; the last one takes the remainder. `count` must be from 1 to the width. */
export const slicesOf = (range: HashKeyRange, count: number): HashKeyRange[] => {
  const step = widthOf(range) / BigInt(count);
  return Array.from({ length: count }, (_, i) => ({
    startingHashKey: range.startingHashKey + step * BigInt(i),
    endingHashKey: i === count - 1 ? range.endingHashKey : range.startingHashKey + step * BigInt(i + 1) - 1n,
  }));
};

/** The index of the equal slice of `range` that holds `key` (see `slicesOf`). */
export const sliceIndexOf = (range: HashKeyRange, key: bigint, count: number): number => {
  const index = Number((key - range.startingHashKey) / (widthOf(range) / BigInt(count)));
  return Math.min(Math.max(index, 0), count - 1);
};

/** A range as text that sorts by its start: both ends in 32 hex digits. Used in keys of stores. */
export const rangeText = (range: HashKeyRange): string =>
  `${range.startingHashKey.toString(16).padStart(32, '0')}-${range.endingHashKey.toString(16).padStart(32, '0')}`;

/** The inverse of `rangeText`. */
export const rangeFromText = (text: string): HashKeyRange => {
  const [start = '', end = ''] = text.split('-');
  return { startingHashKey: BigInt(`0x${start}`), endingHashKey: BigInt(`0x${end}`) };
};
