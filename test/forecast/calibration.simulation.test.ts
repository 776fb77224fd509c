import { describe, expect, it } from 'vitest';
import { outcomesAt } from '../../lib/forecast/backtest.ts';
import { coherent } from '../../lib/forecast/coherent.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { dailyJump, MIDNIGHT, noise } from './series.ts';

const STEP_SEC = 300;
const DAY = 288;
const HORIZONS = Array.from({ length: 12 }, (_, i) => i + 1);

/** Five-minute means of a load that swings over the day, with noise that has a memory of `memory` per step and heavy tails. */
const load = (days: number, seed: number, wild: number, memory: number): Float64Array => {
  const next = noise(seed);
  let drift = 0;
  return Float64Array.from({ length: days * DAY }, (_, i) => {
    drift = memory * drift + wild * (next() + 2 * next() ** 7);
    return 1000 * (1.4 + Math.sin((2 * Math.PI * i) / DAY)) * Math.exp(drift);
  });
};

/** Share of windows whose maximum stayed below its 95 % bound, of points below theirs, and the errors of ours and of the last value, over some origins. */
const judged = (values: Float64Array, origins: readonly number[]) => {
  const forecasts = incremental.forecastAt({ values, startMs: MIDNIGHT, stepSec: STEP_SEC }, origins, HORIZONS);
  let [held, covered, points, error, naive] = [0, 0, 0, 0, 0];
  forecasts.forEach((raw, i) => {
    const { quantiles, windowMaxQuantiles } = coherent(raw!);
    const came = outcomesAt(values, origins[i]!, HORIZONS);
    held += windowMaxQuantiles[3]!.at(-1)! >= came.peaks.at(-1)! ? 1 : 0;
    came.points.forEach((point, h) => {
      covered += quantiles[3]![h]! >= point ? 1 : 0;
      error += Math.abs(quantiles[1]![h]! - point);
      naive += Math.abs(values[origins[i]! - 1]! - point);
      points++;
    });
  });
  return { heldShare: held / origins.length, coveredShare: covered / points, relativeError: error / naive };
};
const every = (from: number, until: number, step: number): number[] =>
  Array.from({ length: Math.floor((until - from) / step) }, (_, i) => from + i * step);

describe('incremental', () => {
  it('holds its 95 % bounds for their share of the time on loads of every temper', () => {
    for (const [wild, memory] of [
      [0.03, 0],
      [0.05, 0.9],
      [0.3, 0.5],
      [0.02, 0.99],
    ] as const) {
      const values = load(20, 7, wild, memory);
      const { heldShare, coveredShare, relativeError } = judged(values, every(7 * DAY, values.length - 12, 3));
      expect(heldShare).toBeGreaterThan(0.93);
      expect(heldShare).toBeLessThan(0.97);
      expect(coveredShare).toBeGreaterThan(0.94);
      expect(coveredShare).toBeLessThan(0.97);
      expect(relativeError).toBeLessThan(0.9);
    }
  });

  it('holds its bound again within two hours after the level shifts for good, up or down, by half or by three', () => {
    for (const factor of [0.33, 1.5, 3])
      for (const seed of [1, 2, 3]) {
        const shift = 8 * DAY + 120;
        const values = load(10, seed, 0.04, 0.5).map((value, i) => (i < shift ? value : factor * value));
        const { heldShare } = judged(values, every(shift + 24, shift + DAY, 1));
        expect(heldShare).toBeGreaterThan(0.9);
      }
  });

  it('tells a week by its days: with a weekly season it forecasts better than one that only ever saw days alike', () => {
    const heights = [1, 1.3, 0.8, 1.6, 1.1, 0.35, 0.25];
    const next = noise(5);
    const hourOf = (i: number): number => (24 * (i % DAY)) / DAY;
    const values = Float64Array.from({ length: 29 * DAY }, (_, i) => {
      const open = 1 / (1 + Math.exp(-4 * (hourOf(i) - 8))) - 1 / (1 + Math.exp(-4 * (hourOf(i) - 20)));
      return 300 * (0.3 + 4 * heights[Math.floor(i / DAY) % 7]! * open) * (1 + 0.03 * next());
    });
    // The rises of eight days, from the hour before, after three weeks; and the same with the past of each day shuffled out of its week.
    const from = 21 * DAY;
    const origins = every(from, values.length - 12, 1).filter((i) => hourOf(i) >= 7 && hourOf(i) < 9);
    const weekly = judged(values, origins).relativeError;
    const daily = origins
      .filter((_, k) => k % 6 === 0)
      .map((origin) => {
        const days = Math.floor(origin / DAY);
        const order = [...Array(days).keys()].map((day) => (day < days - 1 ? (day * 5 + 3) % (days - 1) : day));
        const past = new Float64Array(values.length);
        order.forEach((day, i) => {
          past.set(values.subarray(day * DAY, (day + 1) * DAY), i * DAY);
        });
        past.set(values.subarray(days * DAY), days * DAY);
        return judged(past, [origin]).relativeError;
      });
    expect(weekly).toBeLessThan(0.35);
    expect(weekly).toBeLessThan(0.6 * (daily.reduce((sum, value) => sum + value, 0) / daily.length));
  });

  it('is not poisoned by spikes and outages: two days later it errs hardly more than without them', () => {
    const clean = load(9, 3, 0.04, 0.5);
    const from = 8 * DAY;
    const origins = every(from, clean.length - 12, 2);
    const marred = clean.map((value, i) => {
      if (i >= 5 * DAY + 100 && i < 5 * DAY + 118) return 0;
      return i === 6 * DAY + 60 || i === 6 * DAY + 200 ? 40 * value : value;
    });
    expect(judged(marred, origins).relativeError).toBeLessThan(1.1 * judged(clean, origins).relativeError);
    expect(judged(marred, origins).heldShare).toBeGreaterThan(0.9);
  });

  it('forgets within eight days a burst on its first day, though each day since is an outlier to it', () => {
    const clean = load(9, 11, 0.01, 0.5);
    const burst = clean.map((value, i) => (i >= 100 && i < 106 ? 300 * value : value));
    const median = (values: Float64Array) =>
      incremental.forecastAt({ values, startMs: MIDNIGHT, stepSec: STEP_SEC }, [8 * DAY + 99], HORIZONS)[0]!.quantiles[1]!;
    median(burst).forEach((value, h) => {
      expect(value / median(clean)[h]!).toBeLessThan(1.5);
    });
  });

  it('takes a clipped minute for a lower bound: more than the limit is foreseen when the usual rise was clipped', () => {
    const whole = dailyJump(4 * 1440 + 450);
    const limit = 1250;
    const clipped = whole.map((value) => Math.min(value, limit));
    const censored = Uint8Array.from(whole, (value, i) => (value > limit && i >= 4 * 1440 ? 1 : 0));
    const values = whole.map((value, i) => (i >= 4 * 1440 ? clipped[i]! : value));
    const medianOf = (series: { values: Float64Array; censored?: Uint8Array }) =>
      incremental.forecastAt({ ...series, startMs: MIDNIGHT, stepSec: 60 }, [values.length], [30])[0]!.quantiles[1]![0]!;
    const came = dailyJump(4 * 1440 + 480).at(-1)!;
    expect(came).toBeGreaterThan(1.3 * limit);
    expect(medianOf({ values })).toBeLessThan(1.1 * limit);
    expect(medianOf({ values, censored })).toBeGreaterThan(1.2 * limit);
  });
});
