// Whatever breaks, in whatever order: every record once, in order, and the reader keeps Kinesis's limits.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryStreams } from '../../lib/adapters/memory/kinesis.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { ShardFeed } from '../../lib/consumer/shard-feed.ts';
import { SubscriptionRefusedError, ThrottledError, TransientError } from '../../lib/errors.ts';
import type { RecordBatch, StreamReader } from '../../lib/ports.ts';

/** How one subscription goes: it is refused, breaks or ends after so many events, falls silent after so many (half-open), or holds. */
const subscription = fc.oneof(
  fc.record({ kind: fc.constantFrom('refuse' as const, 'fail' as const, 'hold' as const) }),
  fc.record({
    kind: fc.constantFrom('break' as const, 'end' as const, 'silent' as const),
    events: fc.integer({ min: 0, max: 30 }),
  }),
);
const read = fc.constantFrom('answer', 'answer', 'answer', 'throttle', 'fail', 'repeat');
const script = fc.record({
  fanOut: fc.boolean(),
  subscriptions: fc.array(subscription, { maxLength: 20 }),
  reads: fc.array(read, { maxLength: 60 }),
  /** Records put in each 100 ms. */
  puts: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 20, maxLength: 200 }),
  /** For how long each delivery takes. */
  takesMs: fc.array(fc.constantFrom(0, 0, 0, 50, 700, 4000), { maxLength: 60 }),
  catchUps: fc.array(fc.boolean(), { maxLength: 50 }),
  splitAt: fc.option(fc.integer({ min: 5, max: 150 })),
  lapseMs: fc.constantFrom(0, 0, 290_000, 310_000),
});

describe('ShardFeed', () => {
  it('for every course of refusals, breaks, silences, throttled reads and slow deliveries gives every record once and in order, and the end once', async () => {
    await fc.assert(
      fc.asyncProperty(script, async ({ fanOut, subscriptions, reads, puts, takesMs, catchUps, splitAt, lapseMs }) => {
        const clock = scriptedClock(1_800_000_000_000);
        const streams = memoryStreams(clock);
        const { streamArn, shards } = streams.createStream('orders', 1);
        const shardId = shards[0]!.shardId;
        const { consumerArn } = await streams.control.ensureConsumer(streamArn, 'penumbra-0');
        const calledAtMs: number[] = [];
        const readAtMs: number[] = [];
        let last: RecordBatch | null = null;
        const reader: StreamReader = {
          poll: (...args) => {
            const iterator = streams.reader.poll(...args);
            return {
              next: async (signal) => {
                readAtMs.push(clock.monotonicMs());
                const how = reads.shift() ?? 'answer';
                if (how === 'throttle') throw new ThrottledError('Rate exceeded');
                if (how === 'fail') throw new TransientError('reset');
                // Emulators repeat what was given before.
                if (how === 'repeat' && last !== null && !last.shardEnd) return last;
                last = await iterator.next(signal);
                return last;
              },
            };
          },
          async *subscribe(arn, shard, position, signal) {
            calledAtMs.push(clock.monotonicMs());
            const how = subscriptions.shift() ?? { kind: 'hold' as const };
            if (how.kind === 'refuse') throw new SubscriptionRefusedError('taken');
            if (how.kind === 'fail') throw new TransientError('no answer');
            let left = 'events' in how ? how.events : Number.POSITIVE_INFINITY;
            for await (const batch of streams.reader.subscribe(arn, shard, position, signal)) {
              if (left === 0 && how.kind === 'break') throw new TransientError('reset');
              if (left === 0 && how.kind === 'end') return;
              if (left === 0)
                return void (await new Promise<void>((resolve) => {
                  signal.addEventListener('abort', () => resolve());
                  if (signal.aborted) resolve();
                  // The adapter's own limit of silence.
                  void clock.sleep(30_000, signal).then(resolve);
                }));
              left -= 1;
              yield batch;
            }
          },
        };
        const delivered: number[] = [];
        let ends = 0;
        const feed = new ShardFeed(reader, clock, {
          streamName: 'orders',
          shardId,
          after: 'TRIM_HORIZON',
          consumerArn: fanOut ? async () => consumerArn : null,
          pollMs: 250,
          deliver: async (records) => {
            if (records.length > 0) await clock.sleep(takesMs.shift() ?? 0);
            delivered.push(...records.map(({ data }) => Number(Buffer.from(data).toString())));
          },
          onEnd: () => {
            ends += 1;
          },
          emit: () => {},
        });
        let put = 0;
        const catching: Promise<void>[] = [];
        for (const [i, count] of puts.entries()) {
          if (i === Math.floor(puts.length / 2)) await clock.advance(lapseMs);
          if (i === splitAt) await streams.control.split('orders', shardId, 2n ** 127n);
          if (splitAt === null || i < splitAt)
            streams.putRecords(
              'orders',
              Array.from({ length: count }, () => ({ partitionKey: 'k', data: Buffer.from(String(put++)) })),
            );
          if (catchUps[i]) catching.push(feed.catchUp(null).catch(() => {}));
          await clock.advance(100);
        }
        await clock.advance(400_000);
        await Promise.all(catching);
        expect(delivered).toEqual(Array.from({ length: put }, (_, i) => i));
        expect(ends).toBe(splitAt !== null && splitAt < puts.length ? 1 : 0);
        for (let i = 1; i < calledAtMs.length; i += 1) expect(calledAtMs[i]! - calledAtMs[i - 1]!).toBeGreaterThanOrEqual(1000);
        for (let i = 5; i < readAtMs.length; i += 1) expect(readAtMs[i]! - readAtMs[i - 5]!).toBeGreaterThan(999.99);
        await feed.stop();
      }),
      { numRuns: 150 },
    );
  });
});
