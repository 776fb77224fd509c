// lib/consumer: one shard that this worker owns: read → queue → dispatch to the processor → position, digest and counters → checkpoint.
// in: a lease held under an epoch · out: processed records, checkpoints, the end of the shard
//
//   running ─pause()─► pausing ─(nothing in flight)─► drained ─resume()─► running      any ─stop()─► stopped
//   A pending one reads ahead and dispatches nothing until begin(): its parents have not ended.

import type { Lease, Mark } from '../model/lease.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { Clock, StreamReader } from '../ports.ts';
import { DigestChain, type Hash64 } from '../shadow/digest-chain.ts';
import type { Handed } from '../shadow/shadow-buffer.ts';
import type { DemandCounter } from './demand-counter.ts';
import type { Emit } from './events.ts';
import type { Processor } from './options.ts';
import { type FeedTarget, ShardFeed } from './shard-feed.ts';

export interface ShardOwnerOptions {
  readonly lease: Lease;
  readonly epoch: number;
  readonly position: Checkpoint;
  /** Records after `position` that a shadow already holds, and where to read on. */
  readonly handed: Handed;
  /** A shadow's live subscription that goes on where `handed` ends; else the owner opens its own feed. */
  readonly feed: ShardFeed | null;
  readonly pending: boolean;
  readonly reader: StreamReader;
  readonly clock: Clock;
  readonly processor: Processor;
  readonly hash: Hash64;
  readonly counter: DemandCounter;
  readonly mayAct: () => boolean;
  readonly consumerArn: (() => Promise<string>) | null;
  readonly pollMs: number;
  readonly maxBatchRecords: number;
  readonly maxBufferBytes: number;
  readonly emit: Emit;
  /** Called once when every record of a closed shard has been processed. */
  readonly onDrainedToEnd: () => void;
}

const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 10_000;
/** How often a dispatcher that may not act looks whether it may again. */
const NOT_ALLOWED_MS = 50;

/** Dispatches one shard in order, one call of the processor at a time. */
export class ShardOwner {
  readonly shardId: string;
  epoch: number;
  readonly #options: ShardOwnerOptions;
  readonly #feed: ShardFeed;
  readonly #abort = new AbortController();
  #queue: StreamRecord[] = [];
  #queuedBytes = 0;
  #pending: boolean;
  #paused = false;
  #inFlight = false;
  #position: Checkpoint;
  #subSequenceNumber: number | undefined;
  #chain: DigestChain | null = null;
  #chainFor: string | null = null;
  #pausedSinceMs = 0;
  #pausedAtMs = 0;
  #lastDispatchAtMs = 0;
  #millisBehindLatest = 0;
  #feedEnded = false;
  #wake: () => void = () => {};
  #roomMade: () => void = () => {};
  readonly #running: Promise<void>;

  constructor(options: ShardOwnerOptions) {
    this.#options = options;
    this.shardId = options.lease.shardId;
    this.epoch = options.epoch;
    this.#position = options.position;
    this.#pending = options.pending;
    for (const record of options.handed.records) this.#enqueue(record);
    const target: FeedTarget = {
      deliver: (records, millisBehindLatest) => this.#receive(records, millisBehindLatest),
      onEnd: () => {
        this.#feedEnded = true;
        this.#wake();
      },
    };
    options.feed?.retarget(target);
    this.#feed =
      options.feed ??
      new ShardFeed(options.reader, options.clock, {
        ...target,
        streamName: options.lease.streamName,
        shardId: this.shardId,
        after: options.handed.readOnAfter,
        consumerArn: options.consumerArn,
        pollMs: options.pollMs,
        emit: options.emit,
      });
    this.#running = this.#dispatch();
  }

