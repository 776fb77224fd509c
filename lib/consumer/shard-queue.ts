// lib/consumer: the records of one shard that are read and not yet processed, bounded in bytes, for the shard and for the whole process.
// in: deliveries of the feed · out: records for the next window; when reading may go on
import type { StreamRecord } from '../model/shard.ts';
import type { ReadAhead } from './read-ahead.ts';

const GONE: StreamRecord = { sequenceNumber: '', partitionKey: '', data: new Uint8Array(), arrivedAtMs: 0 };

/** The bytes that all shards of a process hold together. */
export class BufferBudget {
  readonly #maxBytes: number;
  #bytes = 0;
  readonly #waiting = new Set<() => void>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }
  get isFull(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  take(bytes: number): void {
    this.#bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
    if (this.isFull || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Calls `wake` once, when the budget is not full any more. */
  onRoom(wake: () => void): void {
    this.#waiting.add(wake);
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake);
  }
}

/** One shard's records, in order. Bytes count until the records are processed, not only until they are taken. */
export class ShardQueue {
  #maxBytes: number;
  readonly #budget: BufferBudget;
  readonly #readAhead: ReadAhead | null;
  readonly #monotonicMs: () => number;
  #items: StreamRecord[] = [];
  #head = 0;
  #held = 0;
  #bytes = 0;
  #closed = false;
  #roomMade: () => void = () => {};

  /** `measured`: what is told how well reading ahead does. */
  constructor(maxBytes: number, budget: BufferBudget, measured?: { readonly readAhead: ReadAhead; monotonicMs(): number }) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
    this.#readAhead = measured?.readAhead ?? null;
    this.#monotonicMs = measured === undefined ? () => 0 : () => measured.monotonicMs();
  }

  /** Another bound from now on; what is held stays. */
  set maxBytes(maxBytes: number) {
    this.#maxBytes = maxBytes;
    if (this.#bytes <= maxBytes) this.#roomMade();
  }

  /** Records that no window has taken. */
  get waiting(): number {
    return this.#items.length - this.#head;
  }
  /** Records that are not processed. */
  get records(): number {
    return this.#held;
  }
  get bytes(): number {
    return this.#bytes;
  }

  /** `isBehind`: there is more in the stream. */
  add(records: readonly StreamRecord[], isBehind = false): void {
    if (this.#closed) return;
    let bytes = 0;
    for (const record of records) {
      this.#items.push(record);
      bytes += record.data.byteLength;
    }
    this.#readAhead?.arrived(records.length, bytes, isBehind);
    this.#held += records.length;
    this.#bytes += bytes;
    this.#budget.take(bytes);
  }

  /** Resolves when more may be read: below both bounds, or nothing of this shard is left, so that every shard goes on whatever the others hold. */
  async room(): Promise<void> {
    let ownMs = 0;
    while (!this.#closed && (this.#bytes > this.#maxBytes || (this.#budget.isFull && this.#bytes > 0))) {
      // What the bound of the whole process keeps waiting, a larger one of the shard would, too.
      const isOwn = !this.#budget.isFull;
      const sinceMs = this.#monotonicMs();
      await new Promise<void>((resolve) => {
        this.#roomMade = resolve;
        this.#budget.onRoom(resolve);
      });
      this.#budget.forget(this.#roomMade);
      if (isOwn) ownMs += this.#monotonicMs() - sinceMs;
    }
    this.#readAhead?.waited(ownMs);
  }

  peek(count: number): StreamRecord[] {
    return this.#items.slice(this.#head, this.#head + count);
  }

  /** Taken records are let go at once: one may have 10 MiB. The list itself is shortened now and then, so that this costs the same however long it is. */
  take(count: number): void {
    this.#items.fill(GONE, this.#head, this.#head + count);
    this.#head += count;
    if (this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }

  /** Taken records are processed. */
  done(records: number, bytes: number): void {
    if (this.#closed) return;
    this.#held -= records;
    this.#bytes -= bytes;
    this.#readAhead?.processed(bytes, this.#held);
    this.#budget.giveBack(bytes);
    if (this.#bytes <= this.#maxBytes) this.#roomMade();
  }

  /** Forgets everything and lets the feed go on into nothing. */
  close(): void {
    if (!this.#closed) this.#readAhead?.settle();
    this.#closed = true;
    this.#items = [];
    this.#head = 0;
    this.#held = 0;
    this.#budget.giveBack(this.#bytes);
    this.#bytes = 0;
    this.#roomMade();
  }
}
