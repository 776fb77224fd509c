// lib/forecast: how models that learn step by step answer many origins in one pass.
// in: a series, origins, a fresh model · out: one forecast per origin
import type { EvenSeries, ModelForecast } from './model.ts';

/** What a model that learns step by step offers to `passThrough`. */
export interface StepwiseModel {
  /** Steps that it has learnt already. */
  readonly learnt: number;
  learn(demand: number, censored: boolean): void;
  forecast(): ModelForecast;
}

/** Walks once over the series and asks for a forecast at each origin. `start` gets the first origin: all that may be looked at for a start. */
export const passThrough = (
  series: EvenSeries,
  origins: readonly number[],
  start: (until: number) => StepwiseModel,
): ModelForecast[] => {
  const model = start(origins[0] ?? 0);
  let { learnt } = model;
  return origins.map((origin) => {
    for (; learnt < origin; learnt++) model.learn(series.values[learnt]!, series.censored?.[learnt] === 1);
    return model.forecast();
  });
};
