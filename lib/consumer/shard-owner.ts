// lib/consumer: one shard that this worker owns: read → queue → dispatch to the processor → position, digest and counters → checkpoint.
// in: a lease held under an epoch · out: processed records, checkpoints, the end of the shard
//
//   running ─pause()─► pausing ─(nothing in flight, flushed)─► drained ─resume()─► running      any ─stop()─► stopped
//   A pending one reads ahead and dispatches nothing until begin(): its parents have not ended.
//   One that a poison record has stopped can be drained like any other; what it processed ends just before that record. Only where another lane had gone
//   beyond that record it is never drained, but cut off: no planned move may repeat what that lane did.

import type { Mark } from '../model/lease.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { StreamReader } from '../ports.ts';
import type { Hash64 } from '../shadow/digest-chain.ts';
import type { Handed } from '../shadow/shadow-buffer.ts';
import type { DemandCounter } from './demand-counter.ts';
import type { ConsumerSettings } from './options.ts';
import type { ReadShare } from './poll-pace.ts';
import type { StoppedAt } from './processor-calls.ts';
import { noUpkeep, ReadAhead, type UpkeepCount } from './read-ahead.ts';
import type { DispatchSettings } from './setting-change.ts';
import { ShardDispatcher, type ShardDispatcherOptions } from './shard-dispatcher.ts';
import { type FeedTarget, ShardFeed } from './shard-feed.ts';
import type { ShardPosition } from './shard-position.ts';
import { ShardProgress } from './shard-progress.ts';
import { type BufferBudget, ShardQueue } from './shard-queue.ts';

export interface ShardOwnerOptions extends ShardDispatcherOptions {
  readonly settings: ShardDispatcherOptions['settings'] & Pick<ConsumerSettings, 'pollMs' | 'maxBufferBytes'>;
  /** Records after `from` (beginning with the half-processed one) that a shadow already holds, and where to read on. */
  readonly handed: Handed;
  /** A shadow's live subscription that goes on where `handed` ends; else the owner opens its own feed. */
  readonly feed: ShardFeed | null;
  readonly pending: boolean;
  readonly reader: StreamReader;
  readonly hash: Hash64;
  readonly counter: DemandCounter;
  readonly budget: BufferBudget;
  readonly consumerArn: (() => Promise<string>) | null;
  /** What it may take of the shard's shared reads. @default all of them */
  readonly share?: ReadShare;
  /** Counts how reading ahead does, of all shards of the process. @default nowhere */
  readonly upkeep?: UpkeepCount;
}

/** Dispatches one shard: in order, or with `concurrencyPerShard` in order within each partition key. */
export class ShardOwner {
  readonly shardId: string;
  epoch: number;
  readonly #options: Omit<ShardOwnerOptions, 'handed'>;
  readonly #feed: ShardFeed;
  readonly #queue: ShardQueue;
  readonly #readAhead: ReadAhead;
  readonly #progress: ShardProgress;
  readonly #dispatcher: ShardDispatcher;
  readonly #abort = new AbortController();
  #chainFor: string | null = null;
  #paused = false;
  #pausedSinceMs = 0;
  #pausedAtMs = 0;
  #millisBehindLatest = 0;

