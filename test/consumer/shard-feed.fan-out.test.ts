// A feed that reads by enhanced fan-out, on streams in memory that keep Kinesis's five seconds and five minutes.
import { describe, expect, it } from 'vitest';
import { memoryStreams } from '../../lib/adapters/memory/kinesis.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import { type FeedOptions, ShardFeed } from '../../lib/consumer/shard-feed.ts';
import { SubscriptionRefusedError, TransientError } from '../../lib/errors.ts';
import type { StreamReader } from '../../lib/ports.ts';

const stage = async (options: { wrap?: (reader: StreamReader) => StreamReader; feed?: Partial<FeedOptions> } = {}) => {
  const clock = scriptedClock(1_800_000_000_000);
  const streams = memoryStreams(clock);
  const { streamArn, shards } = streams.createStream('orders', 1);
  const { consumerArn } = await streams.control.ensureConsumer(streamArn, 'penumbra-0');
  const shardId = shards[0]!.shardId;
  const calls: { atMs: number; outcome: 'open' | 'refused' | 'failed' | 'ended' | 'left' }[] = [];
  const pollsAtMs: number[] = [];
  const inner = options.wrap?.(streams.reader) ?? streams.reader;
  const reader: StreamReader = {
    poll: (...args) => {
      const iterator = inner.poll(...args);
      return {
        next: (signal) => {
          pollsAtMs.push(clock.monotonicMs());
          return iterator.next(signal);
        },
      };
    },
    async *subscribe(...args) {
      const call: (typeof calls)[number] = { atMs: clock.monotonicMs(), outcome: 'open' };
      calls.push(call);
      try {
        yield* inner.subscribe(...args);
        call.outcome = args[3].aborted ? 'left' : 'ended';
      } catch (error) {
        call.outcome = error instanceof SubscriptionRefusedError ? 'refused' : 'failed';
        throw error;
      } finally {
        if (call.outcome === 'open') call.outcome = 'left';
      }
    },
  };
  const delivered: { n: number; atMs: number }[] = [];
  const events: ConsumerEvent[] = [];
  const ends: number[] = [];
  const feed = new ShardFeed(reader, clock, {
    streamName: 'orders',
    shardId,
    after: 'TRIM_HORIZON',
    consumerArn: async () => consumerArn,
    pollMs: 250,
    deliver: async (records) => {
      for (const { data } of records) delivered.push({ n: Number(Buffer.from(data).toString()), atMs: clock.monotonicMs() });
    },
    onEnd: () => void ends.push(clock.monotonicMs()),
    emit: (event) => void events.push(event),
    ...options.feed,
  });
  let put = 0;
  /** One record every 100 ms for so long. */
  const load = async (ms: number) => {
    for (let at = 0; at < ms; at += 100) {
      streams.putRecords('orders', [{ partitionKey: 'k', data: Buffer.from(String(put)) }]);
      put += 1;
      await clock.advance(100);
    }
  };
  const inOrder = () => expect(delivered.map(({ n }) => n)).toEqual(Array.from({ length: put }, (_, i) => i));
  return { clock, streams, streamArn, shardId, consumerArn, calls, pollsAtMs, delivered, events, ends, feed, load, inOrder };
};
const openCalls = (calls: readonly { outcome: string }[]) => calls.filter(({ outcome }) => outcome === 'open').length;

