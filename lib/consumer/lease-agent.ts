// lib/consumer: keeps what this worker runs in step with the lease table: takes, adopts, shadows, checkpoints, ends and lets go.
// in: the tables as just read · out: conditional writes, and owners and shadows that match them
import { parentsEnded } from '../handover/lineage.ts';
import { begin, checkpoint, claim, endShard, type Holder, takeOver } from '../handover/worker-writes.ts';
import type { OwnLiveness } from '../liveness/own-liveness.ts';
import type { Group, Lease } from '../model/lease.ts';
import type { Worker } from '../model/worker.ts';
import { assignmentsFor, ratesOf } from './balance.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import type { Emit } from './events.ts';
import type { FleetWatch } from './fleet-watch.ts';
import { HandoverAgent, involves, isCaughtUp } from './handover-agent.ts';
import type { ConsumerSettings } from './options.ts';
import { Pulls } from './pulls.ts';
import type { UpkeepCount } from './read-ahead.ts';
import { ShadowKeeper } from './shadow-keeper.ts';
import type { ShardOwner } from './shard-owner.ts';
import { ShardSteps } from './shard-steps.ts';
import { syncShards } from './shard-sync.ts';
import type { ShardTable } from './shard-table.ts';

const PENDING_WATCH_MS = 50;
/** No step takes longer unless the store does not answer. */
const FREE_WITHIN_MS = 2_000;
/** While a shard stands still and waits for this worker. */
const AWAITED_WATCH_MS = 2;
/** Longer than most steps take, and no longer than a pause may wait for another shard's. */
const STEPS_WAIT_MS = 5;

