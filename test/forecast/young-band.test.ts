import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forecastSeries } from '../../lib/forecast/forecast-series.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { siblingBand } from '../../lib/forecast/young-band.ts';
import type { Forecast } from '../../lib/model/forecast.ts';
import { dailyJump, HORIZONS_SEC, MIDNIGHT, MINUTES_PER_DAY, series } from './series.ts';

const at = 4 * MINUTES_PER_DAY + 7 * 60 - 10;
const whole = dailyJump(at + 30);
const of = (values: Float64Array, startMs: number): Forecast =>
  forecastSeries(series(values, startMs), 'shard', HORIZONS_SEC, [incremental], null, MIDNIGHT + at * 60_000);
/** Ten minutes before the daily jump: siblings have seen it four times, the young one is three hours old. */
const siblings = [0.5, 1, 3].map((factor) =>
  of(
    whole.subarray(0, at).map((value) => factor * value),
    MIDNIGHT,
  ),
);
const young = of(whole.subarray(at - 180, at), MIDNIGHT + (at - 180) * 60_000);
const boundOf = (forecast: Forecast): number => forecast.windowMaxQuantiles[3]!.at(-1)!;

describe('siblingBand', () => {
  it('gives a young series the rise that its siblings know of', () => {
    const ahead = Math.max(...whole.subarray(at, at + 30));
    expect(young.status).toBe('not-enough-history');
    const sure = young.windowMaxQuantiles.map(() => young.windowMaxQuantiles[1]!.map(() => young.lastObserved));
    const narrow: Forecast = { ...young, windowMaxQuantiles: sure, quantiles: sure };
    expect(boundOf(narrow)).toBeLessThan(ahead);
    const banded = siblingBand(narrow, siblings);
    expect(boundOf(banded)).toBeGreaterThan(ahead);
    expect(boundOf(banded)).toBeLessThan(1.6 * ahead);
    expect(banded.reason).toContain('bounds at least as wide as those of 3 other shards');
  });

  it('leaves a series alone that is ready, or whose siblings are too few, young, of another metric or of other horizons', () => {
    expect(siblingBand(siblings[0]!, siblings)).toBe(siblings[0]);
    expect(siblingBand(young, siblings.slice(0, 1))).toBe(young);
    expect(siblingBand(young, [young, young, young])).toBe(young);
    expect(
      siblingBand(
        young,
        siblings.map((each) => ({ ...each, metric: 'bytes' })),
      ),
    ).toBe(young);
    expect(
      siblingBand(
        young,
        siblings.map((each) => ({ ...each, horizonsSec: [60] })),
      ),
    ).toBe(young);
  });

  it('never narrows a bound, nor moves the median, nor crosses quantiles, for every size of the siblings', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), { minLength: 2, maxLength: 5 }), (factors) => {
        const scaled = factors.map((factor, i): Forecast => {
          const from = siblings[i % siblings.length]!;
          const rows = (all: readonly (readonly number[])[]) =>
            all.map((row, q) => row.map((value) => (q > 1 ? factor * value : value)));
          return { ...from, quantiles: rows(from.quantiles), windowMaxQuantiles: rows(from.windowMaxQuantiles) };
        });
        const banded = siblingBand(young, scaled);
        for (const [before, after] of [
          [young.quantiles, banded.quantiles],
          [young.windowMaxQuantiles, banded.windowMaxQuantiles],
        ] as const)
          after.forEach((row, q) => {
            row.forEach((value, h) => {
              expect(value).toBeGreaterThanOrEqual(0);
              if (q > 1) expect(value).toBeGreaterThanOrEqual(before[q]![h]!);
              if (q === 0) expect(value).toBeLessThanOrEqual(before[q]![h]!);
              if (q > 0) expect(value).toBeGreaterThanOrEqual(after[q - 1]![h]!);
            });
          });
        expect(banded.quantiles[1]).toEqual(young.quantiles[1]);
      }),
      { numRuns: 50 },
    );
  });
});
