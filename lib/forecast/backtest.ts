// lib/forecast: how well each model would have done on this series.
// in: a series, origins, models · out: scores relative to the last value
//
// Rolling origin: at each origin a model sees only what came before it. The error is of the median at each horizon; the pinball loss and the coverage are
// of the 95 % bound on the window's maximum, because that is what the planner acts on.
import type { ModelScore } from '../model/forecast.ts';
import { QUANTILES } from '../model/forecast.ts';
import { coherent } from './coherent.ts';
import { lastValue } from './last-value.ts';
import type { EvenSeries, Model, ModelForecast } from './model.ts';

const MEDIAN = QUANTILES.indexOf(0.5);
const UPPER = QUANTILES.indexOf(0.95);
const LEVEL = 0.95;

/** Sums of one model's losses over the origins at which it could forecast. */
interface Losses {
  readonly error: number;
  readonly pinball: number;
  readonly covered: number;
  readonly windows: number;
  readonly origins: number;
}

/** What came after an origin at each horizon, and the highest of the window so far; NaN where unknown. */
export const outcomesAt = (
  values: Float64Array,
  origin: number,
  horizonSteps: readonly number[],
): { points: number[]; peaks: number[] } => {
  const points: number[] = [];
  const peaks: number[] = [];
  let highest = Number.NaN;
  let step = 0;
  for (const horizon of horizonSteps) {
    for (; step < horizon; step++) {
      const value = values[origin + step] ?? Number.NaN;
      if (!Number.isNaN(value) && !(value <= highest)) highest = value;
    }
    points.push(values[origin + horizon - 1] ?? Number.NaN);
    peaks.push(highest);
  }
  return { points, peaks };
};

/** The pinball loss of a bound at `level`. */
export const pinball = (level: number, bound: number, came: number): number =>
  came > bound ? level * (came - bound) : (1 - level) * (bound - came);

const lossesOf = (
  series: EvenSeries,
  origins: readonly number[],
  horizonSteps: readonly number[],
  forecasts: readonly (ModelForecast | null)[],
): Losses => {
  let [error, pinballLoss, covered, windows, judged] = [0, 0, 0, 0, 0];
  forecasts.forEach((raw, i) => {
    if (raw === null) return;
    const { quantiles, windowMaxQuantiles } = coherent(raw);
    const came = outcomesAt(series.values, origins[i]!, horizonSteps);
    judged++;
    horizonSteps.forEach((_, h) => {
      if (!Number.isNaN(came.points[h]!)) error += Math.abs(quantiles[MEDIAN]![h]! - came.points[h]!);
      if (Number.isNaN(came.peaks[h]!)) return;
      const bound = windowMaxQuantiles[UPPER]![h]!;
      pinballLoss += pinball(LEVEL, bound, came.peaks[h]!);
      covered += bound >= came.peaks[h]! ? 1 : 0;
      windows++;
    });
  });
  return { error, pinball: pinballLoss, covered, windows, origins: judged };
};

/** A loss over that of the last value; both nothing is a tie, nothing against something cannot be stated as a ratio and counts as large. */
const relative = (loss: number, reference: number): number => (reference > 0 ? loss / reference : loss > 0 ? 1e6 : 1);

/** A model's score, and its forecast from the end of the series, made in the same pass. */
export interface Backtested {
  readonly score: ModelScore | null;
  readonly now: ModelForecast | null;
}

/**
 * Scores each model at the origins (numbers of known values, increasing; all before the end of the series). A model that is not incremental is judged at
 * every `thinning`-th origin only, against the last value at the same ones. `score` is null for a model that could not forecast at any of them.
 */
export const backtest = (
  series: EvenSeries,
  origins: readonly number[],
  horizonSteps: readonly number[],
  models: readonly Model[],
  thinning = 1,
): Backtested[] => {
  const end = series.values.length;
  const reference = lastValue.forecastAt(series, origins, horizonSteps);
  return models.map((model) => {
    const kept = origins.flatMap((_, i) => (model.incremental || i % thinning === thinning - 1 ? [i] : []));
    const at = kept.map((i) => origins[i]!);
    const forecasts = model.forecastAt(series, [...at, end], horizonSteps);
    const judged = forecasts.slice(0, at.length);
    const losses = lossesOf(series, at, horizonSteps, judged);
    const naive = lossesOf(
      series,
      at,
      horizonSteps,
      kept.map((i, n) => (judged[n] === null ? null : reference[i]!)),
    );
    const now = forecasts.at(-1) ?? null;
    if (losses.windows === 0) return { score: null, now };
    const score: ModelScore = {
      model: model.name,
      relativeError: relative(losses.error, naive.error),
      relativePinball95: relative(losses.pinball, naive.pinball),
      coverage95: losses.covered / losses.windows,
      origins: losses.origins,
    };
    return { score, now };
  });
};

/** `count` origins, evenly over the last `lastSteps` steps, the last one a whole horizon before the end. Fewer where the series is short. */
export const rollingOrigins = (length: number, longestHorizon: number, lastSteps: number, count: number): number[] => {
  const until = length - longestHorizon;
  const from = Math.max(1, until - lastSteps);
  const origins = Array.from({ length: count }, (_, i) => Math.round(from + ((until - from) * (i + 1)) / count));
  return [...new Set(origins)].filter((origin) => origin >= 1 && origin <= until);
};
