// lib/consumer: what a worker says of itself to its own program.
// in: the shards that it owns and shadows · out: a plain value
import type { ShardTable } from './shard-table.ts';

/** What a worker runs at this moment. */
export interface ConsumerStatus {
  readonly workerId: string;
  readonly state: 'starting' | 'running' | 'draining' | 'stopped';
  readonly mayAct: boolean;
  readonly records: number;
  readonly shards: readonly {
    shardId: string;
    epoch: number;
    position: string;
    dispatch: string;
    pending: boolean;
    queuedRecords: number;
    millisBehindLatest: number;
    /** How long the oldest call of the processor has been in flight. */
    inFlightMs: number;
    /** The poison record before which the shard stands still. */
    stoppedAt: { sequenceNumber: string; subSequenceNumber: number | null; error: string } | null;
    skippedRecords: number;
    deadLetteredRecords: number;
  }[];
  readonly shadows: readonly {
    shardId: string;
    from: string;
    verifiedThrough: string | null;
    bufferedRecords: number;
    bufferedBytes: number;
  }[];
}

/** What runs, shard by shard. */
export const runningOf = (table: ShardTable | null): Pick<ConsumerStatus, 'records' | 'shards' | 'shadows'> => ({
  records: table?.processed.records ?? 0,
  shards: [...(table?.owners.values() ?? [])].map((owner) => ({
    shardId: owner.shardId,
    epoch: owner.epoch,
    position: owner.position,
    dispatch: owner.dispatch,
    pending: owner.isPending,
    queuedRecords: owner.queuedRecords,
    millisBehindLatest: owner.millisBehindLatest,
    inFlightMs: owner.stuckForMs,
    stoppedAt: owner.stoppedAt && { ...owner.stoppedAt, error: String(owner.stoppedAt.error) },
    skippedRecords: owner.skippedRecords,
    deadLetteredRecords: owner.deadLetteredRecords,
  })),
  shadows: [...(table?.shadows.values() ?? [])].map((shadow) => ({
    shardId: shadow.shardId,
    from: shadow.from,
    verifiedThrough: shadow.verified?.sequenceNumber ?? null,
    bufferedRecords: shadow.bufferedRecords,
    bufferedBytes: shadow.bufferedBytes,
  })),
});
