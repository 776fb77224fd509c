// lib/adapters: exponential smoothing and MSTL of @bsull/augurs behind the one model interface.
// in: the WebAssembly bytes of the library · out: models that answer null where the library fails; after a trap they throw, and so does every call after it
//
// @bsull/augurs wants its bytes handed over (its own loader fetches a URL, which Node refuses), frees nothing by itself, throws strings as well as errors,
// takes no gaps (its own imputing fails on long ones), finds no seasonal ETS and forecasts below zero. After a trap its memory cannot be trusted.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { AutoETS, initSync as initEts } from '@bsull/augurs/ets';
import { initSync as initMstl, MSTL } from '@bsull/augurs/mstl';
import type { EvenSeries, Model, ModelForecast } from '../forecast/model.ts';
import { normalQuantile } from '../forecast/normal-quantile.ts';
import { pastOf, quantilesOf, STEPS_PER_DAY, stepsAhead } from './library-series.ts';

/** The library's modules that are used. Their bytes are in the files `<module>_bg.wasm`. */
export type WasmModule = 'ets' | 'mstl' | 'prophet';

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

/** Without a season only the last hours say what comes. */
const PLAIN_HISTORY = STEPS_PER_DAY / 2;
const WEEK = 7 * STEPS_PER_DAY;
/** Two-sided: its upper bound is the one-sided 95 % bound. As a share; as a percentage it would give NaN without a word. */
const INTERVAL_LEVEL = 0.9;

/** A way to ask one library once. Null: it could not. */
export type AskLibrary = (series: EvenSeries, origin: number, horizonSteps: readonly number[]) => ModelForecast | null;

/** A library as a model: an error at one origin is null there; a trap is thrown on, since the module is dead after it. */
export const libraryModel = (name: Model['name'], minimumDays: number, askOnce: AskLibrary): Model => ({
  name,
  minimumDays,
  incremental: false,
  forecastAt: (series, origins, horizonSteps) =>
    origins.map((origin) => {
      try {
        return askOnce(series, origin, horizonSteps);
      } catch (error) {
        // What runs over the end of its memory leaves the module as dead as a trap does.
        if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) throw error;
        return null;
      }
    }),
});

/** Loads the library and answers its models. Throws what WebAssembly throws when the bytes are not the library's. */
export const loadForecastLibraries = (read: (module: WasmModule) => Uint8Array = readWasm): readonly Model[] => {
  initEts({ module: read('ets') as BufferSource });
  initMstl({ module: read('mstl') as BufferSource });
  return [libraryModel('exponential-smoothing', 1, smooth), libraryModel('mstl', 2, decompose)];
};

/** Non-seasonal exponential smoothing of the last twelve hours. */
const smooth: AskLibrary = (series, origin, horizonSteps) => {
  const past = pastOf(series, origin, PLAIN_HISTORY);
  if (past === null) return null;
  using model = new AutoETS(1, 'ZZN');
  model.fit(past.means);
  return readForecast(past, horizonSteps, model.predict(stepsAhead(past, horizonSteps), INTERVAL_LEVEL));
};

/** The season of the day taken out, and that of the week once two weeks are known; what remains by exponential smoothing. */
const decompose: AskLibrary = (series, origin, horizonSteps) => {
  const past = pastOf(series, origin);
  if (past === null || past.means.length < 2 * STEPS_PER_DAY) return null;
  using model = MSTL.ets(past.means.length >= 2 * WEEK ? [STEPS_PER_DAY, WEEK] : [STEPS_PER_DAY]);
  model.fit(past.means);
  return readForecast(past, horizonSteps, model.predict(stepsAhead(past, horizonSteps), INTERVAL_LEVEL));
};

type AugursForecast = ReturnType<AutoETS['predict']>;

const readForecast = (
  past: NonNullable<ReturnType<typeof pastOf>>,
  horizonSteps: readonly number[],
  { point, intervals }: AugursForecast,
): ModelForecast | null => {
  if (intervals === undefined) return null;
  const deviations = Array.from(point, (value, i) => Math.max(0, intervals.upper[i]! - value) / normalQuantile(0.95));
  return quantilesOf(past, horizonSteps, point, deviations);
};
