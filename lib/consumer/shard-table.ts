// lib/consumer: what this worker runs at the moment: the shards that it owns and the shadows that it keeps.
// in: a lease to take up, to shadow or to let go · out: running owners and shadows
import { consumerNameOf } from '../model/consumer-name.ts';
import type { DemandCounters } from '../model/demand.ts';
import type { Lease, Mark } from '../model/lease.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import type { SettingsInForce } from '../model/tuning.ts';
import type { Hash64 } from '../shadow/digest-chain.ts';
import type { CallCount } from './call-watch.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import { DemandCounter } from './demand-counter.ts';
import type { Emit } from './events.ts';
import { type ConsumerSettings, ownSettingsOf } from './options.ts';
import { OWNER_SHARE, WHOLE_SHARE } from './poll-pace.ts';
import type { Processor, ProcessorResults } from './processor.ts';
import { noUpkeep, type UpkeepCount } from './read-ahead.ts';
import { ShardOwner } from './shard-owner.ts';
import { BufferBudget } from './shard-queue.ts';
import { ShardShadow } from './shard-shadow.ts';

export interface ShardTableOptions {
  readonly settings: ConsumerSettings;
  readonly ports: ConsumerPorts;
  readonly processor: Processor;
  /** Where the results of a shard are told while a profiling run compares them. @default nowhere */
  readonly resultsOf?: (shardId: string) => ProcessorResults;
  readonly hash: Hash64;
  readonly processId: string;
  readonly streamArn: string;
  readonly mayAct: () => boolean;
  /** Chance in [0, 1). */
  readonly random: () => number;
  /** Writes a shard's progress to its lease item now. */
  readonly checkpointNow: (shardId: string) => Promise<'written' | 'fenced'>;
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
  /** Owners that were let go and still have calls in flight. */
  readonly #leaving = new Map<ShardOwner, Promise<void>>();
  readonly #budget: BufferBudget;
  #flushes = 0;
  #retired: DemandCounters[] = [];
  #retiredTotal = { records: 0, bytes: 0 };
  #retiredProcessed = { records: 0, bytes: 0, latencyMs: 0 };
  #inForce: SettingsInForce;
  /** What calls of the processor came to, of shards that were let go, too. */
  readonly calls: CallCount = { calls: 0, callMs: 0, failedCalls: 0 };
  /** What checkpoints and reading ahead came to, of shards that were let go, too. */
  readonly upkeep: UpkeepCount = noUpkeep();

  constructor(options: ShardTableOptions) {
    this.#options = options;
    this.#inForce = ownSettingsOf(options.settings);
    this.#budget = new BufferBudget(options.settings.maxTotalBufferBytes);
  }

  /** The same, with what lasts at this moment counted until now. */
  settledUpkeep(): UpkeepCount {
    for (const owner of this.owners.values()) owner.settleUpkeep();
    return { ...this.upkeep };
  }

  /** What the shards go by now. */
  get inForce(): SettingsInForce {
    return this.#inForce;
  }

  /** Lets the shards that are owned, and those to come, go by other settings. */
  tune(settings: SettingsInForce): void {
    this.#inForce = settings;
    for (const owner of this.owners.values()) owner.tune(settings);
  }

