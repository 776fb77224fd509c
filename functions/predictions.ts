// functions: GET /predictions.
// in: a stream · out: the newest forecast of each series, with what came in the last hours beside it

import { summarizeTracks } from '../lib/feedback/summarize-tracks.ts';
import { occurrencesOf } from '../lib/forecast/occurrences.ts';
import { projectSeries } from '../lib/history/project-series.ts';
import { type HistoryBlock, MINUTE_MS } from '../lib/model/demand.ts';
import { type Forecast, QUANTILES } from '../lib/model/forecast.ts';
import { rangeText } from '../lib/model/hash-key-range.ts';
import { effectText, type KnownEvent } from '../lib/model/known-event.ts';
import type { Policy } from '../lib/model/policy.ts';
import type { StreamDescription } from '../lib/model/shard.ts';
import type { TrackRecord } from '../lib/model/track-record.ts';
import { api, type Endpoint, notFound, ok } from './api-shell.ts';
import { policyOf } from './policy-of.ts';
import { observedUntil } from './read-fleet.ts';
import { routes } from './routes.ts';

const OBSERVED_MS = 3 * 3_600_000;
const ANNOUNCED_MS = 24 * 3_600_000;
const MOST_EVENTS = 50;

const pointsOf = (forecast: Forecast) => {
  const at = (rows: readonly (readonly number[])[], quantile: (typeof QUANTILES)[number], h: number) =>
    rows[QUANTILES.indexOf(quantile)]?.[h] ?? 0;
  return forecast.horizonsSec.map((horizon, h) => ({
    atMs: forecast.observedUntilMs + horizon * 1000,
    lower05: at(forecast.quantiles, 0.05, h),
    median: at(forecast.quantiles, 0.5, h),
    upper90: at(forecast.quantiles, 0.9, h),
    upper95: at(forecast.quantiles, 0.95, h),
    windowMax95: at(forecast.windowMaxQuantiles, 0.95, h),
    ...(forecast.windowMaxMean && { windowMaxMean: forecast.windowMaxMean[h] ?? 0 }),
  }));
};

const observedOf = (blocks: readonly HistoryBlock[], forecast: Forecast, nowMs: number) => {
  const fromMs = Math.floor((nowMs - OBSERVED_MS) / MINUTE_MS) * MINUTE_MS;
  const series = projectSeries(blocks, forecast.hashKeyRange, forecast.metric, fromMs, observedUntil(blocks) ?? fromMs);
  return Array.from(series.values, (value, i) => ({
    atMs: series.startMs + i * MINUTE_MS,
    value: Number.isNaN(value) ? null : value,
  }));
};

/** Known events of the hours shown, and of the day to come. */
const eventsAround = (events: readonly KnownEvent[], nowMs: number) =>
  events
    .flatMap((event) =>
      occurrencesOf(event.when, nowMs - OBSERVED_MS, nowMs + ANNOUNCED_MS).map(({ fromMs, untilMs }) => ({
        eventId: event.eventId,
        effect: effectText(event.effect),
        fromMs,
        untilMs,
      })),
    )
    .sort((a, b) => a.fromMs - b.fromMs)
    .slice(0, MOST_EVENTS);

const unevenness = (forecast: Forecast, shardOf: ReadonlyMap<string, string>, shards: number) => {
  const { skew, streamShares } = forecast;
  const [share, ofStream] = [skew?.shares.at(-1), streamShares?.at(-1)];
  return {
    ...(skew !== undefined &&
      share !== undefined && {
        skew: { hottestShardId: shardOf.get(rangeText(skew.hottest)) ?? null, share, evenShare: 1 / Math.max(shards, 1) },
      }),
    ...(ofStream !== undefined && { shareOfStream: ofStream }),
  };
};

const trackOf = ({ metric, hashKeyRange, boundFactors }: Forecast, tracks: readonly TrackRecord[]) => {
  const own = tracks.filter((track) => track.metric === metric && rangeText(track.hashKeyRange) === rangeText(hashKeyRange));
  const accuracy = summarizeTracks(own).map(({ model, horizonSec, count, relativeError, bias, coverage95, maxCoverage95 }) => ({
    model,
    horizonSec,
    minutes: count,
    relativeError,
    bias,
    coverage95,
    maxCoverage95,
  }));
  const boundFactor = boundFactors?.at(-1);
  return { ...(boundFactor !== undefined && { boundFactor }), ...(accuracy.length > 0 && { accuracy }) };
};

/** The newest forecasts of the stream and of the shards that are open now; a closed shard's last one is the past. */
export const predictionsView = (
  stream: StreamDescription,
  forecasts: readonly Forecast[],
  blocks: readonly HistoryBlock[],
  tracks: readonly TrackRecord[],
  policy: Policy,
  events: readonly KnownEvent[],
  nowMs: number,
) => {
  const open = stream.shards.filter((shard) => !shard.closed);
  const shardOf = new Map(open.map((shard) => [rangeText(shard.hashKeyRange), shard.shardId]));
  const shown = forecasts.filter((each) => each.scope === 'stream' || shardOf.has(rangeText(each.hashKeyRange)));
  const perShard = { records: policy.shardCapacity.recordsPerSec, bytes: policy.shardCapacity.bytesPerSec };
  return {
    atMs: nowMs,
    events: eventsAround(events, nowMs),
    series: shown.map((forecast) => ({
      scope: forecast.scope,
      shardId: forecast.scope === 'stream' ? null : (shardOf.get(rangeText(forecast.hashKeyRange)) ?? null),
      metric: forecast.metric,
      capacity: perShard[forecast.metric] * (forecast.scope === 'stream' ? open.length : 1),
      model: forecast.model as string,
      status: forecast.status as string,
      reason: forecast.reason,
      failures: forecast.failures ?? [],
      issuedAtMs: forecast.issuedAtMs,
      ageSec: Math.max(0, nowMs - forecast.observedUntilMs) / 1000,
      ...unevenness(forecast, shardOf, open.length),
      ...trackOf(forecast, tracks),
      points: pointsOf(forecast),
      observed: observedOf(blocks, forecast, nowMs),
    })),
  };
};

export const predictions: Endpoint<typeof routes.predictions> = {
  route: routes.predictions,
  run: async (group, { ports, nowMs, signal }) => {
    const { streamName } = group;
    const [stream, forecasts, blocks, tracks, policy, events] = await Promise.all([
      ports.control.describe(streamName, signal),
      ports.forecasts.latest(streamName, signal),
      ports.history.read(streamName, nowMs - OBSERVED_MS, nowMs, signal),
      ports.tracks.read(streamName, signal),
      policyOf(group, ports, signal),
      ports.events.list(group, signal),
    ]);
    if (stream === null) return notFound('UnknownStream', `Kinesis has no stream ${streamName}`);
    return ok(predictionsView(stream, forecasts, blocks, tracks, policy, events, nowMs));
  },
};

export const handler = api(predictions);
