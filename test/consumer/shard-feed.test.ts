import { describe, expect, it } from 'vitest';
import { type ScriptedClock, scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import { SHADOW_SHARE } from '../../lib/consumer/poll-pace.ts';
import { type FeedOptions, ShardFeed } from '../../lib/consumer/shard-feed.ts';
import { PoisonError, ShardGoneError, SubscriptionRefusedError, ThrottledError, TransientError } from '../../lib/errors.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import type { RecordBatch, StartingPosition, StreamReader } from '../../lib/ports.ts';

const record = (n: number): StreamRecord => ({
  sequenceNumber: String(n),
  partitionKey: 'k',
  data: new Uint8Array([n]),
  arrivedAtMs: 0,
});
const batch = (numbers: number[], shardEnd = false): RecordBatch => ({
  records: numbers.map(record),
  millisBehindLatest: 0,
  shardEnd,
});

const feedOn = (reader: StreamReader, fanOut: boolean, more: Partial<FeedOptions> = {}, clock = scriptedClock(0)) => {
  const delivered: number[] = [];
  const events: string[] = [];
  const told: ConsumerEvent[] = [];
  const feed = new ShardFeed(reader, clock, {
    streamName: 's',
    shardId: 'shard',
    after: '10',
    consumerArn: fanOut ? async () => 'arn' : null,
    pollMs: 250,
    deliver: async (records) => void delivered.push(...records.map((each) => Number(each.sequenceNumber))),
    onEnd: () => void events.push('end'),
    emit: (event) => {
      events.push(event.kind);
      told.push(event);
    },
    ...more,
  });
  return { clock, delivered, events, told, feed };
};
const polls = (batches: (RecordBatch | Error)[]): StreamReader['poll'] => {
  return () => ({
    next: async () => {
      const next = batches.shift() ?? batch([]);
      if (next instanceof Error) throw next;
      return next;
    },
  });
};
/** Polls that note when they were asked, and where they began. */
const noted = (clock: ScriptedClock, answer: () => RecordBatch = () => batch([])) => {
  const atMs: number[] = [];
  const from: StartingPosition[] = [];
  const poll: StreamReader['poll'] = (_stream, _shard, position) => {
    from.push(position);
    return {
      next: async () => {
        atMs.push(clock.monotonicMs());
        return answer();
      },
    };
  };
  return { atMs, from, poll };
};
const gapsOf = (times: readonly number[]): number[] => times.slice(1).map((at, i) => at - times[i]!);
const noSubscription: StreamReader['subscribe'] = () => {
  throw new Error('not asked for');
};

describe('ShardFeed', () => {
  it('delivers each record once and in order when batches overlap', async () => {
    const { clock, delivered, feed } = feedOn(
      { poll: polls([batch([9, 10, 11, 12]), batch([11, 12, 13]), batch([13])]), subscribe: noSubscription },
      false,
    );
    await clock.advance(2000);
    await feed.stop();
    expect(delivered).toEqual([11, 12, 13]);
  });

  it('tells the end of the shard once, after the last record', async () => {
    const { clock, delivered, events, feed } = feedOn(
      { poll: polls([batch([11]), batch([12], true)]), subscribe: noSubscription },
      false,
    );
    await clock.advance(5000);
    await feed.stop();
    expect(delivered).toEqual([11, 12]);
    expect(events).toEqual(['end']);
  });

  it('finds by asking the end of a shard that no event announced', async () => {
    const { clock, events, feed } = feedOn(
      {
        poll: polls([batch([], true)]),
        subscribe: async function* (_arn, _shard, _position, signal) {
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        },
      },
      true,
    );
    await clock.advance(10_000);
    await feed.stop();
    expect(events).toEqual(['end']);
  });

  it('waits and tries again while the slot is taken, without a word', async () => {
    let refusals = 3;
    const { clock, delivered, events, feed } = feedOn(
      {
        poll: polls([]),
        subscribe: async function* (_arn, _shard, _position, signal) {
          refusals -= 1;
          if (refusals >= 0) throw new SubscriptionRefusedError('taken');
          yield batch([11]);
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        },
      },
      true,
    );
    await clock.advance(10_000);
    await feed.stop();
    expect(delivered).toEqual([11]);
    expect(events).toEqual([]);
  });

  it('delivers to the new target from the moment it is retargeted, with nothing between lost', async () => {
    const batches = [batch([11]), batch([12])];
    const { clock, delivered, feed } = feedOn({ poll: polls(batches), subscribe: noSubscription }, false);
    await clock.advance(300);
    const later: number[] = [];
    feed.retarget({
      deliver: async (records) => void later.push(...records.map((each) => Number(each.sequenceNumber))),
      onEnd: () => {},
    });
    batches.push(batch([13]), batch([14]));
    await clock.advance(2000);
    await feed.stop();
    expect(delivered).toEqual([11, 12]);
    expect(later).toEqual([13, 14]);
    expect(feed.after).toBe('14');
  });

  it('begins with the record itself when only a part of it was processed, and gives it once', async () => {
    const clock = scriptedClock(0);
    const { from, poll } = noted(clock, () => batch([9, 10, 11]));
    const { delivered, feed } = feedOn({ poll, subscribe: noSubscription }, false, { from: 'at' }, clock);
    await clock.advance(1000);
    await feed.stop();
    expect(delivered).toEqual([10, 11]);
    expect(from).toEqual([{ type: 'AT_SEQUENCE_NUMBER', sequenceNumber: '10' }]);
  });

  it('begins at a moment', async () => {
    const clock = scriptedClock(0);
    const { from, poll } = noted(clock);
    const { feed } = feedOn({ poll, subscribe: noSubscription }, false, { after: 'AT_TIMESTAMP:1700000000123' }, clock);
    await clock.advance(300);
    await feed.stop();
    expect(from).toEqual([{ type: 'AT_TIMESTAMP', timestampMs: 1_700_000_000_123 }]);
  });

  describe('polling', () => {
    it('polls at its idle pace at the tip, and five times a second while it is behind', async () => {
      const clock = scriptedClock(0);
      let millisBehindLatest = 0;
      const { atMs, poll } = noted(clock, () => ({ ...batch([]), millisBehindLatest }));
      const { feed } = feedOn({ poll, subscribe: noSubscription }, false, { pollMs: 700 }, clock);
      await clock.advance(2800);
      expect(gapsOf(atMs)).toEqual([700, 700, 700, 700]);
      millisBehindLatest = 1;
      atMs.length = 0;
      await clock.advance(2700);
      expect(gapsOf(atMs)).toEqual(Array(10).fill(200));
      await feed.stop();
    });

    it('waits five seconds after an answer of 10 MiB', async () => {
      const clock = scriptedClock(0);
      const full = { ...record(11), partitionKey: '', data: new Uint8Array(10 * 1024 * 1024) };
      const { atMs, poll } = noted(clock, () => ({ records: [full], millisBehindLatest: 60_000, shardEnd: false }));
      const { feed } = feedOn({ poll, subscribe: noSubscription }, false, {}, clock);
      await clock.advance(11_000);
      await feed.stop();
      expect(atMs).toEqual([0, 5000, 10_000]);
    });

    it('takes being throttled as others reading too: gives way, goes on with the same iterator, tells it once a minute with how often', async () => {
      const clock = scriptedClock(0);
      let throttled = true;
      const opened: unknown[] = [];
      const atMs: number[] = [];
      const { delivered, events, told, feed } = feedOn(
        {
          poll: (...args) => {
            opened.push(args);
            return {
              next: async () => {
                atMs.push(clock.monotonicMs());
                if (throttled) throw new ThrottledError('Rate exceeded');
                return batch([11]);
              },
            };
          },
          subscribe: noSubscription,
        },
        false,
        {},
        clock,
      );
      await clock.advance(61_000);
      expect(gapsOf(atMs).slice(0, 6)).toEqual([400, 800, 1600, 2000, 2000, 2000]);
      expect(told).toMatchObject([
        { kind: 'read-throttled', shardId: 'shard', refusals: 1, gapMs: 400 },
        { kind: 'read-throttled', refusals: atMs.length - 1, gapMs: 2000 },
      ]);
      throttled = false;
      await clock.advance(60_000);
      await feed.stop();
      expect(delivered).toEqual([11]);
      expect(opened).toHaveLength(1);
      expect(new Set(events)).toEqual(new Set(['read-throttled']));
      expect(gapsOf(atMs).at(-1)).toBe(250);
    });

    it('tells any other failure each time, and goes on', async () => {
      const answers = polls([new TransientError('reset'), batch([11]), new PoisonError('what?'), batch([12])]);
      const opened: StartingPosition[] = [];
      const { clock, delivered, told, feed } = feedOn(
        {
          poll: (stream, shard, position) => {
            opened.push(position);
            return answers(stream, shard, position);
          },
          subscribe: noSubscription,
        },
        false,
      );
      await clock.advance(10_000);
      await feed.stop();
      expect(delivered).toEqual([11, 12]);
      expect(told).toMatchObject([
        { kind: 'failed', doing: 'read', retryInMs: 200 },
        { kind: 'failed', doing: 'read', retryInMs: 5000 },
      ]);
      // What does not pass may be the iterator's own fault.
      expect(opened).toMatchObject([{ sequenceNumber: '10' }, { sequenceNumber: '11' }]);
    });

    it('ends a shard whose retention has passed, after what it delivered, and says from where on records are lost', async () => {
      const room = Promise.withResolvers<void>();
      const { clock, events, told, feed } = feedOn(
        { poll: polls([batch([11]), new ShardGoneError('expired')]), subscribe: noSubscription },
        false,
        { deliver: () => room.promise },
      );
      await clock.advance(5000);
      expect(events).toEqual([]);
      room.resolve();
      await clock.advance(5000);
      await feed.stop();
      expect(events).toEqual(['shard-expired', 'end']);
      expect(told).toMatchObject([{ kind: 'shard-expired', shardId: 'shard', after: '11' }]);
    });

    it('closes a gap out of turn, and never reads more than five times in a second for it', async () => {
      const clock = scriptedClock(0);
      const { atMs, poll } = noted(clock);
      const { feed } = feedOn({ poll, subscribe: noSubscription }, false, { pollMs: 60_000, share: SHADOW_SHARE }, clock);
      await clock.advance(100);
      const catching = (async () => {
        for (let i = 0; i < 6; i += 1) await feed.catchUp('99');
      })();
      await clock.advance(0);
      // The next poll's own turn is the fifth.
      expect(atMs).toEqual([0, 100, 100, 100]);
      await clock.advance(2000);
      await catching;
      await feed.stop();
      expect(atMs).toEqual([0, 100, 100, 100, 1000, 1100, 1100]);
    });

    it('gives up closing a gap when it is refused, and reads on later', async () => {
      const { clock, delivered, feed } = feedOn(
        { poll: polls([batch([]), new ThrottledError('Rate exceeded'), batch([11])]), subscribe: noSubscription },
        false,
        { pollMs: 5000 },
      );
      await clock.advance(0);
      await feed.catchUp('11');
      expect(delivered).toEqual([]);
      await clock.advance(1000);
      await feed.catchUp('11');
      await feed.stop();
      expect(delivered).toEqual([11]);
    });

    it('is not silent while it is answered or waits for room, and is while it is not', async () => {
      const clock = scriptedClock(0);
      let answer: () => Promise<RecordBatch> = async () => batch([]);
      const room = Promise.withResolvers<void>();
      const { feed } = feedOn(
        { poll: () => ({ next: () => answer() }), subscribe: noSubscription },
        false,
        { deliver: (records) => (records.length > 0 ? room.promise : Promise.resolve()) },
        clock,
      );
      await clock.advance(10_000);
      expect(feed.silentForMs).toBeLessThanOrEqual(250);
      answer = async () => batch([11]);
      await clock.advance(10_000);
      expect(feed.silentForMs).toBe(0);
      answer = () => new Promise(() => {});
      room.resolve();
      await clock.advance(10_000);
      expect(feed.silentForMs).toBeGreaterThan(9000);
    });
  });
});
