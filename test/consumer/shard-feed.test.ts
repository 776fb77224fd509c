import { describe, expect, it } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { ShardFeed } from '../../lib/consumer/shard-feed.ts';
import { SubscriptionRefusedError } from '../../lib/errors.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import type { RecordBatch, StreamReader } from '../../lib/ports.ts';

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

const feedOn = (reader: StreamReader, fanOut: boolean) => {
  const clock = scriptedClock(0);
  const delivered: number[] = [];
  const events: string[] = [];
  const feed = new ShardFeed(reader, clock, {
    streamName: 's',
    shardId: 'shard',
    after: '10',
    consumerArn: fanOut ? async () => 'arn' : null,
    pollMs: 250,
    deliver: async (records) => void delivered.push(...records.map((each) => Number(each.sequenceNumber))),
    onEnd: () => void events.push('end'),
    emit: (event) => void events.push(event.kind),
  });
  return { clock, delivered, events, feed };
};
const polls = (batches: RecordBatch[]): StreamReader['poll'] => {
  return () => ({ next: async () => batches.shift() ?? batch([]) });
};
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
});
