// lib/handover: what the two workers of a handover do next.
// in: the lease item as just read, and what the worker knows of itself · out: effects, never run here
// The picture of the states is in lib/model/handover.ts. Every effect may be repeated: writes are conditional, answers are idempotent.

import type { Lease, Mark } from '../model/lease.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import type { LeaseWrite } from './lease-write.ts';
import {
  abandonOwn,
  activate,
  armSource,
  drain,
  type Published,
  prove,
  redirectVerifyActivate,
  release,
  takeBack,
  takeOver,
} from './worker-writes.ts';

export type Effect =
  | { readonly kind: 'write'; readonly write: LeaseWrite }
  /** Answer the callback of the machine's present state. */
  | { readonly kind: 'answer'; readonly taskToken: string }
  /** Stop dispatching new records; what is in flight finishes. */
  | { readonly kind: 'pause' }
  /** Dispatch on, under this epoch. */
  | { readonly kind: 'resume'; readonly epoch: number }
  /** Read without delay up to this sequence number; null: to the tip. */
  | { readonly kind: 'catch-up'; readonly through: Checkpoint | null }
  /** Begin to dispatch after the lease's checkpoint, which is the drained mark, as the new owner. */
  | { readonly kind: 'take-up'; readonly epoch: number }
  /** Give everything of this shard back: another worker owns it. */
  | { readonly kind: 'retire' };

/** Longer than who drives waits itself: the target, or the machine, which a target replaces when it is silent. */
const ABANDON_AFTER_MS = { target: 20_000, machine: 120_000 } as const;

/** A worker as the (former) owner. `drained`: paused and nothing in flight. */
export interface SourceState {
  readonly workerId: string;
  readonly epoch: number;
  readonly dispatch: 'running' | 'pausing' | 'drained';
  /** The chain's point at the last processed record; null while no chain is open. */
  readonly position: Mark | null;
  /** What goes into the checkpoint with it; missing: the same point. */
  readonly published?: Published;
  readonly pausedForMs: number;
  /** How long the lease has been in its handover's phase, as seen here. */
  readonly phaseForMs: number;
  /** Wall clock of the moment from which it dispatched nothing more. */
  readonly stoppedDispatchingAtMs: number;
}

/** What the owner of a shard does next. */
export const decideSource = (lease: Lease, self: SourceState, nowMs: number): Effect[] => {
  const holder = { workerId: self.workerId, epoch: self.epoch };
  const handover = lease.handover;
  if (lease.owner !== self.workerId) {
    const mayComeBack = handover?.source === self.workerId && ['redirected', 'verified', 'activating'].includes(handover.phase);
    return mayComeBack ? (self.dispatch === 'running' ? [{ kind: 'pause' }] : []) : [{ kind: 'retire' }];
  }
  // Ours again, but not by a Restore: others have gone on from another point meanwhile.
  if (lease.epoch !== self.epoch && !standsAtCheckpoint(lease, self)) return [{ kind: 'retire' }];
  if (lease.epoch !== self.epoch || handover === undefined || handover.source !== self.workerId) {
    return self.dispatch === 'running' && lease.epoch === self.epoch ? [] : [{ kind: 'resume', epoch: lease.epoch }];
  }
  if (handover.phase === 'preparing') {
    if (self.dispatch !== 'running') return [{ kind: 'resume', epoch: lease.epoch }];
    // Who drove it and is gone would block every later handover.
    if (self.phaseForMs > ABANDON_AFTER_MS[handover.driver ?? 'machine'])
      return [{ kind: 'write', write: abandonOwn(holder, handover.id) }];
    return handover.armed ? [] : [{ kind: 'write', write: armSource(holder, handover.id) }];
  }
  if (self.dispatch === 'running') return [{ kind: 'pause' }];
  if (self.pausedForMs > handover.pauseBudgetMs) return [{ kind: 'write', write: takeBack(holder, handover.id) }];
  if (self.dispatch === 'drained' && handover.drained === undefined && self.position !== null) {
    return [
      { kind: 'write', write: drain(holder, handover.id, self.position, self.stoppedDispatchingAtMs, nowMs, self.published) },
    ];
  }
  return [];
};

/** Drained, and the lease says that everything up to this point is processed, and nothing else. */
const standsAtCheckpoint = (lease: Lease, { dispatch, position, published }: SourceState): boolean =>
  dispatch === 'drained' &&
  lease.checkpoint === (published?.checkpoint ?? position?.sequenceNumber) &&
  lease.subSequenceNumber === published?.subSequenceNumber;

/** What a source that holds nothing of the shard still owes the handover: it has given everything back, or it was started anew. */
export const decideRetired = (lease: Lease, workerId: string): Effect[] => {
  const handover = lease.handover;
  if (handover === undefined || handover.source !== workerId) return [];
  if (lease.owner === workerId) {
    const holder = { workerId, epoch: lease.epoch };
    return [{ kind: 'write', write: (handover.phase === 'preparing' ? abandonOwn : takeBack)(holder, handover.id) }];
  }
  if (lease.owner !== handover.target) return [];
  if (handover.phase === 'activated') return [{ kind: 'write', write: release(handover.id, workerId) }];
  return handover.phase === 'released' && handover.taskToken !== undefined
    ? [{ kind: 'answer', taskToken: handover.taskToken }]
    : [];
};

/** A worker as the holder of the standby shadow. */
export interface TargetState {
  readonly workerId: string;
  /** The shadow's chain is verified and close to the tip. */
  readonly caughtUp: boolean;
  /** The shadow's own chain point at exactly this sequence number; null while it has not read that far. */
  readonly markAt: (at: Checkpoint) => Mark | null;
  readonly dispatching: boolean;
}

/** Whether two points of a chain are the same. */
export const agree = (one: Mark, other: Mark): boolean =>
  one.sequenceNumber === other.sequenceNumber && one.count === other.count && one.digest === other.digest;

/** What the holder of the shadow does next. */
export const decideTarget = (lease: Lease, self: TargetState, nowMs: number): Effect[] => {
  const handover = lease.handover;
  if (handover === undefined || handover.target !== self.workerId) return [];
  const { id, phase, drained, proof, taskToken } = handover;
  const answer: Effect[] = taskToken === undefined ? [] : [{ kind: 'answer', taskToken }];
  // The pause begins right after this answer: what is read now need not be read in it.
  if (phase === 'preparing') return handover.armed && self.caughtUp ? [{ kind: 'catch-up', through: null }, ...answer] : [];
  if (phase === 'pausing') {
    if (drained === undefined) return [];
    const own = self.markAt(drained.sequenceNumber);
    if (own === null) return [{ kind: 'catch-up', through: drained.sequenceNumber }];
    if (handover.driver === 'target' && proof === undefined && agree(drained, own))
      return [{ kind: 'write', write: redirectVerifyActivate(handover, own, nowMs) }];
    return proof === undefined ? [{ kind: 'write', write: prove(id, self.workerId, own) }] : answer;
  }
  if (lease.owner !== self.workerId || proof === undefined) return [];
  if (phase === 'activating')
    return [{ kind: 'write', write: activate({ workerId: self.workerId, epoch: lease.epoch }, id, nowMs) }];
  if (phase !== 'activated' && phase !== 'released') return [];
  if (self.dispatching) return phase === 'activated' ? answer : [];
  // Started anew since the activation: its former self may have dispatched under this epoch.
  if (self.markAt(proof.sequenceNumber) === null) return [{ kind: 'write', write: takeOver(lease, self.workerId) }];
  return [{ kind: 'take-up', epoch: lease.epoch }, ...(phase === 'activated' ? answer : [])];
};
