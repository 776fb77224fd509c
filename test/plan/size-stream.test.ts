import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DemandAhead, type SizingPolicy, shardsNeeded, worthOfOneMore } from '../../lib/plan/shards-needed.ts';
import { type SizingQuestion, sizeStream } from '../../lib/plan/size-stream.ts';

const policy = {
  targetUtilization: 0.8,
  actOnQuantile: 0.95 as const,
  minShards: 2,
  maxShards: 40,
  reshardDurationPriorSec: 180,
};
const byCost = { ...policy, targetUtilization: 0.99, throttledToIdle: 100 };
const none = { reshardSec: null };
const ahead = (bound: number, now = 1): DemandAhead => ({ quantiles: [bound, bound, bound, bound], now });
const asking = (shards: number, bound: (seconds: number) => number, now = 1): SizingQuestion => ({
  shards,
  aheadWithin: (seconds) => ahead(bound(seconds), now),
});
const flat = (demand: number) => () => demand;

describe('sizeStream', () => {
  it('grows to what the bound needs by the end of an operation', () => {
    const grown = sizeStream(
      asking(4, (s) => (s >= 270 ? 8 : 1)),
      policy,
      none,
    );
    expect(grown).toMatchObject({ kind: 'grow', to: 10 });
    const later = sizeStream(
      asking(4, (s) => (s > 270 ? 8 : 1), 3.2),
      policy,
      none,
    );
    expect(later).toMatchObject({ kind: 'hold' });
  });

  it('looks ahead as long as operations were measured to take', () => {
    const question = asking(4, (s) => (s >= 120 ? 8 : 1));
    expect(sizeStream(question, policy, { reshardSec: 29 }).kind).toBe('hold');
    expect(sizeStream(question, policy, { reshardSec: 30 }).kind).toBe('grow');
  });

  it('meets what is already there, whatever the forecast says', () => {
    expect(sizeStream(asking(4, flat(0), 12), policy, none)).toMatchObject({ kind: 'grow', to: 15 });
  });

  it('shrinks only to what is enough for a while longer', () => {
    expect(sizeStream(asking(10, flat(4)), policy, none)).toMatchObject({ kind: 'shrink', to: 5 });
    expect(
      sizeStream(
        asking(10, (s) => (s >= 450 ? 8 : 1)),
        policy,
        none,
      ),
    ).toMatchObject({ kind: 'hold' });
  });

  it('gives its numbers', () => {
    expect(sizeStream(asking(4, flat(8)), policy, none).reason).toBe(
      'Within 5 min the demand reaches 8.0 shards’ worth at the 0.95 quantile of its highest, and it is 1.0 now: 10 are wanted, there are 4.',
    );
  });

  const demand = fc.double({ min: 0, max: 100, noNaN: true });
  const spread = fc.tuple(demand, demand, demand).map((values) => values.sort((a, b) => a - b));
  for (const [way, used] of [
    ['quantile', policy],
    ['cost', byCost],
  ] as const) {
    it(`never leaves the bounds of the policy, and never wants fewer shards for more load, by ${way}`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 2, max: 40 }), spread, demand, demand, (shards, [a, b, c], more, now) => {
          const to = (extra: number) => {
            const quantiles = [0, a! + extra, b! + extra, c! + extra];
            const sizing = sizeStream({ shards, aheadWithin: () => ({ quantiles, now }) }, used, none);
            return sizing.kind === 'hold' ? shards : sizing.to;
          };
          expect(to(more)).toBeGreaterThanOrEqual(to(0));
          for (const size of [to(0), to(more)]) {
            expect(size).toBeGreaterThanOrEqual(2);
            expect(size).toBeLessThanOrEqual(40);
          }
        }),
      );
    });

    it(`rests after what it wanted was done, for every constant load, by ${way}`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 2, max: 40 }), fc.double({ min: 0, max: 30, noNaN: true }), (shards, load) => {
          const first = sizeStream(asking(shards, flat(load), load), used, none);
          const after = first.kind === 'hold' ? shards : first.to;
          expect(sizeStream(asking(after, flat(load), load), used, none).kind).toBe('hold');
        }),
      );
    });
  }
});

describe('worthOfOneMore', () => {
  const quantiles = [1, 4, 6, 8].map((value) => value * 0.99);

  it('is what the shard takes away of the expected excess, over its cost', () => {
    // From 5 to 6 the probability falls on a line from 0.3 to 0.1.
    expect(worthOfOneMore({ quantiles, now: 0 }, 5, byCost)).toBeCloseTo(40 * 0.2, 9);
  });

  it('is unknown without costs or without a forecast', () => {
    expect(worthOfOneMore({ quantiles, now: 0 }, 5, policy)).toBeNull();
    expect(worthOfOneMore({ quantiles: [], now: 9 }, 5, byCost)).toBeNull();
  });
});

describe('shardsNeeded', () => {
  const cost = (quantiles: readonly number[], throttledToIdle: number, now = 0) =>
    shardsNeeded({ quantiles, now }, { ...byCost, throttledToIdle, targetUtilization: 0.999_999 });

  it('takes the acted-on quantile over the target', () => {
    const quantiles = [1, 2, 4.1, 6.3];
    const by = (actOnQuantile: SizingPolicy['actOnQuantile']) =>
      shardsNeeded({ quantiles, now: 0 }, { ...policy, actOnQuantile });
    expect([by(0.5), by(0.9), by(0.95)]).toEqual([3, 6, 8]);
  });

  it('holds more, the more a throttled record costs', () => {
    const quantiles = [1, 4, 6, 8];
    expect([1, 10, 100, 1000, 10_000].map((weight) => cost(quantiles, weight))).toEqual([4, 5, 10, 17, 23]);
  });

  it('holds no more than a certain demand needs, at any cost', () => {
    expect(cost([5, 5, 5, 5], 100)).toBe(5);
    expect(cost([5, 5, 5, 5], 100_000)).toBe(5);
  });

  it('takes the last minute’s rise for granted once more', () => {
    expect([cost([1, 1, 1, 1], 100, 5, 0), cost([1, 1, 1, 1], 100, 5, 2.5)]).toEqual([5, 8]);
  });

  it('leaves room by the target, and lets a tenth of a shard be', () => {
    const by = (now: number) => shardsNeeded({ quantiles: [], now }, { ...byCost, targetUtilization: 0.5 });
    expect([by(2), by(2.05), by(2.06)]).toEqual([4, 4, 5]);
  });

  it('seeks no further than the policy’s most', () => {
    const quantiles = [0, 0, 6, 8];
    expect(shardsNeeded({ quantiles, now: 0 }, { ...byCost, maxShards: 3 })).toBe(3);
  });

  it('needs one shard for nothing', () => {
    expect(cost([], 100)).toBe(1);
    expect(shardsNeeded({ quantiles: [], now: 0 }, policy)).toBe(1);
  });
});
