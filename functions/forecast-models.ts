// functions: the models that a forecast may choose from.
// in: nothing · out: models
import { loadForecastLibraries } from '../lib/adapters/forecast-libraries.ts';
import { incremental } from '../lib/forecast/incremental.ts';
import { lastValue } from '../lib/forecast/last-value.ts';
import type { Model } from '../lib/forecast/model.ts';
import { seasonalNaive } from '../lib/forecast/seasonal-naive.ts';

let models: readonly Model[] | undefined;
/** Loaded once per container: the libraries compile their WebAssembly. */
export const allModels = (): readonly Model[] => {
  models ??= [lastValue, seasonalNaive, incremental, ...loadForecastLibraries()];
  return models;
};
