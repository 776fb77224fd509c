// lib/consumer: a profiling shadow's own reading of its shard, beside the owner's: by a registered consumer of its own, or by one poll of the five a second.
// in: a shard, the share of the moment · out: every key counted, sampled records in a bounded queue
import { profilingConsumerNameOf } from '../model/consumer-name.ts';
import type { Lease } from '../model/lease.ts';
import type { ProfilingTotals } from '../model/profiling.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { Hash64 } from '../shadow/digest-chain.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import type { Emit } from './events.ts';
import { SHADOW_SHARE } from './poll-pace.ts';
import { ProfiledKeys } from './profiling-keys.ts';
import { ShardFeed } from './shard-feed.ts';

/** Bytes of sampled records that wait for their turn. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

const GATHER_STEP_MS = 50;

export interface ProfilingIntakeOptions {
  readonly lease: Lease;
  readonly ports: Pick<ConsumerPorts, 'reader' | 'clock' | 'control'>;
  readonly retrieval: 'polling' | 'fan-out';
  readonly deaggregate: boolean;
  readonly hash: Hash64;
  readonly streamArn: string;
  readonly signal: AbortSignal;
  readonly share: () => number;
  /** Whether sampled records are wanted already. */
  readonly isWanted: () => boolean;
  readonly onShardEnd: () => void;
  readonly emit: Emit;
}

/** Reads from LATEST until it is stopped. */
export class ProfilingIntake {
  readonly #options: ProfilingIntakeOptions;
  readonly #keys: ProfiledKeys;
  readonly #feed: ShardFeed;
  #queue: StreamRecord[] = [];
  #queuedBytes = 0;
  #sampled = 0;
  #lagMs = 0;
  #consumerSinceMs: number | null = null;
  #wake: () => void = () => {};
  #roomMade: () => void = () => {};

  constructor(options: ProfilingIntakeOptions) {
    const { lease, ports, retrieval, emit, onShardEnd } = options;
    this.#options = options;
    this.#keys = new ProfiledKeys(lease.hashKeyRange, options.deaggregate, options.hash);
    options.signal.addEventListener('abort', () => this.#release(), { once: true });
    this.#feed = new ShardFeed(ports.reader, ports.clock, {
      streamName: lease.streamName,
      shardId: lease.shardId,
      after: 'LATEST',
      consumerArn: retrieval === 'fan-out' ? () => this.#consumerArn() : null,
      pollMs: SHADOW_SHARE.gapMs,
      // Also where polling only stands in for a subscription: the owner may poll at the same time, and is not to be slowed.
      share: SHADOW_SHARE,
      emit,
      deliver: (records, millisBehindLatest) => this.#receive(records, millisBehindLatest),
      onEnd: onShardEnd,
    });
  }

  /** Everything read, before sampling. */
  get records(): number {
    return this.#keys.records;
  }
  get bytes(): number {
    return this.#keys.bytes;
  }
  /** Sampled since the beginning. */
  get sampled(): number {
    return this.#sampled;
  }
  /** How far reading, or what waits for its turn, is behind the tip. */
  get lagMs(): number {
    const oldest = this.#queue[0];
    return Math.max(this.#lagMs, oldest === undefined ? 0 : this.#options.ports.clock.nowMs() - oldest.arrivedAtMs);
  }
  /** For how long a consumer has been registered for it; null: none was. */
  get consumerForMs(): number | null {
    return this.#consumerSinceMs === null ? null : this.#options.ports.clock.monotonicMs() - this.#consumerSinceMs;
  }

  /** The oldest sampled records; waits for one, then up to `gatherMs` for as many as were asked for. Empty when reading is over. */
  async next(most: number, gatherMs = 0): Promise<readonly StreamRecord[]> {
    const { ports, signal } = this.#options;
    while (this.#queue.length === 0 && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const untilMs = ports.clock.monotonicMs() + gatherMs;
    for (let leftMs = gatherMs; leftMs > 0 && this.#queue.length < most && !signal.aborted; ) {
      await ports.clock.sleep(Math.min(leftMs, GATHER_STEP_MS), signal);
      leftMs = untilMs - ports.clock.monotonicMs();
    }
    if (signal.aborted) return [];
    const records = this.#queue.splice(0, most);
    for (const { data } of records) this.#queuedBytes -= data.byteLength;
    this.#roomMade();
    return records;
  }

  totals(share: number): Pick<ProfilingTotals, 'keys' | 'recordBytes'> {
    return this.#keys.totals(share);
  }

  async stop(): Promise<void> {
    this.#release();
    await this.#feed.stop();
  }

  #release(): void {
    this.#wake();
    this.#roomMade();
  }

  async #consumerArn(): Promise<string> {
    const { ports, streamArn, lease, signal } = this.#options;
    this.#consumerSinceMs ??= ports.clock.monotonicMs();
    return (await ports.control.ensureConsumer(streamArn, profilingConsumerNameOf(lease.application), signal)).consumerArn;
  }

  async #receive(records: readonly StreamRecord[], millisBehindLatest: number): Promise<void> {
    const { share, isWanted, signal } = this.#options;
    this.#lagMs = millisBehindLatest;
    const sample = this.#keys.take(records, share());
    if (!isWanted()) return;
    this.#sampled += sample.length;
    for (const record of sample) {
      this.#queue.push(record);
      this.#queuedBytes += record.data.byteLength;
    }
    this.#wake();
    while (this.#queuedBytes > MAX_QUEUED_BYTES && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#roomMade = resolve;
      });
  }
}
