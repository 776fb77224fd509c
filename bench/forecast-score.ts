// bench/forecast-score: what the forecast bench measures of one trace.
// in: what was forecast at some origins, and what came · out: one row of the table
import { outcomesAt, pinball } from '../lib/forecast/backtest.ts';

/** A forecast over the next steps, as any model gives it: points, their 95 % bounds, and median, mean (null where the model tells none) and 95 % bound of the window's maximum at its end. */
export interface Said {
  readonly points: readonly number[];
  readonly upper: readonly number[];
  readonly peak: number;
  readonly peakMean: number | null;
  readonly peakUpper: number;
}

export interface Row {
  mase30: number;
  mase60: number;
  rmae60: number;
  pinball95: number;
  cover95: number;
  maxCover95: number;
  maxExcessPct: number;
  /** The sum of the foreseen maxima over that of the true ones, less 1: of their means where the model tells them, and of their medians. */
  peakBiasPct: number;
  peakMedianBiasPct: number;
}

const LEVEL = 0.95;
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const geometric = (values: readonly number[]): number => Math.exp(mean(values.map((value) => Math.log(Math.max(value, 1e-9)))));

/** Scores forecasts of `steps` steps (an hour) at origins, in units of the mean one-step change of the history before each origin. */
export const rowOf = (
  values: Float64Array,
  origins: readonly number[],
  history: number,
  steps: number,
  said: readonly (Said | null)[],
): Row => {
  const horizons = Array.from({ length: steps }, (_, i) => i + 1);
  let [error30, error60, naive60, loss, covered, points, points30, unit, windows, held] = new Array<number>(10).fill(0) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  let [peaks, means, medians] = [0, 0, 0];
  const excess: number[] = [];
  origins.forEach((origin, i) => {
    const forecast = said[i];
    if (!forecast) return;
    const came = outcomesAt(values, origin, horizons);
    const last = lastKnown(values, origin);
    unit += meanChange(values.subarray(origin - history, origin));
    came.points.forEach((value, h) => {
      if (Number.isNaN(value)) return;
      const error = Math.abs(value - forecast.points[h]!);
      if (h < steps / 2) {
        error30 += error;
        points30++;
      }
      error60 += error;
      naive60 += Math.abs(value - last);
      loss += pinball(LEVEL, forecast.upper[h]!, value);
      covered += forecast.upper[h]! >= value ? 1 : 0;
      points++;
    });
    const peak = came.peaks.at(-1)!;
    if (Number.isNaN(peak)) return;
    windows++;
    held += forecast.peakUpper >= peak ? 1 : 0;
    if (peak > 0) excess.push(100 * (forecast.peakUpper / peak - 1));
    peaks += peak;
    means += forecast.peakMean ?? forecast.peak;
    medians += forecast.peak;
  });
  const step = unit / said.filter((each) => each !== null).length;
  return {
    mase30: error30 / points30 / step,
    mase60: error60 / points / step,
    rmae60: error60 / naive60,
    pinball95: loss / points / step,
    cover95: covered / points,
    maxCover95: held / windows,
    maxExcessPct: median(excess),
    peakBiasPct: 100 * (means / peaks - 1),
    peakMedianBiasPct: 100 * (medians / peaks - 1),
  };
};

/** Rows of several traces as one: geometric mean of errors, mean of coverage and bias, median of excess (a burst trace would decide any mean of it). */
export const totalOf = (rows: readonly Row[]): Row => {
  const of = (field: keyof Row, fold: (values: readonly number[]) => number): number => fold(rows.map((row) => row[field]));
  return {
    mase30: of('mase30', geometric),
    mase60: of('mase60', geometric),
    rmae60: of('rmae60', geometric),
    pinball95: of('pinball95', geometric),
    cover95: of('cover95', mean),
    maxCover95: of('maxCover95', mean),
    maxExcessPct: of('maxExcessPct', median),
    peakBiasPct: of('peakBiasPct', mean),
    peakMedianBiasPct: of('peakMedianBiasPct', mean),
  };
};

/** Numbers as they are printed. */
export const rounded = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      name.endsWith('Pct') ? Number(value.toFixed(1)) : Number(value.toFixed(3)),
    ]),
  ) as unknown as Row;

const lastKnown = (values: Float64Array, origin: number): number => {
  for (let i = origin - 1; i >= 0; i--) if (!Number.isNaN(values[i]!)) return values[i]!;
  return 0;
};

const meanChange = (values: Float64Array): number => {
  let [sum, count] = [0, 0];
  for (let i = 1; i < values.length; i++) {
    const change = Math.abs(values[i]! - values[i - 1]!);
    if (Number.isNaN(change)) continue;
    sum += change;
    count++;
  }
  return count === 0 ? 0 : sum / count;
};
