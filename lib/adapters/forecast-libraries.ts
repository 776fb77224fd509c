// lib/adapters: models of forecasting libraries behind the one model interface.
// in: the WebAssembly bytes of the library · out: models that answer null where the library fails, and never let it take the process along
//
// @bsull/augurs wants its bytes handed over (its own loader fetches a URL, which Node refuses), frees nothing by itself, throws strings as well as errors,
// takes no gaps (its own imputing fails on long ones) and forecasts below zero. After a trap its memory cannot be trusted: from then on every answer is null.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { AutoETS, initSync as initEts } from '@bsull/augurs/ets';
import { initSync as initMstl, MSTL } from '@bsull/augurs/mstl';
import type { EvenSeries, Model, ModelForecast } from '../forecast/model.ts';
import { normalQuantile } from '../forecast/normal-quantile.ts';
import { QUANTILES } from '../model/forecast.ts';

/** The library's modules that are used. Their bytes are in the files `<module>_bg.wasm`. */
export type WasmModule = 'ets' | 'mstl';

/** The bytes of a module: from beside the bundled file where it was copied there, else from the installed package. */
export const readWasm = (module: WasmModule): Uint8Array => {
  const beside = new URL(`./${module}_bg.wasm`, import.meta.url);
  if (existsSync(beside)) return readFileSync(beside);
  return readFileSync(
    createRequire(import.meta.url)
      .resolve(`@bsull/augurs/${module}`)
      .replace(/\.js$/, '_bg.wasm'),
  );
};

const STEP_SEC = 300;
const STEPS_PER_DAY = 86_400 / STEP_SEC;
const SEASONAL_HISTORY = 7 * STEPS_PER_DAY;
const PLAIN_HISTORY = STEPS_PER_DAY / 2;
/** Two-sided: its upper bound is the one-sided 95 % bound. As a share; as a percentage it would give NaN without a word. */
const INTERVAL_LEVEL = 0.9;

/** Loads the libraries once per process and answers their models. Throws what WebAssembly throws when the bytes are not the library's. */
export const loadForecastLibraries = (read: (module: WasmModule) => Uint8Array = readWasm): readonly Model[] => {
  initEts({ module: read('ets') as BufferSource });
  initMstl({ module: read('mstl') as BufferSource });
  return [exponentialSmoothing()];
};

/** Exponential smoothing on five-minute means: with the season of the day taken out (MSTL) from two known days on, plain before. */
const exponentialSmoothing = (): Model => {
  let trapped = false;
  return {
    name: 'exponential-smoothing',
    minimumDays: 1,
    incremental: false,
    forecastAt: (series, origins, horizonSteps) =>
      origins.map((origin) => {
        if (trapped) return null;
        try {
          return smooth(series, origin, horizonSteps);
        } catch (error) {
          trapped ||= error instanceof WebAssembly.RuntimeError;
          return null;
        }
      }),
  };
};

const smooth = (series: EvenSeries, origin: number, horizonSteps: readonly number[]): ModelForecast | null => {
  const perStep = Math.max(1, Math.round(STEP_SEC / series.stepSec));
  const { means, peakToMean } = coarse(series.values, origin, perStep);
  const known = means.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);
  const seasonal = known >= 2 * STEPS_PER_DAY;
  const past = seasonal ? means : means.subarray(-PLAIN_HISTORY);
  if (known < 12 || past.every(Number.isNaN)) return null;
  const steps = Math.ceil(horizonSteps.at(-1)! / perStep);
  using model = seasonal ? MSTL.ets([STEPS_PER_DAY]) : new AutoETS(1, 'ZZN');
  model.fit(carriedForward(past));
  const { point, intervals } = model.predict(steps, INTERVAL_LEVEL);
  if (intervals === undefined || point.some((value) => !Number.isFinite(value))) return null;
  const deviations = intervals.upper.map((upper, i) => Math.max(0, upper - point[i]!) / normalQuantile(0.95));
  const stepOf = (horizon: number): number => Math.ceil(horizon / perStep) - 1;
  const clamp = (value: number): number => Math.max(value, 0);
  return {
    quantiles: QUANTILES.map((level) =>
      horizonSteps.map((horizon) => clamp(point[stepOf(horizon)]! + normalQuantile(level) * deviations[stepOf(horizon)]!)),
    ),
    windowMaxQuantiles: QUANTILES.map((level) =>
      horizonSteps.map((horizon) => clamp(highest(point, deviations, stepOf(horizon) + 1, level) * peakToMean)),
    ),
  };
};

/** A quantile of the highest of the first `count` steps, as if every square root of them were independent. */
const highest = (point: readonly number[], deviations: readonly number[], count: number, level: number): number => {
  const spread = normalQuantile(level ** (1 / Math.sqrt(count)));
  let high = 0;
  for (let i = 0; i < count; i++) high = Math.max(high, point[i]! + spread * deviations[i]!);
  return high;
};

/** Means of five minutes up to the origin, and how far the highest minute of these stands above its mean, on average over the last day. */
const coarse = (values: Float64Array, origin: number, perStep: number): { means: Float64Array; peakToMean: number } => {
  const count = Math.min(SEASONAL_HISTORY, Math.floor(origin / perStep));
  const means = new Float64Array(count).fill(Number.NaN);
  let [sumOfPeaks, sumOfMeans] = [0, 0];
  for (let step = 0; step < count; step++) {
    const from = origin - (count - step) * perStep;
    let [sum, known, peak] = [0, 0, 0];
    for (let i = from; i < from + perStep; i++) {
      const value = values[i]!;
      if (Number.isNaN(value)) continue;
      sum += value;
      known++;
      peak = Math.max(peak, value);
    }
    if (known === 0) continue;
    means[step] = sum / known;
    if (step < count - STEPS_PER_DAY) continue;
    sumOfPeaks += peak;
    sumOfMeans += sum / known;
  }
  return { means, peakToMean: sumOfMeans > 0 ? sumOfPeaks / sumOfMeans : 1 };
};

/** Neither model takes gaps: what is unknown is what it was before. */
const carriedForward = (values: Float64Array): Float64Array => {
  let last = values.find((value) => !Number.isNaN(value)) ?? 0;
  return values.map((value) => {
    if (!Number.isNaN(value)) last = value;
    return last;
  });
};
