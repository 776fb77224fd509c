// lib/forecast: how models that learn step by step answer many origins in one pass.
// in: a series, origins, a fresh model · out: one forecast per origin
import type { EvenSeries, ModelForecast } from './model.ts';

const DAY_SEC = 86_400;

/** What a model that learns step by step offers to `passThrough`. */
export interface StepwiseModel {
  learn(demand: number, stepOfDay: number): void;
  forecast(): ModelForecast;
}

/** Walks once over the series and asks for a forecast at each origin. `start` gets the first origin: all that may be looked at for a start. */
export const passThrough = (
  series: EvenSeries,
  origins: readonly number[],
  start: (until: number) => StepwiseModel,
): ModelForecast[] => {
  const stepsPerDay = Math.round(DAY_SEC / series.stepSec);
  const firstStep = Math.floor((series.startMs / 1000 / series.stepSec) % stepsPerDay);
  const model = start(origins[0] ?? 0);
  let learnt = 0;
  return origins.map((origin) => {
    for (; learnt < origin; learnt++) model.learn(series.values[learnt]!, (firstStep + learnt) % stepsPerDay);
    return model.forecast();
  });
};
