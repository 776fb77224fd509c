// lib/consumer: keeps what this worker runs in step with the lease table: takes, adopts, shadows, checkpoints, ends and lets go.
// in: the tables as just read · out: conditional writes, and owners and shadows that match them
import { missingLeases, parentsEnded, retiredLeases } from '../handover/lineage.ts';
import {
  begin,
  checkpoint,
  claim,
  endShard,
  giveBack,
  type Holder,
  openChain,
  reportDivergence,
  takeOver,
  verifyShadow,
} from '../handover/worker-writes.ts';
import type { HandoverPhase } from '../model/handover.ts';
import type { Group, Lease } from '../model/lease.ts';
import { assignmentsFor } from './balance.ts';
import type { Emit } from './events.ts';
import { HandoverAgent, involves } from './handover-agent.ts';
import type { HeartbeatObserver, OwnLiveness } from './liveness.ts';
import type { ConsumerPorts, ConsumerSettings } from './options.ts';
import type { ShardOwner } from './shard-owner.ts';
import type { ShardTable } from './shard-table.ts';

const PENDING_WATCH_MS = 50;
/** While a shard is paused. */
const PAUSED_WATCH_MS = 2;

const isPaused: ReadonlySet<HandoverPhase> = new Set<HandoverPhase>(['pausing', 'redirected', 'verified', 'activating']);

/** One worker's lease keeping. `scan` looks at everything now and then, `watch` closely at what is just changing hands. */
export class LeaseAgent {
  readonly #settings: ConsumerSettings;
  readonly #ports: ConsumerPorts;
  readonly #table: ShardTable;
  readonly #observer: HeartbeatObserver;
  readonly #liveness: OwnLiveness;
  readonly #emit: Emit;
  readonly #handovers: HandoverAgent;
  readonly #group: Group;
  /** Shards that some step is working on; nobody else may touch them meanwhile. */
  readonly #busy = new Set<string>();
  /** When this worker last changed something of a shard: anything read before is out of date. */
  readonly #actedAtMs = new Map<string, number>();
  readonly #parentsOf = new Map<string, readonly string[]>();
  #watched = new Set<string>();
  readonly #published = new Map<string, string>();

  constructor(
    settings: ConsumerSettings,
    ports: ConsumerPorts,
    table: ShardTable,
    observer: HeartbeatObserver,
    liveness: OwnLiveness,
    emit: Emit,
  ) {
    this.#settings = settings;
    this.#ports = ports;
    this.#table = table;
    this.#observer = observer;
    this.#liveness = liveness;
    this.#emit = emit;
    this.#handovers = new HandoverAgent(settings, ports, table, emit);
    this.#group = { application: settings.application, streamName: settings.streamName };
  }

