import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { InvariantError } from '../../lib/errors.ts';
import {
  COARSE_STEP_SEC,
  type DemandCounters,
  type HistoryBlock,
  MAX_BLOCK_MINUTES,
  MINUTE_MS,
  SLICE_COUNT,
} from '../../lib/model/demand.ts';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { type World, worlds } from '../support/worlds.ts';

const [LEFT, RIGHT] = slicesOf(WHOLE_RANGE, 2) as [typeof WHOLE_RANGE, typeof WHOLE_RANGE];
const START_MS = 1_700_000_040_000;
const slices = (of: (i: number) => number): number[] => Array.from({ length: SLICE_COUNT }, (_, i) => of(i));

const countersOf = (change: Partial<DemandCounters>): DemandCounters => ({
  streamName: 'orders',
  shardId: 'shardId-000000000000',
  hashKeyRange: LEFT,
  minuteMs: START_MS,
  workerId: 'w1',
  flushId: 'f1',
  records: 1234,
  bytes: 61_234_567,
  sliceRecords: slices((i) => i),
  sliceBytes: slices((i) => i * 3_000_001 + 0.5),
  outOfRangeRecords: 2,
  latencyMsP50: 3.25,
  latencyMsP99: 80,
  ...change,
});
const blockOf = (change: Partial<HistoryBlock> & { minutes?: number }): HistoryBlock => {
  const { minutes = 60, ...rest } = change;
  return {
    streamName: 'orders',
    hashKeyRange: LEFT,
    startMs: START_MS,
    records: Array.from({ length: minutes }, (_, i) => (i % 7 === 3 ? null : i * 17)),
    bytes: Array.from({ length: minutes }, (_, i) => (i % 7 === 3 ? null : i * 1024)),
    censored: Array.from({ length: minutes }, (_, i) => i % 11 === 0),
    sliceShares: slices(() => 1 / SLICE_COUNT),
    ...rest,
  };
};

