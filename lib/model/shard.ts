// lib/model: the nouns. A shard as Kinesis lists it, and a record as it is read.
import { z } from 'zod';
import { HashKeyRange } from './hash-key-range.ts';

/** A shard of a stream. `closed` is true once Kinesis gave it an ending sequence number. */
export const Shard = z.object({
  shardId: z.string(),
  parents: z.array(z.string()),
  hashKeyRange: HashKeyRange,
  closed: z.boolean(),
});
export type Shard = z.output<typeof Shard>;

/** A stream as DescribeStreamSummary and ListShards tell it. */
export const StreamDescription = z.object({
  streamName: z.string(),
  streamArn: z.string(),
  status: z.enum(['CREATING', 'DELETING', 'ACTIVE', 'UPDATING']),
  mode: z.enum(['PROVISIONED', 'ON_DEMAND']),
  retentionHours: z.number(),
  shards: z.array(Shard),
});
export type StreamDescription = z.output<typeof StreamDescription>;

/** A record as read from a shard. `data` is the bytes as they came; `subSequenceNumber` is set on records of an aggregated one. */
export interface StreamRecord {
  readonly sequenceNumber: string;
  readonly subSequenceNumber?: number;
  readonly partitionKey: string;
  readonly data: Uint8Array;
  /** ApproximateArrivalTimestamp in epoch milliseconds; may be out of order. */
  readonly arrivedAtMs: number;
}
