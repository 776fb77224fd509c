import { describe, expect, it } from 'vitest';
import { loadForecastLibraries } from '../../lib/adapters/forecast-libraries.ts';
import { dailyJump, MIDNIGHT, MINUTES_PER_DAY } from './series.ts';

const even = (values: Float64Array) => ({ values, startMs: MIDNIGHT, stepSec: 60 });
const [smoothing, mstl] = loadForecastLibraries();

describe('loadForecastLibraries', () => {
  it('forecasts a daily season by MSTL', () => {
    const values = dailyJump(5 * MINUTES_PER_DAY);
    const origin = 4 * MINUTES_PER_DAY + 6 * 60 + 50;
    const forecast = mstl?.forecastAt(even(values), [origin], [5, 30])[0];
    expect(forecast!.quantiles[1]![1]).toBeGreaterThan(1.3 * values[origin - 1]!);
    expect(forecast!.windowMaxQuantiles[3]![1]).toBeGreaterThan(forecast!.quantiles[1]![1]!);
  });

  it('takes gaps, and answers null where there is too little to fit', () => {
    const holed = dailyJump(3 * MINUTES_PER_DAY).map((value, i) => (i % 300 < 40 ? Number.NaN : value));
    const [young, plain, old] = smoothing!.forecastAt(even(holed), [30, 900, 3 * MINUTES_PER_DAY], [30]);
    expect(young).toBeNull();
    expect(plain!.quantiles[1]![0]).toBeGreaterThan(0);
    expect(old!.quantiles[1]![0]).toBeGreaterThan(0);
    expect(mstl!.forecastAt(even(holed), [900, 3 * MINUTES_PER_DAY], [30]).map((each) => each === null)).toEqual([true, false]);
  });
});
