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
  /** Differs between two streams that had the same name one after the other. */
  createdAtMs: z.number().optional(),
  /** Kinesis's own clock when it answered, never later than that: arrival times of records go by it. */
  describedAtMs: z.number().optional(),
  /** Metrics that CloudWatch has for each shard (enhanced monitoring), by their names. */
  shardLevelMetrics: z.array(z.string()).optional(),
  shards: z.array(Shard),
});
export type StreamDescription = z.output<typeof StreamDescription>;

/** A record as read from a shard. `data` is the bytes as they came; `subSequenceNumber` is set on records of an aggregated one. */
export interface StreamRecord {
  readonly sequenceNumber: string;
  readonly subSequenceNumber?: number;
  readonly partitionKey: string;
  /** Only of records of an aggregated one, where the producer gave it: a decimal number; of others Kinesis does not tell. */
  readonly explicitHashKey?: string;
  readonly data: Uint8Array;
  /** ApproximateArrivalTimestamp in epoch milliseconds; may be out of order. */
  readonly arrivedAtMs: number;
}
