// lib/adapters: how a series goes into a forecasting library, and how its numbers come back.
// in: an even series, an origin · out: five-minute means without gaps; quantiles that are finite, never negative and never out of all proportion
import type { EvenSeries, ModelForecast } from '../forecast/model.ts';
import { normalQuantile } from '../forecast/normal-quantile.ts';
import { QUANTILES } from '../model/forecast.ts';

const STEP_SEC = 300;
export const STEPS_PER_DAY = 86_400 / STEP_SEC;
/** Two weeks and a little: a weekly season must come back once. Half of what the narrowest library takes (arima: 8,000 values). */
const LONGEST_HISTORY = 14 * STEPS_PER_DAY + STEPS_PER_DAY / 2;
/** Fewer known values say nothing. */
const FEWEST_KNOWN = 12;
/** No library may foresee more than so many times the highest five minutes that it was shown: extrapolated trends and diverged fits do. */
const HIGHEST_TIMES = 2;

/** The past as a library sees it. */
export interface LibraryPast {
  /** Means of five minutes, oldest first; what was unknown is what it was before. Ends at the origin. */
  readonly means: Float64Array;
  /** How many of these were known. */
  readonly known: number;
  /** The start of the first one. */
  readonly startMs: number;
  readonly stepMs: number;
  /** How far the highest of the series' own steps within five minutes stands above their mean, on average over the last day. */
  readonly peakToMean: number;
  readonly highest: number;
  /** Steps of the series in one of these. */
  readonly perStep: number;
}

/** The last `days` before the origin; null when too little of it is known. */
export const pastOf = (series: EvenSeries, origin: number, longest = LONGEST_HISTORY): LibraryPast | null => {
  const perStep = Math.max(1, Math.round(STEP_SEC / series.stepSec));
  const count = Math.min(longest, Math.floor(origin / perStep));
  const means = new Float64Array(count).fill(Number.NaN);
  let [sumOfPeaks, sumOfMeans, known, highest] = [0, 0, 0, 0];
  for (let step = 0; step < count; step++) {
    const from = origin - (count - step) * perStep;
    let [sum, values, peak] = [0, 0, 0];
    for (let i = from; i < from + perStep; i++) {
      const value = series.values[i]!;
      if (Number.isNaN(value)) continue;
      sum += value;
      values++;
      peak = Math.max(peak, value);
    }
    if (values === 0) continue;
    const mean = sum / values;
    means[step] = mean;
    known++;
    highest = Math.max(highest, mean);
    if (step < count - STEPS_PER_DAY) continue;
    sumOfPeaks += peak;
    sumOfMeans += mean;
  }
  if (known < FEWEST_KNOWN) return null;
  // The history of a library begins where something is known.
  const first = means.findIndex((value) => !Number.isNaN(value));
  const stepMs = perStep * series.stepSec * 1000;
  return {
    means: carriedForward(means.subarray(first)),
    known,
    startMs: series.startMs + origin * series.stepSec * 1000 - (count - first) * stepMs,
    stepMs,
    peakToMean: sumOfMeans > 0 ? sumOfPeaks / sumOfMeans : 1,
    highest,
    perStep,
  };
};

/** How many five-minute steps a library has to look ahead for these horizons. */
export const stepsAhead = ({ perStep }: LibraryPast, horizonSteps: readonly number[]): number =>
  Math.ceil(horizonSteps.at(-1)! / perStep);

/** A library's points and their standard deviations as quantiles of points and of the window's maximum; null when a number is none. */
export const quantilesOf = (
  past: LibraryPast,
  horizonSteps: readonly number[],
  rawPoints: ArrayLike<number>,
  rawDeviations: ArrayLike<number>,
): ModelForecast | null => {
  const count = stepsAhead(past, horizonSteps);
  const most = HIGHEST_TIMES * past.highest;
  const clamp = (value: number): number => Math.min(Math.max(value, 0), most);
  const points = Array.from({ length: count }, (_, i) => rawPoints[i] ?? Number.NaN);
  const deviations = Array.from({ length: count }, (_, i) => Math.min(rawDeviations[i] ?? Number.NaN, most));
  if (![...points, ...deviations].every(Number.isFinite) || deviations.some((deviation) => deviation < 0)) return null;
  const stepOf = (horizon: number): number => Math.ceil(horizon / past.perStep) - 1;
  return {
    quantiles: QUANTILES.map((level) =>
      horizonSteps.map((horizon) => clamp(points[stepOf(horizon)]! + normalQuantile(level) * deviations[stepOf(horizon)]!)),
    ),
    windowMaxQuantiles: QUANTILES.map((level) =>
      horizonSteps.map((horizon) => clamp(highestOf(points, deviations, stepOf(horizon) + 1, level)) * past.peakToMean),
    ),
  };
};

/** A quantile of the highest of the first `count` steps, as if every square root of them were independent. */
const highestOf = (points: readonly number[], deviations: readonly number[], count: number, level: number): number => {
  const spread = normalQuantile(level ** (1 / Math.sqrt(count)));
  let high = 0;
  for (let i = 0; i < count; i++) high = Math.max(high, points[i]! + spread * deviations[i]!);
  return high;
};

const carriedForward = (values: Float64Array): Float64Array => {
  let last = 0;
  return values.map((value) => {
    if (!Number.isNaN(value)) last = value;
    return last;
  });
};
