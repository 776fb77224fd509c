// lib/adapters/memory: reading streams in memory: closed parents readable to their end, fan-out slots with their five seconds and five minutes.
// in: StreamReader calls · out: what Kinesis would answer, without its limits of throughput (lib/simulate keeps those)
import { PoisonError, SubscriptionRefusedError } from '../../errors.ts';
import { compareSequenceNumbers } from '../../model/sequence-number.ts';
import type { Clock, RecordBatch, ShardIterator, StartingPosition, StreamReader } from '../../ports.ts';
import { isForeign, type MemoryShard, type MemoryStream, type StreamSet, shardOf } from './kinesis-shards.ts';

/** Source: GetRecords. */
const MAX_RECORDS = 10_000;
const MAX_BYTES = 10 * 1024 * 1024;
/** For so long after a successful call another one is refused, even if the first was left; later it takes the slot over. Source: SubscribeToShard. */
const SLOT_HELD_MS = 5_000;
/** A subscription ends by itself. Source: SubscribeToShard. */
const SUBSCRIPTION_MS = 300_000;

interface Slot {
  readonly takenAtMs: number;
  readonly end: () => void;
}

/** The index of the first record at a position. */
const startIndex = (stream: MemoryStream, shard: MemoryShard, position: StartingPosition): number => {
  const first = (matches: (record: MemoryShard['records'][number]) => boolean): number => {
    const index = shard.records.findIndex(matches);
    return index === -1 ? shard.records.length : index;
  };
  switch (position.type) {
    case 'TRIM_HORIZON':
      return 0;
    case 'LATEST':
      return shard.records.length;
    case 'AT_TIMESTAMP':
      return first((record) => record.arrivedAtMs >= position.timestampMs);
    default: {
      const { sequenceNumber } = position;
      if (isForeign(stream, sequenceNumber))
        throw new PoisonError(`sequence number ${sequenceNumber} did not come from this stream ${stream.streamName}`);
      const after = position.type === 'AFTER_SEQUENCE_NUMBER' ? 1 : 0;
      return first((record) => compareSequenceNumbers(record.sequenceNumber, sequenceNumber) >= after);
    }
  }
};

const batchFrom = (shard: MemoryShard, index: number, nowMs: number): RecordBatch => {
  let bytes = 0;
  let end = index;
  for (let record = shard.records[end]; record !== undefined && end - index < MAX_RECORDS; record = shard.records[end]) {
    bytes += record.data.byteLength;
    if (bytes > MAX_BYTES && end > index) break;
    end += 1;
  }
  const unread = shard.records[end];
  return {
    records: shard.records.slice(index, end),
    millisBehindLatest: unread === undefined ? 0 : Math.max(0, nowMs - unread.arrivedAtMs),
    shardEnd: shard.closed && unread === undefined,
  };
};

/** The reader, and what ends the subscriptions of a consumer that is deregistered. */
export const memoryReader = (
  clock: Clock,
  streams: StreamSet,
): StreamReader & { endSubscriptions(consumerArn: string): void } => {
  const slots = new Map<string, Slot>();

  const poll = (streamName: string, shardId: string, position: StartingPosition): ShardIterator => {
    let opened: { stream: MemoryStream; index: number } | undefined;
    let ended = false;
    return {
      next: async () => {
        if (ended) return null;
        const stream = streams.named(streamName);
        const shard = shardOf(stream, shardId);
        if (opened !== undefined && opened.stream !== stream)
          throw new PoisonError(`the iterator did not come from this stream ${streamName}`);
        opened ??= { stream, index: startIndex(stream, shard, position) };
        const batch = batchFrom(shard, opened.index, clock.nowMs());
        opened.index += batch.records.length;
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
    const stream = streams.ofConsumer(consumerArn);
    const shard = shardOf(stream, shardId);
    const key = `${consumerArn} ${shardId}`;
    const held = slots.get(key);
    if (held !== undefined && clock.monotonicMs() - held.takenAtMs < SLOT_HELD_MS)
      throw new SubscriptionRefusedError(
        `subscription of ${consumerArn} to ${shardId}: another one began less than five seconds ago`,
      );
    let index = startIndex(stream, shard, position);
    held?.end();

    const over = new AbortController();
    let changed = Promise.withResolvers<void>();
    const notice = () => changed.resolve();
    const end = () => {
      over.abort();
      notice();
    };
    slots.set(key, { takenAtMs: clock.monotonicMs(), end });
    shard.watchers.add(notice);
    signal.addEventListener('abort', end);
    void clock.sleep(SUBSCRIPTION_MS, over.signal).then(end);
    try {
      for (let first = true; !over.signal.aborted; first = false) {
        changed = Promise.withResolvers<void>();
        const batch = batchFrom(shard, index, clock.nowMs());
        index += batch.records.length;
        if (first || batch.records.length > 0 || batch.shardEnd) yield batch;
        if (batch.shardEnd) return;
        if (index >= shard.records.length && !over.signal.aborted && !shard.closed) await changed.promise;
      }
    } finally {
      signal.removeEventListener('abort', end);
      shard.watchers.delete(notice);
      end();
    }
  }

  return {
    poll,
    subscribe,
    endSubscriptions: (consumerArn) => {
      for (const [key, slot] of slots) if (key.startsWith(`${consumerArn} `)) slot.end();
    },
  };
};
