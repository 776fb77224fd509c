// lib/adapters/memory: what streams in memory consist of: shards with lineage and their records in order.
// in: streams, splits, merges, records · out: the same, looked up by name or ARN
import { createHash } from 'node:crypto';
import { InvariantError, PoisonError, ShardGoneError } from '../../errors.ts';
import { contains, type HashKeyRange, slicesOf, WHOLE_RANGE } from '../../model/hash-key-range.ts';
import type { StreamDescription, StreamRecord } from '../../model/shard.ts';
import type { Clock } from '../../ports.ts';

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

export interface MemoryShard {
  readonly shardId: string;
  readonly parents: string[];
  readonly hashKeyRange: HashKeyRange;
  readonly records: StreamRecord[];
  closed: boolean;
  /** Told at every change. */
  readonly watchers: Set<() => void>;
}

export interface MemoryStream {
  readonly streamName: string;
  readonly streamArn: string;
  readonly createdAtMs: number;
  /** Every record of this stream has a larger one: a smaller one came from a former stream of the same name. */
  readonly beforeFirst: bigint;
  shards: MemoryShard[];
  /** Shard ids are never used twice. */
  shardsMade: number;
  readonly consumers: Map<string, { consumerArn: string; createdAtMs: number }>;
  updatingUntilMs: number;
  resizedAtMs: readonly number[];
}

/** The hash key of a partition key: its MD5. */
const hashKeyOf = (record: NewRecord): bigint =>
  record.explicitHashKey ?? BigInt(`0x${createHash('md5').update(record.partitionKey).digest('hex')}`);

/** Tells whoever reads a shard that it has changed. */
export const wake = (shard: MemoryShard): void => {
  for (const watcher of [...shard.watchers]) watcher();
};

/** The next shard of a stream. */
export const addShard = (stream: MemoryStream, hashKeyRange: HashKeyRange, parents: string[]): void => {
  const shardId = `shardId-${stream.shardsMade.toString().padStart(12, '0')}`;
  stream.shardsMade += 1;
  stream.shards.push({ shardId, parents, hashKeyRange, records: [], closed: false, watchers: new Set() });
};

/** A shard takes no more records. */
export const close = (shard: MemoryShard): void => {
  shard.closed = true;
  wake(shard);
};

/** The shard of that id. Throws ShardGoneError when the stream does not list it. */
export const shardOf = (stream: MemoryStream, shardId: string): MemoryShard => {
  const shard = stream.shards.find((each) => each.shardId === shardId);
  if (shard === undefined) throw new ShardGoneError(`shard ${shardId} of ${stream.streamName} is not there`);
  return shard;
};

/** All streams of one world. */
export class StreamSet {
  readonly #clock: Clock;
  readonly #streams = new Map<string, MemoryStream>();
  #records = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(streamName: string): MemoryStream | undefined {
    return this.#streams.get(streamName);
  }

  /** The stream of that name. Throws PoisonError when there is none. */
  named(streamName: string): MemoryStream {
    const stream = this.#streams.get(streamName);
    if (stream === undefined) throw new PoisonError(`stream ${streamName} is not there`);
    return stream;
  }

  byArn(streamArn: string): MemoryStream {
    const stream = [...this.#streams.values()].find((each) => each.streamArn === streamArn);
    if (stream === undefined) throw new PoisonError(`stream ${streamArn} is not there`);
    return stream;
  }

  /** The stream on which a fan-out consumer is registered. */
  ofConsumer(consumerArn: string): MemoryStream {
    const stream = [...this.#streams.values()].find((each) =>
      [...each.consumers.values()].some((consumer) => consumer.consumerArn === consumerArn),
    );
    if (stream === undefined) throw new PoisonError(`consumer ${consumerArn} is not registered`);
    return stream;
  }

  create(streamName: string, shardCount: number): MemoryStream {
    if (this.#streams.has(streamName)) throw new InvariantError(`stream ${streamName} exists`);
    const stream: MemoryStream = {
      streamName,
      streamArn: `arn:aws:kinesis:us-east-1:000000000000:stream/${streamName}`,
      createdAtMs: this.#clock.nowMs(),
      beforeFirst: FIRST_SEQUENCE_NUMBER + this.#records,
      shards: [],
      shardsMade: 0,
      consumers: new Map(),
      updatingUntilMs: 0,
      resizedAtMs: [],
    };
    for (const range of slicesOf(WHOLE_RANGE, shardCount)) addShard(stream, range, []);
    this.#streams.set(streamName, stream);
    return stream;
  }

  delete(streamName: string): void {
    const { shards } = this.named(streamName);
    this.#streams.delete(streamName);
    shards.forEach(wake);
  }

  put(streamName: string, batch: readonly NewRecord[]): PutResult[] {
    const stream = this.named(streamName);
    const touched = new Set<MemoryShard>();
    const arrivedAtMs = this.#clock.nowMs();
    const results = batch.map((record) => {
      const hashKey = hashKeyOf(record);
      const shard = stream.shards.find((each) => !each.closed && contains(each.hashKeyRange, hashKey));
      if (shard === undefined) throw new InvariantError(`no open shard of ${streamName} holds hash key ${hashKey}`);
      this.#records += 1n;
      const sequenceNumber = (FIRST_SEQUENCE_NUMBER + this.#records).toString();
      shard.records.push({ sequenceNumber, partitionKey: record.partitionKey, data: record.data, arrivedAtMs });
      touched.add(shard);
      return { shardId: shard.shardId, sequenceNumber };
    });
    touched.forEach(wake);
    return results;
  }

  isUpdating(stream: MemoryStream): boolean {
    return this.#clock.monotonicMs() < stream.updatingUntilMs;
  }

  describe(stream: MemoryStream): StreamDescription {
    return {
      streamName: stream.streamName,
      streamArn: stream.streamArn,
      status: this.isUpdating(stream) ? 'UPDATING' : 'ACTIVE',
      mode: 'PROVISIONED',
      retentionHours: 24,
      createdAtMs: stream.createdAtMs,
      describedAtMs: this.#clock.nowMs(),
      shards: stream.shards.map(({ shardId, parents, hashKeyRange, closed }) => ({
        shardId,
        parents: [...parents],
        hashKeyRange: { ...hashKeyRange },
        closed,
      })),
    };
  }
}

/** Whether a sequence number is one of a former stream of the same name. */
export const isForeign = (stream: MemoryStream, sequenceNumber: string): boolean => {
  const number = BigInt(sequenceNumber);
  return number > FIRST_SEQUENCE_NUMBER && number <= stream.beforeFirst;
};
