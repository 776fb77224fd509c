import { describe, expect, it } from 'vitest';
import { outcomesAt } from '../../lib/forecast/backtest.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { MIDNIGHT, MINUTES_PER_DAY, noise } from './series.ts';

const HORIZONS = [1, 2, 3, 5, 30];
/** A load with momentum, and a job that starts at every full hour and takes four minutes. */
const momentum = (days: number): Float64Array => {
  const next = noise(11);
  let [level, slope] = [0, 0];
  return Float64Array.from({ length: days * MINUTES_PER_DAY }, (_, i) => {
    slope = 0.8 * slope + 0.01 * next();
    level = 0.99 * level + slope;
    return 1000 * Math.exp(level) * (i % 60 < 4 ? 1.5 : 1);
  });
};

describe('NearTerm', () => {
  it('foresees the next minutes from momentum and the minute of the day, with bounds that hold', () => {
    const values = momentum(6);
    const origins = Array.from({ length: 400 }, (_, i) => 4 * MINUTES_PER_DAY + 7 * i);
    const forecasts = incremental.forecastAt({ values, startMs: MIDNIGHT, stepSec: 60 }, origins, HORIZONS);
    let [error, naive, held] = [0, 0, 0];
    forecasts.forEach((forecast, i) => {
      const { points, peaks } = outcomesAt(values, origins[i]!, HORIZONS);
      error += Math.abs(forecast!.quantiles[1]![1]! - points[1]!);
      naive += Math.abs(values[origins[i]! - 1]! - points[1]!);
      held += forecast!.windowMaxQuantiles[3]![3]! >= peaks[3]! ? 1 : 0;
    });
    expect(error / naive).toBeLessThan(0.6);
    expect(held / origins.length).toBeGreaterThan(0.92);
    expect(held / origins.length).toBeLessThan(0.98);
  });
});
