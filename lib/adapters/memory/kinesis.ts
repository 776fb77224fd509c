// lib/adapters/memory: streams in memory: shards with lineage, records in order, closed parents readable to their end, fan-out slots.
// in: StreamReader and StreamControl calls, putRecords · out: what Kinesis would answer, without its limits of throughput (lib/simulate keeps those)
import { createHash } from 'node:crypto';
import { InvariantError, PoisonError, SubscriptionRefusedError } from '../../errors.ts';
import { contains, type HashKeyRange, slicesOf, WHOLE_RANGE } from '../../model/hash-key-range.ts';
import { compareSequenceNumbers } from '../../model/sequence-number.ts';
import type { StreamDescription, StreamRecord } from '../../model/shard.ts';
import type {
  ChangeResult,
  Clock,
  RecordBatch,
  ShardIterator,
  StartingPosition,
  StreamControl,
  StreamReader,
} from '../../ports.ts';

/** Source: GetRecords. */
const MAX_RECORDS = 10_000;
/** A second subscription is refused for so long; later it takes the slot over. Source: SubscribeToShard. */
const SLOT_HELD_MS = 5_000;
/** Larger than any number of ours, as long as Kinesis's own. */
const FIRST_SEQUENCE_NUMBER = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898n;

export interface NewRecord {
  readonly partitionKey: string;
  readonly data: Uint8Array;
  readonly explicitHashKey?: bigint;
}

export interface PutResult {
  readonly shardId: string;
  readonly sequenceNumber: string;
}

export interface MemoryStreams {
  readonly reader: StreamReader;
  readonly control: StreamControl;
  /** Makes an ACTIVE stream of equal shards. */
  createStream(streamName: string, shardCount: number): StreamDescription;
  /** Puts records in order; each goes to the open shard that holds its key's hash. */
  putRecords(streamName: string, records: readonly NewRecord[]): PutResult[];
}

interface MemoryShard {
  readonly shardId: string;
  readonly parents: string[];
  readonly hashKeyRange: HashKeyRange;
  readonly records: StreamRecord[];
  closed: boolean;
  /** Told at every change. */
  readonly watchers: Set<() => void>;
}

interface Slot {
  readonly takenAtMs: number;
  readonly end: () => void;
}

interface MemoryStream {
  readonly streamName: string;
  readonly streamArn: string;
  readonly shards: MemoryShard[];
  readonly consumers: Map<string, { consumerArn: string; createdAtMs: number }>;
  updatingUntilMs: number;
}

/** The hash key of a partition key: its MD5. */
const hashKeyOf = (record: NewRecord): bigint =>
  record.explicitHashKey ?? BigInt(`0x${createHash('md5').update(record.partitionKey).digest('hex')}`);

