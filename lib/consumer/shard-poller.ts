// lib/consumer: GetRecords on one shard at the pace that its readers share.
// in: a position that moves on · out: batches to `take`, the shard's end, what went wrong
import { ShardGoneError, ThrottledError, TransientError } from '../errors.ts';
import type { Clock, RecordBatch, ShardIterator } from '../ports.ts';
import type { Emit } from './events.ts';
import {
  afterAnswer,
  afterRead,
  afterThrottle,
  type Pace,
  paceOf,
  pollDueAtMs,
  type ReadShare,
  readAllowedAtMs,
  withShare,
} from './poll-pace.ts';

export interface PollerOptions {
  readonly clock: Clock;
  readonly shardId: string;
  /** Between two polls of a reader that is not behind. */
  readonly pollMs: number;
  readonly share: ReadShare;
  /** An iterator at where the feed now is. */
  readonly open: () => ShardIterator;
  /** Delivers a batch; resolves when there is room for the next. */
  readonly take: (batch: RecordBatch) => Promise<void>;
  /** The shard was read to its end; or it is gone, and what was not read is lost. Resolves when everything was delivered. */
  readonly onEnd: (gone: ShardGoneError | null) => Promise<void>;
  /** A read of `pollWhile` begins, so long after its pace allowed it. */
  readonly onRead: (lateMs: number) => void;
  /** An answer came, be it empty or a refusal. */
  readonly onHeard: () => void;
  readonly isOver: () => boolean;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

const RETRY_FIRST_MS = 200;
const RETRY_MOST_MS = 2000;
/** After an error that does not pass by itself. */
const RETRY_HOPELESS_MS = 5000;
const TELL_THROTTLED_EVERY_MS = 60_000;

const bytesOf = (batch: RecordBatch): number =>
  batch.records.reduce((sum, { data, partitionKey }) => sum + data.byteLength + partitionKey.length, 0);

/** All reads of one feed go through here, so that they share one pace. */
export class ShardPoller {
  readonly #options: PollerOptions;
  #pace: Pace;
  #idleMs: number;
  #refusals = 0;
  #toldThrottledAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#pace = paceOf(options.share);
    this.#idleMs = options.pollMs;
  }

  /** From now on takes another share of the reads. */
  readAs(share: ReadShare, idleMs: number): void {
    this.#pace = withShare(this.#pace, share);
    this.#idleMs = idleMs;
  }

  /** Polls for as long as it is wanted; errors are told and tried again. */
  async pollWhile(isWanted: () => boolean): Promise<void> {
    const { clock, open, signal, isOver, shardId, emit } = this.#options;
    let iterator: ShardIterator | null = null;
    let retryMs = RETRY_FIRST_MS;
    while (!isOver() && isWanted()) {
      const dueAtMs = pollDueAtMs(this.#pace, this.#idleMs);
      const lateMs = Math.max(0, clock.monotonicMs() - dueAtMs);
      await this.#turn(dueAtMs);
      if (isOver() || !isWanted()) return;
      this.#options.onRead(lateMs);
      try {
        iterator ??= open();
        await this.#read(iterator);
        retryMs = RETRY_FIRST_MS;
      } catch (error) {
        if (isOver()) return;
        const mayPass = error instanceof TransientError;
        if (!mayPass) iterator = null;
        const retryInMs = mayPass ? retryMs : RETRY_HOPELESS_MS;
        emit({ kind: 'failed', doing: 'read', shardId, error, retryInMs });
        await clock.sleep(retryInMs, signal);
        retryMs = Math.min(retryMs * 2, RETRY_MOST_MS);
      }
    }
  }

  /** One read out of turn, as soon as the limits allow. `refused`: others read too, and nothing came; null: the shard has ended. */
  async readNow(iterator: ShardIterator): Promise<RecordBatch | 'refused' | null> {
    await this.#turn(readAllowedAtMs(this.#pace));
    return this.#options.isOver() ? null : this.#read(iterator);
  }

  /** Takes a turn and waits for it. */
  async #turn(dueAtMs: number): Promise<void> {
    const { clock, signal } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#pace = afterRead(this.#pace, Math.max(nowMs, dueAtMs));
    if (dueAtMs > nowMs) await clock.sleep(dueAtMs - nowMs, signal);
  }

  async #read(iterator: ShardIterator): Promise<RecordBatch | 'refused' | null> {
    const { clock, signal, take, onEnd, onHeard } = this.#options;
    let batch: RecordBatch | null;
    try {
      batch = await iterator.next(signal);
    } catch (error) {
      if (error instanceof ThrottledError) return this.#refused();
      if (!(error instanceof ShardGoneError)) throw error;
      onHeard();
      await onEnd(error);
      return null;
    }
    onHeard();
    if (batch === null) {
      await onEnd(null);
      return null;
    }
    const { records, millisBehindLatest } = batch;
    const atMs = clock.monotonicMs();
    this.#pace = afterAnswer(this.#pace, { atMs, bytes: bytesOf(batch), records: records.length, millisBehindLatest });
    await take(batch);
    return batch;
  }

  /** An expected outcome, since others may read the shard too: told once a minute, with how often it happened. */
  #refused(): 'refused' {
    const { clock, onHeard, emit, shardId } = this.#options;
    const nowMs = clock.monotonicMs();
    onHeard();
    this.#pace = afterThrottle(this.#pace, nowMs);
    this.#refusals += 1;
    if (nowMs - this.#toldThrottledAtMs >= TELL_THROTTLED_EVERY_MS) {
      emit({ kind: 'read-throttled', shardId, refusals: this.#refusals, gapMs: this.#pace.gapMs });
      this.#toldThrottledAtMs = nowMs;
      this.#refusals = 0;
    }
    return 'refused';
  }
}
