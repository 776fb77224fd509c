import { describe, expect, test } from 'vitest';
import { memoryStreams } from '../../lib/adapters/memory/kinesis.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { ShardGoneError, SubscriptionRefusedError } from '../../lib/errors.ts';

describe('memoryStreams', () => {
  test('keeps a stream UPDATING for the configured time and refuses a second change meanwhile', async () => {
    const clock = scriptedClock(0);
    const { control, createStream } = memoryStreams(clock, 5_000);
    const { shards } = createStream('orders', 2);
    expect(await control.split('orders', shards[0]!.shardId, 5n)).toEqual({ kind: 'changed' });
    expect((await control.describe('orders'))?.status).toBe('UPDATING');
    expect(await control.split('orders', shards[1]!.shardId, shards[1]!.hashKeyRange.endingHashKey)).toMatchObject({
      kind: 'busy',
    });
    await clock.advance(5_000);
    expect((await control.describe('orders'))?.status).toBe('ACTIVE');
    expect(await control.split('orders', shards[1]!.shardId, shards[1]!.hashKeyRange.endingHashKey)).toEqual({ kind: 'changed' });
  });

  test('lets a second subscription take the slot over after five seconds, as Kinesis does, and ends the first', async () => {
    const clock = scriptedClock(0);
    const { control, reader, createStream } = memoryStreams(clock);
    const { streamArn, shards } = createStream('orders', 1);
    const { consumerArn } = await control.ensureConsumer(streamArn, 'penumbra-0');
    const leaving = new AbortController();
    const subscribe = () =>
      reader.subscribe(consumerArn, shards[0]!.shardId, { type: 'TRIM_HORIZON' }, leaving.signal)[Symbol.asyncIterator]();
    const first = subscribe();
    await first.next();
    const waiting = first.next();
    await clock.advance(4_999);
    await expect(subscribe().next()).rejects.toBeInstanceOf(SubscriptionRefusedError);
    await clock.advance(1);
    const second = subscribe();
    expect(await second.next()).toMatchObject({ done: false });
    expect(await waiting).toEqual({ done: true, value: undefined });
    leaving.abort();
    expect(await second.next()).toEqual({ done: true, value: undefined });
  });

  test('tells how far behind the first unread record is', async () => {
    const clock = scriptedClock(0);
    const { reader, createStream, putRecords } = memoryStreams(clock);
    const { shards } = createStream('orders', 1);
    putRecords(
      'orders',
      Array.from({ length: 10_001 }, () => ({ partitionKey: 'k', data: new Uint8Array(1) })),
    );
    await clock.advance(700);
    const iterator = reader.poll('orders', shards[0]!.shardId, { type: 'TRIM_HORIZON' });
    expect(await iterator.next()).toMatchObject({ millisBehindLatest: 700, shardEnd: false });
    expect(await iterator.next()).toMatchObject({ millisBehindLatest: 0, shardEnd: false });
  });

  test('refuses a second call within five seconds of a successful one even when the first was left, as Kinesis does', async () => {
    const clock = scriptedClock(0);
    const { control, reader, createStream } = memoryStreams(clock);
    const { streamArn, shards } = createStream('orders', 1);
    const { consumerArn } = await control.ensureConsumer(streamArn, 'penumbra-0');
    const subscribe = async (leaving: AbortController) => {
      const events = reader.subscribe(consumerArn, shards[0]!.shardId, { type: 'TRIM_HORIZON' }, leaving.signal);
      await events[Symbol.asyncIterator]().next();
      leaving.abort();
    };
    await subscribe(new AbortController());
    await clock.advance(4_999);
    await expect(subscribe(new AbortController())).rejects.toBeInstanceOf(SubscriptionRefusedError);
    await clock.advance(1);
    await subscribe(new AbortController());
  });

  test('ends a subscription after five minutes', async () => {
    const clock = scriptedClock(0);
    const { control, reader, createStream } = memoryStreams(clock);
    const { streamArn, shards } = createStream('orders', 1);
    const { consumerArn } = await control.ensureConsumer(streamArn, 'penumbra-0');
    const events = reader
      .subscribe(consumerArn, shards[0]!.shardId, { type: 'TRIM_HORIZON' }, new AbortController().signal)
      [Symbol.asyncIterator]();
    await events.next();
    let ended = false;
    void events.next().then(({ done }) => {
      ended = done === true;
    });
    await clock.advance(299_999);
    expect(ended).toBe(false);
    await clock.advance(1);
    expect(ended).toBe(true);
  });

  test('gives no more than 10 MiB in one answer, and one larger record alone', async () => {
    const { reader, createStream, putRecords } = memoryStreams(scriptedClock(0));
    const { shards } = createStream('orders', 1);
    const MIB = 1024 * 1024;
    putRecords(
      'orders',
      [4, 4, 4, 10, 1].map((size) => ({ partitionKey: 'k', data: new Uint8Array(size * MIB) })),
    );
    const iterator = reader.poll('orders', shards[0]!.shardId, { type: 'TRIM_HORIZON' });
    const sizes: (number[] | undefined)[] = [];
    for (let i = 0; i < 4; i += 1) sizes.push((await iterator.next())?.records.map(({ data }) => data.byteLength / MIB));
    expect(sizes).toEqual([[4, 4], [4], [10], [1]]);
  });

  test('lists and reads an expired shard no more, and tells it from a stream that is not there', async () => {
    const { control, reader, createStream, expireShard } = memoryStreams(scriptedClock(0));
    const { shards } = createStream('orders', 1);
    const { shardId } = shards[0]!;
    const iterator = reader.poll('orders', shardId, { type: 'TRIM_HORIZON' });
    await iterator.next();
    await control.split('orders', shardId, 5n);
    expireShard('orders', shardId);
    expect((await control.describe('orders'))?.shards.map((shard) => shard.shardId)).not.toContain(shardId);
    await expect(iterator.next()).rejects.toBeInstanceOf(ShardGoneError);
    await expect(reader.poll('elsewhere', shardId, { type: 'TRIM_HORIZON' }).next()).rejects.not.toBeInstanceOf(ShardGoneError);
  });

  test('refuses positions and iterators of a former stream of the same name', async () => {
    const { reader, createStream, deleteStream, putRecords } = memoryStreams(scriptedClock(0));
    const { shards } = createStream('orders', 1);
    const { shardId } = shards[0]!;
    const [put] = putRecords('orders', [{ partitionKey: 'k', data: new Uint8Array(1) }]);
    const iterator = reader.poll('orders', shardId, { type: 'TRIM_HORIZON' });
    await iterator.next();
    deleteStream('orders');
    createStream('orders', 1);
    putRecords('orders', [{ partitionKey: 'k', data: new Uint8Array(2) }]);
    await expect(iterator.next()).rejects.toThrow(/did not come from this stream/);
    const after = { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: put!.sequenceNumber } as const;
    await expect(reader.poll('orders', shardId, after).next()).rejects.toThrow(/did not come from this stream/);
    expect((await reader.poll('orders', shardId, { type: 'TRIM_HORIZON' }).next())?.records).toHaveLength(1);
  });
});
