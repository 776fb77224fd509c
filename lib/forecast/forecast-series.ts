// lib/forecast: the forecast of one series.
// in: an even series, the models at hand, the previous forecast, now · out: a forecast that says where it comes from and how far to trust it
import { PoisonError } from '../errors.ts';
import type { DemandSeries } from '../model/demand.ts';
import type { Forecast } from '../model/forecast.ts';
import type { TrackMark } from '../model/track-record.ts';
import { chooseModel, DAYS_TO_CHOOSE, DEFAULT, keepChoice } from './choose-model.ts';
import { coherent } from './coherent.ts';
import { learnSeries } from './incremental.ts';
import { freeze } from './incremental-state.ts';
import type { EvenSeries, Model } from './model.ts';
import { widened } from './young-band.ts';

const HOUR_MS = 3_600_000;
/** A choice stands for a day; for six hours while so little is known that the next hours may change it. */
const CHOICE_MS = 24 * HOUR_MS;
const EARLY_CHOICE_MS = 6 * HOUR_MS;
const DAY_SEC = 86_400;

/**
 * Forecasts one series. The model is chosen by back-test once a day (at a minute that differs from series to series; every six hours while young) and kept in between, with
 * its scores. A series with less than a day of known minutes is `not-enough-history`: its bounds are widened by how little is known.
 * `horizonsSec` must be increasing multiples of the series' step. Fails with PoisonError when nothing is known or something is not a number.
 */
export const forecastSeries = (
  series: DemandSeries,
  scope: 'stream' | 'shard',
  horizonsSec: readonly number[],
  models: readonly Model[],
  previous: Forecast | null,
  nowMs: number,
): Forecast => forecastFromHistory(series, scope, horizonsSec, models, previous, nowMs).forecast;

/** The forecast of one series as by `forecastSeries`, with how the models did live counted in the choice, and the state from which `resumeForecast` goes on; null where the incremental model is not among the models. */
export const forecastFromHistory = (
  series: DemandSeries,
  scope: 'stream' | 'shard',
  horizonsSec: readonly number[],
  models: readonly Model[],
  previous: Forecast | null,
  nowMs: number,
  live: readonly TrackMark[] = [],
): { forecast: Forecast; state: Uint8Array | null } => {
  const horizonSteps = horizonStepsOf(horizonsSec, series.stepSec);
  if (models.length === 0) throw new PoisonError('models must not be empty, got none');
  const even = untilLastKnown(series);
  const known = knownSteps(even.values);
  const knownDays = (known * series.stepSec) / DAY_SEC;
  const keeps = previous !== null && keepsChoice(series, previous, nowMs);
  const choice =
    (keeps ? keepChoice(even, horizonSteps, models, previous) : null) ??
    chooseModel(even, horizonSteps, models, knownDays, previous, live);
  const resumable = models.some(({ name }) => name === DEFAULT);
  const forecaster = resumable ? learnSeries(even, horizonSteps, choice.scale) : null;
  const observedUntilMs = series.startMs + even.values.length * series.stepSec * 1000;
  const young = knownDays < 1;
  const made = coherent(young ? widened(choice.now, knownDays) : choice.now);
  const forecast: Forecast = {
    streamName: series.streamName,
    scope,
    hashKeyRange: series.hashKeyRange,
    metric: series.metric,
    issuedAtMs: nowMs,
    observedUntilMs,
    lastObserved: even.values.at(-1)!,
    horizonsSec: [...horizonsSec],
    ...made,
    model: choice.model.name,
    scale: choice.scale,
    ...(choice.parts ? { parts: [...choice.parts] } : {}),
    ...(forecaster?.changedAtMs == null ? {} : { changedAtMs: forecaster.changedAtMs }),
    reason: choice.reason,
    scores: [...choice.scores],
    status: young ? 'not-enough-history' : 'ready',
    historyMinutes: Math.round((known * series.stepSec) / 60),
  };
  return { forecast, state: forecaster === null ? null : freeze(forecaster) };
};

/** Horizons in steps of the series. Fails with PoisonError unless they are increasing multiples of the step. */
export const horizonStepsOf = (horizonsSec: readonly number[], stepSec: number): number[] => {
  if (horizonsSec.length === 0) throw new PoisonError('horizonsSec must not be empty, got []');
  return horizonsSec.map((horizon, i) => {
    const steps = horizon / stepSec;
    if (!Number.isInteger(steps) || steps < 1 || steps <= (horizonsSec[i - 1] ?? 0) / stepSec)
      throw new PoisonError(`horizonsSec must be increasing multiples of ${stepSec}, got ${JSON.stringify(horizonsSec)}`);
    return steps;
  });
};

/** Gaps at the end are no observation: the forecast starts after the last known value. */
export const untilLastKnown = (series: DemandSeries): EvenSeries => {
  const { values, censored, startMs, stepSec } = series;
  values.forEach((value, i) => {
    if (value < 0 || value === Number.POSITIVE_INFINITY)
      throw new PoisonError(`values[${i}] must be a finite number >= 0 or NaN for a gap, got ${value}`);
  });
  const last = values.findLastIndex((value) => !Number.isNaN(value));
  if (last < 0)
    throw new PoisonError(
      `the series of ${series.streamName} has no known value in ${values.length} steps; at least one is needed`,
    );
  return { values: values.subarray(0, last + 1), censored: censored.subarray(0, last + 1), startMs, stepSec };
};

const knownSteps = (values: Float64Array): number => values.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);

/** Whether the previous choice still stands. The time of a series' choice is its own, so that not all choose at once. */
export const keepsChoice = (series: DemandSeries, previous: Forecast | null, nowMs: number): boolean => {
  if (previous === null || previous.status !== 'ready' || previous.scores.length === 0) return false;
  const early = previous.historyMinutes < DAYS_TO_CHOOSE * 1440;
  const periodMs = early ? EARLY_CHOICE_MS : CHOICE_MS;
  const { startingHashKey, endingHashKey } = series.hashKeyRange;
  const minutes = BigInt(periodMs / 60_000);
  const own = Number(((startingHashKey >> 96n) ^ (endingHashKey >> 64n) ^ BigInt(series.metric.length)) % minutes) * 60_000;
  return Math.floor((nowMs + own) / periodMs) === Math.floor((previous.issuedAtMs + own) / periodMs);
};
