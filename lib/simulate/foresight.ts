// lib/simulate: what the forecast room says at every minute of a demand.
// in: demand · out: for each minute, quantiles made of what was known before it

import { coherent } from '../forecast/coherent.ts';
import { incremental } from '../forecast/incremental.ts';
import type { ModelForecast } from '../forecast/model.ts';
import type { Demand } from './demand.ts';

/** The horizons of simulated forecasts, in minutes. */
export const HORIZONS_MIN = [1, 2, 3, 4, 5, 7, 10, 15, 30] as const;

/** The forecast at the start of each minute from `fromMinute` on; element 0 is that minute's. Nothing of the minute itself or after it is known. */
export const foresee = (demand: Demand, fromMinute: number): ModelForecast[] => {
  const origins = Array.from({ length: demand.minutes.length - fromMinute }, (_, i) => fromMinute + i);
  const series = { values: demand.minutes, startMs: demand.startMs, stepSec: 60 };
  return incremental.forecastAt(series, origins, HORIZONS_MIN).map((forecast) => {
    if (forecast === null) throw new RangeError(`the incremental model made no forecast from ${fromMinute} minutes of history`);
    return coherent(forecast);
  });
};