  /** Creates the leases that the stream's shards lack, and removes those of expired shards. Throws nothing for a stream that is gone: null. */
  async syncShards(signal: AbortSignal): Promise<'synced' | 'no-stream'> {
    const { control, leases, clock } = this.#ports;
    const stream = await control.describe(this.#settings.streamName, signal);
    if (stream === null) return 'no-stream';
    const existing = await leases.list(this.#group, signal);
    for (const lease of missingLeases(this.#group, stream.shards, existing, this.#settings.initialPosition, clock.nowMs()))
      await leases.create(lease, signal);
    for (const lease of retiredLeases(stream.shards, existing))
      await leases.remove(this.#group, lease.shardId, lease.epoch, signal);
    return 'synced';
  }

  /** One look at the whole table; with `takes`, ownerless leases that fall to this worker are taken. */
  async scan(takes: boolean, signal: AbortSignal): Promise<void> {
    const readAtMs = this.#ports.clock.monotonicMs();
    const [leases, workers] = await Promise.all([
      this.#ports.leases.list(this.#group, signal),
      this.#ports.workers.list(this.#group, signal),
    ]);
    const nowMs = this.#ports.clock.monotonicMs();
    this.#observer.observe(workers, new Set(leases.flatMap((lease) => lease.owner ?? [])), nowMs);
    this.#watched = new Set(leases.filter((lease) => involves(lease, this.#settings.workerId)).map((lease) => lease.shardId));
    const live = workers.filter((worker) => !this.#observer.isExpired(worker.workerId, nowMs));
    const takeable = leases.filter((lease) => this.#isTakeable(lease, nowMs));
    const ownerless = new Set(takeable.map((lease) => lease.shardId));
    for (const lease of leases) {
      if (this.#watched.has(lease.shardId) || ownerless.has(lease.shardId)) continue;
      await this.#withShard(lease.shardId, readAtMs, () => this.#reconcile(lease, signal));
    }
    if (takes) await this.#take(assignmentsFor(this.#settings.workerId, takeable, leases, live), readAtMs, signal);
    this.#dropUnlisted(leases, readAtMs);
    if (this.#heldAsListed(leases)) this.#liveness.confirmed(readAtMs);
  }

  /** One close look at the shards that are changing hands. Returns after how many milliseconds to look again; null: nothing to watch. */
  async watch(signal: AbortSignal): Promise<number | null> {
    const pending = [...this.#table.owners.values()].filter((owner) => owner.isPending).map((owner) => owner.shardId);
    if (this.#watched.size === 0 && pending.length === 0) return null;
    const readAtMs = this.#ports.clock.monotonicMs();
    const wanted = [...new Set([...this.#watched, ...pending, ...pending.flatMap((id) => this.#parentsOf.get(id) ?? [])])];
    const leases = new Map((await this.#ports.leases.get(this.#group, wanted, signal)).map((lease) => [lease.shardId, lease]));
    for (const shardId of this.#watched) {
      const lease = leases.get(shardId);
      await this.#withShard(shardId, readAtMs, async () => {
        if (lease?.handover?.phase === 'preparing' && this.#table.shadows.has(shardId)) await this.#keepShadow(lease, signal);
        const last = lease === undefined ? null : await this.#handovers.step(lease, signal);
        if (last === null || !involves(last, this.#settings.workerId)) this.#watched.delete(shardId);
      });
    }
    for (const shardId of pending) {
      const lease = leases.get(shardId);
      if (lease !== undefined) await this.#withShard(shardId, readAtMs, () => this.#beginIfReady(lease, leases, signal));
    }
    if (this.#watched.size === 0) return PENDING_WATCH_MS;
    const phases = [...this.#watched].map((shardId) => leases.get(shardId)?.handover?.phase);
    return phases.some((phase) => phase !== undefined && isPaused.has(phase)) ? PAUSED_WATCH_MS : this.#settings.watchMs;
  }

  /** Publishes the progress of every shard whose position or chain has moved. */
  async checkpointAll(signal: AbortSignal): Promise<void> {
    for (const [shardId, owner] of this.#table.owners) {
      await this.#withShard(shardId, Number.POSITIVE_INFINITY, () => this.#checkpoint(owner, signal));
    }
  }

  /** A shard was processed to its end: says so, creates the children's leases, lets go. */
  async end(shardId: string, signal: AbortSignal): Promise<void> {
    const owner = this.#table.owners.get(shardId);
    if (owner === undefined) return;
    const result = await this.#ports.leases.write(
      this.#group,
      shardId,
      endShard(this.#holder(owner), this.#ports.clock.nowMs()),
      signal,
    );
    this.#acted(shardId);
    this.#table.letGo(shardId);
    this.#watched.delete(shardId);
    const isEnded =
      result.kind === 'written' || (result.lease?.state === 'ended' && result.lease.owner === this.#settings.workerId);
    if (!isEnded) return this.#emit({ kind: 'lease-lost', shardId, epoch: owner.epoch, to: result.lease?.owner ?? null });
    this.#emit({ kind: 'shard-ended', shardId });
    await this.syncShards(signal);
    await this.scan(true, signal);
  }

  /** Last checkpoint, then the lease is anyone's. The caller has paused and drained the owner. */
  async handBack(owner: ShardOwner, signal: AbortSignal): Promise<void> {
    await this.#checkpoint(owner, signal);
    await this.#ports.leases.write(this.#group, owner.shardId, giveBack(this.#holder(owner)), signal);
    this.#acted(owner.shardId);
    this.#table.letGo(owner.shardId);
    this.#emit({ kind: 'lease-given-back', shardId: owner.shardId });
  }

  async #reconcile(lease: Lease, signal: AbortSignal): Promise<void> {
    const { workerId } = this.#settings;
    const owner = this.#table.owners.get(lease.shardId);
    if (owner !== undefined) {
      if (lease.owner !== workerId || lease.epoch !== owner.epoch || lease.state === 'ended' || owner.dispatch !== 'running') {
        await this.#handovers.step(lease, signal);
        return;
      }
      await this.#keepChain(owner, lease, signal);
      return;
    }
    if (lease.owner === workerId && lease.state !== 'ended') return this.#adopt(lease, signal);
    await this.#keepShadow(lease, signal);
  }

  /** A lease that names us as its owner while we run nothing: an assigned child, or ours from before a restart, which gets a new epoch first. */
  async #adopt(lease: Lease, signal: AbortSignal): Promise<void> {
    if (lease.state === 'pending') return this.#takeUp(lease, 'assigned');
    const result = await this.#ports.leases.write(this.#group, lease.shardId, takeOver(lease, this.#settings.workerId), signal);
    if (result.kind === 'written') this.#takeUp(result.lease, 'taken-over');
  }

  #takeUp(lease: Lease, how: 'claimed' | 'taken-over' | 'assigned'): void {
    this.#parentsOf.set(lease.shardId, lease.parents);
    this.#table.takeUp(lease, lease.checkpoint);
    this.#emit({ kind: 'lease-taken', shardId: lease.shardId, epoch: lease.epoch, how, from: lease.checkpoint });
  }

  /** Opens the digest chain when a shadow asks for it, closes it when the shadow is gone. */
  async #keepChain(owner: ShardOwner, lease: Lease, signal: AbortSignal): Promise<void> {
    const shadow = lease.shadow;
    if (shadow === undefined || shadow.state === 'diverged') return owner.closeChain();
    if (shadow.state !== 'requested' || owner.isPending || !owner.openChain(shadow.workerId)) return;
    const mark = owner.mark;
    if (mark === null) return;
    const result = await this.#ports.leases.write(
      this.#group,
      lease.shardId,
      openChain(this.#holder(owner), shadow.workerId, mark.sequenceNumber, mark),
      signal,
    );
    if (result.kind === 'fenced') owner.closeChain();
  }

  /** Starts, compares or stops our standby shadow of this shard. */
  async #keepShadow(lease: Lease, signal: AbortSignal): Promise<void> {
    const { workerId } = this.#settings;
    const wanted = lease.shadow;
    const running = this.#table.shadows.get(lease.shardId);
    const isOurs =
      wanted?.workerId === workerId && wanted.from !== undefined && (wanted.state === 'opened' || wanted.state === 'tracking');
    if (!isOurs || running === undefined || running.from !== wanted.from) {
      if (running !== undefined) this.#table.stopShadow(lease.shardId);
      if (isOurs && wanted.from !== undefined) this.#table.startShadow(lease, wanted.from);
      return;
    }
    if (lease.mark === undefined) return;
    const comparison = running.compare(lease.mark);
    if (comparison.kind === 'different') {
      this.#emit({ kind: 'shadow-diverged', shardId: lease.shardId, at: comparison.owner.sequenceNumber });
      await this.#ports.leases.write(
        this.#group,
        lease.shardId,
        reportDivergence(workerId, running.from, comparison.owner, comparison.shadow),
        signal,
      );
    }
    if (comparison.kind === 'same') {
      const progress = {
        verifiedThrough: comparison.mark,
        bufferedRecords: running.bufferedRecords,
        bufferedBytes: running.bufferedBytes,
        lagMs: running.lagMs,
      };
      await this.#ports.leases.write(
        this.#group,
        lease.shardId,
        verifyShadow(workerId, running.from, progress, this.#ports.clock.nowMs()),
        signal,
      );
    }
  }

  /** Nobody's, or owned by another worker whose heartbeat stands still. */
  #isTakeable(lease: Lease, monotonicMs: number): boolean {
    if (lease.state === 'ended' || lease.owner === this.#settings.workerId) return false;
    return lease.owner === undefined || this.#observer.isExpired(lease.owner, monotonicMs);
  }

  async #take(assigned: readonly Lease[], readAtMs: number, signal: AbortSignal): Promise<void> {
    for (const lease of assigned) {
      await this.#withShard(lease.shardId, readAtMs, async () => {
        const write =
          lease.owner === undefined ? claim(lease, this.#settings.workerId) : takeOver(lease, this.#settings.workerId);
        const result = await this.#ports.leases.write(this.#group, lease.shardId, write, signal);
        if (result.kind === 'written') this.#takeUp(result.lease, lease.owner === undefined ? 'claimed' : 'taken-over');
      });
    }
  }

  async #beginIfReady(lease: Lease, leases: ReadonlyMap<string, Lease>, signal: AbortSignal): Promise<void> {
    const owner = this.#table.owners.get(lease.shardId);
    if (owner === undefined || !owner.isPending || !parentsEnded(lease, leases)) return;
    const result = await this.#ports.leases.write(this.#group, lease.shardId, begin(this.#holder(owner)), signal);
    if (
      result.kind === 'written' ||
      (result.lease?.owner === this.#settings.workerId && result.lease.epoch === owner.epoch && result.lease.state === 'active')
    )
      owner.begin();
    else this.#table.letGo(lease.shardId);
  }

  async #checkpoint(owner: ShardOwner, signal: AbortSignal): Promise<void> {
    const progress = this.#table.progressOf(owner.shardId);
    if (progress === null || owner.isPending || progress.checkpoint === 'LATEST') return;
    const fingerprint = JSON.stringify([owner.epoch, progress]);
    if (this.#published.get(owner.shardId) === fingerprint) return;
    const write = checkpoint(
      this.#holder(owner),
      progress.checkpoint,
      progress.subSequenceNumber,
      progress.mark,
      this.#ports.clock.nowMs(),
    );
    const result = await this.#ports.leases.write(this.#group, owner.shardId, write, signal);
    if (result.kind === 'written') this.#published.set(owner.shardId, fingerprint);
    else if (result.lease !== null) await this.#handovers.step(result.lease, signal);
  }

  /** Leases that are gone from the table (an operator deleted them): nobody may go on with them. */
  #dropUnlisted(leases: readonly Lease[], readAtMs: number): void {
    const listed = new Set(leases.map((lease) => lease.shardId));
    for (const [shardId, owner] of this.#table.owners) {
      if (listed.has(shardId) || this.#busy.has(shardId) || (this.#actedAtMs.get(shardId) ?? 0) >= readAtMs) continue;
      this.#table.letGo(shardId);
      this.#emit({ kind: 'lease-lost', shardId, epoch: owner.epoch, to: null });
    }
    for (const shardId of [...this.#table.shadows.keys()]) if (!listed.has(shardId)) this.#table.stopShadow(shardId);
  }

  /** Whether everything that we run is ours under the epoch by which we run it. */
  #heldAsListed(leases: readonly Lease[]): boolean {
    const listed = new Map(leases.map((lease) => [lease.shardId, lease]));
    return [...this.#table.owners.values()].every(({ shardId, epoch }) => {
      const lease = listed.get(shardId);
      return lease === undefined || (lease.owner === this.#settings.workerId && lease.epoch === epoch) || lease.epoch < epoch;
    });
  }

  #holder(owner: ShardOwner): Holder {
    return { workerId: this.#settings.workerId, epoch: owner.epoch };
  }

  #acted(shardId: string): void {
    this.#actedAtMs.set(shardId, this.#ports.clock.monotonicMs());
  }

  /** Runs a step on a shard unless another is under way or what it knows was read before our own last change. The loops come back soon. */
  async #withShard(shardId: string, readAtMs: number, step: () => Promise<void> | void): Promise<void> {
    if (this.#busy.has(shardId) || (this.#actedAtMs.get(shardId) ?? Number.NEGATIVE_INFINITY) >= readAtMs) return;
    this.#busy.add(shardId);
    try {
      await step();
    } finally {
      this.#acted(shardId);
      this.#busy.delete(shardId);
    }
  }
}
