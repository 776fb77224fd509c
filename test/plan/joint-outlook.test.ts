import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { correlationAtMost, jointly } from '../../lib/plan/joint-outlook.ts';
import { outlookOf, viewShards } from '../../lib/plan/shard-outlook.ts';
import { HORIZONS, NO_LEAD_TIMES, NOW, worldOf } from './world.ts';

/** Two neighbours: median 100 records/s each, the upper quantiles at 250. */
const pairOf = (correlation?: number, samples = 1000) => {
  const { fleet, forecasts, policy } = worldOf({ shards: [{ now: 100 }, { now: 100 }] });
  const rows = (unit: number) => [50, 100, 200, 250].map((value) => HORIZONS.map(() => value * unit));
  const spread = forecasts.map((forecast) => ({
    ...forecast,
    windowMaxQuantiles: rows(forecast.metric === 'records' ? 1 : 100),
  }));
  const spreads =
    correlation === undefined
      ? fleet.spreads
      : fleet.spreads.map((one) => ({
          ...one,
          withNext: { correlation, samples, recentPeak: { recordsPerSec: 200, bytesPerSec: 20_000 } },
        }));
  return { fleet: { ...fleet, spreads }, forecasts: spread, policy };
};
const togetherOf = (correlation?: number, samples?: number) => {
  const { fleet, forecasts, policy } = pairOf(correlation, samples);
  const [lower, upper] = outlookOf(viewShards(fleet, forecasts, policy, NOW), policy, 300, NOW);
  return jointly(lower!, upper!, policy, 300, NOW).utilization;
};

describe('jointly', () => {
  it('adds bounds up where nothing is known or both rise together, and less where they do not', () => {
    expect(togetherOf()).toBeCloseTo(0.5, 9);
    expect(togetherOf(1, 1_000_000)).toBeCloseTo(0.5, 3);
    expect(togetherOf(0, 1_000_000)).toBeCloseTo(0.2 + Math.hypot(0.15, 0.15), 2);
    expect(togetherOf(-1, 1_000_000)).toBeCloseTo(0.2 + Math.hypot(0.15, 0.15), 9);
    expect(togetherOf(0, 3)).toBeCloseTo(0.5, 9);
  });

  it('never exceeds the sum of both bounds, nor falls below what is there, and never falls with more correlation', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 200 }),
        (correlation, more, samples) => {
          const one = togetherOf(correlation, samples);
          expect(one).toBeLessThanOrEqual(0.5 + 1e-9);
          expect(one).toBeGreaterThanOrEqual(0.2);
          expect(togetherOf(Math.min(correlation + more, 1), samples)).toBeGreaterThanOrEqual(one - 1e-9);
        },
      ),
    );
  });
});

describe('correlationAtMost', () => {
  it('comes nearer to what was measured the more samples there are', () => {
    const at = (samples: number) => correlationAtMost({ correlation: 0.2, samples });
    expect([at(2), at(3)]).toEqual([1, 1]);
    expect(at(12)).toBeGreaterThan(at(50));
    expect(at(1e9)).toBeCloseTo(0.2, 3);
    expect(correlationAtMost({ correlation: -0.9, samples: 50 })).toBe(0);
  });
});

describe('decidePlan for neighbours that do not peak together', () => {
  const kindsOf = (correlation?: number, coldUtilization = 0.45) => {
    const { fleet, forecasts, policy } = pairOf(correlation);
    return decidePlan(fleet, forecasts, { ...policy, coldUtilization }, NO_LEAD_TIMES, NOW).actions.map(({ kind }) => kind);
  };

  it('merges them where the sum of their bounds would not have', () => {
    expect(kindsOf()).toEqual([]);
    expect(kindsOf(1)).toEqual([]);
    expect(kindsOf(0)).toEqual(['merge']);
    expect(kindsOf(0, 0.4)).toEqual([]);
  });
});