/** Streams on a clock. A split or merge takes `updatingMs`. */
export const memoryStreams = (clock: Clock, updatingMs = 0): MemoryStreams => {
  const streams = new Map<string, MemoryStream>();
  const slots = new Map<string, Slot>();
  let records = 0n;

  const streamOf = (streamName: string): MemoryStream => {
    const stream = streams.get(streamName);
    if (stream === undefined) throw new PoisonError(`stream ${streamName} is not there`);
    return stream;
  };
  const byArn = (streamArn: string): MemoryStream => {
    const stream = [...streams.values()].find((each) => each.streamArn === streamArn);
    if (stream === undefined) throw new PoisonError(`stream ${streamArn} is not there`);
    return stream;
  };
  const shardOf = (stream: MemoryStream, shardId: string): MemoryShard => {
    const shard = stream.shards.find((each) => each.shardId === shardId);
    if (shard === undefined) throw new PoisonError(`shard ${shardId} of ${stream.streamName} is not there`);
    return shard;
  };
  const addShard = (stream: MemoryStream, hashKeyRange: HashKeyRange, parents: string[]): void => {
    const shardId = `shardId-${stream.shards.length.toString().padStart(12, '0')}`;
    stream.shards.push({ shardId, parents, hashKeyRange, records: [], closed: false, watchers: new Set() });
  };
  const wake = (shard: MemoryShard): void => {
    for (const watcher of [...shard.watchers]) watcher();
  };
  const isUpdating = (stream: MemoryStream): boolean => clock.monotonicMs() < stream.updatingUntilMs;

  /** The index of the first record at a position. */
  const startIndex = (shard: MemoryShard, position: StartingPosition): number => {
    if (!('sequenceNumber' in position)) return position.type === 'LATEST' ? shard.records.length : 0;
    const after = position.type === 'AFTER_SEQUENCE_NUMBER' ? 1 : 0;
    const index = shard.records.findIndex(
      (record) => compareSequenceNumbers(record.sequenceNumber, position.sequenceNumber) >= after,
    );
    return index === -1 ? shard.records.length : index;
  };

  const batchFrom = (shard: MemoryShard, index: number): RecordBatch => {
    const batch = shard.records.slice(index, index + MAX_RECORDS);
    const unread = shard.records[index + batch.length];
    const millisBehindLatest = unread === undefined ? 0 : Math.max(0, clock.nowMs() - unread.arrivedAtMs);
    return { records: batch, millisBehindLatest, shardEnd: shard.closed && unread === undefined };
  };

  const poll = (streamName: string, shardId: string, position: StartingPosition): ShardIterator => {
    let index: number | undefined;
    let ended = false;
    return {
      next: async () => {
        if (ended) return null;
        const shard = shardOf(streamOf(streamName), shardId);
        index ??= startIndex(shard, position);
        const batch = batchFrom(shard, index);
        index += batch.records.length;
        ended = batch.shardEnd;
        return batch;
      },
    };
  };

  async function* subscribe(
    consumerArn: string,
    shardId: string,
    position: StartingPosition,
    signal: AbortSignal,
  ): AsyncGenerator<RecordBatch, void, undefined> {
    if (signal.aborted) return;
    const stream = [...streams.values()].find((each) =>
      [...each.consumers.values()].some((consumer) => consumer.consumerArn === consumerArn),
    );
    if (stream === undefined) throw new PoisonError(`consumer ${consumerArn} is not registered`);
    const shard = shardOf(stream, shardId);
    const key = `${consumerArn} ${shardId}`;
    const held = slots.get(key);
    if (held !== undefined && clock.monotonicMs() - held.takenAtMs < SLOT_HELD_MS)
      throw new SubscriptionRefusedError(`subscription of ${consumerArn} to ${shardId}: another one is open`);
    held?.end();

    let over = false;
    let changed = Promise.withResolvers<void>();
    const notice = () => changed.resolve();
    const end = () => {
      over = true;
      if (slots.get(key) === slot) slots.delete(key);
      notice();
    };
    const slot: Slot = { takenAtMs: clock.monotonicMs(), end };
    slots.set(key, slot);
    shard.watchers.add(notice);
    signal.addEventListener('abort', end);
    try {
      let index = startIndex(shard, position);
      for (let first = true; !over; first = false) {
        changed = Promise.withResolvers<void>();
        const batch = batchFrom(shard, index);
        index += batch.records.length;
        if (first || batch.records.length > 0 || batch.shardEnd) yield batch;
        if (batch.shardEnd) return;
        if (index >= shard.records.length && !over && !shard.closed) await changed.promise;
      }
    } finally {
      signal.removeEventListener('abort', end);
      shard.watchers.delete(notice);
      end();
    }
  }

  const describe = (stream: MemoryStream): StreamDescription => ({
    streamName: stream.streamName,
    streamArn: stream.streamArn,
    status: isUpdating(stream) ? 'UPDATING' : 'ACTIVE',
    mode: 'PROVISIONED',
    retentionHours: 24,
    shards: stream.shards.map(({ shardId, parents, hashKeyRange, closed }) => ({
      shardId,
      parents: [...parents],
      hashKeyRange: { ...hashKeyRange },
      closed,
    })),
  });

  const change = (streamName: string, make: (stream: MemoryStream) => string | undefined): ChangeResult => {
    const stream = streams.get(streamName);
    if (stream === undefined) return { kind: 'refused', detail: `stream ${streamName} is not there` };
    if (isUpdating(stream)) return { kind: 'busy', detail: `stream ${streamName} is UPDATING` };
    const refusal = make(stream);
    if (refusal !== undefined) return { kind: 'refused', detail: refusal };
    stream.updatingUntilMs = clock.monotonicMs() + updatingMs;
    return { kind: 'changed' };
  };
  const openShard = (stream: MemoryStream, shardId: string): MemoryShard | undefined =>
    stream.shards.find((shard) => shard.shardId === shardId && !shard.closed);
  const close = (shard: MemoryShard): void => {
    shard.closed = true;
    wake(shard);
  };

  const control: StreamControl = {
    describe: async (streamName) => {
      const stream = streams.get(streamName);
      return stream === undefined ? null : describe(stream);
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
    ensureConsumer: async (streamArn, consumerName) => {
      const stream = byArn(streamArn);
      const known = stream.consumers.get(consumerName) ?? {
        consumerArn: `${streamArn}/consumer/${consumerName}:${Math.floor(clock.nowMs() / 1000)}`,
        createdAtMs: clock.nowMs(),
      };
      stream.consumers.set(consumerName, known);
      return { consumerArn: known.consumerArn };
    },
    listConsumers: async (streamArn) =>
      [...byArn(streamArn).consumers].map(([consumerName, consumer]) => ({ consumerName, ...consumer })),
    removeConsumer: async (streamArn, consumerName) => {
      const stream = byArn(streamArn);
      const consumer = stream.consumers.get(consumerName);
      stream.consumers.delete(consumerName);
      for (const [key, slot] of slots) if (consumer !== undefined && key.startsWith(`${consumer.consumerArn} `)) slot.end();
    },
  };

  return {
    reader: { poll, subscribe },
    control,
    createStream: (streamName, shardCount) => {
      if (streams.has(streamName)) throw new InvariantError(`stream ${streamName} exists`);
      const stream: MemoryStream = {
        streamName,
        streamArn: `arn:aws:kinesis:us-east-1:000000000000:stream/${streamName}`,
        shards: [],
        consumers: new Map(),
        updatingUntilMs: 0,
      };
      for (const range of slicesOf(WHOLE_RANGE, shardCount)) addShard(stream, range, []);
      streams.set(streamName, stream);
      return describe(stream);
    },
    putRecords: (streamName, batch) => {
      const stream = streamOf(streamName);
      const touched = new Set<MemoryShard>();
      const results = batch.map((record) => {
        const hashKey = hashKeyOf(record);
        const shard = stream.shards.find((each) => !each.closed && contains(each.hashKeyRange, hashKey));
        if (shard === undefined) throw new InvariantError(`no open shard of ${streamName} holds hash key ${hashKey}`);
        records += 1n;
        const sequenceNumber = (FIRST_SEQUENCE_NUMBER + records).toString();
        shard.records.push({ sequenceNumber, partitionKey: record.partitionKey, data: record.data, arrivedAtMs: clock.nowMs() });
        touched.add(shard);
        return { shardId: shard.shardId, sequenceNumber };
      });
      touched.forEach(wake);
      return results;
    },
  };
};
