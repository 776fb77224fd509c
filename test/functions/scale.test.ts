// A stream of a thousand shards: sliced, forecast part by part, settled.
import { describe, expect, it } from 'vitest';
import { feedback } from '../../functions/feedback.ts';
import { forecast } from '../../functions/forecast.ts';
import { jobsOf, SHARDS_PER_SLICE, slicesOf } from '../../functions/forecast-jobs.ts';
import { forecastSettle, SettleInput } from '../../functions/forecast-settle.ts';
import { forecastSlice, SliceInput } from '../../functions/forecast-slice.ts';
import { type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../../lib/model/demand.ts';
import { QUANTILES } from '../../lib/model/forecast.ts';
import { rangeText } from '../../lib/model/hash-key-range.ts';
import { Policy } from '../../lib/model/policy.ts';
import type { Shard } from '../../lib/model/shard.ts';
import { group, NOW, world } from './scenes.ts';

const SHARDS = 1000;
const HOUR_MS = 60 * MINUTE_MS;
const hour = (shard: Shard, hourMs: number, minutes: number, of: number): HistoryBlock => ({
  streamName: group.streamName,
  hashKeyRange: shard.hashKeyRange,
  startMs: hourMs,
  records: Array.from({ length: minutes }, (_, i) => 600 + of + (i % 7)),
  bytes: Array.from({ length: minutes }, (_, i) => 60_000 + 100 * of + i),
  censored: new Array<boolean>(minutes).fill(false),
  sliceShares: new Array<number>(SLICE_COUNT).fill(1 / SLICE_COUNT),
});

/** The hour before NOW, and none of the hour that runs but its first minutes. */
const open = async (shardCount: number) => {
  const it = world();
  const { shards } = it.ports.streams.createStream(group.streamName, shardCount);
  await it.ports.policies.put(Policy.parse({ ...group, forecastModels: [] }));
  const nowHour = Math.floor(NOW / HOUR_MS) * HOUR_MS;
  await it.ports.history.put(shards.map((shard, i) => hour(shard, nowHour - HOUR_MS, 60, i)));
  return { ...it, shards, nowHour };
};

describe('forecast of a thousand shards', { timeout: 90_000 }, () => {
  it('is planned in slices, forecast part by part, and settled into one that adds up', async () => {
    const { ports, scene } = await open(SHARDS);
    const answer = await forecast.run(group, scene());
    expect(answer).toMatchObject({ kind: 'sliced', slices: 1 + SHARDS / SHARDS_PER_SLICE });
    expect(ports.machines.executions).toMatchObject([
      { machine: 'forecast', name: expect.stringMatching(/^orders-[0-9a-f]+-\d+$/) },
    ]);
    expect(await forecast.run(group, scene())).toEqual(answer);
    expect(ports.machines.executions).toHaveLength(1);

    // What the machine does, in any order of its slices.
    const input = ports.machines.executions[0]!.input as { slices: object[]; tickMs: number };
    const made = [];
    for (const slice of input.slices.toReversed())
      made.push(await forecastSlice.run(SliceInput.parse({ ...input, slice }), scene()));
    expect(made.map((each) => each.kind === 'forecasted' && each.series)).toEqual([...new Array<number>(5).fill(400), 2]);
    expect(await ports.forecasts.latest(group.streamName)).toEqual([]);
    const settled = await forecastSettle.run(SettleInput.parse({ ...input, slices: input.slices.length }), scene());
    expect(settled).toMatchObject({ kind: 'settled', series: 2 * SHARDS + 2, apart: {} });

    const latest = await ports.forecasts.latest(group.streamName);
    expect(latest).toHaveLength(2 * SHARDS + 2);
    for (const metric of ['records', 'bytes'] as const) {
      const of = latest.filter((each) => each.metric === metric);
      const stream = of.find(({ scope }) => scope === 'stream')!;
      for (const h of stream.horizonsSec.keys()) {
        const medianOf = ({ quantiles }: typeof stream) => quantiles[QUANTILES.indexOf(0.5)]![h]!;
        const sum = of.filter(({ scope }) => scope === 'shard').reduce((total, each) => total + medianOf(each), 0);
        expect(sum / medianOf(stream)).toBeCloseTo(1, 4);
      }
    }
    expect(await forecastSettle.run(SettleInput.parse({ ...input, slices: 6 }), scene())).toMatchObject({ series: 0 });
  });

  it('is scored as a whole', async () => {
    const some = 250;
    const { ports, scene, clock, shards, nowHour } = await open(some);
    const input = { ...group, tickMs: NOW, slices: slicesOf((await ports.control.describe(group.streamName))!) };
    for (const slice of input.slices) await forecastSlice.run(SliceInput.parse({ ...input, slice }), scene());
    await forecastSettle.run(SettleInput.parse({ ...input, slices: input.slices.length }), scene());
    await clock.advance(9 * MINUTE_MS);
    await ports.history.put(shards.map((shard, i) => hour(shard, nowHour, 9, i)));
    expect(await feedback.run(group, scene())).toMatchObject({ kind: 'scored', outcomes: 2, tracked: 2 * some + 2 });
    const tracks = await ports.tracks.read(group.streamName);
    expect(tracks).toHaveLength(2 * some + 2);
    for (const { marks } of tracks) expect(marks).toMatchObject([{ horizonSec: 300, weight: 1 }]);
  });
});

describe('slicesOf', () => {
  it('leaves a stream of up to two hundred shards to one invocation', async () => {
    const { ports } = await open(SHARDS_PER_SLICE);
    expect(slicesOf((await ports.control.describe(group.streamName))!)).toEqual([]);
  });

  it('never leaves a series out nor takes it twice, before and after a reshard', async () => {
    const { ports } = await open(SHARDS_PER_SLICE + 37);
    const before = (await ports.control.describe(group.streamName))!;
    const slices = slicesOf(before);
    expect(slices).toHaveLength(3);
    const [first] = before.shards;
    const { startingHashKey, endingHashKey } = first!.hashKeyRange;
    await ports.control.split(group.streamName, first!.shardId, (startingHashKey + endingHashKey) / 2n);
    await ports.control.merge(group.streamName, before.shards[118]!.shardId, before.shards[119]!.shardId);
    for (const stream of [before, (await ports.control.describe(group.streamName))!]) {
      const all = jobsOf(stream, []).map(({ metric, scope, hashKeyRange }) => `${scope} ${metric} ${rangeText(hashKeyRange)}`);
      const sliced = slices.flatMap((slice) => {
        const { slice: of } = SliceInput.parse({ ...group, tickMs: 0, slice });
        return jobsOf(stream, [], of.kind === 'stream' ? of.kind : of);
      });
      expect(sliced.map(({ metric, scope, hashKeyRange }) => `${scope} ${metric} ${rangeText(hashKeyRange)}`).sort()).toEqual(
        all.sort(),
      );
    }
  });
});
