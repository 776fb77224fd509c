// lib/consumer: this worker's part in handovers: reads the lease, asks lib/handover what to do, does it, and looks again.
// in: a lease with a handover in which this worker is source or target · out: conditional writes, answered callbacks, paused and taken-up shards
import { decideRetired, decideSource, decideTarget, type Effect } from '../handover/decide.ts';
import { decideDriver } from '../handover/decide-driver.ts';
import type { Lease } from '../model/lease.ts';
import { compareCheckpoints } from '../model/sequence-number.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import type { Emit } from './events.ts';
import type { ConsumerSettings } from './options.ts';
import type { ShardOwner } from './shard-owner.ts';
import type { ShardShadow } from './shard-shadow.ts';
import type { ShardTable } from './shard-table.ts';

/** A shadow that is no further behind than this may be handed over to. */
const CAUGHT_UP_LAG_MS = 5000;
/** Steps on one look at the lease; each follows a write of our own, so that more than a handful means that we argue with someone. */
const MAX_STEPS = 8;

/** Whether this lease's handover is this worker's business. */
export const involves = (lease: Lease, workerId: string): boolean =>
  lease.handover?.source === workerId || lease.handover?.target === workerId;

/** Carries out effects for one worker. */
export class HandoverAgent {
  readonly #settings: ConsumerSettings;
  readonly #ports: ConsumerPorts;
  readonly #table: ShardTable;
  readonly #emit: Emit;
  readonly #answered = new Set<string>();
  /** Since when a shard's handover has been in its phase, as seen here. */
  readonly #phases = new Map<string, { readonly phase: string; readonly sinceMs: number }>();

  constructor(settings: ConsumerSettings, ports: ConsumerPorts, table: ShardTable, emit: Emit) {
    this.#settings = settings;
    this.#ports = ports;
    this.#table = table;
    this.#emit = emit;
  }

  /** Goes as far as this look at the lease allows; each of our own writes is looked at again at once. Returns the lease as last seen, null when the item is gone. */
  async step(seen: Lease, signal: AbortSignal): Promise<Lease | null> {
    let lease: Lease | null = seen;
    for (let i = 0; i < MAX_STEPS && lease !== null; i += 1) {
      let moved = false;
      for (const effect of this.#effectsOf(lease)) {
        const next: Lease | null | 'same' = await this.#run(effect, lease, signal);
        if (next === 'same') continue;
        lease = next;
        moved = true;
        break;
      }
      if (!moved) return lease;
    }
    return lease;
  }

  #effectsOf(lease: Lease): Effect[] {
    const nowMs = this.#ports.clock.nowMs();
    const owner = this.#table.owners.get(lease.shardId);
    const shadow = this.#table.shadows.get(lease.shardId);
    const workerId = this.#settings.workerId;
    const phaseForMs = this.#phaseForMs(lease);
    const caughtUp = shadow !== undefined && isCaughtUp(lease, shadow);
    const asSource =
      owner === undefined
        ? decideRetired(lease, workerId)
        : decideSource(
            lease,
            {
              workerId,
              epoch: owner.epoch,
              dispatch: owner.dispatch,
              position: owner.mark,
              published: owner.published,
              pausedForMs: owner.pausedForMs,
              phaseForMs,
              stoppedDispatchingAtMs: owner.stoppedDispatchingAtMs,
            },
            nowMs,
          );
    const asTarget = decideTarget(
      lease,
      {
        workerId,
        caughtUp,
        markAt: (at) => shadow?.markAt(at) ?? null,
        dispatching: owner !== undefined && owner.epoch === lease.epoch,
      },
      nowMs,
    );
    return [...asSource, ...asTarget, ...decideDriver(lease, { workerId, caughtUp, phaseForMs })];
  }

  #phaseForMs({ shardId, handover }: Lease): number {
    if (handover === undefined) {
      this.#phases.delete(shardId);
      return 0;
    }
    const phase = `${handover.id} ${handover.phase}`;
    const nowMs = this.#ports.clock.monotonicMs();
    const known = this.#phases.get(shardId);
    if (known?.phase === phase) return nowMs - known.sinceMs;
    this.#phases.set(shardId, { phase, sinceMs: nowMs });
    return 0;
  }

  /** `same`: the lease is as it was, go on with the next effect. */
  async #run(effect: Effect, lease: Lease, signal: AbortSignal): Promise<Lease | null | 'same'> {
    const owner = this.#table.owners.get(lease.shardId);
    switch (effect.kind) {
      case 'write': {
        const result = await this.#ports.leases.write(lease, lease.shardId, effect.write, signal);
        return result.lease;
      }
      case 'answer': {
        if (this.#answered.has(effect.taskToken)) return 'same';
        await this.#ports.callbacks.succeed(effect.taskToken, {}, signal);
        this.#answered.add(effect.taskToken);
        return 'same';
      }
      case 'pause':
        owner?.pause();
        this.#emit({ kind: 'paused', shardId: lease.shardId, handoverId: lease.handover?.id ?? null });
        return lease;
      case 'resume':
        owner?.resume(effect.epoch);
        this.#emit({ kind: 'resumed', shardId: lease.shardId, handoverId: lease.handover?.id ?? null });
        return 'same';
      case 'catch-up':
        // To the tip once, before the one answer that follows.
        if (effect.through === null && lease.handover?.taskToken !== undefined && this.#answered.has(lease.handover.taskToken))
          return 'same';
        await this.#table.shadows.get(lease.shardId)?.catchUp(effect.through);
        return effect.through !== null && this.#table.shadows.get(lease.shardId)?.markAt(effect.through) ? lease : 'same';
      case 'take-up':
        this.#table.takeUp(lease, lease.checkpoint);
        this.#emit({
          kind: 'lease-taken',
          shardId: lease.shardId,
          epoch: effect.epoch,
          how: 'handed-over',
          from: lease.checkpoint,
        });
        return 'same';
      case 'retire':
        this.#retire(lease, owner);
        return lease;
    }
  }

  #retire(lease: Lease, owner: ShardOwner | undefined): void {
    this.#table.letGo(lease.shardId);
    const to = lease.owner ?? null;
    if (lease.handover?.source === this.#settings.workerId && to !== null) {
      this.#emit({ kind: 'handed-over', shardId: lease.shardId, handoverId: lease.handover.id, to });
    } else {
      this.#emit({ kind: 'lease-lost', shardId: lease.shardId, epoch: owner?.epoch ?? lease.epoch, to });
    }
  }
}

/** The shadow has proved the owner's newest mark, or has read beyond it, and is near the tip. */
export const isCaughtUp = (lease: Lease, shadow: ShardShadow): boolean => {
  if (shadow.verified === null || lease.mark === undefined || lease.shadow?.state !== 'tracking') return false;
  return shadow.lagMs <= CAUGHT_UP_LAG_MS && compareCheckpoints(shadow.verified.sequenceNumber, lease.mark.sequenceNumber) >= 0;
};
