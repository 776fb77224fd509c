// lib/forecast: the mean of two models.
// in: two models · out: one that says what both say on average
import { coherent } from './coherent.ts';
import { type Model, type ModelForecast, mappedMean } from './model.ts';

const mean = (one: ModelForecast, two: ModelForecast): ModelForecast => {
  const [a, b] = [coherent(one), coherent(two)];
  const rows = (x: readonly (readonly number[])[], y: readonly (readonly number[])[]): number[][] =>
    x.map((row, q) => row.map((value, h) => (value + y[q]![h]!) / 2));
  const other = b.windowMaxMean;
  return {
    quantiles: rows(a.quantiles, b.quantiles),
    windowMaxQuantiles: rows(a.windowMaxQuantiles, b.windowMaxQuantiles),
    ...(other && mappedMean(a, (value, h) => (value + other[h]!) / 2)),
  };
};

/** Models that err in different ways err less together. Answers null where either does. */
export const combinationOf = (one: Model, other: Model): Model => ({
  name: 'combination',
  minimumDays: Math.max(one.minimumDays, other.minimumDays),
  incremental: one.incremental && other.incremental,
  forecastAt: (series, origins, horizonSteps) => {
    const ones = one.forecastAt(series, origins, horizonSteps);
    const others = other.forecastAt(series, origins, horizonSteps);
    return ones.map((forecast, i) => (forecast === null || others[i] == null ? null : mean(forecast, others[i])));
  },
});
