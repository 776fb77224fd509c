// lib/consumer: how far a shard is processed, to the sub-record.
// in: sequence and sub-sequence numbers · out: their order
import { type Checkpoint, compareCheckpoints } from '../model/sequence-number.ts';

/** Everything through `checkpoint` is processed; with a sub-sequence number, of that one aggregated record only the sub-records through it. */
export interface ShardPosition {
  readonly checkpoint: Checkpoint;
  readonly subSequenceNumber?: number;
}

/** The order of two positions of one shard. A whole record comes after all of its parts. */
export const comparePositions = (a: ShardPosition, b: ShardPosition): number => {
  const order = compareCheckpoints(a.checkpoint, b.checkpoint);
  if (order !== 0 || a.subSequenceNumber === b.subSequenceNumber) return order;
  return (a.subSequenceNumber ?? Number.POSITIVE_INFINITY) < (b.subSequenceNumber ?? Number.POSITIVE_INFINITY) ? -1 : 1;
};
