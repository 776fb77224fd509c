// lib/consumer: the records of one shard from a position on, by polling or by enhanced fan-out, each once and in order.
// in: a position · out: batches to `deliver`, whose promise is the back-pressure; the end of the shard

import { SubscriptionRefusedError, TransientError } from '../errors.ts';
import { type Checkpoint, compareCheckpoints, isSequenceNumber } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { Clock, RecordBatch, StartingPosition, StreamReader } from '../ports.ts';
import type { Emit } from './events.ts';

export interface FeedTarget {
  readonly deliver: (records: readonly StreamRecord[], millisBehindLatest: number) => Promise<void>;
  /** Called once, after everything was delivered. */
  readonly onEnd: () => void;
}

export interface FeedOptions extends FeedTarget {
  readonly streamName: string;
  readonly shardId: string;
  readonly after: Checkpoint;
  /** null: poll. Else the registered consumer to subscribe with (asked for when it is needed). */
  readonly consumerArn: (() => Promise<string>) | null;
  readonly pollMs: number;
  readonly emit: Emit;
}

const PROBE_AFTER_IDLE_MS = 3000;
const RETRY_FIRST_MS = 200;
const RETRY_MOST_MS = 5000;

export const positionAfter = (after: Checkpoint): StartingPosition =>
  isSequenceNumber(after)
    ? { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: after }
    : { type: after === 'LATEST' ? 'LATEST' : 'TRIM_HORIZON' };

/** Runs until it is stopped or the shard ends. Deliveries are serial. */
export class ShardFeed {
  readonly #reader: StreamReader;
  readonly #clock: Clock;
  readonly #options: FeedOptions;
  readonly #abort = new AbortController();
  #target: FeedTarget;
  #after: Checkpoint;
  #ended = false;
  #delivering: Promise<void> = Promise.resolve();
  readonly #running: Promise<void>;

  constructor(reader: StreamReader, clock: Clock, options: FeedOptions) {
    this.#reader = reader;
    this.#clock = clock;
    this.#options = options;
    this.#after = options.after;
    this.#target = options;
    this.#running = this.#run();
  }

  /** The last sequence number that was delivered, or where reading began. */
  get after(): Checkpoint {
    return this.#after;
  }

  /** From now on delivers to someone else: an activation keeps the shadow's subscription, which swaps the roles of the two registered consumers. */
  retarget(target: FeedTarget): void {
    this.#target = target;
    if (this.#ended) target.onEnd();
  }

  /** Ends reading and frees the subscription's slot; resolves when no delivery is under way any more. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  /** Reads by GetRecords, without waiting for a push, until `through` is delivered (null: as far as there is) or nothing newer is there. */
  async catchUp(through: Checkpoint | null): Promise<void> {
    const iterator = this.#reader.poll(this.#options.streamName, this.#options.shardId, positionAfter(this.#after));
    while (!this.#abort.signal.aborted && !this.#ended && (through === null || compareCheckpoints(this.#after, through) < 0)) {
      const batch = await iterator.next(this.#abort.signal);
      if (batch === null) return;
      await this.#take(batch);
      if (batch.millisBehindLatest === 0 && (through === null || batch.records.length === 0)) return;
    }
  }

  async #run(): Promise<void> {
    let retryMs = RETRY_FIRST_MS;
    while (!this.#abort.signal.aborted && !this.#ended) {
      try {
        await (this.#options.consumerArn === null ? this.#poll() : this.#subscribe(await this.#options.consumerArn()));
        retryMs = RETRY_FIRST_MS;
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        if (!(error instanceof TransientError)) retryMs = RETRY_MOST_MS;
        if (!(error instanceof SubscriptionRefusedError)) {
          this.#options.emit({ kind: 'failed', doing: 'read', shardId: this.#options.shardId, error, retryInMs: retryMs });
        }
        await this.#clock.sleep(retryMs, this.#abort.signal);
        retryMs = Math.min(retryMs * 2, RETRY_MOST_MS);
      }
    }
  }

  async #poll(): Promise<void> {
    const iterator = this.#reader.poll(this.#options.streamName, this.#options.shardId, positionAfter(this.#after));
    while (!this.#abort.signal.aborted && !this.#ended) {
      const batch = await iterator.next(this.#abort.signal);
      if (batch === null) return this.#end();
      await this.#take(batch);
      if (!batch.shardEnd) await this.#clock.sleep(this.#options.pollMs, this.#abort.signal);
    }
  }

  /** One subscription. A shard may end without an event that says so: after silence one GetRecords asks. */
  async #subscribe(consumerArn: string): Promise<void> {
    const once = new AbortController();
    const stop = () => once.abort();
    this.#abort.signal.addEventListener('abort', stop, { once: true });
    let heardAtMs = this.#clock.monotonicMs();
    const probing = this.#probeWhileSilent(once.signal, () => heardAtMs);
    try {
      for await (const batch of this.#reader.subscribe(
        consumerArn,
        this.#options.shardId,
        positionAfter(this.#after),
        once.signal,
      )) {
        if (batch.records.length > 0) heardAtMs = this.#clock.monotonicMs();
        await this.#take(batch);
        if (this.#ended || this.#abort.signal.aborted) break;
      }
    } finally {
      once.abort();
      this.#abort.signal.removeEventListener('abort', stop);
      await probing;
    }
  }

  async #probeWhileSilent(signal: AbortSignal, heardAtMs: () => number): Promise<void> {
    let askedAtMs = this.#clock.monotonicMs();
    while (!signal.aborted && !this.#ended) {
      await this.#clock.sleep(PROBE_AFTER_IDLE_MS / 3, signal);
      const nowMs = this.#clock.monotonicMs();
      if (signal.aborted || nowMs - Math.max(heardAtMs(), askedAtMs) < PROBE_AFTER_IDLE_MS) continue;
      askedAtMs = nowMs;
      try {
        const batch = await this.#reader
          .poll(this.#options.streamName, this.#options.shardId, positionAfter(this.#after))
          .next(signal);
        if (batch === null) this.#end();
        else await this.#take(batch);
      } catch (error) {
        if (!signal.aborted)
          this.#options.emit({
            kind: 'failed',
            doing: 'probe',
            shardId: this.#options.shardId,
            error,
            retryInMs: PROBE_AFTER_IDLE_MS,
          });
      }
    }
  }

  /** Delivers what is new of a batch, after the deliveries before it. */
  #take(batch: RecordBatch): Promise<void> {
    this.#delivering = this.#delivering.then(async () => {
      if (this.#abort.signal.aborted || this.#ended) return;
      const last = batch.records.at(-1);
      const fresh = batch.records.filter((record) => compareCheckpoints(record.sequenceNumber, this.#after) > 0);
      if (last !== undefined && compareCheckpoints(last.sequenceNumber, this.#after) > 0) this.#after = last.sequenceNumber;
      await this.#target.deliver(fresh, batch.millisBehindLatest);
      if (batch.shardEnd) this.#end();
    });
    return this.#delivering;
  }

  #end(): void {
    if (this.#ended || this.#abort.signal.aborted) return;
    this.#ended = true;
    this.#target.onEnd();
  }
}
