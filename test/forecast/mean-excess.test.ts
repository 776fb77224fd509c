import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outcomesAt } from '../../lib/forecast/backtest.ts';
import { coherent } from '../../lib/forecast/coherent.ts';
import { combinationOf } from '../../lib/forecast/combination.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { lastValue } from '../../lib/forecast/last-value.ts';
import { MeanExcess } from '../../lib/forecast/mean-excess.ts';
import type { Model } from '../../lib/forecast/model.ts';
import { StateParts } from '../../lib/forecast/state-parts.ts';
import { MIDNIGHT, noise } from './series.ts';

const HOUR_SEC = 3600;
/** Where the expected miss is half of a burst's height, the dozen of misses that count are six such heights. */
const LARGEST_SHARE = 6;
const toDemand = (z: number): number => Math.expm1(z);
const learner = () => new MeanExcess(1, HOUR_SEC, new StateParts());

describe('MeanExcess', () => {
  it('says the median while nothing was learnt', () => {
    expect(learner().meanOf(0, 1.3, 0.4)).toBe(1.3);
  });

  it('finds for every share of bursts the mean of what comes, where the median stays the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.double({ min: 0.1, max: 3, noNaN: true }), (every, height) => {
        const means = learner();
        const usual = Math.log1p(100);
        const burst = usual + height;
        for (let i = 0; i < 600; i++) means.learn(0, usual, height / 2, i % every === 0 ? burst : usual);
        const mean = 100 + (toDemand(burst) - 100) / every;
        const most = 100 + (LARGEST_SHARE * height * 101) / every;
        const said = toDemand(means.meanOf(0, usual, height / 2));
        expect(said / Math.min(mean, most)).toBeGreaterThan(0.85);
        expect(said / Math.min(mean, most)).toBeLessThan(1.15);
      }),
      { numRuns: 40 },
    );
  });

  it('never lets one burst, however high, stand for more than a dozen of the misses that were expected', () => {
    const means = learner();
    for (let i = 0; i < 48; i++) means.learn(0, 1, 0.1, 1);
    means.learn(0, 1, 0.1, 20);
    expect(toDemand(means.meanOf(0, 1, 0.1))).toBeLessThan(toDemand(1) * 1.1);
    for (let i = 0; i < 200; i++) means.learn(0, 1, 0.1, 1);
    expect(means.meanOf(0, 1, 0.1)).toBeCloseTo(1, 3);
  });

  it('never falls below nothing, where all that came lay far below the median', () => {
    const means = learner();
    for (let i = 0; i < 9; i++) means.learn(0, 3, 0.5, 0);
    expect(toDemand(means.meanOf(0, 3, 40))).toBe(-1);
  });
});
describe('coherent', () => {
  it('makes means that fall with the horizon one, with the same sum: no horizon gets the highest of many estimates', () => {
    const rows = [[0, 0, 0, 0, 0]];
    const { windowMaxMean } = coherent({ quantiles: rows, windowMaxQuantiles: rows, windowMaxMean: [3, 9, 6, 6, 8] });
    expect(windowMaxMean).toEqual([3, 7, 7, 7, 8]);
    const { windowMaxMean: clean } = coherent({
      quantiles: rows,
      windowMaxQuantiles: rows,
      windowMaxMean: [-2, Number.NaN, 1, 2, 3],
    });
    expect(clean).toEqual([0, 0, 1, 2, 3]);
  });
});

/** A steady load with bursts of two to four times of it, of a quarter of an hour, about every eight hours. */
const bursts = (seed: number, steps: number): Float64Array => {
  const next = noise(seed);
  let left = 0;
  let height = 1;
  return Float64Array.from({ length: steps }, () => {
    if (left === 0 && next() > 0.98) [left, height] = [3, 3 + next()];
    const burst = left > 0 ? height : 1;
    left = Math.max(0, left - 1);
    return 1000 * burst * (1 + 0.1 * next());
  });
};

describe.each([
  ['incremental', incremental],
  ['last-value', lastValue],
  ['the mean of both', combinationOf(incremental, lastValue)],
] as const)('windowMaxMean by %s', (_, model: Model) => {
  it('adds up to what came on a load of bursts, where the medians add up to far less', () => {
    const steps = 18 * 288;
    const values = bursts(5, steps);
    const horizons = [1, 6, 12];
    const origins = Array.from({ length: 780 }, (_, i) => 7 * 288 + 4 * i);
    const forecasts = model.forecastAt({ values, startMs: MIDNIGHT, stepSec: 300 }, origins, horizons);
    let [came, mean, median] = [0, 0, 0];
    forecasts.forEach((forecast, i) => {
      came += outcomesAt(values, origins[i]!, horizons).peaks.at(-1)!;
      mean += forecast!.windowMaxMean!.at(-1)!;
      median += forecast!.windowMaxQuantiles[1]!.at(-1)!;
    });
    expect(median / came).toBeLessThan(0.9);
    expect(mean / came).toBeGreaterThan(0.93);
    expect(mean / came).toBeLessThan(1.07);
  });
});
