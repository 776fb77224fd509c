import { describe, expect, it } from 'vitest';
import { incremental } from '../../lib/forecast/incremental.ts';
import { JointRegression } from '../../lib/forecast/joint-regression.ts';
import { StateParts } from '../../lib/forecast/state-parts.ts';
import { MIDNIGHT, MINUTES_PER_DAY, noise } from './series.ts';

const HORIZONS = [1, 2, 3, 5, 10, 30];
const MEDIAN = 1;
const UPPER95 = 3;

/** The forecasts from each origin of a load by the minute. */
const forecastsOf = (values: Float64Array, origins: readonly number[]) =>
  incremental.forecastAt({ values, startMs: MIDNIGHT, stepSec: 60 }, origins, HORIZONS).map((forecast) => forecast!);

describe('NearTerm', () => {
  it('knows that a rise goes on, where rises do', () => {
    // Five minutes up, five down, by a slope that differs each time: a line between points that nobody can foresee.
    const random = noise(3);
    const points = Array.from({ length: 3 * 288 + 2 }, () => 1000 + 600 * random());
    const values = Float64Array.from({ length: 3 * MINUTES_PER_DAY }, (_, t) => {
      const at = Math.floor(t / 5);
      return points[at]! + ((t % 5) / 5) * (points[at + 1]! - points[at]!);
    });
    // The first minute of a line is known; two minutes ahead lies on the same line.
    const origins = Array.from({ length: 100 }, (_, i) => 2 * MINUTES_PER_DAY + 5 * i + 2);
    const missed = forecastsOf(values, origins).map((forecast, i) =>
      Math.abs(forecast.quantiles[MEDIAN]![1]! - values[origins[i]! + 1]!),
    );
    const stayed = origins.map((origin) => Math.abs(values[origin + 1]! - values[origin - 1]!));
    const sum = (of: readonly number[]) => of.reduce((a, b) => a + b, 0);
    expect(sum(missed)).toBeLessThan(0.5 * sum(stayed));
  });

  it('knows what the load does at one minute of each hour, before it does', () => {
    const random = noise(5);
    const values = Float64Array.from(
      { length: 5 * MINUTES_PER_DAY },
      (_, t) => (t % 60 === 17 ? 1500 : 1000) * (1 + 0.1 * random()),
    );
    const origins = Array.from({ length: 12 }, (_, i) => 4 * MINUTES_PER_DAY + 60 * i + 16);
    for (const forecast of forecastsOf(values, origins)) {
      expect(forecast.quantiles[MEDIAN]![1]).toBeGreaterThan(1200);
      expect(forecast.quantiles[MEDIAN]![0]).toBeLessThan(1150);
      expect(forecast.windowMaxQuantiles[MEDIAN]![2]).toBeGreaterThan(1200);
    }
  });

  it('bounds the next minutes as often as it says', () => {
    const random = noise(7);
    const values = Float64Array.from({ length: 4 * MINUTES_PER_DAY }, () => 1000 * (1 + 0.2 * random()));
    const origins = Array.from({ length: 1400 }, (_, i) => 3 * MINUTES_PER_DAY + i);
    const forecasts = forecastsOf(values, origins);
    const held = forecasts.filter((forecast, i) => values[origins[i]! + 1]! <= forecast.quantiles[UPPER95]![1]!).length;
    expect(held / forecasts.length).toBeGreaterThan(0.93);
    expect(held / forecasts.length).toBeLessThan(0.97);
  });
});

describe('JointRegression', () => {
  it('finds the weights of each target, passes over unknown ones, and lets no outlier turn them', () => {
    const regression = new JointRegression(2, 2, 0.999, 0.01, new StateParts());
    const random = noise(11);
    const limits = new Float64Array([0.5, 0.5]);
    for (let i = 0; i < 500; i++) {
      const [a, b] = [random(), random()];
      const spike = i === 400 ? 1e6 : 0;
      const second = i % 2 === 0 ? Number.NaN : a - b;
      regression.learn(new Float64Array([a, b]), 0, new Float64Array([2 * a + 3 * b + spike, second]), limits);
    }
    const probe = new Float64Array([9, 0.5, 0.25]);
    expect(regression.predict(0, probe, 1)).toBeCloseTo(1.75, 1);
    expect(regression.predict(1, probe, 1)).toBeCloseTo(0.25, 2);
  });
});
