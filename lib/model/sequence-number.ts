// lib/model: the nouns. Sequence numbers and checkpoints, in Kinesis's and KCL's own words.
// in: strings from Kinesis and the lease item · out: their order
import { z } from 'zod';

/** A Kinesis sequence number: up to 56 decimal digits, increasing within a shard, not dense. Kept as the string that AWS speaks. */
export const SequenceNumber = z.string().regex(/^\d{1,128}$/, 'a sequence number is a decimal integer string');
export type SequenceNumber = z.output<typeof SequenceNumber>;

/** The start at a moment: every record that arrived at or after so many milliseconds of the epoch, by Kinesis's own clock. */
const AtTimestamp = z.string().regex(/^AT_TIMESTAMP:\d{1,15}$/, 'a start at a moment is AT_TIMESTAMP:milliseconds');

/** How far a shard was processed: a start position, the last processed sequence number, or KCL's SHARD_END. */
export const Checkpoint = z.union([z.enum(['TRIM_HORIZON', 'LATEST', 'SHARD_END']), AtTimestamp, SequenceNumber]);
export type Checkpoint = z.output<typeof Checkpoint>;

/** The checkpoint that stands for the start at a moment. */
export const atTimestamp = (ms: number): Checkpoint => `AT_TIMESTAMP:${Math.max(0, Math.floor(ms))}`;

/** The moment that a checkpoint of the form AT_TIMESTAMP names; null for any other. */
export const timestampOf = (checkpoint: Checkpoint): number | null =>
  checkpoint.startsWith('AT_TIMESTAMP:') ? Number(checkpoint.slice('AT_TIMESTAMP:'.length)) : null;

const isDigits = (checkpoint: Checkpoint): boolean => checkpoint.charCodeAt(0) <= 57;
const withoutZeros = (digits: string): string => (digits.charCodeAt(0) === 48 ? digits.replace(/^0+(?=\d)/, '') : digits);

/** The order of two sequence numbers of one shard: negative, zero or positive. Exact for any length: longer is larger, equal lengths compare as text. */
export const compareSequenceNumbers = (a: SequenceNumber, b: SequenceNumber): number => {
  const x = withoutZeros(a);
  const y = withoutZeros(b);
  return x.length - y.length || (x < y ? -1 : x > y ? 1 : 0);
};

/** The order of two checkpoints of one shard: the start positions come first, SHARD_END last. */
export const compareCheckpoints = (a: Checkpoint, b: Checkpoint): number => {
  const rank = (c: Checkpoint) => (isDigits(c) ? 1 : c === 'SHARD_END' ? 2 : 0);
  return rank(a) - rank(b) || (isDigits(a) ? compareSequenceNumbers(a, b) : 0);
};

/** Whether a checkpoint names a processed record. */
export const isSequenceNumber = (checkpoint: Checkpoint): checkpoint is SequenceNumber => isDigits(checkpoint);