  /** Begins to own a shard after `after` (within it, where the lease names a sub-record), with what a shadow of it on this worker already holds. */
  takeUp(lease: Lease, after: Checkpoint): ShardOwner {
    const { settings, ports, processor, resultsOf, hash, mayAct, random, checkpointNow, emit, onDrainedToEnd } = this.#options;
    const { shardId, subSequenceNumber } = lease;
    // One that still runs here goes by a lease that is no more: a former stream's of the same name.
    this.letGo(shardId);
    const shadow = this.shadows.get(lease.shardId);
    // A shadow knows whole records only: of a half-processed one it hands over what follows the one before, if it knows that.
    const given = shadow?.handOver(subSequenceNumber === undefined ? after : (lease.handover?.proof?.sequenceNumber ?? after));
    const isContiguous = subSequenceNumber === undefined || given?.handed.records[0]?.sequenceNumber === after;
    const keepsFeed = given?.feedContinues && isContiguous && settings.retrieval === 'fan-out';
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
      from: subSequenceNumber === undefined ? { checkpoint: after } : { checkpoint: after, subSequenceNumber },
      handed: (isContiguous ? given?.handed : undefined) ?? { records: [], readOnAfter: after },
      feed: keepsFeed ? given.feed : null,
      pending: lease.state === 'pending',
      after: this.#left(shardId),
      settings: { ...settings, ...this.#inForce },
      count: this.calls,
      upkeep: this.upkeep,
      reader: ports.reader,
      clock: ports.clock,
      random,
      processor,
      ...(resultsOf === undefined ? {} : { results: () => resultsOf(shardId) }),
      hash,
      counter,
      budget: this.#budget,
      mayAct,
      consumerArn: settings.retrieval === 'fan-out' ? () => this.#consumerArn(lease.epoch) : null,
      share: settings.retrieval === 'polling' ? OWNER_SHARE : WHOLE_SHARE,
      checkpointNow: () => checkpointNow(shardId),
      emit,
      onDrainedToEnd: () => onDrainedToEnd(shardId),
    });
    this.owners.set(lease.shardId, owner);
    return owner;
  }

  /** Begins to shadow a shard after the chain's start. */
  startShadow(lease: Lease, from: Checkpoint): void {
    const { settings, ports, hash, emit } = this.#options;
    // A pull among workers takes seconds: a registered consumer, which bills for every shard by the hour, is not worth it.
    const isBrief = lease.shadow?.purpose === 'handover' && settings.rebalance === 'workers' && settings.retrieval !== 'fan-out';
    this.shadows.set(
      lease.shardId,
      new ShardShadow(lease, from, {
        reader: ports.reader,
        clock: ports.clock,
        hash,
        maxBytes: settings.maxShadowBytes,
        consumerArn: settings.retrieval === 'polling' || isBrief ? null : () => this.#consumerArn(lease.epoch + 1),
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
    const left = owner.stop();
    this.#leaving.set(owner, left);
    this.#inBackground(left.finally(() => this.#leaving.delete(owner)));
    const counter = this.#counters.get(shardId);
    this.#counters.delete(shardId);
    if (counter === undefined) return;
    this.#retired.push(...counter.flush(this.#options.ports.clock.nowMs(), true));
    this.#retiredTotal = {
      records: this.#retiredTotal.records + counter.total.records,
      bytes: this.#retiredTotal.bytes + counter.total.bytes,
    };
    this.#retiredProcessed = {
      records: this.#retiredProcessed.records + counter.processed.records,
      bytes: this.#retiredProcessed.bytes + counter.processed.bytes,
      latencyMs: this.#retiredProcessed.latencyMs + counter.processed.latencyMs,
    };
  }

  /** The finished minutes of all counters (all of them with `everything`). */
  flushCounters(nowMs: number, everything = false): DemandCounters[] {
    const flushed = [...this.#retired, ...[...this.#counters.values()].flatMap((counter) => counter.flush(nowMs, everything))];
    this.#retired = [];
    return flushed;
  }

  /** When no call of an earlier ownership of the shard is in flight any more. */
  #left(shardId: string): Promise<unknown> {
    return Promise.allSettled([...this.#leaving].filter(([owner]) => owner.shardId === shardId).map(([, left]) => left));
  }

  /** How long the oldest call of the user's code has been in flight, of shards that are owned or were let go; 0 while there is none. */
  get stuckForMs(): number {
    return Math.max(0, ...[...this.owners.values(), ...this.#leaving.keys()].map((owner) => owner.stuckForMs));
  }

  /** Records and bytes dispatched since the process began, as Kinesis counts them. */
  get total(): { records: number; bytes: number } {
    return [...this.#counters.values()].reduce(
      (sum, { total }) => ({ records: sum.records + total.records, bytes: sum.bytes + total.bytes }),
      this.#retiredTotal,
    );
  }

  /** Records as the processor was given them, the bytes of their data, and their time from arrival to being processed, since the process began. */
  get processed(): { records: number; bytes: number; latencyMs: number } {
    return [...this.#counters.values()].reduce(
      (sum, { processed }) => ({
        records: sum.records + processed.records,
        bytes: sum.bytes + processed.bytes,
        latencyMs: sum.latencyMs + processed.latencyMs,
      }),
      this.#retiredProcessed,
    );
  }

  /** The same as `total` of each shard that is owned now. */
  get totals(): ReadonlyMap<string, { records: number; bytes: number }> {
    return new Map([...this.#counters].map(([shardId, { total }]) => [shardId, total]));
  }

  /** The last thing that the owner knows for a checkpoint; null while that is where it began. */
  progressOf(shardId: string): { checkpoint: Checkpoint; subSequenceNumber: number | undefined; mark: Mark | undefined } | null {
    const owner = this.owners.get(shardId);
    if (owner === undefined || !owner.hasMoved) return null;
    const { checkpoint, subSequenceNumber } = owner.published;
    return { checkpoint, subSequenceNumber, mark: owner.mark ?? undefined };
  }

  async stopped(): Promise<void> {
    for (const shardId of [...this.owners.keys()]) this.letGo(shardId);
    for (const shardId of [...this.shadows.keys()]) this.stopShadow(shardId);
    await Promise.allSettled([...this.#stopping]);
  }

  /** The registered consumer by which the owner of this epoch reads; its shadow reads by that of the next, so that an activation swaps them. Polling owners need one only. */
  async #consumerArn(epoch: number): Promise<string> {
    const { settings, ports, streamArn } = this.#options;
    const slot = settings.retrieval === 'fan-out' ? ((epoch % 2) as 0 | 1) : 0;
    return (await ports.control.ensureConsumer(streamArn, consumerNameOf(settings.application, slot))).consumerArn;
  }

  #inBackground(stopping: Promise<void>): void {
    this.#stopping.add(stopping);
    stopping
      .finally(() => this.#stopping.delete(stopping))
      .catch((error: unknown) => this.#options.emit({ kind: 'failed', doing: 'stop', shardId: null, error, retryInMs: 0 }));
  }
}