describe('ShardFeed by fan-out', () => {
  it('renews before the five minutes are over, without a gap, a repetition or a poll, and leaves the old subscription', async () => {
    const { calls, delivered, events, feed, load, inOrder, pollsAtMs } = await stage();
    await load(900_000);
    inOrder();
    expect(calls.map(({ atMs }) => atMs)).toEqual([0, 285_000, 570_000, 855_000]);
    expect(openCalls(calls)).toBe(1);
    expect(pollsAtMs).toEqual([]);
    const latestMs = Math.max(...delivered.map(({ n, atMs }) => atMs - n * 100));
    expect(latestMs).toBe(0);
    expect(events).toEqual([]);
    await feed.stop();
    expect(openCalls(calls)).toBe(0);
  });

  it('keeps the old subscription until it ends where a second one is refused (as emulators do), and loses and repeats nothing', async () => {
    // Refused for as long as the first one lives.
    const wrap = (reader: StreamReader): StreamReader => {
      let living = 0;
      return {
        ...reader,
        async *subscribe(...args) {
          if (living > 0) throw new SubscriptionRefusedError('taken');
          living += 1;
          try {
            yield* reader.subscribe(...args);
          } finally {
            living -= 1;
          }
        },
      };
    };
    const { calls, events, feed, load, inOrder, delivered } = await stage({ wrap });
    await load(620_000);
    inOrder();
    expect(calls.map(({ outcome }) => outcome)).toEqual(['ended', 'refused', 'ended', 'refused', 'open']);
    expect(calls[2]!.atMs).toBe(300_000);
    // Polling stands in only where the next subscription does not begin at once.
    expect(Math.max(...delivered.map(({ n, atMs }) => atMs - n * 100))).toBe(0);
    expect(events).toEqual([]);
    await feed.stop();
  });

  it('leaves the old subscription itself where the service lets both live', async () => {
    const { calls, delivered, feed, load, inOrder, streams, streamArn } = await stage({
      wrap: (reader) => {
        let call = -1;
        return {
          ...reader,
          async *subscribe(_arn, ...args) {
            call += 1;
            const { consumerArn } = await streams.control.ensureConsumer(streamArn, `penumbra-${call}`);
            yield* reader.subscribe(consumerArn, ...args);
          },
        };
      },
    });
    await load(580_000);
    inOrder();
    expect(calls.map(({ outcome }) => outcome)).toEqual(['left', 'left', 'open']);
    expect(delivered.every(({ n, atMs }) => atMs === n * 100)).toBe(true);
    await feed.stop();
  });

  it('polls while the slot is taken by another, tries again in time, and goes back to the push', async () => {
    const { clock, streams, consumerArn, shardId, calls, pollsAtMs, delivered, events, feed, load, inOrder } = await stage({
      wrap: (reader) => {
        let refusals = 4;
        return {
          ...reader,
          subscribe: (...args) => {
            refusals -= 1;
            if (refusals >= 0) throw new SubscriptionRefusedError('taken');
            return reader.subscribe(...args);
          },
        };
      },
    });
    await load(30_000);
    inOrder();
    expect(calls.map(({ atMs, outcome }) => ({ atMs, outcome }))).toEqual([
      { atMs: 0, outcome: 'refused' },
      { atMs: 1000, outcome: 'refused' },
      { atMs: 3000, outcome: 'refused' },
      { atMs: 7000, outcome: 'refused' },
      { atMs: 12_000, outcome: 'open' },
    ]);
    expect(pollsAtMs[0]).toBe(0);
    expect(Math.max(...pollsAtMs)).toBeLessThanOrEqual(12_250);
    // Never later than one poll.
    expect(Math.max(...delivered.map(({ n, atMs }) => atMs - n * 100))).toBeLessThanOrEqual(250);
    expect(events).toEqual([]);
    // Another reader takes it over, as Kinesis allows after five seconds: we wait five seconds after our own last call at least.
    const other = new AbortController();
    const theirs = streams.reader.subscribe(consumerArn, shardId, { type: 'LATEST' }, other.signal)[Symbol.asyncIterator]();
    void theirs.next();
    const before = calls.length;
    await load(20_000);
    inOrder();
    expect(calls.slice(before)[0]).toMatchObject({ atMs: 30_000, outcome: 'refused' });
    for (let i = 1; i < calls.length; i += 1) expect(calls[i]!.atMs - calls[i - 1]!.atMs).toBeGreaterThanOrEqual(1000);
    expect(openCalls(calls)).toBe(1);
    other.abort();
    await feed.stop();
    expect(clock.sleeping).toBe(0);
  });

  it('polls while the consumer is being registered, and stops without waiting for it', async () => {
    const registered = Promise.withResolvers<string>();
    const { calls, feed, load, inOrder, clock, pollsAtMs } = await stage({ feed: { consumerArn: () => registered.promise } });
    await load(5000);
    await clock.advance(300);
    inOrder();
    expect(pollsAtMs[0]).toBe(1000);
    expect(calls).toEqual([]);
    await feed.stop();
  });

  it('tells that no consumer can be had, polls meanwhile, and asks again', async () => {
    let asked = 0;
    const { events, feed, load, inOrder, calls } = await stage({
      feed: {
        consumerArn: async () => {
          asked += 1;
          if (asked < 3) throw new TransientError('twenty consumers are registered');
          return 'arn:of:nobody';
        },
      },
    });
    await load(10_000);
    inOrder();
    expect(events.slice(0, 3)).toMatchObject([
      { kind: 'failed', doing: 'subscribe', retryInMs: 1000 },
      { kind: 'failed', doing: 'subscribe', retryInMs: 2000 },
      // It is not registered: that does not pass by itself.
      { kind: 'failed', doing: 'subscribe', retryInMs: 5000 },
    ]);
    expect(calls.length).toBeGreaterThan(0);
    await feed.stop();
  });

  it('registers a consumer again that was reaped under it', async () => {
    const it = await stage();
    await it.load(1000);
    await it.streams.control.removeConsumer(it.streamArn, 'penumbra-0');
    await it.load(500);
    await it.streams.control.ensureConsumer(it.streamArn, 'penumbra-0');
    await it.load(20_000);
    it.inOrder();
    await it.feed.stop();
  });

  it('never asks for the next event before the last one was taken', async () => {
    let room = Promise.withResolvers<void>();
    let pulled = 0;
    const { clock, load, feed, inOrder, delivered, pollsAtMs } = await stage({
      wrap: (reader) => ({
        ...reader,
        async *subscribe(...args) {
          for await (const batch of reader.subscribe(...args)) {
            pulled += 1;
            yield batch;
          }
        },
      }),
      feed: {
        deliver: async (records) => {
          for (const { data } of records) delivered.push({ n: Number(Buffer.from(data).toString()), atMs: clock.monotonicMs() });
          if (records.length > 0) await room.promise;
        },
      },
    });
    await load(2000);
    await clock.advance(10_000);
    expect(pulled).toBe(1);
    expect(pollsAtMs).toEqual([]);
    expect(feed.silentForMs).toBe(0);
    room.resolve();
    room = Promise.withResolvers();
    room.resolve();
    await load(1000);
    inOrder();
    await feed.stop();
  });

  it('renews while a delivery waits for room, and loses nothing by it', async () => {
    let room: PromiseWithResolvers<void> | null = null;
    const { clock, load, feed, inOrder, delivered, calls } = await stage({
      feed: {
        deliver: async (records) => {
          for (const { data } of records) delivered.push({ n: Number(Buffer.from(data).toString()), atMs: clock.monotonicMs() });
          await room?.promise;
        },
      },
    });
    await load(284_000);
    room = Promise.withResolvers();
    await load(120_000);
    expect(calls).toHaveLength(2);
    room.resolve();
    room = null;
    await load(10_000);
    inOrder();
    expect(openCalls(calls)).toBe(1);
    await feed.stop();
  });

  it('ends after the last record of a shard that is split, and once', async () => {
    const { streams, shardId, ends, load, inOrder, feed, clock } = await stage();
    await load(1000);
    await streams.control.split('orders', shardId, 2n ** 127n);
    await clock.advance(10_000);
    inOrder();
    expect(ends).toHaveLength(1);
    await feed.stop();
  });

  it('asks after silence, so that the end of a shard which no event told is found', async () => {
    const { streams, shardId, ends, load, inOrder, feed, clock, calls } = await stage({
      wrap: (reader) => ({
        ...reader,
        async *subscribe(...args) {
          for await (const batch of reader.subscribe(...args)) {
            if (!batch.shardEnd) yield batch;
            else await new Promise<void>((resolve) => args[3].addEventListener('abort', () => resolve()));
          }
        },
      }),
    });
    await load(2000);
    await streams.control.split('orders', shardId, 2n ** 127n);
    await clock.advance(5000);
    inOrder();
    expect(ends).toHaveLength(1);
    expect(openCalls(calls)).toBe(0);
    await feed.stop();
  });

  it('hears of a half-open connection by the probes that find records, and is not silent meanwhile', async () => {
    const { load, inOrder, feed, clock, delivered } = await stage({
      wrap: (reader) => ({
        ...reader,
        async *subscribe(...args) {
          let events = 0;
          for await (const batch of reader.subscribe(...args)) {
            events += 1;
            if (events < 10) yield batch;
          }
        },
      }),
    });
    await load(60_000);
    await clock.advance(4000);
    inOrder();
    expect(feed.silentForMs).toBeLessThan(4500);
    expect(Math.max(...delivered.map(({ n, atMs }) => atMs - n * 100))).toBeLessThanOrEqual(4500);
    await feed.stop();
  });

  it('frees the slot at once when it is stopped, while opening and while open', async () => {
    for (const afterMs of [0, 2000]) {
      const { clock, calls, feed } = await stage();
      await clock.advance(afterMs);
      await feed.stop();
      expect(openCalls(calls)).toBe(0);
      expect(clock.sleeping).toBe(0);
    }
  });
});
