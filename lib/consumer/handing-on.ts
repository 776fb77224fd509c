// lib/consumer: what a worker that stops, or cannot read, does with its shards.
// in: owners, the other workers · out: handovers where a shadow is proved, else the last checkpoint and the next owner named in the lease
import { drivenWrite } from '../handover/decide-driver.ts';
import { giveBack, handOn } from '../handover/worker-writes.ts';
import type { Group, Lease } from '../model/lease.ts';
import { nextOwnerOf, ratesOf } from './balance.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import type { Emit } from './events.ts';
import type { FleetWatch } from './fleet-watch.ts';
import type { ConsumerSettings } from './options.ts';
import { mayReapConsumers, reapConsumers } from './reap-consumers.ts';
import type { ShardOwner } from './shard-owner.ts';
import type { ShardSteps } from './shard-steps.ts';
import type { ShardTable } from './shard-table.ts';

const DRAIN_POLL_MS = 2;

export interface HandingOnOptions {
  readonly group: Group;
  readonly settings: ConsumerSettings;
  readonly ports: ConsumerPorts;
  readonly table: ShardTable;
  readonly fleet: FleetWatch;
  readonly steps: ShardSteps;
  readonly emit: Emit;
}

/** One worker's shards on their way to others. */
export class HandingOn {
  readonly #options: HandingOnOptions;

  constructor(options: HandingOnOptions) {
    this.#options = options;
  }

  /** Whether there is another worker to give shards to. */
  get hasHeirs(): boolean {
    const { fleet, settings } = this.#options;
    return [...fleet.candidates].some((workerId) => workerId !== settings.workerId);
  }

  /** Begins a handover of every shard whose shadow on another worker is proved; that worker drives it. Returns the shards. */
  async handOverAll(signal: AbortSignal): Promise<string[]> {
    const { group, settings, ports, fleet } = this.#options;
    const { workerId } = settings;
    const able = fleet.candidates;
    const begun: string[] = [];
    for (const lease of await ports.leases.list(group, signal)) {
      const { owner, shadow, shardId, epoch, handover } = lease;
      if (owner !== workerId) continue;
      // One is under way, whoever drives it: it goes to its end.
      if (handover?.source === workerId) begun.push(shardId);
      if (shadow?.state !== 'tracking' || !able.has(shadow.workerId) || handover !== undefined) continue;
      const requestedAtMs = ports.clock.nowMs();
      // Never the id of an earlier one: a late write of that would pass for one of this.
      const handoverId = `stop-${shardId}-${epoch}-${requestedAtMs}`;
      const input = { handoverId, source: workerId, target: shadow.workerId, epoch, requestedAtMs };
      const result = await ports.leases.write(group, shardId, drivenWrite('prepare', input), signal);
      if (result.kind === 'written') begun.push(shardId);
    }
    if (begun.length > 0) await ports.workers.announce(group, signal);
    return begun;
  }

  /**
   * Drains each of the shards, publishes its last checkpoint, and names its next owner; with nobody left it is anyone's. One that does not drain before `untilMs`
   * goes on as it was. No other step of this worker touches a shard meanwhile: it would let it dispatch again.
   */
  async handOnAll(owners: readonly ShardOwner[], untilMs: number, signal: AbortSignal): Promise<void> {
    const { group, settings, ports, fleet, steps } = this.#options;
    if (owners.length === 0) return;
    const [leases, reports] = await Promise.all([ports.leases.list(group, signal), ports.workers.list(group, signal)]);
    const able = fleet.candidates;
    const others = reports.filter((worker) => able.has(worker.workerId) && worker.workerId !== settings.workerId);
    const leaseOf = new Map(leases.map((lease) => [lease.shardId, lease]));
    const leaving = owners.flatMap((owner) => leaseOf.get(owner.shardId) ?? []);
    const heirs = nextOwnerOf(leaving, leases, others, ratesOf(reports));
    await Promise.all(
      owners.map(async (owner) => {
        const lease = leaseOf.get(owner.shardId);
        if (lease === undefined) return;
        const heir = heirs.get(owner.shardId);
        await steps.runWhenFree(owner.shardId, untilMs, () => this.#handOn(owner, lease, heir, untilMs, signal));
      }),
    );
    await ports.workers.announce(group, signal);
  }

  /** The last worker to leave takes the registered fan-out consumers with it. */
  async leave(streamArn: string, signal: AbortSignal): Promise<void> {
    const { group, settings, ports, fleet } = this.#options;
    const { workerId, retrieval } = settings;
    if (retrieval === 'polling' || !mayReapConsumers(workerId, fleet.alive, await ports.leases.list(group, signal))) return;
    await reapConsumers(ports.control, streamArn, group, signal);
  }

  async #handOn(owner: ShardOwner, lease: Lease, heir: string | undefined, untilMs: number, signal: AbortSignal): Promise<void> {
    const { group, settings, ports, table, emit } = this.#options;
    const { shardId, epoch } = owner;
    if (table.owners.get(shardId) !== owner) return;
    owner.pause();
    const isAtRest = () => owner.dispatch === 'drained' || owner.isCutOff;
    while (!isAtRest() && ports.clock.monotonicMs() < untilMs) await ports.clock.sleep(DRAIN_POLL_MS);
    if (!isAtRest()) return owner.resume(epoch);
    const holder = { workerId: settings.workerId, epoch };
    const last = owner.hasMoved ? owner.published : undefined;
    const isGiven =
      heir !== undefined &&
      (await ports.leases.write(group, shardId, handOn(holder, lease, heir, last), signal)).kind === 'written';
    if (!isGiven) await ports.leases.write(group, shardId, giveBack(holder, last), signal);
    table.letGo(shardId);
    emit({ kind: 'lease-given-back', shardId, ...(isGiven ? { to: heir } : {}) });
  }
}
