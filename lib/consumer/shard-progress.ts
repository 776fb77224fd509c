// lib/consumer: how far one shard is processed and how far that may be published, with the digest chain and the counters that follow it.
// in: windows as they are processed without a gap, declarations of the processor · out: position and mark for the checkpoint
//
// The chain and a mark stand at whole raw records only, since a shadow sees nothing else; a position may lie within an aggregated one.
import type { Mark } from '../model/lease.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import { DigestChain, type Hash64 } from '../shadow/digest-chain.ts';
import type { DemandCounter } from './demand-counter.ts';
import type { DispatchWindow } from './dispatch-window.ts';
import { comparePositions, type ShardPosition } from './shard-position.ts';

export interface ShardProgressOptions {
  readonly from: ShardPosition;
  readonly checkpoints: 'automatic' | 'manual';
  readonly hash: Hash64;
  readonly counter: DemandCounter;
}

/** `manual`: what is processed and what is published differ until the processor declares. */
export class ShardProgress {
  readonly #options: ShardProgressOptions;
  #processed: ShardPosition;
  /** The last whole record of it; null while none is known, since the last owner stopped within the first one. */
  #whole: Checkpoint | null;
  #declared: ShardPosition;
  #chain: DigestChain | null = null;
  #declaredMark: Mark | null = null;
  /** The chain's points at the ends of windows, for declarations that come later; they go with their windows. */
  #endMarks = new WeakMap<DispatchWindow, Mark>();
  /** The window that is being accounted for: how many of its raw records and records are. */
  #window: DispatchWindow | null = null;
  #raws = 0;
  #records = 0;

  constructor(options: ShardProgressOptions) {
    this.#options = options;
    this.#processed = options.from;
    this.#whole = options.from.subSequenceNumber === undefined ? options.from.checkpoint : null;
    this.#declared = options.from;
  }

  /** Everything through it is processed. */
  get processed(): ShardPosition {
    return this.#processed;
  }
  /** Everything through it may be published. */
  get published(): ShardPosition {
    return this.#options.checkpoints === 'manual' ? this.#declared : this.#processed;
  }
  /** Whether there is anything to publish since the shard was taken up. */
  get hasMoved(): boolean {
    return this.published !== this.#options.from;
  }
  /** The chain's newest point that may be published; null while no chain is open. */
  get mark(): Mark | null {
    return this.#options.checkpoints === 'manual' ? this.#declaredMark : (this.#chain?.mark() ?? null);
  }

  /** Opens the chain at the last whole record that is processed; false while there is none, or no point that a shadow can read from. */
  openChain(): boolean {
    if (this.#whole === null || this.#whole === 'LATEST') return false;
    this.#chain = new DigestChain(this.#whole, this.#options.hash);
    this.#declaredMark = this.#chain.mark();
    this.#endMarks = new WeakMap();
    return true;
  }

  closeChain(): void {
    this.#chain = null;
    this.#declaredMark = null;
  }

  /** The first `count` records of the oldest open window are processed. Returns the raw records that this finishes, and their bytes. */
  advance(window: DispatchWindow, count: number, nowMs: number): { records: number; bytes: number } {
    const { raws, records, ends } = window.contents;
    const { counter } = this.#options;
    if (window !== this.#window) {
      this.#window = window;
      this.#raws = 0;
      this.#records = 0;
    }
    const before = this.#raws;
    let bytes = 0;
    for (let raw = raws[this.#raws]; raw !== undefined; raw = raws[this.#raws]) {
      const end = ends === null ? this.#raws + 1 : (ends[this.#raws] ?? 0);
      if (ends !== null) this.#countParts(window, Math.min(end, count), nowMs);
      if (end > count) break;
      if (ends === null) counter.add(raw, nowMs);
      this.#chain?.add(raw);
      bytes += raw.data.byteLength;
      this.#raws += 1;
    }
    const last = raws[this.#raws - 1];
    if (this.#raws > before && last !== undefined) {
      this.#whole = last.sequenceNumber;
      this.#processed = { checkpoint: this.#whole };
    }
    const half = raws[this.#raws];
    const subSequenceNumber = records[count - 1]?.subSequenceNumber;
    if (half !== undefined && ends !== null && subSequenceNumber !== undefined && count > (ends[this.#raws - 1] ?? 0))
      this.#processed = { checkpoint: half.sequenceNumber, subSequenceNumber };
    if (half === undefined && this.#options.checkpoints === 'manual' && this.#chain !== null)
      this.#endMarks.set(window, this.#chain.mark());
    return { records: this.#raws - before, bytes };
  }

  /** The processor has finished everything through `through`. `window`: the one that ends there. */
  declare(through: ShardPosition, window: DispatchWindow | null): void {
    const reached = comparePositions(through, this.#processed) < 0 ? through : this.#processed;
    if (comparePositions(reached, this.#declared) <= 0) return;
    this.#declared = reached;
    if (this.#chain === null) return;
    const mark = reached === this.#processed ? this.#chain.mark() : window === null ? undefined : this.#endMarks.get(window);
    if (mark !== undefined && mark.count >= (this.#declaredMark?.count ?? 0)) this.#declaredMark = mark;
  }

  #countParts({ contents: { raws, records, ends } }: DispatchWindow, until: number, nowMs: number): void {
    const raw = raws[this.#raws];
    const end = ends?.[this.#raws] ?? 0;
    const begin = ends?.[this.#raws - 1] ?? 0;
    const sent = (records[end - 1]?.subSequenceNumber ?? 0) + 1;
    if (raw === undefined || this.#records >= until) return;
    const rawBytes = raw.data.byteLength + Buffer.byteLength(raw.partitionKey);
    let ownBytes = 0;
    for (let i = begin; i < end; i += 1) ownBytes += bytesOf(records[i]);
    // Of a record that another owner half processed, only this part is counted here.
    const scale = (rawBytes / ownBytes) * ((end - begin) / sent);
    for (; this.#records < until; this.#records += 1) {
      const record = records[this.#records];
      if (record !== undefined) this.#options.counter.addPart(record, 1 / sent, bytesOf(record) * scale, nowMs);
    }
  }
}

const bytesOf = (record: { data: Uint8Array; partitionKey: string } | undefined): number =>
  record === undefined ? 0 : record.data.byteLength + Buffer.byteLength(record.partitionKey);
