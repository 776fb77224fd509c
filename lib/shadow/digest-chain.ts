// lib/shadow: the digest chain, by which owner and shadow prove that they have seen the same records in the same order.
// in: records in order · out: marks (sequence number, count, digest)

import type { Mark } from '../model/lease.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';

/** A seeded 64-bit hash of bytes and of text (UTF-8): xxHash64 in production. */
export interface Hash64 {
  bytes(input: Uint8Array, seed: bigint): bigint;
  text(input: string, seed: bigint): bigint;
}

/**
 * digest(n) = hash(data, hash(sequence number, sub-sequence number, partition key, digest(n-1))), digest(0) = 0.
 * Order-sensitive; covers exactly the records after the chain's start, whatever the batches in which they came.
 */
export class DigestChain {
  readonly from: Checkpoint;
  readonly #hash: Hash64;
  #sequenceNumber: Checkpoint;
  #count = 0;
  #digest = 0n;

  constructor(from: Checkpoint, hash: Hash64) {
    this.from = from;
    this.#sequenceNumber = from;
    this.#hash = hash;
  }

  /** Adds the next record. */
  add(record: StreamRecord): void {
    const head = `${record.sequenceNumber}\u0000${record.subSequenceNumber ?? ''}\u0000${record.partitionKey}`;
    this.#digest = this.#hash.bytes(record.data, this.#hash.text(head, this.#digest));
    this.#sequenceNumber = record.sequenceNumber;
    this.#count += 1;
  }

  /** The last record's sequence number; the chain's start while there is none. */
  get sequenceNumber(): Checkpoint {
    return this.#sequenceNumber;
  }
  get digest(): bigint {
    return this.#digest;
  }

  /** The present point of the chain. */
  mark(): Mark {
    return markOf(this.#sequenceNumber, this.#count, this.#digest);
  }
}

/** A point of a chain as it is published. */
export const markOf = (sequenceNumber: Checkpoint, count: number, digest: bigint): Mark => ({
  sequenceNumber,
  count,
  digest: digest.toString(16).padStart(16, '0'),
});

/** Whether two marks prove the same records. */
export const sameMark = (a: Mark, b: Mark): boolean =>
  a.sequenceNumber === b.sequenceNumber && a.count === b.count && a.digest === b.digest;
