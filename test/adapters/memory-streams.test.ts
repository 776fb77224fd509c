import { describe, expect, test } from 'vitest';
import { memoryStreams } from '../../lib/adapters/memory/kinesis.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { SubscriptionRefusedError } from '../../lib/errors.ts';

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
});
