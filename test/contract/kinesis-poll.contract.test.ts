import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { PoisonError, ShardGoneError } from '../../lib/errors.ts';
import { slicesOf, WHOLE_RANGE, widthOf } from '../../lib/model/hash-key-range.ts';
import { compareSequenceNumbers } from '../../lib/model/sequence-number.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import type { ShardIterator, StartingPosition } from '../../lib/ports.ts';
import { eventually, type World, worlds } from '../support/worlds.ts';

const recordsOf = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ partitionKey: `key-${i % 7}`, data: Buffer.from(String(from + i)) }));
const numbersOf = (records: readonly StreamRecord[]): number[] =>
  records.map((record) => Number(Buffer.from(record.data).toString()));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Reads until `count` records came or the shard ended. */
const take = async (iterator: ShardIterator, count: number): Promise<{ records: StreamRecord[]; ended: boolean }> => {
  const records: StreamRecord[] = [];
  let ended = false;
  await eventually(async () => {
    const batch = await iterator.next();
    if (batch === null) return true;
    records.push(...batch.records);
    ended ||= batch.shardEnd;
    return ended || records.length >= count ? true : undefined;
  });
  return { records, ended };
};

describe.each(worlds)('streams in $name', ({ name, open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });
  const poll = (streamName: string, shardId: string, position: StartingPosition = { type: 'TRIM_HORIZON' }) =>
    world.ports.reader.poll(streamName, shardId, position);
  const split = async (streamName: string, shardId: string) => {
    expect(await world.ports.control.split(streamName, shardId, widthOf(WHOLE_RANGE) / 2n)).toEqual({ kind: 'changed' });
    return eventually(async () => {
      const stream = await world.ports.control.describe(streamName);
      return stream?.status === 'ACTIVE' ? stream : undefined;
    });
  };

  describe('describe', () => {
    test('gives the shards with their ranges', async () => {
      const stream = await world.createStream(3);
      expect(stream).toMatchObject({ status: 'ACTIVE', mode: 'PROVISIONED', retentionHours: 24 });
      expect(stream.streamArn).toMatch(new RegExp(`^arn:aws:kinesis:.*:stream/${stream.streamName}$`));
      expect(stream.shards.map(({ parents, closed }) => ({ parents, closed }))).toEqual(
        Array(3).fill({ parents: [], closed: false }),
      );
      expect(stream.shards.map(({ hashKeyRange }) => hashKeyRange)).toEqual(slicesOf(WHOLE_RANGE, 3));
    });

    test('tells when the stream was made, always the same, and Kinesis’s own clock, never later than its answer', async () => {
      const { streamName } = await world.createStream(1);
      const first = (await world.ports.control.describe(streamName))!;
      const second = (await world.ports.control.describe(streamName))!;
      expect(first.createdAtMs).toBeGreaterThan(Date.now() - 60_000);
      expect(second.createdAtMs).toBe(first.createdAtMs);
      expect(second.describedAtMs).toBeLessThanOrEqual(Date.now());
      expect(second.describedAtMs).toBeGreaterThan(Date.now() - 5000);
    });

    test('tells a stream from a former one of the same name', async () => {
      const { streamName, createdAtMs } = (await world.ports.control.describe((await world.createStream(2)).streamName))!;
      const fresh = await world.recreateStream(streamName, 1);
      expect(fresh.shards).toHaveLength(1);
      expect(fresh.createdAtMs).toBeGreaterThan(createdAtMs!);
    });

    test('gives null for a stream that is not there', async () => {
      expect(await world.ports.control.describe('no-such-stream')).toBeNull();
    });
  });

  describe('poll', () => {
    test('gives all records in order, with key, bytes and time of arrival, and never ends an open shard', async () => {
      const { streamName, shards } = await world.createStream(1);
      const before = Date.now();
      await world.put(streamName, recordsOf(0, 20));
      const iterator = poll(streamName, shards[0]!.shardId);
      const { records, ended } = await take(iterator, 20);
      expect(numbersOf(records)).toEqual(upTo(20));
      expect(records.map(({ partitionKey }) => partitionKey)).toEqual(recordsOf(0, 20).map(({ partitionKey }) => partitionKey));
      expect(records.every((record) => Math.abs(record.arrivedAtMs - before) < 60_000)).toBe(true);
      expect(
        records.every(
          (record, i) => i === 0 || compareSequenceNumbers(record.sequenceNumber, records[i - 1]!.sequenceNumber) > 0,
        ),
      ).toBe(true);
      expect(ended).toBe(false);
      expect(await iterator.next()).toEqual({ records: [], millisBehindLatest: 0, shardEnd: false });
    });

    test('goes on after a sequence number, and at one', async () => {
      const { streamName, shards } = await world.createStream(1);
      await world.put(streamName, recordsOf(0, 10));
      const { shardId } = shards[0]!;
      const { records } = await take(poll(streamName, shardId), 10);
      const { sequenceNumber } = records[5]!;
      expect(
        numbersOf((await take(poll(streamName, shardId, { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber }), 4)).records),
      ).toEqual([6, 7, 8, 9]);
      expect(
        numbersOf((await take(poll(streamName, shardId, { type: 'AT_SEQUENCE_NUMBER', sequenceNumber }), 5)).records),
      ).toEqual([5, 6, 7, 8, 9]);
    });

    test('gives from LATEST only what comes after the first look', async () => {
      const { streamName, shards } = await world.createStream(1);
      await world.put(streamName, recordsOf(0, 5));
      const iterator = poll(streamName, shards[0]!.shardId, { type: 'LATEST' });
      expect((await iterator.next())?.records).toEqual([]);
      await world.put(streamName, recordsOf(5, 5));
      expect(numbersOf((await take(iterator, 5)).records)).toEqual([5, 6, 7, 8, 9]);
    });

    test('begins at a moment: with what arrived at it or later, also when asked much later, and not before', async () => {
      const { streamName, shards } = await world.createStream(1);
      await world.put(streamName, recordsOf(0, 3));
      await systemClock.sleep(50);
      const all = await take(poll(streamName, shards[0]!.shardId), 3);
      const timestampMs = all.records.at(-1)!.arrivedAtMs + 1;
      await systemClock.sleep(50);
      await world.put(streamName, recordsOf(3, 3));
      const from = (ms: number) => poll(streamName, shards[0]!.shardId, { type: 'AT_TIMESTAMP', timestampMs: ms });
      expect(numbersOf((await take(from(timestampMs), 3)).records)).toEqual([3, 4, 5]);
      expect(numbersOf((await take(from(timestampMs - 3_600_000), 6)).records)).toEqual(upTo(6));
    });

    test.for([
      ['nearly 1 MiB', 1024 * 1024 - 64],
      ['10 MiB', 10 * 1024 * 1024],
    ] as const)('gives a record of %s byte for byte', async ([, size], { skip }) => {
      const { streamName, shards } = await world.createStream(1);
      const data = randomBytes(size);
      try {
        await world.put(streamName, [{ partitionKey: 'k', data }]);
      } catch (error) {
        if (name === 'memory') throw error;
        skip(`the local cloud takes no record of ${size} bytes: ${(error as Error).message.slice(0, 100)}`);
      }
      const { records } = await take(poll(streamName, shards[0]!.shardId), 1);
      expect(data.equals(records[0]!.data)).toBe(true);
    });

    test('fails for a shard that the stream does not list, and otherwise for a stream that is not there', async () => {
      const { streamName } = await world.createStream(1);
      await expect(poll(streamName, 'shardId-000000000099').next()).rejects.toBeInstanceOf(ShardGoneError);
      const error = await poll('no-such-stream', 'shardId-000000000000')
        .next()
        .catch((e: unknown) => e);
      expect((error as Error).constructor).toBe(PoisonError);
    });

    test('reads a closed parent to its end, then the children from their beginning', async () => {
      const { streamName, shards } = await world.createStream(1);
      const { shardId } = shards[0]!;
      await world.put(streamName, recordsOf(0, 8));
      const early = poll(streamName, shardId);
      await take(early, 8);
      const stream = await split(streamName, shardId);
      const children = stream.shards.filter(({ parents }) => parents.includes(shardId));
      expect(stream.shards.find((shard) => shard.shardId === shardId)).toMatchObject({ closed: true });
      expect(children.map(({ closed }) => closed)).toEqual([false, false]);
      await world.put(streamName, recordsOf(8, 12));

      const late = await take(poll(streamName, shardId), 100);
      expect({ numbers: numbersOf(late.records), ended: late.ended }).toEqual({ numbers: upTo(8), ended: true });
      expect(await take(early, 1)).toEqual({ records: [], ended: true });
      expect(await early.next()).toBeNull();

      const fromChildren = await Promise.all(children.map((child) => take(poll(streamName, child.shardId), 1)));
      const numbers = fromChildren.flatMap(({ records }) => numbersOf(records));
      expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => 8 + i));
    });

    test('puts a record by its explicit hash key', async () => {
      const { streamName, shards } = await world.createStream(2);
      await world.put(streamName, [
        { partitionKey: 'x', data: Buffer.from('7'), explicitHashKey: shards[1]!.hashKeyRange.endingHashKey },
      ]);
      expect(numbersOf((await take(poll(streamName, shards[1]!.shardId), 1)).records)).toEqual([7]);
    });
  });

  describe('split and merge', () => {
    test('merge two neighbours into a child with both as parents', async () => {
      const { streamName, shards } = await world.createStream(2);
      const [left, right] = shards.map(({ shardId }) => shardId) as [string, string];
      expect(await world.ports.control.merge(streamName, left, right)).toEqual({ kind: 'changed' });
      const stream = await eventually(async () => {
        const now = await world.ports.control.describe(streamName);
        return now?.status === 'ACTIVE' && now.shards.length === 3 ? now : undefined;
      });
      const child = stream.shards.find(({ parents }) => parents.length === 2);
      expect(child).toMatchObject({ closed: false, hashKeyRange: WHOLE_RANGE });
      expect(new Set(child?.parents)).toEqual(new Set([left, right]));
    });

    test('refuse a split point outside the range, a closed shard, a stream that is not there and shards that are not neighbours', async () => {
      const { streamName, shards } = await world.createStream(3);
      const [first, , third] = shards.map(({ shardId }) => shardId) as [string, string, string];
      const { control } = world.ports;
      expect(await control.split(streamName, first, shards[2]!.hashKeyRange.endingHashKey)).toMatchObject({
        kind: 'refused',
        detail: expect.stringMatching(/.+/),
      });
      expect(await control.split('no-such-stream', first, 5n)).toMatchObject({ kind: 'refused' });
      expect(await control.merge(streamName, first, third)).toMatchObject({ kind: 'refused' });
      expect(await control.split(streamName, first, 5n)).toEqual({ kind: 'changed' });
      await eventually(async () => ((await control.describe(streamName))?.status === 'ACTIVE' ? true : undefined));
      expect(await control.split(streamName, first, 5n)).toMatchObject({ kind: 'refused' });
    });
  });
});
