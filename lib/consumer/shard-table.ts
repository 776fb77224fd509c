// lib/consumer: what this worker runs at the moment: the shards that it owns and the shadows that it keeps.
// in: a lease to take up, to shadow or to let go · out: running owners and shadows
import { consumerNameOf } from '../model/consumer-name.ts';
import type { DemandCounters } from '../model/demand.ts';
import type { Lease, Mark } from '../model/lease.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import type { Hash64 } from '../shadow/digest-chain.ts';
import { DemandCounter } from './demand-counter.ts';
import type { Emit } from './events.ts';
import type { ConsumerPorts, ConsumerSettings, Processor } from './options.ts';
import { ShardOwner } from './shard-owner.ts';
import { ShardShadow } from './shard-shadow.ts';

export interface ShardTableOptions {
  readonly settings: ConsumerSettings;
  readonly ports: ConsumerPorts;
  readonly processor: Processor;
  readonly hash: Hash64;
  readonly processId: string;
  readonly streamArn: string;
  readonly mayAct: () => boolean;
  readonly emit: Emit;
  readonly onDrainedToEnd: (shardId: string) => void;
}

/** Owners and shadows of this process, by shard id. */
export class ShardTable {
  readonly owners = new Map<string, ShardOwner>();
  readonly shadows = new Map<string, ShardShadow>();
  readonly #options: ShardTableOptions;
  readonly #counters = new Map<string, DemandCounter>();
  readonly #stopping = new Set<Promise<void>>();
  #flushes = 0;
  #retired: DemandCounters[] = [];
  #retiredTotal = { records: 0, bytes: 0 };

  constructor(options: ShardTableOptions) {
    this.#options = options;
  }

  /** Begins to own a shard after `after`, with what a shadow of it on this worker already holds. */
  takeUp(lease: Lease, after: Checkpoint): ShardOwner {
    const { settings, ports, processor, hash, mayAct, emit, onDrainedToEnd } = this.#options;
    const shadow = this.shadows.get(lease.shardId);
    const given = shadow?.handOver(after);
    const keepsFeed = given?.feedContinues && settings.retrieval === 'fan-out';
    if (given !== undefined && !keepsFeed) this.#inBackground(given.feed.stop());
    this.shadows.delete(lease.shardId);
    const counter =
      this.#counters.get(lease.shardId) ??
      new DemandCounter(
        { streamName: lease.streamName, shardId: lease.shardId, hashKeyRange: lease.hashKeyRange, workerId: settings.workerId },
        () => {
          this.#flushes += 1;
          return `${this.#options.processId}-${this.#flushes}`;
        },
      );
    this.#counters.set(lease.shardId, counter);
    const owner = new ShardOwner({
      lease,
      epoch: lease.epoch,
      position: after,
      handed: given?.handed ?? { records: [], readOnAfter: after },
      feed: keepsFeed ? given.feed : null,
      pending: lease.state === 'pending',
      reader: ports.reader,
      clock: ports.clock,
      processor,
      hash,
      counter,
      mayAct,
      consumerArn: settings.retrieval === 'fan-out' ? () => this.#consumerArn(lease.epoch) : null,
      pollMs: settings.pollMs,
      maxBatchRecords: settings.maxBatchRecords,
      maxBufferBytes: settings.maxBufferBytes,
      emit,
      onDrainedToEnd: () => onDrainedToEnd(lease.shardId),
    });
    this.owners.set(lease.shardId, owner);
    return owner;
  }

  /** Begins to shadow a shard after the chain's start. */
  startShadow(lease: Lease, from: Checkpoint): void {
    const { settings, ports, hash, emit } = this.#options;
    this.shadows.set(
      lease.shardId,
      new ShardShadow(lease, from, {
        reader: ports.reader,
        clock: ports.clock,
        hash,
        maxBytes: settings.maxShadowBytes,
        consumerArn: () => this.#consumerArn(lease.epoch + 1),
        emit,
      }),
    );
    emit({ kind: 'shadow-started', shardId: lease.shardId });
  }

  stopShadow(shardId: string): void {
    const shadow = this.shadows.get(shardId);
    if (shadow === undefined) return;
    this.shadows.delete(shardId);
    this.#inBackground(shadow.stop());
    this.#options.emit({ kind: 'shadow-stopped', shardId });
  }

  /** Lets a shard go: its reader, queue and counter. What was counted is kept for the next flush. */
  letGo(shardId: string): void {
    const owner = this.owners.get(shardId);
    if (owner === undefined) return;
    this.owners.delete(shardId);
    this.#inBackground(owner.stop());
    const counter = this.#counters.get(shardId);
    this.#counters.delete(shardId);
    if (counter === undefined) return;
    this.#retired.push(...counter.flush(this.#options.ports.clock.nowMs(), true));
    this.#retiredTotal = {
      records: this.#retiredTotal.records + counter.total.records,
      bytes: this.#retiredTotal.bytes + counter.total.bytes,
    };
  }

  /** The finished minutes of all counters (all of them with `everything`). */
  flushCounters(nowMs: number, everything = false): DemandCounters[] {
    const flushed = [...this.#retired, ...[...this.#counters.values()].flatMap((counter) => counter.flush(nowMs, everything))];
    this.#retired = [];
    return flushed;
  }

  /** Records and bytes dispatched since the process began. */
  get total(): { records: number; bytes: number } {
    return [...this.#counters.values()].reduce(
      (sum, { total }) => ({ records: sum.records + total.records, bytes: sum.bytes + total.bytes }),
      this.#retiredTotal,
    );
  }

  /** The last thing that the owner knows for a checkpoint; null while it is nothing that can be resumed from. */
  progressOf(shardId: string): { checkpoint: Checkpoint; subSequenceNumber: number | undefined; mark: Mark | undefined } | null {
    const owner = this.owners.get(shardId);
    if (owner === undefined) return null;
    return { checkpoint: owner.position, subSequenceNumber: owner.subSequenceNumber, mark: owner.mark ?? undefined };
  }

  async stopped(): Promise<void> {
    for (const shardId of [...this.owners.keys()]) this.letGo(shardId);
    for (const shardId of [...this.shadows.keys()]) this.stopShadow(shardId);
    await Promise.allSettled([...this.#stopping]);
  }

  /** The registered consumer by which the owner of this epoch reads; its shadow reads by that of the next, so that an activation swaps them. Polling owners need one only. */
  async #consumerArn(epoch: number): Promise<string> {
    const { settings, ports, streamArn } = this.#options;
    const slot = settings.retrieval === 'polling' ? 0 : ((epoch % 2) as 0 | 1);
    return (await ports.control.ensureConsumer(streamArn, consumerNameOf(settings.application, slot))).consumerArn;
  }

  #inBackground(stopping: Promise<void>): void {
    this.#stopping.add(stopping);
    stopping
      .finally(() => this.#stopping.delete(stopping))
      .catch((error: unknown) => this.#options.emit({ kind: 'failed', doing: 'stop', shardId: null, error, retryInMs: 0 }));
  }
}
