// lib/adapters/aws: reading one shard by GetRecords.
// in: a position · out: batches in order, until the shard's end
import {
  type _Record,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  type KinesisClient,
} from '@aws-sdk/client-kinesis';
import { InvariantError } from '../../errors.ts';
import type { StreamRecord } from '../../model/shard.ts';
import type { Clock, ShardIterator, StartingPosition } from '../../ports.ts';
import { translateRead } from './kinesis-shards.ts';
import { nameOf } from './sdk-errors.ts';
import { progressFrom } from './shard-progress.ts';

/** Source: GetRecords. */
const MAX_RECORDS = 10_000;
/** How far before its last look a reading at LATEST goes back when it has seen nothing and its iterator expired: clocks differ. */
const CLOCK_MARGIN_MS = 10_000;

/** A record of the SDK as ours. */
export const recordOf = (record: _Record): StreamRecord => {
  if (!record.SequenceNumber || record.PartitionKey === undefined)
    throw new InvariantError(`a record has no sequence number or partition key, got ${JSON.stringify(record)}`);
  return {
    sequenceNumber: record.SequenceNumber,
    partitionKey: record.PartitionKey,
    data: record.Data ?? new Uint8Array(),
    arrivedAtMs: record.ApproximateArrivalTimestamp?.getTime() ?? 0,
  };
};

export interface PollClients {
  readonly reads: KinesisClient;
  /** Asked for the shards when one is not found. */
  readonly control: KinesisClient;
}

/** Reads a shard from `start`. The iterator lives 5 minutes; an expired one is replaced by one after the last record seen. */
export const pollShard = (
  clients: PollClients,
  clock: Clock,
  streamName: string,
  shardId: string,
  start: StartingPosition,
): ShardIterator => {
  const progress = progressFrom(start);
  const what = `read ${shardId} of ${streamName}`;
  let iterator: string | undefined;
  let lookedAtMs: number | undefined;
  let ended = false;

  const startOf = (position: StartingPosition): Partial<GetShardIteratorCommandInput> => {
    // Nothing was seen since the first look: LATEST would now skip what came in between.
    if (position.type === 'LATEST' && lookedAtMs !== undefined)
      return { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(lookedAtMs - CLOCK_MARGIN_MS) };
    return {
      ShardIteratorType: position.type,
      ...('sequenceNumber' in position ? { StartingSequenceNumber: position.sequenceNumber } : {}),
      ...('timestampMs' in position ? { Timestamp: new Date(position.timestampMs) } : {}),
    };
  };

  const openIterator = async (signal?: AbortSignal): Promise<string> => {
    const askedAtMs = clock.nowMs();
    const request = new GetShardIteratorCommand({
      StreamName: streamName,
      ShardId: shardId,
      ...startOf(progress.position()),
    } as GetShardIteratorCommandInput);
    const { ShardIterator } = await clients.reads.send(request, { ...(signal && { abortSignal: signal }) });
    if (!ShardIterator) throw new InvariantError(`${what}: Kinesis gave no iterator`);
    lookedAtMs ??= askedAtMs;
    return ShardIterator;
  };

  return {
    next: async (signal) => {
      if (ended) return null;
      for (let renewed = 0; ; renewed += 1) {
        try {
          iterator ??= await openIterator(signal);
          const askedAtMs = clock.nowMs();
          const answer = await clients.reads.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: MAX_RECORDS }), {
            ...(signal && { abortSignal: signal }),
          });
          lookedAtMs = askedAtMs;
          iterator = answer.NextShardIterator ?? undefined;
          ended = iterator === undefined;
          return {
            records: progress.fresh((answer.Records ?? []).map(recordOf)),
            millisBehindLatest: answer.MillisBehindLatest ?? 0,
            shardEnd: ended,
          };
        } catch (error) {
          if (nameOf(error) !== 'ExpiredIteratorException' || renewed > 0)
            throw await translateRead(error, what, clients.control, streamName, shardId, signal);
          iterator = undefined;
        }
      }
    },
  };
};
