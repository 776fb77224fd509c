// lib/consumer: this worker's part in handovers: reads the lease, asks lib/handover what to do, does it, and looks again.
// in: a lease with a handover in which this worker is source or target · out: conditional writes, answered callbacks, paused and taken-up shards
import { decideRetired, decideSource, decideTarget, type Effect } from '../handover/decide.ts';
import { decideDriver } from '../handover/decide-driver.ts';
import type { Lease } from '../model/lease.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import { sameMark } from '../shadow/digest-chain.ts';
import { readinessNow } from '../shadow/readiness.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import type { Emit } from './events.ts';
import type { ConsumerSettings } from './options.ts';
import type { ShardOwner } from './shard-owner.ts';
import type { ShardShadow } from './shard-shadow.ts';
import type { ShardTable } from './shard-table.ts';

/** Steps on one look at the lease; each follows a write of our own, so that more than a handful means that we argue with someone. */
const MAX_STEPS = 8;
/** The machine's pause follows an answer to its preparation by milliseconds; where it does not, it is gone. */
const PAUSE_FOLLOWS_WITHIN_MS = 1_000;

/** Whether this lease's handover is this worker's business. */
export const involves = (lease: Lease, workerId: string): boolean =>
  lease.handover?.source === workerId || lease.handover?.target === workerId;

/** What is remembered of a shard's handover, for as long as it is seen. */
interface Known {
  /** The handover's id and phase. */
  readonly phase: string;
  /** Since when it has been in it, as seen here. */
  readonly sinceMs: number;
  /** The callback that was answered last, and when. */
  answered: string | null;
  answeredAtMs: number;
}

/** A read to the tip is one step with the answer or write that it comes before, so that it is made once. */
interface Step {
  readonly effect: Exclude<Effect, { kind: 'catch-up' }> | { readonly kind: 'catch-up'; readonly through: Checkpoint };
  readonly isTipFirst: boolean;
}

/** Carries out effects for one worker. */
export class HandoverAgent {
  readonly #settings: ConsumerSettings;
  readonly #ports: ConsumerPorts;
  readonly #table: ShardTable;
  readonly #emit: Emit;
  readonly #known = new Map<string, Known>();

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
      for (const step of stepsOf(this.#effectsOf(lease))) {
        const next: Lease | null | 'same' = await this.#run(step, lease, signal);
        if (next === 'same') continue;
        lease = next;
        moved = true;
        break;
      }
      if (!moved) return lease;
    }
    if (lease === null) this.#known.delete(seen.shardId);
    return lease;
  }

  /** Whether the shard stands still, or is about to, and waits for this worker: each millisecond until its next look is one of the pause. */
  isAwaited({ shardId, handover }: Lease): boolean {
    if (handover === undefined) return false;
    const { phase, drained } = handover;
    // The old owner has nothing to do once it has drained, but to take back when its budget is over.
    if (handover.target !== this.#settings.workerId) return phase === 'pausing' && drained === undefined;
    if (phase !== 'preparing') return phase !== 'activated' && phase !== 'released';
    const { answeredAtMs } = this.#known.get(shardId) ?? { answeredAtMs: Number.NEGATIVE_INFINITY };
    return this.#ports.clock.monotonicMs() - answeredAtMs < PAUSE_FOLLOWS_WITHIN_MS;
  }

  /** The shard is in no handover any more. */
  forget(shardId: string): void {
    this.#known.delete(shardId);
  }

  #effectsOf(lease: Lease): Effect[] {
    const nowMs = this.#ports.clock.nowMs();
    const owner = this.#table.owners.get(lease.shardId);
    const shadow = this.#table.shadows.get(lease.shardId);
    const workerId = this.#settings.workerId;
    const known = this.#know(lease);
    const phaseForMs = known === null ? 0 : this.#ports.clock.monotonicMs() - known.sinceMs;
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

  /** A handover that is seen no more is forgotten. */
  #know({ shardId, handover }: Lease): Known | null {
    if (handover === undefined) {
      this.#known.delete(shardId);
      return null;
    }
    const phase = `${handover.id} ${handover.phase}`;
    const known = this.#known.get(shardId);
    if (known?.phase === phase) return known;
    const { answered = null, answeredAtMs = Number.NEGATIVE_INFINITY } = known ?? {};
    const begun: Known = { phase, sinceMs: this.#ports.clock.monotonicMs(), answered, answeredAtMs };
    this.#known.set(shardId, begun);
    return begun;
  }

  /** `same`: the lease is as it was, go on with the next effect. */
  async #run({ effect, isTipFirst }: Step, lease: Lease, signal: AbortSignal): Promise<Lease | null | 'same'> {
    const owner = this.#table.owners.get(lease.shardId);
    const shadow = this.#table.shadows.get(lease.shardId);
    switch (effect.kind) {
      case 'write': {
        if (isTipFirst) await shadow?.catchUp(null);
        const result = await this.#ports.leases.write(lease, lease.shardId, effect.write, signal);
        if (result.kind === 'written') this.#tell(effect.write.name, result.lease, lease, shadow);
        return result.lease;
      }
      case 'answer': {
        const known = this.#know(lease);
        if (known === null || known.answered === effect.taskToken) return 'same';
        if (isTipFirst) await shadow?.catchUp(null);
        await this.#ports.callbacks.succeed(effect.taskToken, {}, signal);
        known.answered = effect.taskToken;
        known.answeredAtMs = this.#ports.clock.monotonicMs();
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
        await shadow?.catchUp(effect.through);
        return shadow !== undefined && shadow.markAt(effect.through) !== null ? lease : 'same';
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

  /** What of our own writes others should hear: a proof that differs, and why a handover that we drove was given up. */
  #tell(written: string, { shardId, handover }: Lease, before: Lease, shadow: ShardShadow | undefined): void {
    const { drained, proof } = handover ?? {};
    if (written === 'prove' && drained !== undefined && proof !== undefined && !sameMark(drained, proof))
      this.#emit({ kind: 'shadow-diverged', shardId, at: drained.sequenceNumber });
    if (written === 'abandon' && before.handover !== undefined)
      this.#emit({
        kind: 'handover-abandoned',
        shardId,
        handoverId: before.handover.id,
        reason: whyAbandoned(before, shadow),
      });
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

/** Whether this worker's shadow may be handed over to now. */
export const isCaughtUp = (lease: Lease, shadow: ShardShadow): boolean => readinessNow(lease, shadow).kind === 'ready';

const stepsOf = (effects: readonly Effect[]): Step[] => {
  const steps: Step[] = [];
  let isTipFirst = false;
  for (const effect of effects) {
    if (effect.kind !== 'catch-up') steps.push({ effect, isTipFirst });
    else if (effect.through !== null) steps.push({ effect: { kind: 'catch-up', through: effect.through }, isTipFirst });
    isTipFirst = effect.kind === 'catch-up' && effect.through === null;
  }
  return steps;
};

/** Why a handover came to nothing that the target gave up. */
const whyAbandoned = (lease: Lease, shadow: ShardShadow | undefined): string => {
  const { shardId, handover } = lease;
  if (handover?.phase === 'preparing') {
    if (shadow === undefined) return `this worker keeps no shadow of shard ${shardId} any more`;
    const ready = readinessNow(lease, shadow);
    if (ready.kind === 'not-ready') return ready.detail;
    return `the owner ${handover.source} did not say within the time that it watches shard ${shardId}`;
  }
  if (handover?.drained === undefined) return `the owner ${handover?.source} did not finish its calls in flight within the time`;
  return `the shadow did not read through ${handover.drained.sequenceNumber}, where the owner stopped, within the time`;
};
