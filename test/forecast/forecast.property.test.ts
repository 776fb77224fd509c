import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arimaModel } from '../../lib/adapters/arima-library.ts';
import { loadForecastLibraries } from '../../lib/adapters/forecast-libraries.ts';
import { loadProphet } from '../../lib/adapters/prophet-library.ts';
import { PoisonError } from '../../lib/errors.ts';
import { combinationOf } from '../../lib/forecast/combination.ts';
import { forecastSeries } from '../../lib/forecast/forecast-series.ts';
import { incremental, incrementalOn } from '../../lib/forecast/incremental.ts';
import { lastValue } from '../../lib/forecast/last-value.ts';
import type { Model } from '../../lib/forecast/model.ts';
import { seasonalNaive } from '../../lib/forecast/seasonal-naive.ts';
import { StateParts } from '../../lib/forecast/state-parts.ts';
import { TrackedQuantiles } from '../../lib/forecast/tracked-quantiles.ts';
import type { DemandSeries } from '../../lib/model/demand.ts';
import { noise, series } from './series.ts';

const WEEK_MS = 7 * 86_400_000;
const ours: readonly (readonly [string, Model])[] = [
  ['last-value', lastValue],
  ['seasonal-naive', seasonalNaive],
  ['incremental', incremental],
  ['incremental on a linear scale', incrementalOn('linear')],
  ['incremental on a logarithmic scale', incrementalOn('logarithmic')],
  ['the mean of incremental and seasonal-naive', combinationOf(incremental, seasonalNaive)],
];
const libraries: readonly (readonly [string, Model])[] = [...loadForecastLibraries(), arimaModel(), await loadProphet()].map(
  (model) => [model.name, model] as const,
);
/** Ours at five minutes, and at one, where the first horizons are the near term's; libraries work on five minutes whatever comes. */
const cases = [
  ...ours.map(([name, model]) => ({ name: `${name}, minutes`, model, stepSec: 60, length: 1700, runs: 6 })),
  ...ours.map(([name, model]) => ({ name, model, stepSec: 300, length: 1200, runs: 10 })),
  // A seed, for libraries: what they do of ten thousand series once is not theirs to answer for here.
  ...libraries.map(([name, model]) => ({ name, model, stepSec: 300, length: 700, runs: 3, seed: 6 })),
];
const horizonsSec = (stepSec: number): number[] => [stepSec, 2 * stepSec, 1800, 3600];
const stepped = (values: ArrayLike<number>, stepSec: number): DemandSeries => ({ ...series(values), stepSec });
const runsOf = ({ runs, seed }: { runs: number; seed?: number }) => ({ numRuns: runs, ...(seed === undefined ? {} : { seed }) });

const anyDemand = (most: number, stepsPerDay: number) =>
  fc
    .record({
      length: fc.integer({ min: 1, max: most }),
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
        return Math.max(0, level * (1 + 0.5 * Math.sin((2 * Math.PI * i) / stepsPerDay)) * (1 + wild * next() ** 3));
      });
    });
const swinging = (length: number, stepsPerDay: number, seed: number): Float64Array => {
  const next = noise(seed);
  return Float64Array.from({ length }, (_, i) => 100 * (1.5 + Math.sin((2 * Math.PI * i) / stepsPerDay) + 0.4 * next()));
};

describe.each(cases)('forecastSeries by $name', ({ model, stepSec, length, ...runs }) => {
  const stepsPerDay = 86_400 / stepSec;
  const isOurs = ours.some(([, each]) => each === model);
  const forecast = (values: Float64Array, startMs = series([]).startMs) =>
    forecastSeries({ ...stepped(values, stepSec), startMs }, 'shard', horizonsSec(stepSec), [model], null, 0);

  it('never gives negative or crossing quantiles, nor a window maximum (or a mean of it) that falls or lies below the points', () => {
    fc.assert(
      fc.property(anyDemand(length, stepsPerDay), (values) => {
        const { quantiles, windowMaxQuantiles, windowMaxMean, horizonsSec: horizons } = forecast(values);
        if (isOurs) expect(windowMaxMean).toHaveLength(horizons.length);
        for (let h = 0; h < horizons.length; h++) {
          if (windowMaxMean !== undefined) {
            expect(windowMaxMean[h]).toBeGreaterThanOrEqual(h > 0 ? windowMaxMean[h - 1]! : 0);
            expect(Number.isFinite(windowMaxMean[h])).toBe(true);
          }
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
      runsOf(runs),
    );
  });

  it('never depends on the unit: k times the demand gives k times the forecast', () => {
    fc.assert(
      fc.property(fc.constantFrom(1e-3, 0.5, 60, 1e6), fc.nat(), (factor, seed) => {
        const values = swinging(length, stepsPerDay, seed);
        const [one, scaled] = [forecast(values), forecast(values.map((value) => value * factor))];
        scaled.windowMaxQuantiles.flat().forEach((value, i) => {
          expect(value / factor / one.windowMaxQuantiles.flat()[i]!).toBeCloseTo(1, 2);
        });
        scaled.windowMaxMean?.forEach((value, h) => {
          expect(value / factor / one.windowMaxMean![h]!).toBeCloseTo(1, 2);
        });
      }),
      runsOf({ ...runs, runs: Math.ceil(runs.runs / 2) }),
    );
  });

  it('never changes when the whole past is moved by whole weeks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(), (weeks, seed) => {
        const values = swinging(length, stepsPerDay, seed);
        const [here, there] = [forecast(values), forecast(values, series([]).startMs + weeks * WEEK_MS)];
        there.windowMaxQuantiles.flat().forEach((value, i) => {
          expect(value / here.windowMaxQuantiles.flat()[i]!).toBeCloseTo(1, 2);
        });
        there.windowMaxMean?.forEach((value, h) => {
          expect(value / here.windowMaxMean![h]!).toBeCloseTo(1, 2);
        });
      }),
      runsOf({ ...runs, runs: 2 }),
    );
  });

  it('never looks at or after an origin', () => {
    fc.assert(
      fc.property(fc.integer({ min: length - 100, max: length - 20 }), fc.nat(), (origin, seed) => {
        const values = swinging(length, stepsPerDay, seed);
        const altered = values.map((value, i) => (i >= origin ? value * 50 + 7 : value));
        const from = (each: Float64Array) => model.forecastAt(stepped(each, stepSec), [origin - 20, origin], [1, 6]);
        expect(from(values)).not.toContain(null);
        expect(from(altered)).toEqual(from(values));
      }),
      runsOf({ ...runs, runs: Math.ceil(runs.runs / 2) }),
    );
  });

  it('fails with PoisonError on nothing, on gaps alone, and on a number that no demand is', () => {
    expect(() => forecast(new Float64Array())).toThrow(/has no known value in 0 steps/);
    expect(() => forecast(new Float64Array(400).fill(Number.NaN))).toThrow(/has no known value in 400 steps/);
    expect(() => forecast(Float64Array.of(1, 2, Number.POSITIVE_INFINITY))).toThrow(PoisonError);
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