describe.each(worlds)('demand in $name', ({ open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });
  const newStream = (): string => `orders-${randomUUID()}`;

  describe('counters', () => {
    test('come back exactly, by minute from (inclusive) until (exclusive)', async () => {
      const streamName = newStream();
      const all = [0, 1, 2, 3].map((i) => countersOf({ streamName, minuteMs: START_MS + i * MINUTE_MS }));
      await world.ports.counters.put([...all, countersOf({ streamName: newStream() })]);
      expect(await world.ports.counters.read(streamName, START_MS, START_MS + 10 * MINUTE_MS)).toEqual(all);
      expect(await world.ports.counters.read(streamName, START_MS + MINUTE_MS, START_MS + 3 * MINUTE_MS)).toEqual([
        all[1],
        all[2],
      ]);
      expect(await world.ports.counters.read(streamName, 0, START_MS)).toEqual([]);
    });

    test('put again are the same, by another flush, worker or shard are others', async () => {
      const streamName = newStream();
      const all = [
        countersOf({ streamName }),
        countersOf({ streamName, flushId: 'f2' }),
        countersOf({ streamName, workerId: 'w2' }),
        countersOf({ streamName, shardId: 'shardId-000000000001' }),
      ];
      await world.ports.counters.put(all);
      await world.ports.counters.put([all[0]!, all[0]!]);
      expect(await world.ports.counters.read(streamName, START_MS, START_MS + MINUTE_MS)).toHaveLength(4);
    });

    test('of more items than one batch takes are all there', async () => {
      const streamName = newStream();
      await world.ports.counters.put(Array.from({ length: 61 }, (_, i) => countersOf({ streamName, flushId: `f${i}` })));
      expect(await world.ports.counters.read(streamName, START_MS, START_MS + MINUTE_MS)).toHaveLength(61);
    });

    test('that come late are told of by their minutes, each once', async () => {
      const streamName = newStream();
      const before = world.ports.clock.nowMs();
      const minute = Math.floor(before / MINUTE_MS) * MINUTE_MS;
      const put = [40, 7, 7, 0].map((ago, i) => countersOf({ streamName, minuteMs: minute - ago * MINUTE_MS, flushId: `f${i}` }));
      await world.ports.counters.put(put);
      expect(await world.ports.counters.late(streamName, before)).toEqual([40, 7].map((ago) => minute - ago * MINUTE_MS));
      expect(await world.ports.counters.late(streamName, before + 10 * MINUTE_MS)).toEqual([]);
      expect(await world.ports.counters.late(newStream(), 0)).toEqual([]);
    });

    test('of nothing are nothing', async () => {
      await world.ports.counters.put([]);
      expect(await world.ports.counters.read(newStream(), 0, START_MS)).toEqual([]);
    });
  });

  describe('history', () => {
    test('comes back with its gaps and flags, in order of start', async () => {
      const streamName = newStream();
      const blocks = [
        blockOf({ streamName, hashKeyRange: RIGHT }),
        blockOf({ streamName }),
        blockOf({ streamName, startMs: START_MS + 60 * MINUTE_MS, minutes: 3 }),
      ];
      await world.ports.history.put(blocks);
      expect(await world.ports.history.read(streamName, 0, START_MS * 2)).toEqual([blocks[1], blocks[0], blocks[2]]);
    });

    test('gives every block that overlaps the window, also one that began a day before', async () => {
      const streamName = newStream();
      const long = blockOf({ streamName, minutes: MAX_BLOCK_MINUTES });
      const endMs = START_MS + MAX_BLOCK_MINUTES * MINUTE_MS;
      await world.ports.history.put([long]);
      expect(await world.ports.history.read(streamName, endMs - 1, endMs + MINUTE_MS)).toEqual([long]);
      expect(await world.ports.history.read(streamName, endMs, endMs + MINUTE_MS)).toEqual([]);
      expect(await world.ports.history.read(streamName, START_MS - MINUTE_MS, START_MS)).toEqual([]);
    });

    test('replaces the block of the same range and start', async () => {
      const streamName = newStream();
      await world.ports.history.put([blockOf({ streamName, minutes: 1 })]);
      await world.ports.history.put([blockOf({ streamName, minutes: 5 }), blockOf({ streamName, minutes: 2 })]);
      expect(await world.ports.history.read(streamName, START_MS, START_MS + 1)).toEqual([blockOf({ streamName, minutes: 2 })]);
    });

    test('is read of one range only, where one is asked for', async () => {
      const streamName = newStream();
      const blocks = [
        blockOf({ streamName }),
        blockOf({ streamName, hashKeyRange: RIGHT }),
        blockOf({ streamName, hashKeyRange: WHOLE_RANGE }),
      ];
      await world.ports.history.put(blocks);
      const read = await world.ports.history.read(streamName, START_MS, START_MS + 1, undefined, RIGHT);
      expect(read.map(({ hashKeyRange }) => hashKeyRange)).toEqual([WHOLE_RANGE, RIGHT]);
    });

    test('keeps coarse blocks apart from minutes of the same range and start', async () => {
      const streamName = newStream();
      const [minutes, coarse] = [blockOf({ streamName }), blockOf({ streamName, stepSec: COARSE_STEP_SEC, minutes: 96 })];
      await world.ports.history.put([minutes, coarse]);
      expect(await world.ports.history.read(streamName, 0, START_MS * 2)).toEqual([minutes]);
      expect(await world.ports.history.readCoarse(streamName, 0, START_MS * 2)).toEqual([coarse]);
      const endMs = START_MS + 96 * COARSE_STEP_SEC * 1000;
      expect(await world.ports.history.readCoarse(streamName, endMs - 1, endMs)).toEqual([coarse]);
      expect(await world.ports.history.readCoarse(streamName, endMs, endMs + 1)).toEqual([]);
      const right = blockOf({ streamName, hashKeyRange: RIGHT, stepSec: COARSE_STEP_SEC, minutes: 96 });
      await world.ports.history.put([right]);
      const read = await world.ports.history.readCoarse(streamName, START_MS, endMs, undefined, RIGHT);
      expect(read.map(({ hashKeyRange }) => hashKeyRange)).toEqual(
        [coarse, right]
          .map(({ hashKeyRange }) => hashKeyRange)
          .filter(({ endingHashKey }) => endingHashKey >= RIGHT.startingHashKey),
      );
    });

    test('tells which ranges have another past than before, not of the hour that runs', async () => {
      const streamName = newStream();
      const before = world.ports.clock.nowMs();
      const hour = Math.floor(before / 3_600_000) * 3_600_000;
      await world.ports.history.put([
        blockOf({ streamName, startMs: hour }),
        blockOf({ streamName, hashKeyRange: RIGHT, startMs: hour - 3 * 3_600_000 }),
        blockOf({ streamName, hashKeyRange: WHOLE_RANGE, stepSec: COARSE_STEP_SEC, minutes: 4 }),
      ]);
      const [altered, ...others] = await world.ports.history.altered(streamName, before);
      expect(others).toEqual([]);
      expect(altered?.hashKeyRange).toEqual(RIGHT);
      expect(altered!.writtenAtMs).toBeGreaterThanOrEqual(before);
      expect(await world.ports.history.altered(streamName, before + 10 * MINUTE_MS)).toEqual([]);
    });

    test('fails on a block longer than a day, on an empty one and on one whose arrays differ', async () => {
      const wrong = [blockOf({ minutes: MAX_BLOCK_MINUTES + 1 }), blockOf({ minutes: 0 }), { ...blockOf({}), censored: [true] }];
      for (const block of wrong) await expect(world.ports.history.put([block])).rejects.toBeInstanceOf(InvariantError);
    });
  });
});
