// lib/shadow: which keys of a shard a profiling shadow processes: a consistent hash of the partition key, never records at random, which would destroy skew.
// in: partition keys, a share · out: the same keys for everyone who samples by that share, and more of them by a larger one
import type { Hash64 } from './digest-chain.ts';

/** Another seed than the digest chain's, and another hash than Kinesis's, so that a sample is spread over every hash range alike. */
const SEED = 0x70726f66696c65n;
const MAX_CACHED_KEYS = 10_000;

/** A key's hashes: where it lies in [0, 1), and all 64 bits. */
export interface KeyPlace {
  readonly position: number;
  readonly hash64: bigint;
}

/** Where a partition key lies in [0, 1): the same in every process, for ever. */
export const placeOfKey = (partitionKey: string, hash: Hash64): KeyPlace => {
  const hash64 = BigInt.asUintN(64, hash.text(partitionKey, SEED));
  return { position: Number(hash64 >> 11n) / 2 ** 53, hash64 };
};

/** Whether a share in (0, 1] takes a key. A larger share takes every key that a smaller one takes; 1 takes all. */
export const isSampled = ({ position }: KeyPlace, share: number): boolean => position < share;

/** Places of keys, remembered: the same few keys come again and again. */
export class KeyPlaces {
  readonly #hash: Hash64;
  readonly #known = new Map<string, KeyPlace>();

  constructor(hash: Hash64) {
    this.#hash = hash;
  }

  of(partitionKey: string): KeyPlace {
    const known = this.#known.get(partitionKey);
    if (known !== undefined) return known;
    const place = placeOfKey(partitionKey, this.#hash);
    if (this.#known.size >= MAX_CACHED_KEYS) this.#known.clear();
    this.#known.set(partitionKey, place);
    return place;
  }
}
