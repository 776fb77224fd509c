import { describe, expect, it } from 'vitest';
import { outcomesAt } from '../../lib/forecast/backtest.ts';
import { forecastFromHistory } from '../../lib/forecast/forecast-series.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { lastValue } from '../../lib/forecast/last-value.ts';
import type { Model } from '../../lib/forecast/model.ts';
import { seasonalNaive } from '../../lib/forecast/seasonal-naive.ts';
import type { Forecast, ModelName } from '../../lib/model/forecast.ts';
import { HORIZONS_SEC, MIDNIGHT, MINUTES_PER_DAY, noise, series } from './series.ts';

/** Noise alone around a level that changes from one step to the next: nobody can foresee it. */
const next = noise(9);
const values = Float64Array.from({ length: 4 * MINUTES_PER_DAY }, () => 1000 * (1 + 0.2 * next()));

/** A model that knows what comes, off by a factor, and by less at the bound. */
const seer = (name: ModelName, off: (origin: number) => number): Model => ({
  name,
  minimumDays: 1,
  incremental: false,
  forecastAt: (_, origins, horizons) =>
    origins.map((origin) => {
      const { points, peaks } = outcomesAt(values, Math.min(origin, values.length - 60), horizons);
      const factor = off(origin);
      const rows = (row: number[]) => [0.95, 1, 1.02, 1.03].map((spread) => row.map((value) => value * spread * factor));
      return { quantiles: rows(points), windowMaxQuantiles: rows(peaks) };
    }),
});
const chosen = (models: readonly Model[], previous: Forecast | null = null, now = MIDNIGHT + 4 * 86_400_000) =>
  forecastFromHistory(series(values), 'shard', HORIZONS_SEC, models, previous, now).forecast;
const later = MIDNIGHT + 5 * 86_400_000;

describe('chooseModel', () => {
  it('takes another model than the incremental one only when that is clearly better', () => {
    expect(chosen([lastValue, incremental, seer('mstl', () => 1.01)])).toMatchObject({ model: 'mstl' });
    const hardly = chosen([lastValue, incremental, seasonalNaive]);
    expect(hardly.model).toBe('incremental');
  });

  it('keeps a model that is still better than the incremental one, though no longer clearly, and says so; and drops it when it is not', () => {
    const good = chosen([incremental, seer('mstl', () => 1.01)]);
    const hardlyBetter = seer('mstl', () => 1.06);
    expect(chosen([incremental, hardlyBetter]).model).not.toBe('mstl');
    const stays = chosen([incremental, hardlyBetter], good, later);
    expect(stays.scores.map(({ model }) => model)).toContain('mstl');
    expect(stays).toMatchObject({ model: 'mstl' });
    expect(stays.reason).toContain('mstl stays: still better than incremental');
    expect(chosen([incremental, seer('mstl', () => 1.5)], good, later).model).toBe('incremental');
  });

  it('scores the mean of two models that are about as good, which errs less than either, and no mean with a bad one', () => {
    const of = (off: number) => chosen([incremental, seer('mstl', () => off)]);
    const scores = of(1.06).scores;
    const combination = scores.find(({ model }) => model === 'combination');
    const alone = scores.filter(({ model }) => model !== 'combination').map(({ relativeError }) => relativeError);
    expect(combination?.relativeError).toBeLessThan(Math.min(...alone));
    expect(of(1.5).scores.map(({ model }) => model)).not.toContain('combination');
  });

  it('makes the chosen combination anew while the choice stands', () => {
    const models = [incremental, seer('mstl', () => 1.1)];
    const first: Forecast = { ...chosen(models), model: 'combination', parts: ['incremental', 'mstl'], reason: 'as chosen' };
    const kept = chosen(models, first, MIDNIGHT + 4 * 86_400_000 + 60_000);
    expect(kept).toMatchObject({ model: 'combination', parts: ['incremental', 'mstl'], reason: 'kept: as chosen' });
    const [one, other] = models.map(
      (model) =>
        model.forecastAt(
          series(values),
          [values.length],
          HORIZONS_SEC.map((sec) => sec / 60),
        )[0]!.quantiles[1]![0]!,
    );
    expect(kept.quantiles[1]![0]).toBeCloseTo((one! + other!) / 2, 6);
  });

  it('tries the other scales from the second choice on, and says which one lost less', () => {
    const perDay = MINUTES_PER_DAY;
    const random = noise(4);
    // The last day has a fortieth of the days before: what repeats from day to day is the factor.
    const heights = [8, 8, 8, 8, 8, 0.2];
    const multiplied = Float64Array.from({ length: 6 * perDay }, (_, i) => {
      const level = heights[Math.floor(i / perDay)]! * 100;
      return level * Math.exp(1.5 * Math.sin((2 * Math.PI * 4 * i) / perDay)) * (1 + 0.03 * random());
    });
    const of = (previous: Forecast | null, now: number) =>
      forecastFromHistory(series(multiplied), 'shard', [1800, 3600], [lastValue, incremental], previous, now).forecast;
    const first = of(null, MIDNIGHT + 6 * 86_400_000);
    expect(first.scale).toBe('between');
    const second = of(first, MIDNIGHT + 7 * 86_400_000);
    expect(second.scale).toBe('logarithmic');
    expect(second.reason).toMatch(/on a logarithmic scale, which loses \d+ % less/);
    expect(of(second, MIDNIGHT + 7 * 86_400_000 + 60_000).scale).toBe('logarithmic');
  });
});