  get dispatch(): 'running' | 'pausing' | 'drained' {
    return !this.#paused ? 'running' : this.#inFlight ? 'pausing' : 'drained';
  }
  get isPending(): boolean {
    return this.#pending;
  }
  get position(): Checkpoint {
    return this.#position;
  }
  get subSequenceNumber(): number | undefined {
    return this.#subSequenceNumber;
  }
  get queuedRecords(): number {
    return this.#queue.length;
  }
  get millisBehindLatest(): number {
    return this.#millisBehindLatest;
  }
  /** Wall clock of the moment from which nothing more was dispatched: the call to pause, or the end of the call that was in flight then. */
  get stoppedDispatchingAtMs(): number {
    return Math.max(this.#pausedAtMs, this.#lastDispatchAtMs);
  }
  get pausedForMs(): number {
    return this.#paused ? this.#options.clock.monotonicMs() - this.#pausedSinceMs : 0;
  }
  /** The chain's point at the position; null while no chain is open. Meaningful while nothing is in flight. */
  get mark(): Mark | null {
    return this.#chain?.mark() ?? null;
  }
  get chainFor(): string | null {
    return this.#chainFor;
  }

  /** The parents have ended. */
  begin(): void {
    this.#pending = false;
    this.#wake();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#pausedSinceMs = this.#options.clock.monotonicMs();
    this.#pausedAtMs = this.#options.clock.nowMs();
  }

  resume(epoch: number): void {
    this.epoch = epoch;
    this.#paused = false;
    this.#wake();
  }

  /** Starts the digest chain of a shadow at the position. Only between two calls of the processor; false when one is in flight or the position is not yet a point in the shard. */
  openChain(shadowWorkerId: string): boolean {
    if (this.#inFlight || this.#position === 'LATEST') return false;
    this.#chain = new DigestChain(this.#position, this.#options.hash);
    this.#chainFor = shadowWorkerId;
    return true;
  }

  closeChain(): void {
    this.#chain = null;
    this.#chainFor = null;
  }

  /** Stops reading and dispatching; resolves when the call in flight has returned. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#wake();
    this.#roomMade();
    await Promise.all([this.#feed.stop(), this.#running]);
    this.#queue = [];
  }

  #enqueue(record: StreamRecord): void {
    this.#queue.push(record);
    this.#queuedBytes += record.data.byteLength;
  }

  async #receive(records: readonly StreamRecord[], millisBehindLatest: number): Promise<void> {
    for (const record of records) this.#enqueue(record);
    this.#millisBehindLatest = millisBehindLatest;
    this.#wake();
    while (this.#queuedBytes > this.#options.maxBufferBytes && !this.#abort.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#roomMade = resolve;
      });
    }
  }

  async #dispatch(): Promise<void> {
    const { clock, mayAct, onDrainedToEnd } = this.#options;
    while (!this.#abort.signal.aborted) {
      if (this.#paused || this.#pending || (this.#queue.length === 0 && !this.#feedEnded)) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (!mayAct()) {
        await clock.sleep(NOT_ALLOWED_MS, this.#abort.signal);
      } else if (this.#queue.length === 0) {
        onDrainedToEnd();
        return;
      } else {
        await this.#processBatch();
      }
    }
  }

  /** One call of the processor; on failure the same records again, with back-off, so that nothing is skipped or reordered. */
  async #processBatch(): Promise<void> {
    const { clock, processor, lease, emit, maxBatchRecords, counter } = this.#options;
    const batch = this.#queue.slice(0, maxBatchRecords);
    this.#inFlight = true;
    try {
      for (let retryMs = RETRY_FIRST_MS; ; retryMs = Math.min(retryMs * 2, RETRY_MOST_MS)) {
        try {
          await processor.process(batch, {
            streamName: lease.streamName,
            shardId: this.shardId,
            epoch: this.epoch,
            shadow: false,
            signal: this.#abort.signal,
          });
          break;
        } catch (error) {
          if (this.#abort.signal.aborted) return;
          emit({ kind: 'failed', doing: 'process', shardId: this.shardId, error, retryInMs: retryMs });
          await clock.sleep(retryMs, this.#abort.signal);
          if (this.#abort.signal.aborted || this.#paused) return;
        }
      }
      this.#queue.splice(0, batch.length);
      this.#lastDispatchAtMs = clock.nowMs();
      for (const record of batch) {
        this.#queuedBytes -= record.data.byteLength;
        this.#chain?.add(record);
        counter.add(record, this.#lastDispatchAtMs);
      }
      this.#position = batch.at(-1)?.sequenceNumber ?? this.#position;
      this.#subSequenceNumber = batch.at(-1)?.subSequenceNumber;
    } finally {
      this.#inFlight = false;
      this.#roomMade();
    }
  }
}
