// lib/shadow: what a standby shadow holds: the chain's points and the records after the owner's last mark, bounded in bytes.
// in: records in order, marks of the owner · out: the chain's point at a sequence number, the records to dispatch after it
//
//   base ── point ── point ── point ── point ── tip
//           record   record   (past half of the bound: points only, until the owner's marks have freed them; read again after a handover)

import type { Mark } from '../model/lease.ts';
import { type Checkpoint, compareCheckpoints } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';
import { DigestChain, type Hash64, markOf } from './digest-chain.ts';

export interface Handed {
  /** The records after the asked point that the buffer still has, in order. */
  readonly records: StreamRecord[];
  /** Read on after this point: beyond it the buffer holds nothing, or points only. */
  readonly readOnAfter: Checkpoint;
}

/** Of a point, in Node 24: its sequence number's header, its digest, and a place in two lists. Measured. */
const POINT_BYTES = 56;
/** Of a record beside its data and its texts: its object, its array and their headers. Measured: 290 to 320 with both texts. */
const RECORD_BYTES = 256;

const bytesOfPoint = (sequenceNumber: string): number => POINT_BYTES + sequenceNumber.length;
const bytesOfRecord = ({ data, sequenceNumber, partitionKey }: StreamRecord): number =>
  RECORD_BYTES + data.byteLength + sequenceNumber.length + partitionKey.length;

/** A bounded, checksummed copy of a shard's records after a point. Half of the bound is for records, half for points. */
export class ShadowBuffer {
  readonly #chain: DigestChain;
  readonly #halfBytes: number;
  #base: Mark;
  /** The points after the base, one for each record: the first one's count is the base's plus one. */
  #sequenceNumbers: string[] = [];
  #digests: bigint[] = [];
  #pointBytes = 0;
  /** The records of the first points; while there are points without, later ones keep none either, so that what is handed over is contiguous. */
  #records: StreamRecord[] = [];
  #recordBytes = 0;

  constructor(from: Checkpoint, hash: Hash64, limits: { maxBytes: number }) {
    this.#chain = new DigestChain(from, hash);
    this.#base = this.#chain.mark();
    this.#halfBytes = limits.maxBytes / 2;
  }

  get from(): Checkpoint {
    return this.#chain.from;
  }
  /** Records after the last trim that were read, with data or without. */
  get records(): number {
    return this.#sequenceNumbers.length;
  }
  /** What it takes of the memory, data and all else. */
  get bytes(): number {
    return this.#pointBytes + this.#recordBytes;
  }
  /** The last point that was read. */
  get tip(): Mark {
    return this.#chain.mark();
  }

  /** Adds the next record. `seen`: it is at or before the tip, and left out. `full`: not taken; a trim makes room. One point is let in whatever the bound. */
  add(record: StreamRecord): 'added' | 'seen' | 'full' {
    const { sequenceNumber } = record;
    if (compareCheckpoints(sequenceNumber, this.#chain.sequenceNumber) <= 0) return 'seen';
    const bytes = bytesOfPoint(sequenceNumber);
    if (this.#pointBytes + bytes > this.#halfBytes && this.#sequenceNumbers.length > 0) return 'full';
    const recordBytes = bytesOfRecord(record);
    if (this.#records.length === this.#sequenceNumbers.length && this.#recordBytes + recordBytes <= this.#halfBytes) {
      this.#records.push(record);
      this.#recordBytes += recordBytes;
    }
    this.#chain.add(record);
    this.#sequenceNumbers.push(sequenceNumber);
    this.#digests.push(this.#chain.digest);
    this.#pointBytes += bytes;
    return 'added';
  }

  /** The chain's point at exactly this sequence number; null when it lies beyond the tip, before the last trim, or between records. */
  markAt(at: Checkpoint): Mark | null {
    const mark = this.markThrough(at);
    return mark?.sequenceNumber === at ? mark : null;
  }

  /**
   * The chain's point after every record through this sequence number; null when that is beyond the tip or before the last trim. It is at another sequence
   * number where this side has read on and never saw the asked record: then the two sides have not seen the same.
   */
  markThrough(at: Checkpoint): Mark | null {
    if (at === this.#base.sequenceNumber) return this.#base;
    if (compareCheckpoints(at, this.#chain.sequenceNumber) > 0 || compareCheckpoints(at, this.#base.sequenceNumber) < 0)
      return null;
    return this.#markOf(this.#through(at));
  }

  /** Forgets everything up to and including this sequence number: the owner has proved it, or gone beyond it. */
  trimThrough(at: Checkpoint): void {
    const count = this.#through(at);
    if (count === 0) return;
    this.#base = this.#markOf(count);
    for (const sequenceNumber of this.#sequenceNumbers.splice(0, count)) this.#pointBytes -= bytesOfPoint(sequenceNumber);
    this.#digests.splice(0, count);
    for (const record of this.#records.splice(0, count)) this.#recordBytes -= bytesOfRecord(record);
  }

  /** What is to be dispatched after this point, and from where to read on. A point that the buffer does not know hands over nothing. */
  after(at: Checkpoint): Handed {
    if (this.markAt(at) === null) return { records: [], readOnAfter: at };
    const records = this.#records.slice(this.#through(at));
    return { records, readOnAfter: records.at(-1)?.sequenceNumber ?? at };
  }

  #markOf(count: number): Mark {
    const [sequenceNumber, digest] = [this.#sequenceNumbers[count - 1], this.#digests[count - 1]];
    if (sequenceNumber === undefined || digest === undefined) return this.#base;
    return markOf(sequenceNumber, this.#base.count + count, digest);
  }

  /** How many points lie at or before it, by binary search. */
  #through(at: Checkpoint): number {
    let low = 0;
    let high = this.#sequenceNumbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareCheckpoints(this.#sequenceNumbers[middle] ?? at, at) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
