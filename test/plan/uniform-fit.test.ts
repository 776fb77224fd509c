import { describe, expect, it } from 'vitest';
import { outlookOf, viewShards } from '../../lib/plan/shard-outlook.ts';
import { cellsOf, fitOf } from '../../lib/plan/uniform-fit.ts';
import { NOW, type ShardSpec, worldOf } from './world.ts';

const fitted = (shards: readonly ShardSpec[], count: number, atMost?: number, known = true) => {
  const { fleet, forecasts, policy } = worldOf({ shards });
  const seen = known ? fleet : { ...fleet, spreads: [] };
  const outlooks = outlookOf(viewShards(seen, forecasts, policy, NOW), policy, 300, NOW);
  return fitOf(cellsOf(outlooks, policy, 300, NOW), count, policy, atMost);
};
const lowerHalf = Array.from({ length: 16 }, (_, i) => (i < 8 ? 1 / 8 : 0));

describe('fitOf', () => {
  it('lays each slice over the ranges that it lies in, cut where their edges are', () => {
    expect(fitted([{ now: 400 }, { now: 400 }], 2)).toMatchObject({ needed: 1, fullest: expect.closeTo(0.4) });
    expect(fitted([{ now: 400 }, { now: 800 }], 1).fullest).toBeCloseTo(1.2);
    // A third of the keys: two thirds of the second shard's.
    expect(fitted([{ now: 400 }, { now: 800 }], 3).fullest).toBeCloseTo((800 * 2) / 3 / 1000);
    expect(fitted([{ now: 800 }, { now: 400 }], 3).fullest).toBeCloseTo((800 * 2) / 3 / 1000);
    expect(fitted([{ now: 0 }, { now: 600 }, { now: 0 }], 2).fullest).toBeCloseTo(0.3);
    expect(fitted([{ now: 800, shares: lowerHalf }, { now: 400 }], 4)).toMatchObject({ needed: 2, fullest: expect.closeTo(0.8) });
    expect(fitted([{ now: 800, shares: lowerHalf }, { now: 400 }], 8).fullest).toBeCloseTo(0.4);
  });

  it('takes the larger of what records and bytes need, and of what is foreseen and what is there', () => {
    const byBytes = fitted([{ now: 400, bytesPerRecord: 4096 }, { now: 10 }], 2);
    expect(byBytes).toMatchObject({ needed: 3, fullest: expect.closeTo((400 * 4096) / 1_048_576) });
    expect(fitted([{ now: 100, foreseen: 900 }, { now: 10 }], 2)).toMatchObject({ needed: 2, fullest: expect.closeTo(0.9) });
    expect(fitted([{ now: 900, foreseen: 100 }, { now: 10 }], 2)).toMatchObject({ needed: 2, fullest: expect.closeTo(0.9) });
  });

  it('looks no further than to the first range that needs more than so many', () => {
    const shards = [{ now: 800 }, { now: 100 }, { now: 2500 }];
    expect(fitted(shards, 3, 1)).toMatchObject({ needed: 2, fullest: expect.closeTo(0.8) });
    expect(fitted(shards, 3)).toMatchObject({ needed: 4, fullest: expect.closeTo(2.5) });
  });

  it('weighs slices by their shares of their sum, and spreads evenly what nothing is known of', () => {
    const doubled = lowerHalf.map((share) => 2 * share);
    expect(fitted([{ now: 800, shares: doubled }, { now: 0 }], 4).fullest).toBeCloseTo(0.8);
    expect(fitted([{ now: 800, shares: lowerHalf.map(() => 0) }, { now: 0 }], 4).fullest).toBeCloseTo(0.4);
    expect(fitted([{ now: 800, shares: lowerHalf }, { now: 0 }], 4, undefined, false).fullest).toBeCloseTo(0.4);
  });
});
