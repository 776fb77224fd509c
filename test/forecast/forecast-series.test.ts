import { describe, expect, it } from 'vitest';
import { loadForecastLibraries } from '../../lib/adapters/forecast-libraries.ts';
import { PoisonError } from '../../lib/errors.ts';
import { forecastSeries } from '../../lib/forecast/forecast-series.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { lastValue } from '../../lib/forecast/last-value.ts';
import { seasonalNaive } from '../../lib/forecast/seasonal-naive.ts';
import { Forecast } from '../../lib/model/forecast.ts';
import { dailyJump, HORIZONS_SEC, MIDNIGHT, MINUTES_PER_DAY, noise, series } from './series.ts';

const MODELS = [lastValue, seasonalNaive, incremental];
const atMinute = (minute: number): number => MIDNIGHT + minute * 60_000;
const of = (values: ArrayLike<number>, previous: Forecast | null = null, models = MODELS, now = atMinute(values.length)) =>
  forecastSeries(series(values), 'stream', HORIZONS_SEC, models, previous, now);
const bound95 = (forecast: Forecast): number => forecast.windowMaxQuantiles[3]!.at(-1)!;

describe('forecastSeries', () => {
  it('foresees a daily jump minutes before it from a single day that showed it', () => {
    const values = dailyJump(2 * MINUTES_PER_DAY);
    const jump = MINUTES_PER_DAY + 7 * 60;
    const after = Math.max(...values.subarray(jump, jump + 20));
    for (const before of [3, 6, 9]) {
      const forecast = of(values.subarray(0, jump - before));
      expect(forecast.lastObserved).toBeLessThan(0.7 * after);
      expect(bound95(forecast)).toBeGreaterThan(after);
      expect(bound95(forecast)).toBeLessThan(1.5 * after);
    }
  });

  it('keeps the bound near the load when nothing is ahead', () => {
    const values = dailyJump(2 * MINUTES_PER_DAY);
    const quiet = MINUTES_PER_DAY + 3 * 60;
    const ahead = Math.max(...values.subarray(quiet, quiet + 30));
    expect(bound95(of(values.subarray(0, quiet)))).toBeLessThan(1.3 * ahead);
  });

  it('follows a rise of 40 % over 15 minutes that the days before did not show', () => {
    const next = noise(7);
    const usual = (i: number): number => 1000 * (1 + 0.3 * Math.sin((2 * Math.PI * i) / MINUTES_PER_DAY)) * (1 + 0.03 * next());
    const rise = 6 * MINUTES_PER_DAY + 10 * 60;
    const values = Float64Array.from(
      { length: rise + 60 },
      (_, i) => usual(i) * (i < rise ? 1 : 1 + 0.4 * Math.min(1, (i - rise) / 15)),
    );
    const [early, late] = [rise + 8, rise + 20];
    expect(bound95(of(values.subarray(0, early)))).toBeGreaterThan(values[early - 1]!);
    expect(bound95(of(values.subarray(0, late)))).toBeGreaterThan(Math.max(...values.subarray(late, late + 30)));
  });

  it('holds its bound again within two hours after the level doubled for good', () => {
    const values = dailyJump(5 * MINUTES_PER_DAY, 0.3).map((value, i) => (i < 4 * MINUTES_PER_DAY + 600 ? value : 2 * value));
    const shift = 4 * MINUTES_PER_DAY + 600;
    for (const after of [120, 180, 300]) {
      const ahead = Math.max(...values.subarray(shift + after, shift + after + 30));
      const bound = bound95(of(values.subarray(0, shift + after)));
      expect(bound).toBeGreaterThan(ahead);
      expect(bound).toBeLessThan(1.5 * ahead);
    }
  });

  it('does not take an outage of yesterday for the usual', () => {
    const outage = (i: number): boolean => i >= 3 * MINUTES_PER_DAY + 600 && i < 3 * MINUTES_PER_DAY + 690;
    const values = dailyJump(5 * MINUTES_PER_DAY, 0.3).map((value, i) => (outage(i) ? 0 : value));
    const now = 4 * MINUTES_PER_DAY + 590;
    const forecast = of(values.subarray(0, now));
    expect(forecast.quantiles[1]!.at(-1)).toBeGreaterThan(0.8 * values[now + 29]!);
    expect(bound95(forecast)).toBeGreaterThan(Math.max(...values.subarray(now, now + 30)));
  });

  it('knows by the week before that the load of a Monday rises as it did not at the weekend', () => {
    const weekly = dailyJump(15 * MINUTES_PER_DAY, 0.5).map((value, i) =>
      Math.floor(i / MINUTES_PER_DAY) % 7 >= 5 ? 0.3 * value : value,
    );
    const monday = 14 * MINUTES_PER_DAY + 6 * 60 + 50;
    const ahead = Math.max(...weekly.subarray(monday, monday + 30));
    const foreseen = of(weekly.subarray(0, monday)).windowMaxQuantiles[1]!.at(-1)!;
    expect(weekly[monday - 1]).toBeLessThan(0.75 * ahead);
    expect(foreseen / ahead).toBeGreaterThan(0.9);
    expect(foreseen / ahead).toBeLessThan(1.1);
  });

  it('is a valid forecast of the model that did best', () => {
    const forecast = of(dailyJump(4 * MINUTES_PER_DAY));
    expect(Forecast.decode(Forecast.encode(forecast))).toEqual(forecast);
    expect(forecast).toMatchObject({
      status: 'ready',
      historyMinutes: 4 * MINUTES_PER_DAY,
      observedUntilMs: atMinute(4 * MINUTES_PER_DAY),
    });
    expect(forecast.scores.map(({ model }) => model)).toEqual(['last-value', 'seasonal-naive', 'incremental']);
    const chosen = forecast.scores.find(({ model }) => model === forecast.model);
    expect(chosen?.relativeError).toBeLessThan(1);
    expect(forecast.reason).toContain('of 3 models by back-test');
  });

  it('keeps the choice for a day and says so, and chooses again after it', () => {
    const values = dailyJump(3 * MINUTES_PER_DAY);
    const first = of(values, null, MODELS, atMinute(0));
    const kept = of(values, { ...first, model: 'seasonal-naive' }, MODELS, atMinute(1));
    expect(kept).toMatchObject({ model: 'seasonal-naive', scores: first.scores, reason: `kept: ${first.reason}` });
    expect(of(values, kept, MODELS, atMinute(2)).reason).toBe(`kept: ${first.reason}`);
    expect(of(values, kept, MODELS, atMinute(1441)).reason).toBe(first.reason);
  });

  it('says not-enough-history below a day, with bounds that are wider the less is known', () => {
    const excess = [10, 60, 360, 1200].map((minutes) => {
      const forecast = of(dailyJump(minutes, 0));
      expect(forecast.status).toBe('not-enough-history');
      expect(forecast.reason).toContain('a day is needed');
      return bound95(forecast) / forecast.windowMaxQuantiles[1]!.at(-1)! - 1;
    });
    expect(excess).toEqual(excess.toSorted((a, b) => b - a));
    expect(excess[0]).toBeGreaterThan(0.5);
  });

  it('forecasts from a single known minute', () => {
    const forecast = of([Number.NaN, 50]);
    expect(forecast.status).toBe('not-enough-history');
    expect(bound95(forecast)).toBeGreaterThan(100);
  });

  it('starts after the last known minute when the end is a gap', () => {
    const forecast = of([...dailyJump(100), Number.NaN, Number.NaN]);
    expect(forecast.observedUntilMs).toBe(atMinute(100));
    expect(forecast.lastObserved).toBeGreaterThan(0);
  });

  it('takes a gap for unknown and not for zero', () => {
    const whole = dailyJump(3 * MINUTES_PER_DAY + 600);
    const holed = whole.map((value, i) => (i % 17 === 3 || (i > 4000 && i < 4200) ? Number.NaN : value));
    expect(bound95(of(holed)) / bound95(of(whole))).toBeCloseTo(1, 0);
    expect(of(holed).quantiles[0]!.at(-1)).toBeGreaterThan(0.6 * of(whole).quantiles[0]!.at(-1)!);
  });

  it('holds for a stream that is idle', () => {
    const forecast = of(new Float64Array(2 * MINUTES_PER_DAY));
    expect(forecast.windowMaxQuantiles.flat().every((value) => value === 0)).toBe(true);
  });

  it('compares the models of libraries as well', () => {
    const forecast = of(dailyJump(3 * MINUTES_PER_DAY), null, [...MODELS, ...loadForecastLibraries()]);
    expect(forecast.scores.map(({ model }) => model)).toContain('exponential-smoothing');
  });

  it('fails when nothing is known', () => {
    expect(() => of([])).toThrow(PoisonError);
    expect(() => of([Number.NaN, Number.NaN])).toThrow('no known value in 2 steps');
  });

  it('fails on a negative and on an infinite value, and names it', () => {
    expect(() => of([1, -2])).toThrow('values[1] must be a finite number >= 0 or NaN for a gap, got -2');
    expect(() => of([Number.POSITIVE_INFINITY])).toThrow(PoisonError);
  });

  it('fails on horizons that are empty, unordered or no multiple of the step', () => {
    const forecastWith = (horizons: number[]) => () => forecastSeries(series([1, 2]), 'shard', horizons, MODELS, null, 0);
    for (const wrong of [[], [120, 60], [90], [0], [60, 60]]) expect(forecastWith(wrong)).toThrow(PoisonError);
  });
});
