// functions: what is done to forecasts once every series of the stream has one.
// in: forecasts as the models made them, track records · out: forecasts with corrected bounds that agree with each other; stored, kept for scoring, published
import { correctBounds } from '../lib/forecast/correct-bounds.ts';
import { reconcile } from '../lib/forecast/reconcile.ts';
import { siblingBand } from '../lib/forecast/young-band.ts';
import { type Forecast, type IssuedForecast, QUANTILES, SCORED_SEC } from '../lib/model/forecast.ts';
import { rangeText } from '../lib/model/hash-key-range.ts';
import type { TrackRecord } from '../lib/model/track-record.ts';
import type { MetricPoint, Ports } from '../lib/ports.ts';
import { METRICS } from './forecast-jobs.ts';

/** Of what metrics show: the planner's own horizon. */
const SHOWN_SEC = 1800;
/** Digits that a stored number keeps: an item then stays below the kilobyte that one write costs. */
const DIGITS = 5;

/** A forecast without what was done to it afterwards: what the next run goes on from. */
export const asMade = ({ boundFactors: _, reconciled: __, skew: ___, streamShares: ____, ...forecast }: Forecast): Forecast =>
  forecast;

/**
 * New forecasts of young series get bounds as wide as their siblings', all get theirs corrected by their record; then stream and shards, with those that stand
 * from the tick before, are made to agree. `apart` says why a metric's do not.
 */
export const settled = (
  made: readonly Forecast[],
  standing: readonly Forecast[],
  tracks: readonly TrackRecord[],
): { forecasts: Forecast[]; apart: Partial<Record<Forecast['metric'], string>> } => {
  const corrections = new Map(tracks.map((track) => [`${track.metric}/${rangeText(track.hashKeyRange)}`, track.corrections]));
  const apart: Partial<Record<Forecast['metric'], string>> = {};
  const forecasts = METRICS.flatMap((metric) => {
    const ofMetric = made.filter((each) => each.metric === metric);
    const fresh = ofMetric.map((each) => {
      const of = corrections.get(`${metric}/${rangeText(each.hashKeyRange)}`);
      const honest = siblingBand(each, ofMetric);
      return of === undefined ? honest : correctBounds(honest, of);
    });
    const corrected = [...fresh, ...standing.filter((each) => each.metric === metric)];
    const stream = corrected.find(({ scope }) => scope === 'stream');
    const shards = corrected.filter(({ scope }) => scope === 'shard');
    if (stream === undefined || shards.length === 0) return corrected;
    const result = reconcile(stream, shards);
    if (result.kind === 'reconciled') return [result.stream, ...result.shards];
    apart[metric] = result.reason;
    return corrected;
  });
  return { forecasts, apart };
};

const short = (value: number): number => Number(value.toPrecision(DIGITS));
/** A forecast as it is stored. */
export const rounded = (forecast: Forecast): Forecast => ({
  ...forecast,
  quantiles: forecast.quantiles.map((row) => row.map(short)),
  windowMaxQuantiles: forecast.windowMaxQuantiles.map((row) => row.map(short)),
  ...(forecast.windowMaxMean && { windowMaxMean: forecast.windowMaxMean.map(short) }),
  scores: forecast.scores.map((score) => ({
    ...score,
    relativeError: short(score.relativeError),
    relativePinball95: short(score.relativePinball95),
    coverage95: short(score.coverage95),
  })),
  ...(forecast.boundFactors && { boundFactors: forecast.boundFactors.map(short) }),
  ...(forecast.streamShares && { streamShares: forecast.streamShares.map(short) }),
});

/** What is kept of a forecast until it is scored: of a shard the scored horizons, of the stream all of them. */
export const issuedOf = (forecast: Forecast): IssuedForecast => {
  const kept = forecast.horizonsSec.flatMap((horizonSec, h) =>
    forecast.scope === 'stream' || SCORED_SEC.includes(horizonSec) ? [h] : [],
  );
  const pick = (row: readonly number[]): number[] => kept.map((h) => short(row[h]!));
  const { streamName, scope, hashKeyRange, metric, issuedAtMs, observedUntilMs, lastObserved, model } = forecast;
  return {
    streamName,
    scope,
    hashKeyRange,
    metric,
    issuedAtMs,
    observedUntilMs,
    lastObserved,
    model,
    horizonsSec: kept.map((h) => forecast.horizonsSec[h]!),
    quantiles: forecast.quantiles.map(pick),
    windowMaxQuantiles: forecast.windowMaxQuantiles.map(pick),
  };
};

/** What the dashboard shows of a stream's own forecast. Shards are many and their ids change: the highest of them stands for all. */
export const metricsOf = (
  forecasts: readonly Forecast[],
  dimensions: MetricPoint['dimensions'],
  nowMs: number,
): MetricPoint[] => {
  const upperOf = ({ windowMaxQuantiles, horizonsSec }: Forecast) => {
    const shown = horizonsSec.findLastIndex((horizonSec) => horizonSec <= SHOWN_SEC);
    return windowMaxQuantiles[QUANTILES.indexOf(0.95)]?.[shown] ?? 0;
  };
  const units = { records: 'Count/Second', bytes: 'Bytes/Second' } as const;
  const points: MetricPoint[] = [];
  for (const metric of METRICS) {
    const unit = units[metric];
    const title = metric === 'records' ? 'Records' : 'Bytes';
    const stream = forecasts.find((each) => each.scope === 'stream' && each.metric === metric);
    const shards = forecasts.filter((each) => each.scope === 'shard' && each.metric === metric);
    if (stream !== undefined) {
      points.push({ name: `ForecastUpper${title}`, value: upperOf(stream), unit, dimensions, atMs: nowMs });
      points.push({ name: `Observed${title}`, value: stream.lastObserved, unit, dimensions, atMs: nowMs });
      const share = stream.skew?.shares.at(-1);
      if (share !== undefined)
        points.push({ name: `ForecastHottestShare${title}`, value: share, unit: 'None', dimensions, atMs: nowMs });
    }
    if (shards.length > 0)
      points.push({
        name: `ForecastUpperHottestShard${title}`,
        value: Math.max(...shards.map(upperOf)),
        unit,
        dimensions,
        atMs: nowMs,
      });
  }
  const oldestMs = Math.min(...forecasts.map((each) => each.observedUntilMs));
  if (forecasts.length > 0)
    points.push({ name: 'ForecastAge', value: Math.max(0, nowMs - oldestMs) / 1000, unit: 'Seconds', dimensions, atMs: nowMs });
  return points;
};

/** Settles the forecasts that were made now, beside those that stand from the tick before, and stores the new ones. */
export const settleForecasts = async (
  { application, streamName }: { readonly application: string; readonly streamName: string },
  made: readonly Forecast[],
  standing: readonly Forecast[],
  tracks: readonly TrackRecord[],
  { forecasts, metrics }: Pick<Ports, 'forecasts' | 'metrics'>,
  nowMs: number,
  signal: AbortSignal,
): Promise<Partial<Record<Forecast['metric'], string>>> => {
  const fresh = new Set(made.map(({ metric, scope, hashKeyRange }) => `${metric}/${scope}/${rangeText(hashKeyRange)}`));
  const { forecasts: all, apart } = settled(made, standing, tracks);
  const now = all.filter(({ metric, scope, hashKeyRange }) => fresh.has(`${metric}/${scope}/${rangeText(hashKeyRange)}`));
  await Promise.all([forecasts.put(now.map(rounded), signal), forecasts.issue(now.map(issuedOf), signal)]);
  await metrics.publish(metricsOf(all, { Application: application, StreamName: streamName }, nowMs), signal);
  return apart;
};
