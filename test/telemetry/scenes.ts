// test/telemetry: records, ended calls and the status of a worker, to be changed where a test needs them otherwise.
import type { ConsumerStatus } from '../../lib/consumer/consumer-status.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import type { ProcessedCall } from '../../lib/telemetry/reporter.ts';

export const START_MS = 1_800_000_000_000;
export const SHARD = 'shardId-000000000000';

/** A record of so many bytes that arrived at a time. */
export const recordAt = (arrivedAtMs: number, bytes = 10): StreamRecord => ({
  sequenceNumber: '49',
  partitionKey: 'secret-key',
  data: Buffer.alloc(bytes, 'x'),
  arrivedAtMs,
});

/** A call that processed records with these latencies, and ended at the start. */
export const callOf = (latenciesMs: readonly number[], change: Partial<ProcessedCall> = {}): ProcessedCall => ({
  shardId: SHARD,
  processed: latenciesMs.map((ms) => recordAt(START_MS - ms)),
  failedRecords: 0,
  error: null,
  tookMs: 5,
  endedAtMs: START_MS,
  ...change,
});

type ShardStatus = ConsumerStatus['shards'][number];

export const shardStatus = (change: Partial<ShardStatus> = {}): ShardStatus => ({
  shardId: SHARD,
  epoch: 1,
  position: '49',
  dispatch: 'running',
  pending: false,
  queuedRecords: 0,
  millisBehindLatest: 0,
  inFlightMs: 0,
  stoppedAt: null,
  skippedRecords: 0,
  deadLetteredRecords: 0,
  ...change,
});

export const statusOf = (change: Partial<ConsumerStatus> = {}): ConsumerStatus => ({
  workerId: 'worker-a',
  state: 'running',
  mayAct: true,
  records: 0,
  shards: [shardStatus()],
  shadows: [],
  ...change,
});

/** A worker of the group shop/orders with that status. */
export const workerOf = (status: () => ConsumerStatus = statusOf) => ({ application: 'shop', streamName: 'orders', status });

/** For reporters that must not fail. */
export const failing = (error: unknown): never => {
  throw error;
};
