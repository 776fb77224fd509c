// lib/consumer: one standby shadow: this worker's own full copy of a shard that another worker owns.
// in: the lease whose shadow this worker is · out: what was verified, a divergence, and at activation the records to go on with

import type { Lease, Mark } from '../model/lease.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { Clock, StreamReader } from '../ports.ts';
import { type Hash64, sameMark } from '../shadow/digest-chain.ts';
import { type Handed, ShadowBuffer } from '../shadow/shadow-buffer.ts';
import type { Emit } from './events.ts';
import { SHADOW_SHARE } from './poll-pace.ts';
import { ShardFeed } from './shard-feed.ts';

export type Comparison =
  | { readonly kind: 'same'; readonly mark: Mark }
  | { readonly kind: 'different'; readonly owner: Mark; readonly shadow: Mark }
  /** The owner's mark was compared before, is older than that, or is ahead of what was read. */
  | { readonly kind: 'not-comparable' };

/** Reads, digests and keeps one shard's records; processes none. */
export class ShardShadow {
  readonly shardId: string;
  readonly from: Checkpoint;
  readonly #buffer: ShadowBuffer;
  readonly #feed: ShardFeed;
  readonly #clock: Clock;
  #verified: Mark | null = null;
  #verifiedAtMs = 0;
  #lagMs = 0;
  /** Since when the buffer has been full and nothing is read; null while there is room. */
  #fullSinceMs: number | null = null;
  #filled: () => void = () => {};
  #arrived: () => void = () => {};
  #roomMade: () => void = () => {};
  #stopped = false;

  constructor(
    lease: Lease,
    from: Checkpoint,
    options: {
      reader: StreamReader;
      clock: Clock;
      hash: Hash64;
      maxBytes: number;
      /** null: it polls, beside the owner. */
      consumerArn: (() => Promise<string>) | null;
      emit: Emit;
    },
  ) {
    this.shardId = lease.shardId;
    this.from = from;
    this.#clock = options.clock;
    this.#buffer = new ShadowBuffer(from, options.hash, { maxBytes: options.maxBytes });
    this.#feed = new ShardFeed(options.reader, options.clock, {
      streamName: lease.streamName,
      shardId: lease.shardId,
      after: from,
      consumerArn: options.consumerArn,
      pollMs: SHADOW_SHARE.gapMs,
      // Also where polling only stands in for a subscription: the owner may poll at the same time.
      share: SHADOW_SHARE,
      emit: options.emit,
      deliver: (records, millisBehindLatest) => this.#receive(records, millisBehindLatest),
      onEnd: () => {},
    });
  }

  get bufferedRecords(): number {
    return this.#buffer.records;
  }
  get bufferedBytes(): number {
    return this.#buffer.bytes;
  }
  /** How far behind the tip: as the last answer said, and longer for as long as nothing is read since the buffer is full. */
  get lagMs(): number {
    return this.#lagMs + (this.#fullSinceMs === null ? 0 : this.#clock.monotonicMs() - this.#fullSinceMs);
  }
  /** For how long its feed has heard nothing at all of Kinesis. */
  get silentForMs(): number {
    return this.#feed.silentForMs;
  }
  get verified(): Mark | null {
    return this.#verified;
  }
  /** Wall clock of the last comparison that found the same; 0 before the first. */
  get verifiedAtMs(): number {
    return this.#verifiedAtMs;
  }

  /** This side's point of the chain after everything through a sequence number; null while it has not read that far. At another one where it never saw that record. */
  markAt(at: Checkpoint): Mark | null {
    return this.#buffer.markThrough(at);
  }

  /** Compares the owner's published mark with this side's point at the same sequence number, and forgets what nobody will ask for again. */
  compare(owner: Mark): Comparison {
    if (this.#verified !== null && sameMark(this.#verified, owner)) return { kind: 'not-comparable' };
    const own = this.#buffer.markThrough(owner.sequenceNumber);
    if (own !== null && !sameMark(own, owner)) return { kind: 'different', owner, shadow: own };
    // Also where the owner is ahead: what it marks next lies further on, and a full buffer would never get there.
    this.#buffer.trimThrough(owner.sequenceNumber);
    this.#roomMade();
    if (own === null) return { kind: 'not-comparable' };
    this.#verified = own;
    this.#verifiedAtMs = this.#clock.nowMs();
    return { kind: 'same', mark: own };
  }

  /** Reads by GetRecords up to `through` (null: to the tip), without waiting for a push; not beyond what the buffer has room for. A push that comes sooner ends the wait. */
  async catchUp(through: Checkpoint | null): Promise<void> {
    if (this.#fullSinceMs !== null) return;
    const filled = new Promise<void>((resolve) => {
      this.#filled = resolve;
    });
    const pushed = new Promise<void>((resolve) => {
      this.#arrived = () => {
        if (through !== null && this.markAt(through) !== null) resolve();
      };
    });
    await Promise.race([this.#feed.catchUp(through), filled, pushed]);
    // What is pushed from now on is nobody's wait.
    this.#arrived = () => {};
  }

  /**
   * Gives up the shadow for an owner that goes on after this point: the records that are held, and the live subscription where it continues exactly there.
   * A feed that is not handed over must be stopped.
   */
  handOver(at: Checkpoint): { readonly handed: Handed; readonly feed: ShardFeed; readonly feedContinues: boolean } {
    const handed = this.#buffer.after(at);
    // The feed goes on and knows us: nothing of what was held must live as long as it does.
    this.#buffer.trimThrough(this.#buffer.tip.sequenceNumber);
    this.#stopped = true;
    this.#roomMade();
    return { handed, feed: this.#feed, feedContinues: handed.readOnAfter === this.#feed.after };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#roomMade();
    await this.#feed.stop();
  }

  async #receive(records: readonly StreamRecord[], millisBehindLatest: number): Promise<void> {
    this.#lagMs = millisBehindLatest;
    for (const record of records) {
      while (this.#buffer.add(record) === 'full') {
        if (this.#stopped) return;
        const room = new Promise<void>((resolve) => {
          this.#roomMade = resolve;
        });
        this.#fullSinceMs ??= this.#clock.monotonicMs();
        this.#filled();
        await room;
      }
      this.#fullSinceMs = null;
    }
    this.#arrived();
  }
}
