import { describe, expect, it } from 'vitest';
import { backtest, outcomesAt, rollingOrigins } from '../../lib/forecast/backtest.ts';
import { lastValue } from '../../lib/forecast/last-value.ts';
import type { Model } from '../../lib/forecast/model.ts';
import { seasonalNaive } from '../../lib/forecast/seasonal-naive.ts';
import { dailyJump, MIDNIGHT, MINUTES_PER_DAY } from './series.ts';

const even = (values: Float64Array) => ({ values, startMs: MIDNIGHT, stepSec: 60 });
const perfect = (values: Float64Array): Model => ({
  name: 'prophet',
  minimumDays: 0,
  incremental: false,
  forecastAt: (_, origins, horizons) =>
    origins.map((origin) => {
      const { points, peaks } = outcomesAt(values, origin, horizons);
      return { quantiles: Array.from({ length: 4 }, () => points), windowMaxQuantiles: Array.from({ length: 4 }, () => peaks) };
    }),
});
const mute: Model = { name: 'arima', minimumDays: 0, incremental: false, forecastAt: (_, origins) => origins.map(() => null) };

describe('backtest', () => {
  const values = dailyJump(3 * MINUTES_PER_DAY);
  const origins = rollingOrigins(values.length, 30, MINUTES_PER_DAY, 12);

  it('gives the last value one by definition and a perfect model nothing', () => {
    const [naive, best] = backtest(even(values), origins, [10, 30], [lastValue, perfect(values)]);
    expect(naive?.score).toMatchObject({ relativeError: 1, relativePinball95: 1, origins: 12 });
    expect(best?.score).toMatchObject({ relativeError: 0, relativePinball95: 0, coverage95: 1 });
  });

  it('judges a costly model at fewer origins, against the last value at the same ones', () => {
    const [score] = backtest(even(values), origins, [10], [perfect(values)], 4);
    expect(score?.score?.origins).toBe(3);
  });

  it('has no score for a model that cannot forecast', () => {
    expect(backtest(even(values), origins, [10], [mute])).toEqual([{ score: null, now: null }]);
  });

  it('prefers the season to the last value where the day repeats', () => {
    const [score] = backtest(even(values), rollingOrigins(values.length, 360, MINUTES_PER_DAY, 24), [360], [seasonalNaive]);
    expect(score?.score?.relativeError).toBeLessThan(0.7);
  });
});

describe('outcomesAt', () => {
  it('tells what came at each horizon and the highest so far, skipping gaps', () => {
    const came = outcomesAt(Float64Array.from([0, 5, Number.NaN, 9, 2]), 1, [1, 2, 4, 6]);
    expect(came).toEqual({ points: [5, Number.NaN, 2, Number.NaN], peaks: [5, 5, 9, 9] });
  });
});

describe('rollingOrigins', () => {
  it('spreads origins over the last steps and leaves a whole horizon after each', () => {
    expect(rollingOrigins(1000, 100, 400, 4)).toEqual([600, 700, 800, 900]);
  });

  it('has none where the series is shorter than the horizon', () => {
    expect(rollingOrigins(50, 100, 400, 4)).toEqual([]);
  });
});
