// lib/consumer: the records of one shard from a position on, by polling or by enhanced fan-out, each once and in order.
// in: a position · out: batches to `deliver`, whose promise is the back-pressure; the end of the shard
//
// By fan-out: a subscription that is renewed without a gap; GetRecords stands in for as long as there is none, and asks after silence whether the shard has ended.

import type { ShardGoneError } from '../errors.ts';
import { type Checkpoint, compareCheckpoints, isSequenceNumber, timestampOf } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { Clock, RecordBatch, ShardIterator, StartingPosition, StreamReader } from '../ports.ts';
import type { Emit } from './events.ts';
import { type ReadShare, WHOLE_SHARE } from './poll-pace.ts';
import { ShardPoller } from './shard-poller.ts';
import { SubscriptionLine } from './subscription-line.ts';

export interface FeedTarget {
  readonly deliver: (records: readonly StreamRecord[], millisBehindLatest: number) => Promise<void>;
  /** Called once, after everything was delivered. */
  readonly onEnd: () => void;
  /** A poll begins, so long after its pace allowed it. */
  readonly onRead?: (lateMs: number) => void;
}

export interface FeedOptions extends FeedTarget {
  readonly streamName: string;
  readonly shardId: string;
  readonly after: Checkpoint;
  /** `at`: the record that `after` names comes again, since only a part of it was processed. @default 'after' */
  readonly from?: 'after' | 'at';
  /** null: poll. Else the registered consumer to subscribe with (asked for when it is needed). */
  readonly consumerArn: (() => Promise<string>) | null;
  /** Between two polls of a reader that is not behind. */
  readonly pollMs: number;
  /** What this feed may take of the shard's shared reads. @default all five a second */
  readonly share?: ReadShare;
  readonly emit: Emit;
}

/** Without a record for so long a subscribed reader asks once by GetRecords: a shard may end without an event that says so. */
const PROBE_AFTER_IDLE_MS = 3000;
/** Between two polls of a feed that an owner took over from a shadow, where polling stands in for its subscription. */
const OWNER_IDLE_MS = 250;
/** So long a subscription may take to begin before polling stands in. */
const GRACE_MS = 1000;

/** Where to begin so that the first record is the next one after a checkpoint; with `at`, the one that it names. */
export const positionAfter = (after: Checkpoint, from: 'after' | 'at' = 'after'): StartingPosition => {
  if (isSequenceNumber(after))
    return { type: from === 'at' ? 'AT_SEQUENCE_NUMBER' : 'AFTER_SEQUENCE_NUMBER', sequenceNumber: after };
  const timestampMs = timestampOf(after);
  if (timestampMs !== null) return { type: 'AT_TIMESTAMP', timestampMs };
  return { type: after === 'LATEST' ? 'LATEST' : 'TRIM_HORIZON' };
};

/** Runs until it is stopped or the shard ends. Deliveries are serial. */
export class ShardFeed {
  readonly #reader: StreamReader;
  readonly #clock: Clock;
  readonly #options: FeedOptions;
  readonly #abort = new AbortController();
  readonly #poller: ShardPoller;
  #target: FeedTarget;
  #after: Checkpoint;
  #from: 'after' | 'at';
  #ended = false;
  #delivering: Promise<void> = Promise.resolve();
  #waits = false;
  #heardAtMs: number;
  #recordsAtMs: number;
  #wake: () => void = () => {};
  readonly #running: Promise<void>;

