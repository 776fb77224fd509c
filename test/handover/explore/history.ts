// test: what has happened so far, as far as it decides whether the next step is right.
// in: dispatches and writes that changed the item, one by one · out: the next history, or what is wrong
import type { LeaseWrite } from '../../../lib/handover/lease-write.ts';
import type { Lease } from '../../../lib/model/lease.ts';
import { positionOf, type WorkerId } from './world.ts';

export interface History {
  /** The highest record that was dispatched, and the highest epoch that dispatched, with its worker. */
  readonly high: number;
  readonly epoch: number;
  readonly by: WorkerId | null;
  /** The furthest checkpoint that the item has shown since an owner was lost. */
  readonly published: number;
  /** Records through it may come again: their owner was lost, and a checkpoint of them with it. */
  readonly excused: number;
  readonly activated: string | null;
  readonly restored: string | null;
}
export const firstHistory: History = {
  high: 0,
  epoch: 0,
  by: null,
  published: 0,
  excused: 0,
  activated: null,
  restored: null,
};

export type Verdict = { readonly kind: 'right'; readonly history: History } | { readonly kind: 'wrong'; readonly what: string };
const wrong = (what: string): Verdict => ({ kind: 'wrong', what });

/** A worker gives a record to its processor. */
export const noteDispatch = (history: History, by: WorkerId, record: number, epoch: number): Verdict => {
  const { high } = history;
  if (epoch < history.epoch) return wrong(`${by} dispatches under epoch ${epoch} after ${history.by} has under a later one`);
  if (epoch === history.epoch && history.by !== by) return wrong(`${by} and ${history.by} dispatch under one epoch`);
  if (record > high + 1) return wrong('a record is skipped');
  if (record <= high && record <= history.published) return wrong('a record comes again after a checkpoint of it');
  if (record <= high && record > history.excused) return wrong('a record comes again though its owner was not lost');
  return { kind: 'right', history: { ...history, high: Math.max(high, record), epoch, by } };
};

/** A write has changed the item. */
export const noteWrite = (history: History, write: LeaseWrite, before: Lease, after: Lease, records: number): Verdict => {
  if (after.handover !== undefined && after.reshard !== undefined) return wrong('a handover and a reshard at a time');
  if (before.state === 'ended' && after.owner !== before.owner) return wrong('an ended shard changes hands');
  if (after.state === 'ended' && after.handover !== undefined) return wrong('a handover of an ended shard');
  const id = before.handover?.id ?? null;
  let { published, excused, activated, restored } = history;
  if (write.name === 'prepare') activated = restored = null;
  if (after.handover?.phase === 'activated' && before.handover?.phase !== 'activated') {
    const drained = before.handover?.drained;
    const proof = before.handover?.proof ?? after.handover.proof;
    if (drained === undefined || proof === undefined) return wrong('activated before it was drained and proved');
    if (drained.digest !== proof.digest || drained.sequenceNumber !== proof.sequenceNumber)
      return wrong('activated though the digests differ');
    if (restored === id) return wrong('activated after Restore');
    activated = id;
  }
  if (write.name === 'restore' || write.name === 'takeBack' || write.name === 'abandon') {
    if (activated !== null && activated === id) return wrong(`${write.name} after the activation`);
    restored = id;
  }
  published = Math.max(published, positionOf(after, records));
  // Who is replaced outside of a handover and had dispatched may have done more than it published.
  if (write.name === 'takeOver') {
    if (history.epoch === before.epoch) excused = Math.max(excused, history.high);
    published = positionOf(before, records);
  }
  return { kind: 'right', history: { ...history, published, excused, activated, restored } };
};

/** The child of the shard is processed. */
export const noteChild = (history: History, records: number): Verdict =>
  history.high < records ? wrong('the child is processed before its parent') : { kind: 'right', history };