  constructor(options: ShardOwnerOptions) {
    // What a shadow handed over is in the queue; the options live as long as the owner.
    const { handed, ...kept } = options;
    const { lease, from, settings, clock, emit, pending } = kept;
    this.#options = kept;
    this.shardId = lease.shardId;
    this.epoch = lease.epoch;
    const monotonicMs = () => clock.monotonicMs();
    this.#readAhead = new ReadAhead(monotonicMs, kept.upkeep ?? noUpkeep());
    this.#queue = new ShardQueue(settings.maxBufferBytes, kept.budget, { readAhead: this.#readAhead, monotonicMs });
    this.#queue.add(handed.records);
    this.#progress = new ShardProgress({
      from,
      checkpoints: settings.checkpoints,
      hash: kept.hash,
      counter: kept.counter,
    });
    this.#dispatcher = new ShardDispatcher(kept, {
      queue: this.#queue,
      progress: this.#progress,
      epoch: () => this.epoch,
      pending,
      signal: this.#abort.signal,
    });
    const target: FeedTarget = {
      deliver: (records, millisBehindLatest) => this.#receive(records, millisBehindLatest),
      onEnd: () => this.#dispatcher.endOfFeed(),
      onRead: (lateMs) => this.#readAhead.reads(lateMs),
    };
    kept.feed?.retarget(target);
    this.#feed =
      kept.feed ??
      new ShardFeed(kept.reader, clock, {
        ...target,
        streamName: lease.streamName,
        shardId: this.shardId,
        after: handed.readOnAfter,
        from: from.subSequenceNumber !== undefined && handed.records.length === 0 ? 'at' : 'after',
        consumerArn: kept.consumerArn,
        pollMs: settings.pollMs,
        ...(kept.share === undefined ? {} : { share: kept.share }),
        emit,
      });
  }

  get dispatch(): 'running' | 'pausing' | 'drained' {
    return !this.#paused ? 'running' : this.#dispatcher.isDrained ? 'drained' : 'pausing';
  }
  /** Paused for good reason and never to be drained: a poison record has stopped the shard behind what another lane did. */
  get isCutOff(): boolean {
    return this.#dispatcher.isCutOff;
  }
  get isPending(): boolean {
    return this.#dispatcher.isPending;
  }
  /** Everything through it may be published as processed; of an aggregated record that is not finished, its sub-records through `subSequenceNumber`. */
  get published(): ShardPosition {
    return this.#progress.published;
  }
  get position(): Checkpoint {
    return this.#progress.published.checkpoint;
  }
  /** Whether there is anything to publish since the shard was taken up. */
  get hasMoved(): boolean {
    return this.#progress.hasMoved;
  }
  /** Records that are read and not processed. */
  get queuedRecords(): number {
    return this.#queue.records;
  }
  get millisBehindLatest(): number {
    return this.#millisBehindLatest;
  }
  /** For how long its feed has heard nothing at all of Kinesis. */
  get silentForMs(): number {
    return this.#feed.silentForMs;
  }
  /** How long the oldest call of the user's code for this shard has been in flight; 0 while there is none. */
  get stuckForMs(): number {
    return this.#dispatcher.watch.stuckForMs;
  }
  /** The poison record before which the shard stands still. */
  get stoppedAt(): StoppedAt | null {
    return this.#dispatcher.calls.stoppedAt;
  }
  get skippedRecords(): number {
    return this.#dispatcher.calls.skipped;
  }
  get deadLetteredRecords(): number {
    return this.#dispatcher.calls.deadLettered;
  }
  /** Wall clock of the moment from which nothing more was dispatched: the call to pause, or the end of the last call that was in flight then. */
  get stoppedDispatchingAtMs(): number {
    return Math.max(this.#pausedAtMs, this.#dispatcher.watch.endedAtMs);
  }
  get pausedForMs(): number {
    return this.#paused ? this.#options.clock.monotonicMs() - this.#pausedSinceMs : 0;
  }
  /** The chain's point at the position, or at the last whole record before it; null while no chain is open. */
  get mark(): Mark | null {
    return this.#progress.mark;
  }
  get chainFor(): string | null {
    return this.#chainFor;
  }

  /** The parents have ended. */
  begin(): void {
    this.#dispatcher.begin();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#pausedSinceMs = this.#options.clock.monotonicMs();
    this.#pausedAtMs = this.#options.clock.nowMs();
    this.#dispatcher.pause();
  }

  /** Goes by other settings: the buffer's at once, the lanes' between two windows. */
  tune(settings: DispatchSettings & Pick<ConsumerSettings, 'maxBufferBytes'>): void {
    this.#queue.maxBytes = settings.maxBufferBytes;
    this.#dispatcher.tune(settings);
  }

  resume(epoch: number): void {
    this.epoch = epoch;
    if (!this.#paused) return;
    this.#paused = false;
    this.#dispatcher.resume();
  }

  /** Brings what is counted of reading ahead up to now. */
  settleUpkeep(): void {
    this.#readAhead.settle();
  }

  /** Starts the digest chain of a shadow at the last whole record that is processed. False while that is not yet a point in the shard. */
  openChain(shadowWorkerId: string): boolean {
    if (!this.#progress.openChain()) return false;
    this.#chainFor = shadowWorkerId;
    return true;
  }

  closeChain(): void {
    this.#progress.closeChain();
    this.#chainFor = null;
  }

  /** Stops reading and dispatching; resolves when the calls in flight have returned. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#queue.close();
    await Promise.all([this.#feed.stop(), this.#dispatcher.stop()]);
  }

  async #receive(records: readonly StreamRecord[], millisBehindLatest: number): Promise<void> {
    this.#queue.add(records, millisBehindLatest > 0);
    this.#millisBehindLatest = millisBehindLatest;
    this.#dispatcher.arrived();
    await this.#queue.room();
  }
}
