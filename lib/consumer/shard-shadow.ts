// lib/consumer: one standby shadow: this worker's own full copy of a shard that another worker owns.
// in: the lease whose shadow this worker is · out: what was verified, a divergence, and at activation the records to go on with

import type { Lease, Mark } from '../model/lease.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import type { Clock, StreamReader } from '../ports.ts';
import { type Hash64, sameMark } from '../shadow/digest-chain.ts';
import { type Handed, ShadowBuffer } from '../shadow/shadow-buffer.ts';
import type { Emit } from './events.ts';
import { SHADOW_SHARE } from './poll-pace.ts';
import { ShardFeed } from './shard-feed.ts';

const MAX_ENTRIES = 500_000;

export type Comparison =
  | { readonly kind: 'same'; readonly mark: Mark }
  | { readonly kind: 'different'; readonly owner: Mark; readonly shadow: Mark }
  /** The owner's mark is of another chain, already compared, or ahead of what was read. */
  | { readonly kind: 'not-comparable' };

/** Reads, digests and keeps one shard's records; processes none. */
export class ShardShadow {
  readonly shardId: string;
  readonly from: Checkpoint;
  readonly #buffer: ShadowBuffer;
  readonly #feed: ShardFeed;
  #verified: Mark | null = null;
  #lagMs = 0;
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
    this.#buffer = new ShadowBuffer(from, options.hash, { maxBytes: options.maxBytes, maxEntries: MAX_ENTRIES });
    this.#feed = new ShardFeed(options.reader, options.clock, {
      streamName: lease.streamName,
      shardId: lease.shardId,
      after: from,
      consumerArn: options.consumerArn,
      pollMs: SHADOW_SHARE.gapMs,
      // Also where polling only stands in for a subscription: the owner may poll at the same time.
      share: SHADOW_SHARE,
      emit: options.emit,
      deliver: async (records, millisBehindLatest) => {
        for (const record of records) this.#buffer.add(record);
        this.#lagMs = millisBehindLatest;
        while (this.#buffer.full && !this.#stopped) {
          await new Promise<void>((resolve) => {
            this.#roomMade = resolve;
          });
        }
      },
      onEnd: () => {},
    });
  }

  get bufferedRecords(): number {
    return this.#buffer.records;
  }
  get bufferedBytes(): number {
    return this.#buffer.bytes;
  }
  get lagMs(): number {
    return this.#lagMs;
  }
  /** For how long its feed has heard nothing at all of Kinesis. */
  get silentForMs(): number {
    return this.#feed.silentForMs;
  }
  get verified(): Mark | null {
    return this.#verified;
  }

  markAt(at: Checkpoint): Mark | null {
    return this.#buffer.markAt(at);
  }

  /** Compares the owner's published mark with this side's point at the same sequence number, and forgets what is proved. */
  compare(owner: Mark): Comparison {
    if (this.#verified !== null && sameMark(this.#verified, owner)) return { kind: 'not-comparable' };
    const own = this.#buffer.markAt(owner.sequenceNumber);
    if (own === null) return { kind: 'not-comparable' };
    if (!sameMark(own, owner)) return { kind: 'different', owner, shadow: own };
    this.#verified = own;
    this.#buffer.trimThrough(own.sequenceNumber);
    this.#roomMade();
    return { kind: 'same', mark: own };
  }

  /** Reads by GetRecords up to `through` (null: to the tip), without waiting for a push. */
  catchUp(through: Checkpoint | null): Promise<void> {
    return this.#feed.catchUp(through);
  }

  /**
   * Gives up the shadow for an owner that goes on after this point: the records that are held, and the live subscription where it continues exactly there.
   * A feed that is not handed over must be stopped.
   */
  handOver(at: Checkpoint): { readonly handed: Handed; readonly feed: ShardFeed; readonly feedContinues: boolean } {
    const handed = this.#buffer.after(at);
    this.#stopped = true;
    this.#roomMade();
    return { handed, feed: this.#feed, feedContinues: handed.readOnAfter === this.#feed.after };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#roomMade();
    await this.#feed.stop();
  }
}
