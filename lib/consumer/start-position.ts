// lib/consumer: where an application begins to read a stream that it has no lease of.
// in: the setting, the stream as just described · out: the checkpoint of the first leases
import { z } from 'zod';
import type { Lease } from '../model/lease.ts';
import { atTimestamp, type Checkpoint, timestampOf } from '../model/sequence-number.ts';
import type { StreamDescription } from '../model/shard.ts';

/** `TRIM_HORIZON`: everything that is retained. `LATEST`: what arrives from now on. `{ at }`: what arrived at or after a moment (a Date, or milliseconds of the epoch). */
export const InitialPosition = z.union(
  [z.enum(['TRIM_HORIZON', 'LATEST']), z.strictObject({ at: z.union([z.date(), z.number().int().min(0)]) })],
  { error: "must be 'TRIM_HORIZON', 'LATEST' or { at: a Date or milliseconds of the epoch }" },
);
export type InitialPosition = z.output<typeof InitialPosition>;

/** The moment that a setting names; null where it names none. */
export const momentOf = (position: InitialPosition): number | null =>
  typeof position === 'string' ? null : position.at instanceof Date ? position.at.getTime() : position.at;

/** Clocks of workers differ from Kinesis's by less. */
const CLOCK_MARGIN_MS = 60_000;

/**
 * The checkpoint with which the first leases are made. LATEST is resolved here, once, into the moment at which Kinesis described the stream, by its own
 * clock, since arrival times go by that: whoever holds the lease, and however often it changes hands before its first checkpoint, begins at the same
 * record. Kept as LATEST, each of them would begin at its own look and skip what had arrived before it. The Date header has whole seconds, cut off: up to a
 * second of records before the look come too. Where leases exist already, a worker that died half-way through its first look made them: the rest begin where
 * those did.
 */
export const startCheckpoint = (
  position: InitialPosition,
  stream: Pick<StreamDescription, 'describedAtMs'>,
  existing: readonly Lease[],
  nowMs: number,
): Checkpoint => {
  if (position === 'TRIM_HORIZON') return position;
  const moment = momentOf(position);
  if (moment !== null) return atTimestamp(moment);
  const lookMs = stream.describedAtMs ?? nowMs;
  const firstMs = existing.map(({ checkpoint, createdAtMs }) => timestampOf(checkpoint) ?? createdAtMs - CLOCK_MARGIN_MS);
  return atTimestamp(Math.min(lookMs, ...firstMs));
};
