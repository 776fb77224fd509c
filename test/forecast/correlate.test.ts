import { describe, expect, it } from 'vitest';
import { findLead } from '../../lib/forecast/correlate.ts';
import { forecastSeries } from '../../lib/forecast/forecast-series.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { innovationsOf } from '../../lib/forecast/innovations.ts';
import type { EvenSeries } from '../../lib/forecast/model.ts';
import { learnUpstream, upstreamChange, withUpstream } from '../../lib/forecast/upstream.ts';
import { HORIZONS_SEC, MIDNIGHT, MINUTES_PER_DAY, noise, series } from './series.ts';

const DAYS = 4;
const LENGTH = DAYS * MINUTES_PER_DAY;
const even = (values: Float64Array): EvenSeries => ({ values, startMs: MIDNIGHT, stepSec: 60 });
const day = (i: number) => 1 + 0.4 * Math.sin((2 * Math.PI * i) / MINUTES_PER_DAY);

/** What drifts on top of the day: an autoregression with so much persistence. */
const drift = (seed: number, persistence = 0.97, size = 0.05): Float64Array => {
  const next = noise(seed);
  let state = 0;
  return Float64Array.from({ length: LENGTH }, () => {
    state = persistence * state + size * (next() + next() + next());
    return state;
  });
};
/** A load with the day, the drift given, and noise of its own. */
const load = (of: Float64Array, seed: number, by = 0, own = 0.02): Float64Array => {
  const next = noise(seed + 1000);
  return of.map((_, i) => 1000 * day(i) * Math.exp((of[i - by] ?? 0) + own * next()));
};
const pair = (seed: number, by: number) => {
  const shared = drift(seed);
  return { upstream: even(load(shared, seed)), own: even(load(shared, seed + 7, by)) };
};

describe('innovationsOf', () => {
  it('leaves nothing that the day or the last steps tell', () => {
    const fresh = innovationsOf(even(load(drift(1), 1)));
    const correlation = (lag: number) => fresh.reduce((sum, value, i) => sum + value * (fresh[i - lag] ?? 0), 0) / fresh.length;
    for (const lag of [1, 2, 5, 60, MINUTES_PER_DAY]) expect(Math.abs(correlation(lag))).toBeLessThan(0.08);
    expect(correlation(0)).toBeCloseTo(1, 1);
  });
});

describe('findLead', () => {
  it.each([3, 12, 28])('finds a true lead of %i minutes', (by) => {
    const { upstream, own } = pair(by, by);
    expect(findLead(upstream, own, 30, 5)).toMatchObject({ kind: 'leads', lagSteps: by });
  });

  it('finds nothing in streams that have only their day in common, for 95 % of all seeds at least', () => {
    let found = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const [upstream, own] = [even(load(drift(seed), seed)), even(load(drift(seed + 500), seed + 500))];
      if (findLead(upstream, own, 10, 1).kind === 'leads') found++;
    }
    expect(found).toBeLessThanOrEqual(2);
  }, 60_000);

  it('does not take a stream that follows, or moves together with this one, for one that leads', () => {
    const { upstream, own } = pair(3, 9);
    expect(findLead(own, upstream, 30, 1)).toEqual({ kind: 'none', reason: expect.stringContaining('a lag of -9 steps') });
    const together = pair(4, 0);
    expect(findLead(together.upstream, together.own, 30, 1)).toEqual({
      kind: 'none',
      reason: expect.stringContaining('a lag of 0 steps'),
    });
  });

  it('says what is missing of a young or another past', () => {
    const { upstream, own } = pair(5, 5);
    const young = (given: EvenSeries) => ({ ...given, values: given.values.subarray(0, MINUTES_PER_DAY) });
    expect(findLead(young(upstream), young(own), 30, 1)).toEqual({
      kind: 'none',
      reason: '1.0 days are known of both; 3 are needed',
    });
    expect(findLead(young(upstream), own, 30, 1)).toEqual({ kind: 'none', reason: 'the series do not cover the same steps' });
  });
});

describe('upstreamChange', () => {
  it('is what came beyond the usual, and never looks ahead of the origin', () => {
    const values = new Float64Array(LENGTH).fill(100);
    const origin = LENGTH - 60;
    values.fill(200, origin - 10);
    // The step came ten minutes ago: of a lead of 20 minutes it arrives in ten.
    expect(upstreamChange(even(values), origin, 20, 5)).toBeCloseTo(0, 9);
    expect(upstreamChange(even(values), origin, 20, 15)).toBeCloseTo(Math.log((200 + 5) / (100 + 5)), 1);
    expect(upstreamChange(even(values), origin, 20, 25)).toBeNaN();
    const later = values.map((value, i) => (i >= origin ? 9 * value : value));
    expect(upstreamChange(even(later), origin, 20, 20)).toBe(upstreamChange(even(values), origin, 20, 20));
  });
});

describe('learnUpstream and withUpstream', () => {
  const steps = HORIZONS_SEC.map((sec) => sec / 60);
  const origins = Array.from({ length: 120 }, (_, i) => LENGTH - 30 - 15 * (120 - i));

  it('make the forecast better up to the lead, of a true pair', () => {
    const { upstream, own } = pair(21, 20);
    const learnt = learnUpstream(own, upstream, 20, origins, steps, incremental.forecastAt(own, origins, steps));
    expect(learnt!.errorRatio).toBeLessThan(0.8);
    learnt!.weights.forEach((weight, h) => {
      if (steps[h]! > 20) expect(weight).toBe(0);
    });
    expect(learnt!.weights[steps.indexOf(15)]).toBeGreaterThan(0.5);
  });

  it('is not used where it does not help', () => {
    const [upstream, own] = [even(load(drift(31), 31)), even(load(drift(32), 32))];
    expect(learnUpstream(own, upstream, 20, origins, steps, incremental.forecastAt(own, origins, steps))).toBeNull();
  });

  it('multiply what is foreseen up to the lead, and tell it once', () => {
    const values = new Float64Array(LENGTH).fill(100);
    const forecast = forecastSeries(series(values), 'stream', HORIZONS_SEC, [incremental], null, MIDNIGHT + LENGTH * 60_000);
    const upstream = values.map((value, i) => (i >= LENGTH - 12 ? 2 * value : value));
    const link = {
      streamName: 'clicks',
      leadSec: 1200,
      correlation: 0.4,
      pValue: 0.003,
      errorRatio: 0.7,
      weights: steps.map((step) => (step <= 20 ? 1 : 0)),
    };
    const made = withUpstream(forecast, link, even(upstream));
    const ratio = (h: number) => made.quantiles[1]![h]! / forecast.quantiles[1]![h]!;
    expect(ratio(0)).toBe(1);
    expect(ratio(steps.indexOf(15))).toBeGreaterThan(1.9);
    expect(ratio(steps.indexOf(30))).toBe(1);
    expect(made.windowMaxQuantiles[3]!.at(-1)).toBeGreaterThan(1.9 * forecast.windowMaxQuantiles[1]!.at(-1)!);
    expect(made.windowMaxMean!.at(-1)).toBeGreaterThan(1.9 * forecast.windowMaxMean!.at(-1)!);
    expect(made.reason).toMatch(/; upstream clicks leads by 20 min: ×1\.9\d at most$/);
    expect(withUpstream(made, null, null).reason).toBe(forecast.reason);
    expect(withUpstream(forecast, null, null)).toEqual(forecast);
  });
});
