// lib/forecast: a model's raw quantiles made fit to act on.
// in: quantiles of points and window maxima · out: never negative, never crossing, the window's maximum never falling with the horizon nor below the points
import { type ModelForecast, mappedMean } from './model.ts';

/** Quantiles that agree with each other. `floor` is the demand that none may fall below. A number that is none becomes the neighbour's. */
export const coherent = (
  raw: ModelForecast,
  floor = 0,
): { quantiles: number[][]; windowMaxQuantiles: number[][]; windowMaxMean?: number[] } => {
  const quantiles = rising(raw.quantiles, floor);
  const windowMaxQuantiles = rising(raw.windowMaxQuantiles, floor);
  windowMaxQuantiles.forEach((row, q) => {
    for (let h = 0; h < row.length; h++) row[h] = Math.max(row[h]!, quantiles[q]![h]!, h > 0 ? row[h - 1]! : 0);
  });
  const { windowMaxMean } = mappedMean(raw, (value) => Math.max(floor, Number.isFinite(value) ? value : 0));
  return { quantiles, windowMaxQuantiles, ...(windowMaxMean && { windowMaxMean: neverFalling(windowMaxMean) }) };
};

/**
 * The nearest values that never fall (pool adjacent violators: Ayer and others 1955). Taking the highest so far would make each horizon's mean the highest of many
 * estimates, and the longest one's too high.
 */
const neverFalling = (values: number[]): number[] => {
  if (values.every((value, h) => h === 0 || value >= values[h - 1]!)) return values;
  const pools: { sum: number; count: number }[] = [];
  for (const value of values) {
    let pool = { sum: value, count: 1 };
    for (let last = pools.at(-1); last !== undefined && last.sum / last.count > pool.sum / pool.count; last = pools.at(-1)) {
      pool = { sum: last.sum + pool.sum, count: last.count + pool.count };
      pools.pop();
    }
    pools.push(pool);
  }
  return pools.flatMap(({ sum, count }) => new Array<number>(count).fill(sum / count));
};

/** Each quantile at least the one below it. */
const rising = (rows: readonly (readonly number[])[], floor: number): number[][] => {
  let below: readonly number[] = [];
  return rows.map((row) => {
    const raised = row.map((value, h) => Math.max(floor, below[h] ?? 0, Number.isFinite(value) ? value : 0));
    below = raised;
    return raised;
  });
};
