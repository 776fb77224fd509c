// lib/consumer: the two ends of a standby shadow in one worker: the chain of a shard that it owns, the copy of one that another owns.
// in: a lease as just read · out: chains opened and closed; shadows started, compared and stopped; what was verified, written to the lease
import { openChain, reportDivergence, verifyShadow } from '../handover/worker-writes.ts';
import type { Group, Lease } from '../model/lease.ts';
import { TOLD_EVERY_MS } from '../shadow/readiness.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import type { Emit } from './events.ts';
import type { ConsumerSettings } from './options.ts';
import type { ShardOwner } from './shard-owner.ts';
import type { ShardShadow } from './shard-shadow.ts';
import type { ShardTable } from './shard-table.ts';

/** A shadow that is not yet tracking looks for the owner's marks so often; later twice per mark. */
const YOUNG_SHADOW_MS = 100;

/** One worker's chains and shadows. */
export class ShadowKeeper {
  readonly #group: Group;
  readonly #settings: ConsumerSettings;
  readonly #ports: ConsumerPorts;
  readonly #table: ShardTable;
  readonly #emit: Emit;
  /** What each shadow has told the lease item, and when. */
  readonly #told = new WeakMap<ShardShadow, { readonly atMs: number; readonly told: string }>();

  constructor(group: Group, settings: ConsumerSettings, ports: ConsumerPorts, table: ShardTable, emit: Emit) {
    this.#group = group;
    this.#settings = settings;
    this.#ports = ports;
    this.#table = table;
    this.#emit = emit;
  }

  /** How often the leases of the shards that we shadow are to be looked at. */
  get tendEveryMs(): number {
    const isYoung = [...this.#table.shadows.values()].some((shadow) => shadow.verified === null);
    return isYoung ? YOUNG_SHADOW_MS : this.#settings.markMs / 2;
  }

  /** Opens the digest chain when a shadow asks for it, closes it when the shadow is gone. */
  async keepChain(owner: ShardOwner, lease: Lease, signal: AbortSignal): Promise<void> {
    const shadow = lease.shadow;
    if (shadow === undefined || shadow.state === 'diverged') return owner.closeChain();
    if (shadow.state !== 'requested' || owner.isPending || !owner.openChain(shadow.workerId)) return;
    const mark = owner.mark;
    if (mark === null) return;
    const holder = { workerId: this.#settings.workerId, epoch: owner.epoch };
    const write = openChain(holder, shadow.workerId, mark.sequenceNumber, mark, owner.published);
    const result = await this.#ports.leases.write(this.#group, lease.shardId, write, signal);
    if (result.kind === 'fenced') return owner.closeChain();
    await this.#ports.workers.announce(this.#group, signal);
  }

  /** Starts, compares or stops our standby shadow of this shard. Returns it while it runs for this lease's chain. */
  async keepShadow(lease: Lease, signal: AbortSignal): Promise<ShardShadow | null> {
    const { workerId } = this.#settings;
    const wanted = lease.shadow;
    const running = this.#table.shadows.get(lease.shardId);
    const isOurs =
      wanted?.workerId === workerId && wanted.from !== undefined && (wanted.state === 'opened' || wanted.state === 'tracking');
    if (!isOurs || running === undefined || running.from !== wanted.from) {
      if (running !== undefined) this.#table.stopShadow(lease.shardId);
      if (isOurs && wanted.from !== undefined) this.#table.startShadow(lease, wanted.from);
      return null;
    }
    if (lease.mark !== undefined) await this.#compare(lease, running, lease.mark, signal);
    return running;
  }

  async #compare(lease: Lease, running: ShardShadow, mark: NonNullable<Lease['mark']>, signal: AbortSignal): Promise<void> {
    const comparison = running.compare(mark);
    if (comparison.kind !== 'different') return this.#tell(lease, running, signal);
    this.#emit({ kind: 'shadow-diverged', shardId: lease.shardId, at: comparison.owner.sequenceNumber });
    const write = reportDivergence(this.#settings.workerId, running.from, comparison.owner, comparison.shadow);
    await this.#ports.leases.write(this.#group, lease.shardId, write, signal);
  }

  /** Tells the lease item what is new of a shadow: the first proof at once, the rest now and then; a quiet shard costs no write. */
  async #tell(lease: Lease, running: ShardShadow, signal: AbortSignal): Promise<void> {
    const { verified, verifiedAtMs, bufferedRecords, bufferedBytes, lagMs } = running;
    if (verified === null) return;
    const atMs = this.#ports.clock.monotonicMs();
    const last = this.#told.get(running);
    const progress = { verifiedThrough: verified, bufferedRecords, bufferedBytes, lagMs };
    const told = JSON.stringify(progress);
    const isFirst = lease.shadow?.state !== 'tracking';
    if (!isFirst && last !== undefined && (last.told === told || atMs - last.atMs < TOLD_EVERY_MS)) return;
    const write = verifyShadow(this.#settings.workerId, running.from, progress, verifiedAtMs);
    await this.#ports.leases.write(this.#group, lease.shardId, write, signal);
    this.#told.set(running, { atMs, told });
  }
}
