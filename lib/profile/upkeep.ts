// lib/profile: a worker's upkeep of its shards, reckoned with.
// in: what each field comes to, or sums of a time · out: sums of all fields; the share of the time behind that a small buffer has cost
import type { Upkeep } from '../model/tuning.ts';

/** A backlog of less time says nothing of the buffer. */
const LEAST_BEHIND_MS = 5_000;

/** Every field by the same rule. */
export const upkeepBy = (of: (field: keyof Upkeep) => number): Upkeep => ({
  shardMs: of('shardMs'),
  checkpoints: of('checkpoints'),
  checkpointMs: of('checkpointMs'),
  behindMs: of('behindMs'),
  starvedMs: of('starvedMs'),
  heldUpMs: of('heldUpMs'),
  heldUps: of('heldUps'),
  bufferByteMs: of('bufferByteMs'),
});

/** The share of the time behind in which lanes had no work for want of room in the buffer; null where there was too little of it to tell. */
export const heldUpShareOf = ({ behindMs, heldUpMs }: Pick<Upkeep, 'behindMs' | 'heldUpMs'>): number | null =>
  behindMs < LEAST_BEHIND_MS ? null : heldUpMs / behindMs;