  constructor(reader: StreamReader, clock: Clock, options: FeedOptions) {
    this.#reader = reader;
    this.#clock = clock;
    this.#options = options;
    this.#after = options.after;
    this.#from = options.from ?? 'after';
    this.#target = options;
    this.#heardAtMs = this.#recordsAtMs = clock.monotonicMs();
    this.#poller = new ShardPoller({
      ...this.#common(),
      pollMs: options.pollMs,
      share: options.share ?? WHOLE_SHARE,
      open: () => this.#iterator(),
      onEnd: (gone) => this.#endAfterDeliveries(gone),
      onRead: (lateMs) => this.#target.onRead?.(lateMs),
      emit: options.emit,
    });
    this.#abort.signal.addEventListener('abort', () => this.#wake(), { once: true });
    this.#running = this.#run();
  }

  /** The last sequence number that was delivered, or where reading began. */
  get after(): Checkpoint {
    return this.#after;
  }

  /** For how long nothing at all was heard of Kinesis: no event, no answer, no refusal. 0 while a delivery waits for room, since then nothing is asked. */
  get silentForMs(): number {
    return this.#waits || this.#ended ? 0 : this.#clock.monotonicMs() - this.#heardAtMs;
  }

  /** From now on delivers to the owner: an activation keeps the shadow's subscription, which swaps the roles of the two registered consumers. */
  retarget(target: FeedTarget): void {
    this.#target = target;
    this.#poller.readAs(WHOLE_SHARE, OWNER_IDLE_MS);
    if (this.#ended) target.onEnd();
  }

  /** Ends reading and frees the subscription's slot; resolves when no delivery is under way any more. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  /** Reads by GetRecords, without waiting for a push, until `through` is delivered (null: as far as there is), nothing newer is there, or a read is refused. */
  async catchUp(through: Checkpoint | null): Promise<void> {
    const iterator = this.#iterator();
    while (!this.#isOver() && (through === null || compareCheckpoints(this.#after, through) < 0)) {
      const batch = await this.#poller.readNow(iterator);
      if (batch === null || batch === 'refused') return;
      if (batch.millisBehindLatest === 0 && (through === null || batch.records.length === 0)) return;
    }
  }

  async #run(): Promise<void> {
    const { consumerArn, shardId, emit } = this.#options;
    if (consumerArn === null) return this.#poller.pollWhile(() => true);
    const line = new SubscriptionLine({
      ...this.#common(),
      consumerArn,
      subscribe: (arn, signal) => this.#reader.subscribe(arn, shardId, positionAfter(this.#after, this.#from), signal),
      onGone: (gone) => this.#endAfterDeliveries(gone),
      onFailed: (error, retryInMs) => emit({ kind: 'failed', doing: 'subscribe', shardId, error, retryInMs }),
      onDead: () => this.#wake(),
    });
    await Promise.all([line.run(), this.#standIn(line)]);
  }

  /** What polling and subscribing need alike. */
  #common() {
    return {
      clock: this.#clock,
      shardId: this.#options.shardId,
      take: (batch: RecordBatch) => this.#take(batch),
      onHeard: () => {
        this.#heardAtMs = this.#clock.monotonicMs();
      },
      isOver: () => this.#isOver(),
      signal: this.#abort.signal,
    };
  }

  #isOver(): boolean {
    return this.#ended || this.#abort.signal.aborted;
  }

  #iterator(): ShardIterator {
    return this.#reader.poll(this.#options.streamName, this.#options.shardId, positionAfter(this.#after, this.#from));
  }

  /** Polls for as long as there is no push; while there is one, asks after silence. */
  async #standIn(line: SubscriptionLine): Promise<void> {
    let askedAtMs = this.#clock.monotonicMs();
    while (!this.#isOver()) {
      if (line.deadForMs >= GRACE_MS) {
        await this.#poller.pollWhile(() => !line.isLive);
        continue;
      }
      await this.#nap();
      const nowMs = this.#clock.monotonicMs();
      if (this.#isOver() || this.#waits || !line.isLive) continue;
      if (nowMs - Math.max(this.#recordsAtMs, askedAtMs) < PROBE_AFTER_IDLE_MS) continue;
      askedAtMs = nowMs;
      await this.#probe();
    }
  }

  /** Waits a moment, or until there is something to look at. */
  async #nap(): Promise<void> {
    const nap = new AbortController();
    this.#wake = () => nap.abort();
    if (!this.#isOver()) await this.#clock.sleep(GRACE_MS, nap.signal);
  }

  async #probe(): Promise<void> {
    const { shardId, emit } = this.#options;
    try {
      await this.#poller.readNow(this.#iterator());
    } catch (error) {
      if (!this.#isOver()) emit({ kind: 'failed', doing: 'probe', shardId, error, retryInMs: PROBE_AFTER_IDLE_MS });
    }
  }

  /** Delivers what is new of a batch, after the deliveries before it. */
  #take(batch: RecordBatch): Promise<void> {
    this.#delivering = this.#delivering.then(async () => {
      if (this.#isOver()) return;
      const fresh = this.#freshOf(batch.records);
      const last = fresh.at(-1);
      if (last !== undefined) {
        this.#after = last.sequenceNumber;
        this.#from = 'after';
        this.#recordsAtMs = this.#clock.monotonicMs();
      }
      this.#waits = true;
      try {
        await this.#target.deliver(fresh, batch.millisBehindLatest);
      } finally {
        this.#waits = false;
        this.#heardAtMs = this.#clock.monotonicMs();
      }
      if (batch.shardEnd) this.#end();
    });
    return this.#delivering;
  }

  /** What was not delivered yet: records come in order, so that it is everything from the first new one on. */
  #freshOf(records: readonly StreamRecord[]): readonly StreamRecord[] {
    const first = records.findIndex(({ sequenceNumber }) => {
      const order = compareCheckpoints(sequenceNumber, this.#after);
      return order > 0 || (order === 0 && this.#from === 'at');
    });
    if (first === 0) return records;
    return first === -1 ? [] : records.slice(first);
  }

  /** A shard that is gone before it was read to its end is ended all the same, so that its children begin, and never in silence. */
  #endAfterDeliveries(gone: ShardGoneError | null): Promise<void> {
    this.#delivering = this.#delivering.then(() => {
      if (this.#isOver()) return;
      if (gone !== null) this.#options.emit({ kind: 'shard-expired', shardId: this.#options.shardId, after: this.#after });
      this.#end();
    });
    return this.#delivering;
  }

  #end(): void {
    if (this.#isOver()) return;
    this.#ended = true;
    // A subscription that never told of the end would stay open.
    this.#abort.abort();
    this.#target.onEnd();
  }
}
