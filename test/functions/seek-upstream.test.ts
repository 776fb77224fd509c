import { describe, expect, it } from 'vitest';
import { forecast } from '../../functions/forecast.ts';
import { type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../../lib/model/demand.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { noise } from '../forecast/series.ts';
import { group, NOW, world } from './scenes.ts';

const MINUTES = 4 * 1440;
const LEAD = 20;
const MINUTE = Math.floor(NOW / MINUTE_MS) * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;

const next = noise(11);
let state = 0;
/** What both streams share, the leading one earlier. */
const drift = Array.from({ length: MINUTES + LEAD }, () => {
  state = 0.97 * state + 0.05 * (next() + next() + next());
  return state;
});
const loadOf = (by: number) =>
  Array.from(
    { length: MINUTES },
    (_, i) => 6000 * (1 + 0.3 * Math.sin((2 * Math.PI * i) / 1440)) * Math.exp(drift[i + by]! + 0.02 * next()),
  );

/** Measured hours up to now. */
const blocksOf = (streamName: string, loads: readonly number[]): HistoryBlock[] => {
  const startMs = MINUTE - MINUTES * MINUTE_MS;
  const byHour = Map.groupBy(
    loads.map((load, i) => ({ load, atMs: startMs + i * MINUTE_MS })),
    ({ atMs }) => Math.floor(atMs / HOUR_MS),
  );
  return [...byHour.values()].map((minutes) => ({
    streamName,
    hashKeyRange: WHOLE_RANGE,
    startMs: minutes[0]!.atMs,
    records: minutes.map(({ load }) => load),
    bytes: minutes.map(({ load }) => load * 100),
    censored: minutes.map(() => false),
    sliceShares: new Array<number>(SLICE_COUNT).fill(1 / SLICE_COUNT),
  }));
};

describe('a stream that leads', () => {
  it('is found among the streams of the deployment, kept with the forecast, and used at the next tick', async () => {
    const { ports, scene, clock } = world();
    ports.streams.createStream(group.streamName, 1);
    await ports.history.put(blocksOf(group.streamName, loadOf(0)));
    await ports.history.put(blocksOf('clicks', loadOf(LEAD)));
    await ports.history.put(
      blocksOf(
        'unrelated',
        loadOf(0).map((_, i) => 6000 * Math.exp(0.1 * Math.sin(i / 50) + 0.1 * next())),
      ),
    );
    const streams = [group, ...['clicks', 'unrelated'].map((streamName) => ({ application: 'shop', streamName }))];
    const run = () => forecast.run(group, { ...scene(), streams });
    await run();
    const own = async () =>
      (await ports.forecasts.latest(group.streamName, undefined, 'stream')).find(({ metric }) => metric === 'records')!;
    const first = await own();
    expect(first.upstream?.link).toMatchObject({ streamName: 'clicks', leadSec: LEAD * 60 });
    expect(first.upstream!.link!.errorRatio).toBeLessThan(0.95);
    const shards = (await ports.forecasts.latest(group.streamName)).filter(({ scope }) => scope === 'shard');
    for (const each of [first, ...shards]) expect(each.reason).toContain('; upstream clicks leads by 20 min');
    await clock.advance(MINUTE_MS);
    await run();
    const second = await own();
    expect(second.upstream).toEqual(first.upstream);
    expect(second.reason.match(/upstream clicks/g)).toHaveLength(1);
  }, 60_000);

  it('is not sought by a stream that is alone', async () => {
    const { ports, scene } = world();
    ports.streams.createStream(group.streamName, 1);
    await ports.history.put(blocksOf(group.streamName, loadOf(0)));
    await forecast.run(group, scene());
    expect((await ports.forecasts.latest(group.streamName)).every(({ upstream }) => upstream === undefined)).toBe(true);
  }, 60_000);
});
