import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadForecastLibraries } from '../../lib/adapters/forecast-libraries.ts';
import { forecastSeries } from '../../lib/forecast/forecast-series.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { lastValue } from '../../lib/forecast/last-value.ts';
import type { Model } from '../../lib/forecast/model.ts';
import { seasonalNaive } from '../../lib/forecast/seasonal-naive.ts';
import { StateParts } from '../../lib/forecast/state-parts.ts';
import { TrackedQuantiles } from '../../lib/forecast/tracked-quantiles.ts';
import type { DemandSeries } from '../../lib/model/demand.ts';
import { dailyJump, MINUTES_PER_DAY, noise, series } from './series.ts';

/** Five-minute series: a day is 288 values, so many can be tried. */
const FIVE = [300, 600, 1800, 3600];
const fiveMinutes = (values: ArrayLike<number>): DemandSeries => ({ ...series(values), stepSec: 300 });
const MODELS: readonly Model[] = [lastValue, seasonalNaive, incremental, ...loadForecastLibraries()];
const anyDemand = fc
  .record({
    length: fc.integer({ min: 1, max: 1200 }),
    level: fc.constantFrom(0, 1e-6, 1, 300, 1e9),
    wild: fc.constantFrom(0, 0.1, 1, 20),
    seed: fc.nat(),
    gaps: fc.constantFrom(0, 0.1, 0.9),
    outage: fc.boolean(),
  })
  .map(({ length, level, wild, seed, gaps, outage }) => {
    const next = noise(seed);
    return Float64Array.from({ length }, (_, i) => {
      if (i > 0 && (next() + 1) / 2 < gaps) return Number.NaN;
      if (outage && i % 400 > 380) return 0;
      return Math.max(0, level * (1 + 0.5 * Math.sin((2 * Math.PI * i) / 288)) * (1 + wild * next() ** 3));
    });
  });

describe('forecastSeries', () => {
  it('never gives negative or crossing quantiles, nor a window maximum that falls or lies below the points', () => {
    fc.assert(
      fc.property(anyDemand, fc.constantFrom(...MODELS), (values, model) => {
        const { quantiles, windowMaxQuantiles } = forecastSeries(fiveMinutes(values), 'shard', FIVE, [model], null, 0);
        for (let h = 0; h < FIVE.length; h++) {
          for (let q = 0; q < 4; q++) {
            expect(quantiles[q]![h]).toBeGreaterThanOrEqual(q > 0 ? quantiles[q - 1]![h]! : 0);
            expect(windowMaxQuantiles[q]![h]).toBeGreaterThanOrEqual(q > 0 ? windowMaxQuantiles[q - 1]![h]! : 0);
            expect(windowMaxQuantiles[q]![h]).toBeGreaterThanOrEqual(
              Math.max(quantiles[q]![h]!, h > 0 ? windowMaxQuantiles[q]![h - 1]! : 0),
            );
            expect(Number.isFinite(windowMaxQuantiles[q]![h])).toBe(true);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('never depends on the unit: k times the demand gives k times the forecast', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1e-3, 0.5, 60, 1e6),
        fc.nat(),
        fc.constantFrom(lastValue, seasonalNaive, incremental),
        (factor, seed, model) => {
          const next = noise(seed);
          const values = Float64Array.from(
            { length: 700 },
            (_, i) => 100 * (1.5 + Math.sin((2 * Math.PI * i) / 288) + 0.4 * next()),
          );
          const [one, scaled] = [values, values.map((value) => value * factor)].map((each) =>
            forecastSeries(fiveMinutes(each), 'shard', FIVE, [model], null, 0),
          );
          scaled!.windowMaxQuantiles.flat().forEach((value, i) => {
            expect(value / factor / one!.windowMaxQuantiles.flat()[i]!).toBeCloseTo(1, 3);
          });
        },
      ),
      { numRuns: 20 },
    );
  });

  it('never changes when the whole past is moved by whole days', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), (days) => {
        const values = dailyJump(2 * MINUTES_PER_DAY).filter((_, i) => i % 5 === 0);
        const moved = { ...fiveMinutes(values), startMs: fiveMinutes(values).startMs + days * 86_400_000 };
        const [here, there] = [fiveMinutes(values), moved].map((each) =>
          forecastSeries(each, 'shard', FIVE, [incremental], null, 0),
        );
        expect(there!.windowMaxQuantiles).toEqual(here!.windowMaxQuantiles);
      }),
      { numRuns: 5 },
    );
  });
});

describe('forecastAt', () => {
  it('never looks at or after its origin', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MODELS),
        fc.array(fc.integer({ min: 300, max: 800 }), { minLength: 1, maxLength: 3 }),
        fc.nat(),
        (model, drawn, seed) => {
          const origins = [...new Set(drawn)].sort((a, b) => a - b);
          const next = noise(seed);
          const values = Float64Array.from(
            { length: 900 },
            (_, i) => 100 * (1.5 + Math.sin((2 * Math.PI * i) / 288) + 0.4 * next()),
          );
          const altered = values.map((value, i) => (i >= origins.at(-1)! ? value * 50 + 7 : value));
          const forecast = (each: Float64Array) => model.forecastAt(fiveMinutes(each), origins, [1, 6]);
          expect(forecast(altered)).toEqual(forecast(values));
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('TrackedQuantiles', () => {
  it('keeps for every sequence the share below each quantile near its level, however the sequence turns', () => {
    const step = 0.05;
    const levels = [0.05, 0.5, 0.9, 0.95].map((level) => ({ level, step }));
    fc.assert(
      fc.property(
        fc.array(fc.record({ centre: fc.integer({ min: -4, max: 4 }), wild: fc.double({ min: 0, max: 3, noNaN: true }) }), {
          minLength: 3,
          maxLength: 6,
        }),
        fc.nat(),
        (pieces, seed) => {
          const next = noise(seed);
          const tracked = new TrackedQuantiles(levels, 2, new StateParts());
          const below = levels.map(() => 0);
          const each = 2000;
          for (const { centre, wild } of pieces)
            for (let i = 0; i < each; i++) {
              const residual = centre + wild * next();
              for (let q = 0; q < levels.length; q++) below[q]! += residual <= tracked.at(1, q) ? 1 : 0;
              tracked.learn(1, residual);
            }
          const count = pieces.length * each;
          // A quantile never leaves the range of the residuals by more than a step, so the sum of its moves is bounded.
          const slack = (2 * 7 + 2) / (step * count);
          levels.forEach(({ level }, q) => {
            expect(Math.abs(below[q]! / count - level)).toBeLessThan(slack);
          });
          expect(tracked.at(0, 1)).toBe(0);
        },
      ),
      { numRuns: 20 },
    );
  });
});
