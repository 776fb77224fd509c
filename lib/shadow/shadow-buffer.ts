// lib/shadow: what a standby shadow holds: the records after the owner's last mark, bounded in bytes, each with its point of the chain.
// in: records in order, marks of the owner · out: the chain's point at a sequence number, the records to dispatch after it

import type { Mark } from '../model/lease.ts';
import { type Checkpoint, compareCheckpoints } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';
import { DigestChain, type Hash64 } from './digest-chain.ts';

interface Entry {
  readonly mark: Mark;
  /** null: past the byte bound, only the digest was kept. */
  readonly record: StreamRecord | null;
}

export interface Handed {
  /** The records after the asked point that the buffer still has, in order. */
  readonly records: StreamRecord[];
  /** Read on after this point: beyond it the buffer holds nothing, or digests only. */
  readonly readOnAfter: Checkpoint;
}

/** A bounded, checksummed copy of a shard's records after a point. */
export class ShadowBuffer {
  readonly #chain: DigestChain;
  readonly #maxBytes: number;
  readonly #maxEntries: number;
  #entries: Entry[] = [];
  #base: Mark;
  #bytes = 0;
  /** Entries of which only the digest was kept; while there are any, later ones keep no data either, so that what is handed over is contiguous. */
  #digestsOnly = 0;

  constructor(from: Checkpoint, hash: Hash64, limits: { maxBytes: number; maxEntries: number }) {
    this.#chain = new DigestChain(from, hash);
    this.#base = this.#chain.mark();
    this.#maxBytes = limits.maxBytes;
    this.#maxEntries = limits.maxEntries;
  }

  get from(): Checkpoint {
    return this.#chain.from;
  }
  get records(): number {
    return this.#entries.length;
  }
  get bytes(): number {
    return this.#bytes;
  }
  /** No more entries fit: stop reading until the owner's next mark trims. */
  get full(): boolean {
    return this.#entries.length >= this.#maxEntries;
  }
  /** The last point that was read. */
  get tip(): Mark {
    return this.#entries.at(-1)?.mark ?? this.#base;
  }

  /** Adds the next record; one at or before the tip was seen before and is left out. */
  add(record: StreamRecord): void {
    if (compareCheckpoints(record.sequenceNumber, this.tip.sequenceNumber) <= 0) return;
    this.#chain.add(record);
    const fits = this.#digestsOnly === 0 && this.#bytes + record.data.byteLength <= this.#maxBytes;
    this.#entries.push({ mark: this.#chain.mark(), record: fits ? record : null });
    if (fits) this.#bytes += record.data.byteLength;
    else this.#digestsOnly += 1;
  }

  /** The chain's point at exactly this sequence number; null when it lies beyond the tip, before the last trim, or between records. */
  markAt(at: Checkpoint): Mark | null {
    if (at === this.#base.sequenceNumber) return this.#base;
    return this.#entries[this.#indexOf(at)]?.mark ?? null;
  }

  /** Forgets everything up to and including this point, which must be one that `markAt` knows. */
  trimThrough(at: Checkpoint): void {
    const index = this.#indexOf(at);
    const entry = this.#entries[index];
    if (entry === undefined) return;
    this.#base = entry.mark;
    for (const { record } of this.#entries.splice(0, index + 1)) {
      if (record === null) this.#digestsOnly -= 1;
      else this.#bytes -= record.data.byteLength;
    }
  }

  /** What is to be dispatched after this point, and from where to read on. A point that the buffer does not know hands over nothing. */
  after(at: Checkpoint): Handed {
    if (this.markAt(at) === null) return { records: [], readOnAfter: at };
    const records: StreamRecord[] = [];
    for (const { record } of this.#entries.slice(this.#indexOf(at) + 1)) {
      if (record === null) break;
      records.push(record);
    }
    return { records, readOnAfter: records.at(-1)?.sequenceNumber ?? at };
  }

  /** Binary search: entries are in order of sequence number. */
  #indexOf(at: Checkpoint): number {
    let low = 0;
    let high = this.#entries.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const order = compareCheckpoints(this.#entries[middle]?.mark.sequenceNumber ?? at, at);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}
