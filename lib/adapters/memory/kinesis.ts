// lib/adapters/memory: streams in memory: the control plane beside the reader, and the handles by which tests make, fill, expire and delete them.
// in: StreamReader and StreamControl calls, putRecords · out: what Kinesis would answer
import type { StreamDescription } from '../../model/shard.ts';
import type { ChangeResult, Clock, StreamControl, StreamReader } from '../../ports.ts';
import { memoryReader } from './kinesis-read.ts';
import { resizeShards } from './kinesis-resize.ts';
import {
  addShard,
  close,
  type MemoryShard,
  type MemoryStream,
  type NewRecord,
  type PutResult,
  StreamSet,
  shardOf,
  wake,
} from './kinesis-shards.ts';

export interface MemoryStreams {
  readonly reader: StreamReader;
  readonly control: StreamControl;
  /** Makes an ACTIVE stream of equal shards. */
  createStream(streamName: string, shardCount: number): StreamDescription;
  /** Deletes a stream with its records and its registered consumers. */
  deleteStream(streamName: string): void;
  /** Puts records in order; each goes to the open shard that holds its key's hash. */
  putRecords(streamName: string, records: readonly NewRecord[]): PutResult[];
  /** The retention of a closed shard has passed: it is listed and read no more. */
  expireShard(streamName: string, shardId: string): void;
}

const openShard = (stream: MemoryStream, shardId: string): MemoryShard | undefined =>
  stream.shards.find((shard) => shard.shardId === shardId && !shard.closed);

/** UpdateShardCount works so often within a rolling day. Source: SDK UpdateShardCount. */
const RESIZES_PER_WINDOW = 10;
const RESIZE_WINDOW_MS = 24 * 3_600_000;

/** Streams on a clock. A split or merge takes `updatingMs`. */
export const memoryStreams = (clock: Clock, updatingMs = 0): MemoryStreams => {
  const streams = new StreamSet(clock);
  const reader = memoryReader(clock, streams);

  const change = (streamName: string, make: (stream: MemoryStream) => string | undefined): ChangeResult => {
    const stream = streams.get(streamName);
    if (stream === undefined) return { kind: 'refused', detail: `stream ${streamName} is not there` };
    if (streams.isUpdating(stream)) return { kind: 'busy', detail: `stream ${streamName} is UPDATING` };
    const refusal = make(stream);
    if (refusal !== undefined) return { kind: 'refused', detail: refusal };
    stream.updatingUntilMs = clock.monotonicMs() + updatingMs;
    return { kind: 'changed' };
  };

  const control: StreamControl = {
    describe: async (streamName) => {
      const stream = streams.get(streamName);
      return stream === undefined ? null : streams.describe(stream);
    },
    split: async (streamName, shardId, newStartingHashKey) =>
      change(streamName, (stream) => {
        const shard = openShard(stream, shardId);
        if (shard === undefined) return `shard ${shardId} is not an open shard of ${streamName}`;
        const { startingHashKey, endingHashKey } = shard.hashKeyRange;
        if (newStartingHashKey <= startingHashKey || newStartingHashKey > endingHashKey)
          return `newStartingHashKey must be in ${startingHashKey + 1n}..${endingHashKey}, got ${newStartingHashKey}`;
        addShard(stream, { startingHashKey, endingHashKey: newStartingHashKey - 1n }, [shardId]);
        addShard(stream, { startingHashKey: newStartingHashKey, endingHashKey }, [shardId]);
        close(shard);
        return undefined;
      }),
    merge: async (streamName, shardId, adjacentShardId) =>
      change(streamName, (stream) => {
        const shard = openShard(stream, shardId);
        const adjacent = openShard(stream, adjacentShardId);
        if (shard === undefined || adjacent === undefined)
          return `shards ${shardId} and ${adjacentShardId} must be open shards of ${streamName}`;
        const [lower, upper] =
          shard.hashKeyRange.startingHashKey < adjacent.hashKeyRange.startingHashKey ? [shard, adjacent] : [adjacent, shard];
        if (lower.hashKeyRange.endingHashKey + 1n !== upper.hashKeyRange.startingHashKey)
          return `shards ${shardId} and ${adjacentShardId} are not adjacent`;
        addShard(
          stream,
          { startingHashKey: lower.hashKeyRange.startingHashKey, endingHashKey: upper.hashKeyRange.endingHashKey },
          [shardId, adjacentShardId],
        );
        close(shard);
        close(adjacent);
        return undefined;
      }),
    resize: async (streamName, targetCount) =>
      change(streamName, (stream) => {
        const sinceMs = clock.nowMs() - RESIZE_WINDOW_MS;
        const lately = stream.resizedAtMs.filter((atMs) => atMs > sinceMs);
        if (lately.length >= RESIZES_PER_WINDOW) return `stream ${streamName} was resized ${lately.length} times within 24 hours`;
        const refusal = resizeShards(stream, targetCount);
        if (refusal === undefined) stream.resizedAtMs = [...lately, clock.nowMs()];
        return refusal;
      }),
    ensureConsumer: async (streamArn, consumerName) => {
      const stream = streams.byArn(streamArn);
      const known = stream.consumers.get(consumerName) ?? {
        consumerArn: `${streamArn}/consumer/${consumerName}:${Math.floor(clock.nowMs() / 1000)}`,
        createdAtMs: clock.nowMs(),
      };
      stream.consumers.set(consumerName, known);
      return { consumerArn: known.consumerArn };
    },
    listConsumers: async (streamArn) =>
      [...streams.byArn(streamArn).consumers].map(([consumerName, consumer]) => ({ consumerName, ...consumer })),
    removeConsumer: async (streamArn, consumerName) => {
      const stream = streams.byArn(streamArn);
      const consumer = stream.consumers.get(consumerName);
      stream.consumers.delete(consumerName);
      if (consumer !== undefined) reader.endSubscriptions(consumer.consumerArn);
    },
  };

  return {
    reader,
    control,
    createStream: (streamName, shardCount) => streams.describe(streams.create(streamName, shardCount)),
    deleteStream: (streamName) => {
      for (const { consumerArn } of streams.named(streamName).consumers.values()) reader.endSubscriptions(consumerArn);
      streams.delete(streamName);
    },
    putRecords: (streamName, batch) => streams.put(streamName, batch),
    expireShard: (streamName, shardId) => {
      const stream = streams.named(streamName);
      const shard = shardOf(stream, shardId);
      stream.shards = stream.shards.filter((each) => each !== shard);
      wake(shard);
    },
  };
};