/** One worker's lease keeping. `scan` looks at everything now and then, `watch` closely at what is just changing hands. */
export class LeaseAgent {
  readonly #settings: ConsumerSettings;
  readonly #ports: ConsumerPorts;
  readonly #table: ShardTable;
  readonly #fleet: FleetWatch;
  readonly #liveness: OwnLiveness;
  readonly #emit: Emit;
  readonly #handovers: HandoverAgent;
  readonly #pulls: Pulls;
  readonly #shadows: ShadowKeeper;
  readonly steps: ShardSteps;
  readonly #group: Group;
  readonly #parentsOf = new Map<string, readonly string[]>();
  #watched = new Set<string>();
  /** Watched shards that wait for this worker, by the last look at each. */
  readonly #awaited = new Set<string>();
  /** Steps that looks have begun. */
  readonly #underWay = new Set<Promise<void>>();
  readonly #publishing = new Map<string, Promise<'written' | 'fenced'>>();
  readonly #published = new Map<string, { fingerprint: string; atMs: number }>();
  #tendedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    settings: ConsumerSettings,
    ports: ConsumerPorts,
    table: ShardTable,
    fleet: FleetWatch,
    liveness: OwnLiveness,
    emit: Emit,
  ) {
    this.#settings = settings;
    this.#ports = ports;
    this.#table = table;
    this.#fleet = fleet;
    this.#liveness = liveness;
    this.#emit = emit;
    this.#handovers = new HandoverAgent(settings, ports, table, emit);
    this.#group = { application: settings.application, streamName: settings.streamName };
    this.#pulls = new Pulls(this.#group, settings.workerId, ports, emit);
    this.#shadows = new ShadowKeeper(this.#group, settings, ports, table, emit);
    this.steps = new ShardSteps(ports.clock, settings.observeMs, emit);
  }

  /** Creates the leases that the stream's shards lack, and removes those of expired shards and of a former stream of the same name. */
  syncShards(signal: AbortSignal): Promise<'synced' | 'no-stream'> {
    const { initialPosition } = this.#settings;
    return syncShards({ ports: this.#ports, group: this.#group, initialPosition, emit: this.#emit }, signal);
  }

  /** One look at the whole table; with `takes`, ownerless leases that fall to this worker are taken. Says how large the table is and whether leases lie about untaken. */
  async scan(takes: boolean, signal: AbortSignal): Promise<{ leases: number; untaken: number }> {
    const { clock, leases: store, workers } = this.#ports;
    const readAtMs = clock.monotonicMs();
    const leases = await store.list(this.#group, signal);
    this.#fleet.noteOwners(new Set(leases.flatMap((lease) => (lease.state === 'ended' ? [] : (lease.owner ?? [])))));
    this.#watched = new Set(leases.filter((lease) => involves(lease, this.#settings.workerId)).map((lease) => lease.shardId));
    for (const { shardId, handover } of leases)
      if (handover === undefined && !this.steps.isBusy(shardId) && !this.steps.hasActedSince(shardId, readAtMs))
        this.#handovers.forget(shardId);
    const free = new Set(leases.filter((lease) => this.#isTakeable(lease)).map((lease) => lease.shardId));
    for (const lease of leases) {
      if (this.#watched.has(lease.shardId) || free.has(lease.shardId)) continue;
      await this.steps.run(lease.shardId, readAtMs, () => this.#reconcile(lease, signal));
    }
    if (takes && free.size > 0) {
      await this.#fleet.confirm(signal);
      const takeable = leases.filter((lease) => this.#isTakeable(lease));
      const reports = await workers.list(this.#group, signal);
      const mine = assignmentsFor(this.#settings.workerId, takeable, leases, this.#able(reports), ratesOf(reports));
      await this.#take(mine, signal);
    }
    this.#dropUnlisted(leases, readAtMs);
    if (this.#heldAsListed(leases) && (await this.#heldAnew(leases, signal))) this.#liveness.confirmed(readAtMs);
    if (takes && free.size === 0 && this.#settings.rebalance === 'workers')
      await this.#pulls.consider(leases, (reports) => this.#able(reports), signal);
    return { leases: leases.length, untaken: free.size };
  }

  /** One close look at the shards that are changing hands, and at those that we shadow. Returns after how many milliseconds to look again; null: nothing to watch. */
  async watch(signal: AbortSignal): Promise<number | null> {
    const { clock, leases: store } = this.#ports;
    const pending = [...this.#table.owners.values()].filter((owner) => owner.isPending).map((owner) => owner.shardId);
    const { tendEveryMs } = this.#shadows;
    const tended = clock.monotonicMs() - this.#tendedAtMs >= tendEveryMs ? [...this.#table.shadows.keys()] : [];
    const wanted = [
      ...new Set([...this.#watched, ...tended, ...pending, ...pending.flatMap((id) => this.#parentsOf.get(id) ?? [])]),
    ];
    if (wanted.length === 0) return this.#table.shadows.size === 0 ? null : tendEveryMs / 2;
    const readAtMs = clock.monotonicMs();
    const leases = new Map((await store.get(this.#group, wanted, signal)).map((lease) => [lease.shardId, lease]));
    if (tended.length > 0) this.#tendedAtMs = readAtMs;
    const watching = [...this.#watched].map((shardId) => this.#watchOne(shardId, leases.get(shardId), readAtMs, signal));
    const tending = this.#tendAll(tended, leases, readAtMs, signal);
    const beginning = pending.map((shardId) => {
      const lease = leases.get(shardId);
      return lease === undefined
        ? Promise.resolve()
        : this.steps.run(shardId, readAtMs, () => this.#beginIfReady(lease, leases, signal));
    });
    await this.#forAWhile([...watching, tending, ...beginning]);
    if (this.#watched.size === 0) return pending.length > 0 ? PENDING_WATCH_MS : tendEveryMs / 2;
    return [...this.#awaited].some((shardId) => this.#watched.has(shardId)) ? AWAITED_WATCH_MS : this.#settings.watchMs;
  }

  /** Resolves when no step that a look has begun is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /**
   * Waits for steps, but not for long: each has writes and reads of its own to wait for, and a shard that stands still must not wait for another's. A shard whose step is
   * still under way is left out of the looks until it has ended.
   */
  async #forAWhile(steps: readonly Promise<void>[]): Promise<void> {
    const all = Promise.all(steps).then(() => undefined);
    this.#underWay.add(all);
    const done = all.finally(() => this.#underWay.delete(all));
    await Promise.race([done, this.#ports.clock.sleep(STEPS_WAIT_MS)]);
  }

  async #tendAll(
    tended: readonly string[],
    leases: ReadonlyMap<string, Lease>,
    readAtMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    for (const shardId of tended) {
      const lease = leases.get(shardId);
      if (lease === undefined || this.#watched.has(shardId)) continue;
      await this.steps.run(shardId, readAtMs, () => this.#reconcile(lease, signal));
      if (involves(lease, this.#settings.workerId)) this.#watched.add(shardId);
    }
  }

  #watchOne(shardId: string, lease: Lease | undefined, readAtMs: number, signal: AbortSignal): Promise<void> {
    return this.steps.run(shardId, readAtMs, async () => {
      if (lease?.handover?.phase === 'preparing' && this.#table.shadows.has(shardId)) await this.#keepShadow(lease, signal);
      const last = lease === undefined ? null : await this.#handovers.step(lease, signal);
      const isOver = last === null || !involves(last, this.#settings.workerId);
      if (isOver) this.#watched.delete(shardId);
      if (!isOver && this.#handovers.isAwaited(last)) this.#awaited.add(shardId);
      else this.#awaited.delete(shardId);
    });
  }

  /** From now on looks closely at a shard whose handover this worker has begun or been told of. */
  watchClosely(shardId: string): void {
    this.#watched.add(shardId);
  }

  /** The workers that may be given shards. */
  #able(reports: readonly Worker[]): Worker[] {
    const able = this.#fleet.candidates;
    return reports.filter((worker) => able.has(worker.workerId));
  }

  /** Publishes progress where it is due: often for shards with a shadow that compares, seldom for the others; nothing where nothing has moved. */
  async checkpointDue(signal: AbortSignal): Promise<void> {
    const nowMs = this.#ports.clock.monotonicMs();
    for (const [shardId, owner] of this.#table.owners) {
      const sinceMs = nowMs - (this.#published.get(shardId)?.atMs ?? Number.NEGATIVE_INFINITY);
      if (sinceMs < (owner.chainFor === null ? this.#table.inForce.checkpointMs : this.#settings.markMs)) continue;
      // What a shadow's marks cost is not for `checkpointMs` to change.
      const count = owner.chainFor === null ? this.#table.upkeep : undefined;
      await this.steps.run(shardId, Number.POSITIVE_INFINITY, async () => void (await this.checkpoint(owner, signal, count)));
    }
  }

  /** Publishes the progress of one shard now. */
  async checkpointNow(shardId: string, signal: AbortSignal): Promise<'written' | 'fenced'> {
    const owner = this.#table.owners.get(shardId);
    return owner === undefined ? 'fenced' : this.checkpoint(owner, signal);
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
    this.steps.acted(shardId);
    this.#table.letGo(shardId);
    this.#watched.delete(shardId);
    const isEnded =
      result.kind === 'written' || (result.lease?.state === 'ended' && result.lease.owner === this.#settings.workerId);
    if (!isEnded) return this.#emit({ kind: 'lease-lost', shardId, epoch: owner.epoch, to: result.lease?.owner ?? null });
    this.#emit({ kind: 'shard-ended', shardId });
    await this.syncShards(signal);
    await this.#ports.workers.announce(this.#group, signal);
    await this.scan(true, signal);
  }

  async #reconcile(lease: Lease, signal: AbortSignal): Promise<void> {
    const { workerId } = this.#settings;
    const owner = this.#table.owners.get(lease.shardId);
    if (owner !== undefined) {
      if (lease.owner !== workerId || lease.epoch !== owner.epoch || lease.state === 'ended' || owner.dispatch !== 'running') {
        await this.#handovers.step(lease, signal);
        return;
      }
      await this.#shadows.keepChain(owner, lease, signal);
      return;
    }
    if (lease.owner === workerId && lease.state !== 'ended') return this.#adopt(lease, signal);
    await this.#keepShadow(lease, signal);
  }

  /** A lease that names us as its owner while we run nothing: an assigned child, or ours from before a restart, which gets a new epoch first. */
  async #adopt(lease: Lease, signal: AbortSignal): Promise<void> {
    if (lease.state === 'pending') return this.#takeUp(lease, 'assigned');
    await this.#takeAs(lease, 'taken-over', signal);
  }

  /** Takes a lease, nobody's, another worker's or our own, under a new epoch, and runs it, unless it is not as it was read any more. */
  async #takeAs(lease: Lease, how: 'claimed' | 'taken-over', signal: AbortSignal): Promise<void> {
    const write = (how === 'claimed' ? claim : takeOver)(lease, this.#settings.workerId);
    const result = await this.#ports.leases.write(this.#group, lease.shardId, write, signal);
    if (result.kind === 'written') this.#takeUp(result.lease, how);
  }

  #takeUp(lease: Lease, how: 'claimed' | 'taken-over' | 'assigned'): void {
    this.#parentsOf.set(lease.shardId, lease.parents);
    this.#table.takeUp(lease, lease.checkpoint);
    this.#emit({ kind: 'lease-taken', shardId: lease.shardId, epoch: lease.epoch, how, from: lease.checkpoint });
  }

  /** Keeps our shadow of this shard; one that we wanted for ourselves is followed by its handover as soon as it is proved and close to the tip. */
  async #keepShadow(lease: Lease, signal: AbortSignal): Promise<void> {
    const shadow = await this.#shadows.keepShadow(lease, signal);
    if (shadow !== null && isCaughtUp(lease, shadow) && (await this.#pulls.advance(lease, signal)))
      this.watchClosely(lease.shardId);
  }

  /** Nobody's, or owned by another worker whose heartbeat stands still. */
  #isTakeable(lease: Lease): boolean {
    if (lease.state === 'ended' || lease.owner === this.#settings.workerId) return false;
    return lease.owner === undefined || this.#fleet.isExpired(lease.owner);
  }

  /** Each write relies on the lease as it was read, so that it may wait for a step that is under way (the watch of a handover of the same shard comes every few milliseconds). */
  async #take(assigned: readonly Lease[], signal: AbortSignal): Promise<void> {
    const takeOne = (lease: Lease) =>
      this.#whenFree(lease.shardId, () => this.#takeAs(lease, lease.owner === undefined ? 'claimed' : 'taken-over', signal));
    await Promise.all(assigned.map(takeOne));
  }

  #whenFree(shardId: string, step: () => Promise<void>): Promise<void> {
    return this.steps.runWhenFree(shardId, this.#ports.clock.monotonicMs() + FREE_WITHIN_MS, step);
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

  /** Publishes how far a shard is processed, if that has changed. One write of a shard at a time: two that overtake each other would move its checkpoint back. */
  async checkpoint(owner: ShardOwner, signal: AbortSignal, count?: UpkeepCount): Promise<'written' | 'fenced'> {
    const before = this.#publishing.get(owner.shardId);
    const publishing = (async () => {
      await before?.catch(() => {});
      return this.#publish(owner, signal, count);
    })();
    this.#publishing.set(owner.shardId, publishing);
    try {
      return await publishing;
    } finally {
      if (this.#publishing.get(owner.shardId) === publishing) this.#publishing.delete(owner.shardId);
    }
  }

  async #publish(owner: ShardOwner, signal: AbortSignal, count?: UpkeepCount): Promise<'written' | 'fenced'> {
    const progress = this.#table.progressOf(owner.shardId);
    if (progress === null || owner.isPending || progress.checkpoint === 'LATEST') return 'written';
    const fingerprint = JSON.stringify([owner.epoch, progress]);
    const atMs = this.#ports.clock.monotonicMs();
    if (this.#published.get(owner.shardId)?.fingerprint === fingerprint) return 'written';
    const write = checkpoint(
      this.#holder(owner),
      progress.checkpoint,
      progress.subSequenceNumber,
      progress.mark,
      this.#ports.clock.nowMs(),
    );
    const result = await this.#ports.leases.write(this.#group, owner.shardId, write, signal).finally(() => {
      if (count === undefined) return;
      count.checkpoints += 1;
      count.checkpointMs += this.#ports.clock.monotonicMs() - atMs;
    });
    if (result.kind === 'written') this.#published.set(owner.shardId, { fingerprint, atMs });
    else if (result.lease !== null) await this.#handovers.step(result.lease, signal);
    return result.kind;
  }

  /** Leases that are gone from the table (an operator deleted them): nobody may go on with them. */
  #dropUnlisted(leases: readonly Lease[], readAtMs: number): void {
    const listed = new Set(leases.map((lease) => lease.shardId));
    for (const [shardId, owner] of this.#table.owners) {
      if (listed.has(shardId) || this.steps.isBusy(shardId) || this.steps.hasActedSince(shardId, readAtMs)) continue;
      this.#table.letGo(shardId);
      this.#emit({ kind: 'lease-lost', shardId, epoch: owner.epoch, to: null });
    }
    for (const shardId of [...this.#table.shadows.keys()]) if (!listed.has(shardId)) this.#table.stopShadow(shardId);
  }

  /**
   * After a lapse a look at the table is not enough: another worker may have decided to take our leases over before our heartbeats came again, and its writes may still be
   * on their way. So each lease that we run gets a new epoch, which fences them. Returns whether all have it.
   */
  async #heldAnew(leases: readonly Lease[], signal: AbortSignal): Promise<boolean> {
    if (this.#liveness.isConfirmed) return true;
    const renew = async (lease: Lease): Promise<boolean> => {
      const { shardId } = lease;
      const owner = this.#table.owners.get(shardId);
      if (owner === undefined)
        return lease.owner !== this.#settings.workerId || lease.state === 'ended' || this.#takenAnew(lease, signal);
      if (owner.epoch > lease.epoch) return true;
      await this.#whenFree(shardId, async () => {
        const result = await this.#ports.leases.write(this.#group, shardId, takeOver(lease, this.#settings.workerId), signal);
        if (result.kind === 'fenced') {
          this.#table.letGo(shardId);
          this.#emit({ kind: 'lease-lost', shardId, epoch: owner.epoch, to: result.lease?.owner ?? null });
          return;
        }
        owner.closeChain();
        owner.resume(result.lease.epoch);
      });
      return this.#table.owners.get(shardId) !== owner || owner.epoch > lease.epoch;
    };
    return (await Promise.all(leases.map(renew))).every(Boolean);
  }

  /** One that names us and that we do not run, since it was just handed over to us: whoever decided to take it over may do so at any moment. */
  async #takenAnew(lease: Lease, signal: AbortSignal): Promise<boolean> {
    const { shardId } = lease;
    await this.#whenFree(shardId, async () => {
      if (!this.#table.owners.has(shardId)) await this.#takeAs(lease, 'taken-over', signal);
    });
    return (this.#table.owners.get(shardId)?.epoch ?? -1) > lease.epoch;
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
}
