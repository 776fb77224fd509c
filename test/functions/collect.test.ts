// What collect does with what comes late, early, or from CloudWatch alone; and how its minutes become quarters of an hour.
import { describe, expect, it } from 'vitest';
import { collect } from '../../functions/collect.ts';
import { rollUpDays } from '../../functions/roll-up.ts';
import { projectSeries } from '../../lib/history/project-series.ts';
import { type DemandCounters, type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../../lib/model/demand.ts';
import { type HashKeyRange, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { Shard, StreamDescription } from '../../lib/model/shard.ts';
import type { Ports } from '../../lib/ports.ts';
import { group, NOW, world } from './scenes.ts';

const MINUTE = Math.floor(NOW / MINUTE_MS) * MINUTE_MS;
const DAY_MS = 1440 * MINUTE_MS;
const even = new Array<number>(SLICE_COUNT).fill(1 / SLICE_COUNT);
const counters = (shard: Shard, minuteMs: number, records: number): DemandCounters => ({
  streamName: group.streamName,
  shardId: shard.shardId,
  hashKeyRange: shard.hashKeyRange,
  minuteMs,
  workerId: 'a',
  flushId: `${minuteMs} ${records}`,
  records,
  bytes: records * 100,
  sliceRecords: even.map((share) => share * records),
  sliceBytes: even.map((share) => share * records * 100),
  outOfRangeRecords: 0,
  latencyMsP50: 1,
  latencyMsP99: 2,
});
const open = (shardCount = 2) => {
  const it = world();
  const { shards } = it.ports.streams.createStream(group.streamName, shardCount);
  const rateAt = async (range: HashKeyRange, atMs: number): Promise<number> => {
    const blocks = await it.ports.history.read(group.streamName, atMs, atMs + MINUTE_MS);
    return projectSeries(blocks, range, 'records', atMs, atMs + MINUTE_MS).values[0]!;
  };
  return { ...it, shards, rateAt };
};
/** A world whose stream has shard-level metrics. */
const enhanced = (ports: Ports, names: string[]): Ports => ({
  ...ports,
  control: {
    ...ports.control,
    describe: async (streamName): Promise<StreamDescription | null> => {
      const stream = await ports.control.describe(streamName);
      return stream && { ...stream, shardLevelMetrics: names };
    },
  },
});

describe('collect', () => {
  it('merges what a worker tells of hours ago, and tells those who learnt from that past', async () => {
    const { ports, scene, shards, rateAt } = open();
    const [left, right] = shards as [Shard, Shard];
    const lateMs = MINUTE - 180 * MINUTE_MS;
    await ports.counters.put([counters(left, MINUTE - MINUTE_MS, 60), counters(left, lateMs, 600), counters(right, lateMs, 60)]);
    expect(await collect.run(group, scene())).toMatchObject({ kind: 'collected', lateMinutes: 1, refused: { count: 0 } });
    expect([await rateAt(left.hashKeyRange, lateMs), await rateAt(WHOLE_RANGE, lateMs)]).toEqual([10, 11]);
    expect(await rateAt(left.hashKeyRange, lateMs - MINUTE_MS)).toBeNaN();
    expect((await ports.history.altered(group.streamName, NOW)).length).toBe(2);
    await collect.run(group, scene());
    expect(await rateAt(WHOLE_RANGE, lateMs)).toBe(11);
  });

  it('refuses minutes that have not begun, with the reason', async () => {
    const { ports, scene, shards, rateAt } = open();
    await ports.counters.put([counters(shards[0]!, MINUTE - MINUTE_MS, 60), counters(shards[0]!, MINUTE + 90 * MINUTE_MS, 999)]);
    const answer = await collect.run(group, scene());
    expect(answer).toMatchObject({
      counters: 1,
      refused: { count: 1, reasons: [{ kind: 'in-the-future', workerId: 'a', minuteMs: MINUTE + 90 * MINUTE_MS }] },
    });
    expect(await rateAt(WHOLE_RANGE, MINUTE + 90 * MINUTE_MS)).toBeNaN();
  });

  it('puts only blocks of which something new was told', async () => {
    const { ports, scene, shards } = open();
    await ports.counters.put(shards.map((shard) => counters(shard, MINUTE - MINUTE_MS, 60)));
    expect(await collect.run(group, scene())).toMatchObject({ blocks: 2 });
    expect(await collect.run(group, scene())).toMatchObject({ blocks: 0 });
    await ports.counters.put([counters(shards[1]!, MINUTE - MINUTE_MS, 7)]);
    expect(await collect.run(group, scene())).toMatchObject({ blocks: 1 });
  });

  it('asks CloudWatch for the shards of which no worker tells, where it knows them', async () => {
    const { ports, scene, shards, rateAt } = open();
    const [counted, silent] = shards as [Shard, Shard];
    const minuteMs = MINUTE - 3 * MINUTE_MS;
    await ports.counters.put([counters(counted, minuteMs, 60)]);
    const sample = (hashKeyRange: HashKeyRange, records: number) => ({
      streamName: group.streamName,
      hashKeyRange,
      minuteMs,
      records,
      bytes: records * 100,
      throttledRecords: 0,
    });
    ports.metrics.samples.push(sample(WHOLE_RANGE, 660));
    ports.metrics.shardSamples.push(sample(counted.hashKeyRange, 9999), sample(silent.hashKeyRange, 600));
    await collect.run(group, scene(enhanced(ports, ['IncomingBytes', 'IncomingRecords'])));
    expect(await rateAt(counted.hashKeyRange, minuteMs)).toBe(1);
    expect(await rateAt(silent.hashKeyRange, minuteMs)).toBe(10);
    await collect.run(group, scene(enhanced(ports, ['IncomingBytes'])));
    expect(await rateAt(WHOLE_RANGE, minuteMs)).toBe(11);
  });
});

describe('rollUpDays', () => {
  const today = Math.floor(NOW / DAY_MS) * DAY_MS;
  const hour = (startMs: number): HistoryBlock => ({
    streamName: group.streamName,
    hashKeyRange: WHOLE_RANGE,
    startMs,
    records: new Array<number>(60).fill(120),
    bytes: new Array<number>(60).fill(12_000),
    censored: new Array<boolean>(60).fill(false),
    sliceShares: even,
  });

  it('rolls a day up once, onto the ranges of now, before its minutes go', async () => {
    const { ports, scene, shards } = open();
    await ports.history.put([-15, -14, -13, -12].map((day) => hour(today + day * DAY_MS + 7 * 60 * MINUTE_MS)));
    const days = [-15, -14, -13].map((day) => today + day * DAY_MS);
    expect(await rollUpDays.run(group, scene())).toEqual({ kind: 'rolled-up', days, blocks: 6 });
    const coarse = await ports.history.readCoarse(group.streamName, today - 90 * DAY_MS, NOW);
    expect(coarse.map(({ startMs }) => startMs)).toEqual(days.flatMap((day) => [day, day]));
    const { values } = projectSeries(
      coarse,
      shards[0]!.hashKeyRange,
      'records',
      days[0]! + 7 * 60 * MINUTE_MS,
      days[0]! + 8 * 60 * MINUTE_MS,
    );
    expect([...values]).toEqual(new Array(60).fill(1));
    expect(await rollUpDays.run(group, scene())).toMatchObject({ kind: 'skipped' });
  });

  it('has nothing to do for a stream that is younger', async () => {
    const { ports, scene } = open();
    await ports.history.put([hour(today - DAY_MS)]);
    expect(await rollUpDays.run(group, scene())).toEqual({ kind: 'rolled-up', days: [], blocks: 0 });
  });
});
