// lib/feedback: each forecast beside what came.
// in: forecasts, the series as observed since · out: one outcome for each horizon whose time has come
import type { DemandSeries } from '../model/demand.ts';
import { type IssuedForecast, QUANTILES } from '../model/forecast.ts';
import { rangeText } from '../model/hash-key-range.ts';
import type { ForecastOutcome } from '../model/operation.ts';

/** A window is compared only when at least this share of its minutes was observed. */
const KNOWN_SHARE = 0.8;

/** The name of a series: the same forecast of it is scored under the same id, however often it is asked for. */
export const seriesNameOf = (of: Pick<IssuedForecast, 'streamName' | 'metric' | 'hashKeyRange'>): string =>
  `${of.streamName}/${of.metric}/${rangeText(of.hashKeyRange)}`;

/**
 * Compares every forecast at every horizon that has passed. Horizons count from `observedUntilMs`. A clipped minute counts with what was accepted and
 * rejected, which is the least that was asked for. Horizons whose minute is unknown, or whose window mostly is, give no outcome.
 */
export const scoreForecasts = (
  forecasts: readonly IssuedForecast[],
  series: readonly DemandSeries[],
  nowMs: number,
): ForecastOutcome[] => {
  const observed = new Map(series.map((one) => [seriesNameOf(one), one]));
  return forecasts.flatMap((forecast) => {
    const name = seriesNameOf(forecast);
    const came = observed.get(name);
    return came === undefined ? [] : forecast.horizonsSec.flatMap((_, h) => outcomeAt(forecast, h, came, name, nowMs) ?? []);
  });
};

const outcomeAt = (
  forecast: IssuedForecast,
  h: number,
  came: DemandSeries,
  name: string,
  nowMs: number,
): ForecastOutcome | null => {
  const horizonSec = forecast.horizonsSec[h]!;
  const stepMs = came.stepSec * 1000;
  const atMs = forecast.observedUntilMs + horizonSec * 1000;
  const first = Math.round((forecast.observedUntilMs - came.startMs) / stepMs);
  const last = Math.round((atMs - came.startMs) / stepMs) - 1;
  if (atMs > nowMs || first < 0 || last < first || last >= came.values.length) return null;
  const value = came.values[last]!;
  if (Number.isNaN(value)) return null;
  const window = came.values.subarray(first, last + 1).filter((x) => !Number.isNaN(x));
  if (window.length < KNOWN_SHARE * (last - first + 1)) return null;
  const of = (quantiles: readonly (readonly number[])[], quantile: 0.5 | 0.95) => quantiles[QUANTILES.indexOf(quantile)]?.[h];
  const median = of(forecast.quantiles, 0.5);
  const upper95 = of(forecast.quantiles, 0.95);
  const windowMax95 = of(forecast.windowMaxQuantiles, 0.95);
  if (median === undefined || upper95 === undefined || windowMax95 === undefined) return null;
  return {
    kind: 'forecast',
    streamName: forecast.streamName,
    atMs,
    operationId: `${name}@${forecast.issuedAtMs}+${horizonSec}`,
    series: name,
    model: forecast.model,
    horizonSec,
    median,
    upper95,
    windowMax95,
    observed: value,
    observedMax: window.reduce((highest, x) => Math.max(highest, x), 0),
    lastObserved: forecast.lastObserved,
  };
};
