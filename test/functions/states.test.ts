// The forecast function from tick to tick: what it goes on from, when it learns anew, and what a cold container does.
import { describe, expect, it } from 'vitest';
import { feedback } from '../../functions/feedback.ts';
import { forecast } from '../../functions/forecast.ts';
import { HORIZONS_SEC } from '../../functions/forecast-jobs.ts';
import { predictions } from '../../functions/predictions.ts';
import { PredictionsResponse } from '../../lib/model/api.ts';
import { type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../../lib/model/demand.ts';
import type { Forecast } from '../../lib/model/forecast.ts';
import { type HashKeyRange, rangeText, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { Policy } from '../../lib/model/policy.ts';
import type { Ports } from '../../lib/ports.ts';
import { noise } from '../forecast/series.ts';
import { group, NOW, world } from './scenes.ts';

const MINUTE = Math.floor(NOW / MINUTE_MS) * MINUTE_MS;
const DAYS = 3;
const next = noise(3);
/** Records in each minute from DAYS before NOW to a few hours after it. */
const loads = Array.from({ length: (DAYS + 1) * 1440 }, (_, i) => Math.round(600 * (2 + Math.sin(i / 229)) * (1 + 0.1 * next())));
const loadAt = (ms: number): number => loads[Math.round((ms - MINUTE) / MINUTE_MS) + DAYS * 1440]!;

const hoursOf = (
  range: HashKeyRange,
  fromMs: number,
  untilMs: number,
  change: (ms: number) => number = loadAt,
): HistoryBlock[] => {
  const blocks: HistoryBlock[] = [];
  for (let hourMs = Math.floor(fromMs / 3_600_000) * 3_600_000; hourMs < untilMs; hourMs += 3_600_000) {
    const minutes = Array.from({ length: Math.min(60, (untilMs - hourMs) / MINUTE_MS) }, (_, i) =>
      change(hourMs + i * MINUTE_MS),
    );
    blocks.push({
      streamName: group.streamName,
      hashKeyRange: range,
      startMs: hourMs,
      records: minutes,
      bytes: minutes.map((records) => records * 100),
      censored: minutes.map(() => false),
      sliceShares: new Array<number>(SLICE_COUNT).fill(1 / SLICE_COUNT),
    });
  }
  return blocks;
};

/** One shard with three days of history, and what each tick answers. */
const open = async () => {
  const it = world();
  it.ports.streams.createStream(group.streamName, 1);
  // No library is asked: what is tested here is what is remembered.
  await it.ports.policies.put(Policy.parse({ ...group, forecastModels: [] }));
  await it.ports.history.put(hoursOf(WHOLE_RANGE, MINUTE - DAYS * 86_400_000, MINUTE));
  const run = (ports: Ports = it.ports) => forecast.run(group, it.scene(ports));
  /** The next minute comes, and what is counted of it; `change` alters what history says of the last hour. */
  const tick = async (ports: Ports = it.ports, change?: (ms: number) => number) => {
    await it.clock.advance(MINUTE_MS);
    const until = Math.floor(it.clock.nowMs() / MINUTE_MS) * MINUTE_MS;
    await it.ports.history.put(hoursOf(WHOLE_RANGE, until - MINUTE_MS, until, change));
    return run(ports);
  };
  const latest = async (): Promise<Forecast[]> => it.ports.forecasts.latest(group.streamName);
  /** A container that has seen nothing. */
  const cold = (): Ports => ({ ...it.ports });
  return { ...it, run, tick, latest, cold };
};
const numbersOf = (forecasts: readonly Forecast[]) =>
  forecasts.map(({ quantiles, windowMaxQuantiles }) => [quantiles, windowMaxQuantiles]);

describe('feedback from tick to tick', { timeout: 90_000 }, () => {
  it('widens the bounds of a stream that became wilder than its past, and shows how the forecasts did', async () => {
    const { run, tick, latest, ports, scene, call } = await open();
    await run();
    const wild = noise(5);
    const factors = Array.from({ length: 3000 }, () => 1 + (wild() > 0.9 ? 3 * Math.abs(wild()) : 0));
    const change = (ms: number) => loadAt(ms) * (ms < MINUTE ? 1 : factors[(ms - MINUTE) / MINUTE_MS]!);
    for (let i = 0; i < 90; i++) {
      await tick(undefined, change);
      await feedback.run(group, scene());
    }
    const stream = (await latest()).find(({ scope, metric }) => scope === 'stream' && metric === 'records')!;
    expect(Math.max(...stream.boundFactors!)).toBeGreaterThan(1);
    expect(ports.metrics.published.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['ForecastError', 'ForecastBias', 'ForecastBoundHeld', 'ForecastHottestShareRecords']),
    );
    const { status, body } = await call(predictions, { query: group });
    expect(status).toBe(200);
    const shown = PredictionsResponse.parse(body).series.find(({ scope, metric }) => scope === 'stream' && metric === 'records')!;
    expect(shown.skew).toEqual({ hottestShardId: 'shardId-000000000000', share: 1, evenShare: 1 });
    expect(shown.boundFactor).toBeGreaterThan(0.7);
    expect(shown.accuracy!.map(({ model, horizonSec }) => [model, horizonSec])).toEqual([
      [stream.model, 300],
      [stream.model, 900],
      [stream.model, 1800],
    ]);
    for (const { minutes, maxCoverage95 } of shown.accuracy!) {
      expect(minutes).toBeGreaterThan(40);
      expect(maxCoverage95).toBeLessThan(1);
    }
  });
});

describe('forecast from tick to tick', { timeout: 90_000 }, () => {
  it('learns once and then goes on, as if it had learnt everything in one run', async () => {
    const { run, tick, latest, ports, scene } = await open();
    expect(await run()).toMatchObject({ resumed: 0, learntAnew: { 'nothing was learnt of this series yet': 4 }, checkpoints: 4 });
    for (let i = 0; i < 20; i++) expect(await tick()).toMatchObject({ series: 4, resumed: 4, learntAnew: {}, left: 0 });
    const resumed = await latest();
    expect(resumed[0]).toMatchObject({
      observedUntilMs: MINUTE + 20 * MINUTE_MS,
      status: 'ready',
      horizonsSec: [...HORIZONS_SEC],
    });
    // The same minutes, learnt from the whole history by a container that finds no state.
    const blank = world();
    blank.ports.streams.createStream(group.streamName, 1);
    const whole: Ports = { ...blank.ports, clock: ports.clock, history: ports.history };
    await forecast.run(group, scene(whole));
    const anew = await blank.ports.forecasts.latest(group.streamName);
    for (const [i, one] of resumed.entries())
      for (const [q, row] of one.quantiles.entries())
        for (const [h, value] of row.entries()) expect(Math.abs(value / anew[i]!.quantiles[q]![h]! - 1)).toBeLessThan(0.1);
  });

  it('goes on in a cold container from the checkpoint, to the same numbers', async () => {
    const { run, tick, latest, cold } = await open();
    await run();
    for (let i = 0; i < 5; i++) await tick();
    const elsewhere = cold();
    expect(await tick(elsewhere)).toMatchObject({ resumed: 4, learntAnew: {} });
    const fromCheckpoint = await latest();
    await run();
    expect(numbersOf(await latest())).toEqual(numbersOf(fromCheckpoint));
  });

  it('lays each state down about once an hour, at a minute of its own', async () => {
    const { run, tick } = await open();
    await run();
    const laidDown: number[] = [];
    for (let i = 0; i < 130; i++) {
      const answer = await tick();
      if (answer.kind === 'forecasted' && answer.checkpoints > 0) laidDown.push(i);
    }
    expect(laidDown.length).toBeGreaterThanOrEqual(3);
    expect(laidDown.length).toBeLessThanOrEqual(12);
  });

  it('goes back to what is settled when the last minutes turn out otherwise, without learning anew', async () => {
    const { run, tick, latest, cold } = await open();
    await run();
    for (let i = 0; i < 40; i++) await tick();
    const lateMs = MINUTE + 37 * MINUTE_MS;
    const change = (ms: number) => (ms === lateMs ? 3 * loadAt(ms) : loadAt(ms));
    expect(await tick(undefined, change)).toMatchObject({ resumed: 4, learntAnew: {} });
    const warm = await latest();
    await run(cold());
    expect(numbersOf(await latest())).toEqual(numbersOf(warm));
  });

  it('learns anew when more than the last minutes turns out otherwise, and says so', async () => {
    const { run, tick } = await open();
    await run();
    for (let i = 0; i < 5; i++) await tick();
    expect(await tick(undefined, (ms) => 2 * loadAt(ms))).toMatchObject({
      resumed: 0,
      learntAnew: { 'history says otherwise of the last minutes than was learnt': 4 },
    });
  });

  it('learns anew when the past was altered, once an hour at most', async () => {
    const { run, tick, ports, clock } = await open();
    await run();
    for (let i = 0; i < 30; i++) await tick();
    const alter = () => ports.history.put(hoursOf(WHOLE_RANGE, MINUTE - 50 * 3_600_000, MINUTE - 49 * 3_600_000, () => 5));
    await alter();
    expect(await tick()).toMatchObject({ resumed: 4, learntAnew: {} });
    for (let i = 0; i < 28; i++) await tick();
    expect(await tick()).toMatchObject({ resumed: 0, learntAnew: { 'its past was altered': 4 } });
    await alter();
    expect(await tick()).toMatchObject({ resumed: 4 });
    expect(clock.nowMs()).toBeGreaterThan(NOW + 3_600_000);
  });

  it('lets the children of a split begin from what their parent’s past says of their keys', async () => {
    const { run, tick, latest, ports } = await open();
    await run();
    await tick();
    const [parent] = (await ports.control.describe(group.streamName))!.shards;
    await ports.control.split(group.streamName, parent!.shardId, 2n ** 127n);
    expect(await tick()).toMatchObject({ resumed: 2, learntAnew: { 'nothing was learnt of this series yet': 4 } });
    const made = await latest();
    const stream = made.find(({ scope, metric }) => scope === 'stream' && metric === 'records')!;
    const children = made.filter(
      ({ scope, metric, hashKeyRange }) =>
        scope === 'shard' && metric === 'records' && rangeText(hashKeyRange) !== rangeText(WHOLE_RANGE),
    );
    expect(children).toHaveLength(2);
    for (const child of children) expect(child).toMatchObject({ status: 'ready', historyMinutes: stream.historyMinutes });
    expect(children[0]!.quantiles[1]![0]! + children[1]!.quantiles[1]![0]!).toBeCloseTo(stream.quantiles[1]![0]!, 1);
    expect(stream.skew!.shares[0]).toBeCloseTo(0.5, 1);
    expect(await tick()).toMatchObject({ resumed: 6, learntAnew: {} });
  });

  it('chooses its models again when their time has come', async () => {
    const { run, tick, clock, ports } = await open();
    // Without the libraries, which would be asked at the second choice, for seconds.
    await ports.policies.put(Policy.parse({ ...group, forecastModels: [] }));
    await run();
    await clock.advance(6 * 3_600_000);
    await ports.history.put(hoursOf(WHOLE_RANGE, MINUTE, MINUTE + 6 * 3_600_000));
    expect(await tick()).toMatchObject({ series: 4, learntAnew: {} });
    await clock.advance(18 * 3_600_000 - 2 * MINUTE_MS);
    const until = Math.floor(clock.nowMs() / MINUTE_MS) * MINUTE_MS;
    await ports.history.put(hoursOf(WHOLE_RANGE, until - 19 * 3_600_000, until + MINUTE_MS));
    await tick();
    expect(await tick()).toMatchObject({ learntAnew: { 'the model is to be chosen again': 4 } });
  });
});
