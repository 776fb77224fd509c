import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { ShardGoneError, SubscriptionRefusedError, TransientError } from '../../lib/errors.ts';
import { WHOLE_RANGE, widthOf } from '../../lib/model/hash-key-range.ts';
import type { RecordBatch, StartingPosition } from '../../lib/ports.ts';
import { eventually, type World, worlds } from '../support/worlds.ts';

const recordsOf = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ partitionKey: `key-${i % 7}`, data: Buffer.from(String(from + i)) }));
const numbersOf = (batches: readonly RecordBatch[]): number[] =>
  batches.flatMap(({ records }) => records.map((record) => Number(Buffer.from(record.data).toString())));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe.each(worlds)('fan-out in $name', ({ name, open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });

  /** A stream of one shard with one consumer. */
  const stage = async () => {
    const stream = await world.createStream(1);
    const { consumerArn } = await world.ports.control.ensureConsumer(stream.streamArn, 'penumbra-0');
    return { ...stream, consumerArn, shardId: stream.shards[0]!.shardId };
  };
  type Stage = Awaited<ReturnType<typeof stage>>;

  /** Reads in the background until the subscription ends; the slot may still be held for seconds by an earlier one. */
  const listen = (at: Stage, position: StartingPosition = { type: 'TRIM_HORIZON' }) => {
    const leaving = new AbortController();
    const batches: RecordBatch[] = [];
    const read = async () => {
      for await (const batch of world.ports.reader.subscribe(at.consumerArn, at.shardId, position, leaving.signal))
        batches.push(batch);
    };
    const ended = read();
    ended.catch(() => {});
    const arrived = (count: number) =>
      eventually(async () => (numbersOf(batches).length >= count ? numbersOf(batches) : undefined), 10_000);
    const failed = ended.then(() => new Promise<never>(() => {}));
    failed.catch(() => {});
    const numbers = (count: number) => Promise.race([arrived(count), failed]);
    return { batches, ended, numbers, leave: () => leaving.abort() };
  };

  describe('ensureConsumer, listConsumers, removeConsumer', () => {
    test('register once, show and remove', async () => {
      const { streamArn } = await world.createStream(1);
      const { control } = world.ports;
      const first = await control.ensureConsumer(streamArn, 'penumbra-0');
      expect(await control.ensureConsumer(streamArn, 'penumbra-0')).toEqual(first);
      const listed = await control.listConsumers(streamArn);
      expect(listed).toMatchObject([{ consumerName: 'penumbra-0', consumerArn: first.consumerArn }]);
      expect(Math.abs(listed[0]!.createdAtMs - Date.now())).toBeLessThan(60_000);
      await control.removeConsumer(streamArn, 'penumbra-0');
      await control.removeConsumer(streamArn, 'penumbra-0');
      await eventually(async () => ((await control.listConsumers(streamArn)).length === 0 ? true : undefined));
    });
  });

  describe('subscribe', () => {
    test('pushes what was there and what comes, in order, and ends without an error when left', async () => {
      const at = await stage();
      await world.put(at.streamName, recordsOf(0, 5));
      const reading = listen(at);
      expect(await reading.numbers(5)).toEqual(upTo(5));
      await world.put(at.streamName, recordsOf(5, 5));
      expect(await reading.numbers(10)).toEqual(upTo(10));
      reading.leave();
      await expect(reading.ended).resolves.toBeUndefined();
      expect(reading.batches.some(({ shardEnd }) => shardEnd)).toBe(false);
    });

    test('goes on after a sequence number without repeating it', async () => {
      const at = await stage();
      await world.put(at.streamName, recordsOf(0, 6));
      const first = listen(at);
      await first.numbers(6);
      first.leave();
      await first.ended;
      const { sequenceNumber } = first.batches.flatMap(({ records }) => records)[2]!;
      const other = await world.ports.control.ensureConsumer(at.streamArn, 'penumbra-1');
      const second = listen({ ...at, ...other }, { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber });
      expect(await second.numbers(3)).toEqual([3, 4, 5]);
      second.leave();
      await second.ended;
    });

    test('begins at a moment', async () => {
      const at = await stage();
      await world.put(at.streamName, recordsOf(0, 3));
      await systemClock.sleep(50);
      const first = listen(at);
      await first.numbers(3);
      first.leave();
      await first.ended;
      const timestampMs = first.batches.flatMap(({ records }) => records).at(-1)!.arrivedAtMs + 1;
      await world.put(at.streamName, recordsOf(3, 2));
      const other = await world.ports.control.ensureConsumer(at.streamArn, 'penumbra-1');
      const second = listen({ ...at, ...other }, { type: 'AT_TIMESTAMP', timestampMs });
      expect(await second.numbers(2)).toEqual([3, 4]);
      second.leave();
      await second.ended;
    });

    test.for([
      ['nearly 1 MiB', 1024 * 1024 - 64],
      ['10 MiB', 10 * 1024 * 1024],
    ] as const)('pushes a record of %s byte for byte', async ([, size], { skip }) => {
      const at = await stage();
      const data = randomBytes(size);
      try {
        await world.put(at.streamName, [{ partitionKey: 'k', data }]);
      } catch (error) {
        if (name === 'memory') throw error;
        skip(`the local cloud takes no record of ${size} bytes: ${(error as Error).message.slice(0, 100)}`);
      }
      const reading = listen(at);
      await reading.numbers(1);
      reading.leave();
      await reading.ended;
      expect(data.equals(reading.batches.flatMap(({ records }) => records)[0]!.data)).toBe(true);
    });

    test('fails for a shard that the stream does not list', async () => {
      const at = await stage();
      await expect(listen({ ...at, shardId: 'shardId-000000000099' }).ended).rejects.toBeInstanceOf(ShardGoneError);
    });

    test('is refused while the slot is held, and another consumer is not', async () => {
      const at = await stage();
      await world.put(at.streamName, recordsOf(0, 1));
      const holder = listen(at);
      await holder.numbers(1);
      await expect(listen(at).ended).rejects.toBeInstanceOf(SubscriptionRefusedError);
      const other = listen({ ...at, ...(await world.ports.control.ensureConsumer(at.streamArn, 'penumbra-1')) });
      expect(await other.numbers(1)).toEqual([0]);
      await world.put(at.streamName, recordsOf(1, 1));
      expect(await holder.numbers(2)).toEqual([0, 1]);
      for (const reading of [holder, other]) {
        reading.leave();
        await reading.ended;
      }
    });

    test('frees the slot when left: the next reader takes it within 5 seconds', async () => {
      const at = await stage();
      await world.put(at.streamName, recordsOf(0, 3));
      const first = listen(at);
      await first.numbers(3);
      first.leave();
      await first.ended;
      const second = await eventually(async () => {
        const reading = listen(at);
        const outcome = await Promise.race([
          reading.numbers(3).then(() => 'read'),
          reading.ended.then(
            () => 'ended',
            (error: unknown) => error,
          ),
        ]);
        if (outcome instanceof SubscriptionRefusedError) return undefined;
        expect(outcome).toBe('read');
        return reading;
      }, 6_000);
      expect(numbersOf(second.batches)).toEqual([0, 1, 2]);
      second.leave();
      await second.ended;
    });

    test('frees the slot when the reader breaks out of its loop', async () => {
      const at = await stage();
      await world.put(at.streamName, recordsOf(0, 1));
      const leaving = new AbortController();
      for await (const batch of world.ports.reader.subscribe(
        at.consumerArn,
        at.shardId,
        { type: 'TRIM_HORIZON' },
        leaving.signal,
      )) {
        if (batch.records.length > 0) break;
      }
      await eventually(async () => {
        const reading = listen(at);
        const outcome = await Promise.race([
          reading.numbers(1).then(() => 'read'),
          reading.ended.then(
            () => 'ended',
            (error: unknown) => error,
          ),
        ]);
        reading.leave();
        return outcome === 'read' ? true : undefined;
      }, 6_000);
    });

    test('reads a shard that is split meanwhile to its end, and says so', async () => {
      const at = await stage();
      await world.put(at.streamName, recordsOf(0, 4));
      const reading = listen(at);
      await reading.numbers(4);
      await world.put(at.streamName, recordsOf(4, 4));
      expect(await world.ports.control.split(at.streamName, at.shardId, widthOf(WHOLE_RANGE) / 2n)).toEqual({ kind: 'changed' });
      await reading.ended;
      expect(numbersOf(reading.batches)).toEqual(upTo(8));
      expect(reading.batches.map(({ shardEnd }) => shardEnd).filter(Boolean)).toHaveLength(1);
      expect(reading.batches.at(-1)?.shardEnd).toBe(true);
    });

    test('gives nothing when it is left before it begins', async () => {
      const at = await stage();
      const batches: RecordBatch[] = [];
      for await (const batch of world.ports.reader.subscribe(
        at.consumerArn,
        at.shardId,
        { type: 'TRIM_HORIZON' },
        AbortSignal.abort(),
      ))
        batches.push(batch);
      expect(batches).toEqual([]);
    });

    test('fails for a consumer that is not registered', async () => {
      const at = await stage();
      const consumerArn = `${at.streamArn}/consumer/nobody:1700000000`;
      const error = await listen({ ...at, consumerArn }).ended.catch((e: unknown) => e);
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(TransientError);
    });
  });
});
