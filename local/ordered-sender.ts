// local/ordered-sender: records into Kinesis, in order within each key, although PutRecords takes some and refuses others.
// in: records · out: requests, one after the other; what was refused goes first in the next, and no later record of its key overtakes it
import type { DueRecord } from './record-source.ts';

/** Kinesis takes 500; after a stall of the emulator what waited must not take as long again. */
const MOST_PER_REQUEST = 400;
/** How many records of one key may wait before more than one of them goes into a request. */
const PATIENCE = 4;

/** Sends one request; answers for each record whether it was taken. Throws when nobody knows. */
export type PutRecords = (records: readonly DueRecord[]) => Promise<readonly boolean[]>;

/**
 * A request carries one record per key, so a partial failure can never reorder a key. A key that is too hot for that (its records pile up) gets several;
 * if then an earlier one is refused and a later one taken, `inversions` counts it: the producer itself broke the order and says so.
 */
export class OrderedSender {
  readonly #put: PutRecords;
  #queue: DueRecord[] = [];
  readonly #accepted = new Map<string, number>();
  #taken = 0;
  #resent = 0;
  #unknown = 0;
  #inversions = 0;

  constructor(put: PutRecords) {
    this.#put = put;
  }

  add(records: readonly DueRecord[]): void {
    this.#queue.push(...records);
  }

  get counts() {
    return {
      taken: this.#taken,
      waiting: this.#queue.length,
      resent: this.#resent,
      unknown: this.#unknown,
      inversions: this.#inversions,
    };
  }

  /** How many records of each key Kinesis has taken. Dense: the last n of the key. */
  get accepted(): ReadonlyMap<string, number> {
    return this.#accepted;
  }

  /** Sends one request of what waits. `failed` when no answer came: the same records wait again and may then come twice. */
  async sendOnce(): Promise<{ kind: 'idle' | 'sent' } | { kind: 'failed'; error: unknown }> {
    const [batch, rest] = this.#compose();
    if (batch.length === 0) return { kind: 'idle' };
    let answers: readonly boolean[];
    try {
      answers = await this.#put(batch);
    } catch (error) {
      this.#unknown++;
      return { kind: 'failed', error };
    }
    const refused = batch.filter((_, i) => !answers[i]);
    const refusedKeys = new Map<string, number>();
    batch.forEach((record, i) => {
      if (!answers[i]) {
        refusedKeys.set(record.key, record.n);
        return;
      }
      this.#taken++;
      this.#accepted.set(record.key, (this.#accepted.get(record.key) ?? 0) + 1);
      if (refusedKeys.has(record.key)) this.#inversions++;
    });
    this.#resent += refused.length;
    // What was added meanwhile stands behind `rest` already.
    const added = this.#queue.slice(batch.length + rest.length);
    this.#queue = [...refused, ...rest, ...added];
    return { kind: 'sent' };
  }

  /** The next request, and what stays, both in order. The queue itself keeps its length until the answer is there. */
  #compose(): [DueRecord[], DueRecord[]] {
    const waiting = new Map<string, number>();
    let most = 0;
    for (const { key } of this.#queue) {
      const count = (waiting.get(key) ?? 0) + 1;
      waiting.set(key, count);
      most = Math.max(most, count);
    }
    const perKey = Math.max(1, Math.ceil(most / PATIENCE));
    const inBatch = new Map<string, number>();
    const batch: DueRecord[] = [];
    const rest: DueRecord[] = [];
    for (const record of this.#queue) {
      const count = inBatch.get(record.key) ?? 0;
      if (batch.length < MOST_PER_REQUEST && count < perKey) {
        batch.push(record);
        inBatch.set(record.key, count + 1);
      } else {
        rest.push(record);
        inBatch.set(record.key, perKey);
      }
    }
    this.#queue = [...batch, ...rest];
    return [batch, rest];
  }
}
