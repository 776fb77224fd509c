// What a thousand shards' history, forecasts, states and track records cost a month, from the items that are really written: docs/forecasting.md shows the figures.
import { describe, expect, it } from 'vitest';
import { HORIZONS_SEC } from '../../functions/forecast-jobs.ts';
import { issuedOf, rounded } from '../../functions/settle-forecasts.ts';
import { issuedItems, latestItem } from '../../lib/adapters/aws/dynamodb-forecasts.ts';
import { blockToItem } from '../../lib/adapters/aws/dynamodb-history.ts';
import { stateToItems } from '../../lib/adapters/aws/dynamodb-model-states.ts';
import { trackItems } from '../../lib/adapters/aws/dynamodb-track-records.ts';
import { followTrack } from '../../lib/feedback/follow-track.ts';
import { correctBounds } from '../../lib/forecast/correct-bounds.ts';
import { forecastFromHistory } from '../../lib/forecast/forecast-series.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { lastValue } from '../../lib/forecast/last-value.ts';
import { seasonalNaive } from '../../lib/forecast/seasonal-naive.ts';
import { type DemandSeries, type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../../lib/model/demand.ts';
import { type Forecast, SCORED_SEC } from '../../lib/model/forecast.ts';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { noise } from '../forecast/series.ts';

/** On demand, us-east-1, November 2026, dollars per million request units and per GB and month. */
const PRICE = { write: 0.625, read: 0.125, gigabyte: 0.25 };
const MONTH_MINUTES = 730 * 60;
const SHARDS = 1000;
const SERIES = 2 * SHARDS;
const ranges = slicesOf(WHOLE_RANGE, SHARDS);
const next = noise(11);
const START = Date.UTC(2026, 10, 1);

/** Source: DynamoDB developer guide, item sizes: names and values in bytes, a number half a byte a digit and one more, a map three and one per entry. */
const bytesOf = (value: unknown): number => {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 1;
  if (value instanceof Uint8Array) return value.length;
  if (value === null || typeof value === 'boolean') return 1;
  return Object.entries(value as object).reduce((sum, [name, each]) => sum + name.length + bytesOf(each) + 1, 3);
};
const sizeOf = (item: object): number =>
  Object.entries(item).reduce((sum, [name, each]) => sum + name.length + bytesOf(each), 0) + 20;
const writes = (items: readonly object[]): number => items.reduce<number>((sum, item) => sum + Math.ceil(sizeOf(item) / 1024), 0);
const storedBytes = (items: readonly object[]): number => items.reduce<number>((sum, item) => sum + sizeOf(item) + 100, 0);
/** Read units of a strongly consistent query: all its items together, 4 KB each. */
const reads = (bytes: number): number => Math.ceil(bytes / 4096);

const minutesOf = (length: number) =>
  Array.from({ length }, (_, i) => Math.round(40_000 * (1.2 + Math.sin(i / 229)) * (1 + 0.2 * next())));
const block = (shard: number, minutes: number, stepSec?: number): HistoryBlock => {
  const records = minutesOf(minutes);
  const weights = Array.from({ length: SLICE_COUNT }, () => 1 + next() / 2);
  const total = weights.reduce((a, b) => a + b);
  return {
    streamName: 'orders',
    hashKeyRange: ranges[shard]!,
    startMs: START,
    ...(stepSec !== undefined && { stepSec }),
    records,
    bytes: records.map((each) => Math.round(each * (900 + 50 * next()))),
    censored: records.map(() => false),
    sliceShares: weights.map((weight) => weight / total),
  };
};
const series: DemandSeries = {
  streamName: 'orders',
  hashKeyRange: WHOLE_RANGE,
  metric: 'records',
  startMs: START,
  stepSec: 60,
  values: Float64Array.from(minutesOf(3 * 1440)),
  censored: new Uint8Array(3 * 1440),
};
const nowMs = START + 3 * 1440 * MINUTE_MS;
/** As a shard's looks a minute after its second choice: with the scores of all models, on the better scale, and with its share of the stream. */
const OWN_MODELS = [lastValue, seasonalNaive, incremental];
const chosenFirst = forecastFromHistory(series, 'shard', HORIZONS_SEC, OWN_MODELS, null, nowMs - 86_400_000).forecast;
const { forecast: chosen, state } = forecastFromHistory(series, 'shard', HORIZONS_SEC, OWN_MODELS, chosenFirst, nowMs);
const made: Forecast = { ...chosen, reason: `kept: ${chosen.reason}` };
const forecasts = ranges.map((hashKeyRange, i): Forecast => {
  const of = 0.5 + ((i * 37) % 100) / 100;
  const moved = (row: number[]) => row.map((value) => value * of * (1 + 0.01 * next()));
  const one = {
    ...made,
    hashKeyRange,
    quantiles: made.quantiles.map(moved),
    windowMaxQuantiles: made.windowMaxQuantiles.map(moved),
    windowMaxMean: moved(made.windowMaxMean!),
    streamShares: moved(HORIZONS_SEC.map(() => 1 / SHARDS)),
  };
  return correctBounds(
    one,
    [300, 900, 1800].map((horizonSec) => ({ horizonSec, logFactor: 0.1 * next() })),
  );
});
const tracks = ranges.map((hashKeyRange) =>
  followTrack(
    { streamName: 'orders', hashKeyRange, metric: 'records', scoredUntilMs: START, marks: [], corrections: [] },
    SCORED_SEC.flatMap((horizonSec) =>
      Array.from({ length: 5 }, (_, i) => {
        const at = { kind: 'forecast' as const, streamName: 'orders', atMs: START + (i + 1) * MINUTE_MS, operationId: 'x' };
        const [median, observed] = [700 * (1 + 0.1 * next()), 700 * (1 + 0.1 * next())];
        return {
          ...at,
          series: 's',
          model: 'incremental',
          horizonSec,
          median,
          upper95: 900,
          windowMax95: 950,
          observed,
          observedMax: observed,
          lastObserved: 650,
        };
      }),
    ),
  ),
);

/** A block is put once a minute while its hour fills: what one shard writes in an hour, and how large the items are that a reader of now finds. */
const growing = Array.from({ length: 60 }, (_, i) => blockToItem(block(1, i + 1)));
const hourBytes = sizeOf(growing.at(-1)!);
const coarseBytes = sizeOf(blockToItem(block(1, 96, 900)));
const meanBytes = growing.reduce((sum, item) => sum + sizeOf(item), 0) / 60;
/** What a tick reads of a shard's history: the hour that runs, the one before, and now and then the one before that. */
const recentBytes = meanBytes + 1.25 * hourBytes;

const perMonth = {
  historyWrites: (SHARDS * MONTH_MINUTES * writes(growing)) / 60,
  /** Collect, plan and feedback once each a minute; forecast once per slice. */
  historyReads: (3 + 6) * MONTH_MINUTES * reads(SHARDS * recentBytes),
  coarseWrites: (SHARDS * 730 * Math.ceil(coarseBytes / 1024)) / 24,
  forecastWrites:
    MONTH_MINUTES *
    2 *
    (writes(forecasts.map((forecast) => latestItem(rounded(forecast), 0))) + writes(issuedItems(forecasts.map(issuedOf), 0))),
  stateWrites:
    SERIES *
    730 *
    writes(
      stateToItems(
        {
          ...made,
          learntUntilMs: nowMs,
          learntAnewAtMs: nowMs,
          chosenAtMs: nowMs,
          recent: minutesOf(15),
          basis: '',
          body: state!,
        },
        nowMs,
      ),
    ),
  trackWrites: MONTH_MINUTES * 2 * writes(trackItems('orders', tracks, nowMs)),
};
const dollars = {
  history: (perMonth.historyWrites * PRICE.write + perMonth.historyReads * PRICE.read) / 1e6,
  coarse: (perMonth.coarseWrites * PRICE.write) / 1e6,
  forecasts: (perMonth.forecastWrites * PRICE.write) / 1e6,
  states: (perMonth.stateWrites * PRICE.write) / 1e6,
  tracks: (perMonth.trackWrites * PRICE.write) / 1e6,
  storage:
    ((SHARDS * (16 * 24 * (hourBytes + 100) + 77 * (coarseBytes + 100)) + SERIES * storedBytes([latestItem(forecasts[0]!, 0)])) /
      1e9) *
    PRICE.gigabyte,
};

describe('what a shard-day of history takes', () => {
  it('is fourteen kilobytes of minutes and one of quarters of an hour, and a minute’s put is one write unit', () => {
    expect(24 * hourBytes).toBeLessThan(14_000);
    expect(coarseBytes).toBeLessThan(1_000);
    for (const item of growing) expect(writes([item])).toBe(1);
  });
});

describe('what a minute’s forecast of a shard takes', () => {
  it('is one write unit, with a quarter of it to spare for events and failures', () => {
    for (const forecast of forecasts) expect(sizeOf(latestItem(rounded(forecast), 0))).toBeLessThan(768);
  });
});

describe('what a thousand shards cost a month', () => {
  it('stays within what docs/forecasting.md says', () => {
    expect(dollars.history).toBeLessThan(45);
    expect(dollars.coarse).toBeLessThan(0.05);
    expect(dollars.forecasts).toBeLessThan(65);
    expect(dollars.states).toBeLessThan(25);
    expect(dollars.tracks).toBeLessThan(12);
    expect(dollars.storage).toBeLessThan(0.1);
  });
});
