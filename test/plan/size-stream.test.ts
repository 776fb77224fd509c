import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DemandAhead, type SizingPolicy, shardsEnough, shardsNeeded, worthOfOneMore } from '../../lib/plan/shards-needed.ts';
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
    const by = (sec: number) =>
      sizeStream(
        asking(4, (s) => (s >= sec ? 8 : 1), 3.2),
        policy,
        none,
      );
    // An operation takes 180 s, and the decision and its metrics 90 s.
    expect(by(270)).toMatchObject({ kind: 'grow', to: 10 });
    expect(by(271)).toMatchObject({ kind: 'grow', to: 9 });
  });

  it('looks as much further ahead as the queue needs, less what can be had until then', () => {
    const to = (demand: number, sec: number) => {
      const sizing = sizeStream(
        asking(4, (s) => (s >= sec ? demand : 1)),
        policy,
        { reshardSec: 30 },
      );
      return sizing.kind === 'hold' ? 4 : sizing.to;
    };
    // After one, two and four more operations of 30 s; five are never looked at.
    expect([120, 121, 150, 151, 180, 181, 240, 241].map((sec) => to(8, sec))).toEqual([10, 9, 9, 8, 8, 6, 6, 4]);
    // Eight shards' worth in four operations: four more than the four that there are is as many as can be had until then.
    expect([6.4, 6.5].map((demand) => to(demand, 240))).toEqual([4, 5]);
  });

  it('looks ahead as long as operations were measured to take', () => {
    const question = asking(4, (s) => (s >= 300 ? 8 : 1));
    expect(sizeStream(question, policy, { reshardSec: 41 }).kind).toBe('hold');
    expect(sizeStream(question, policy, { reshardSec: 42 }).kind).toBe('grow');
  });

  it('meets what is already there, whatever the forecast says', () => {
    expect(sizeStream(asking(4, flat(0), 12), policy, none)).toMatchObject({ kind: 'grow', to: 15 });
  });

  it('shrinks only to what is enough for seven minutes and seven operations', () => {
    expect(sizeStream(asking(10, flat(4)), policy, none)).toMatchObject({ kind: 'shrink', to: 5 });
    const later = (sec: number) => asking(10, (s) => (s >= sec ? 8 : 1));
    expect(sizeStream(later(1681), policy, none)).toMatchObject({ kind: 'shrink', to: 2 });
    expect(sizeStream(later(1680), policy, none).kind).toBe('hold');
  });

  it('never gives back in the wider window what the narrower one needs', () => {
    const question = asking(10, (s) => (s < 400 ? 7.2 : 0), 0);
    expect(sizeStream(question, policy, none)).toMatchObject({ kind: 'shrink', to: 9 });
  });

  it('gives its numbers', () => {
    expect(sizeStream(asking(4, flat(8)), policy, none).reason).toBe(
      'Within 5 min the demand reaches 8.0 shards’ worth at the 0.95 quantile of its highest, and it is 1.0 now: 10 are wanted now, there are 4.',
    );
    expect(sizeStream(asking(10, flat(4)), policy, none).reason).toBe(
      'Within 28 min the demand reaches 4.0 shards’ worth at the 0.95 quantile of its highest, and it is 1.0 now: 5 are enough, there are 10.',
    );
    expect(sizeStream(asking(5, flat(4)), policy, none).reason).toBe(
      '5 shards are enough for 5 min: the demand reaches 4.0 shards’ worth at the 0.95 quantile of its highest, and it is 1.0 now.',
    );
    // The upper quantile is named, and the nearest time within which as many are wanted.
    const spread = { shards: 1, aheadWithin: () => ({ quantiles: [0.1, 0.2, 0.6, 0.9], now: 0.3 }) };
    expect(sizeStream(spread, policy, none).reason).toBe(
      'Within 5 min the demand reaches 0.9 shards’ worth at the 0.95 quantile of its highest, and it is 0.3 now: 2 are wanted now, there are 1.',
    );
    const unforeseen = { shards: 2, aheadWithin: () => ({ quantiles: [], now: 2.4 }) };
    expect(sizeStream(unforeseen, policy, none).reason).toBe('Within 5 min it is 2.4 now: 3 are wanted now, there are 2.');
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

  it('follows the line of the probability, and is certain below the median', () => {
    const wide = [1, 4, 8, 10].map((value) => value * 0.99);
    // From 6 to 7 the probability falls on a line from 0.3 to 0.2.
    expect(worthOfOneMore({ quantiles: wide, now: 0 }, 6, byCost)).toBeCloseTo(40 * 0.25, 9);
    expect(worthOfOneMore({ quantiles: wide, now: 0 }, 2, byCost)).toBeCloseTo(40, 9);
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

describe('shardsEnough', () => {
  const quantiles = [1, 2, 4, 9];
  const enough = (now: number, used: SizingPolicy = { ...byCost, targetUtilization: 0.999_999 }) =>
    shardsEnough({ quantiles, now }, used);

  it('keeps what is exceeded with a chance of one in five, on the line between the median and the 0.9 quantile', () => {
    // 2 + (0.3 / 0.4) × 2 = 3.5.
    expect(enough(0)).toBe(4);
    expect(shardsEnough({ quantiles: [1, 2, 3.5, 9], now: 0 }, { ...byCost, targetUtilization: 0.5 })).toBe(7);
  });

  it('keeps what is there now, but for a tenth of a shard', () => {
    expect([enough(5.09), enough(5.11)]).toEqual([5, 6]);
    expect(shardsEnough({ quantiles: [], now: 2.55 }, { ...byCost, targetUtilization: 0.5 })).toBe(5);
  });

  it('takes quantiles that cross for the higher one', () => {
    expect(shardsEnough({ quantiles: [1, 5, 4, 9], now: 0 }, byCost)).toBe(5);
  });

  it('keeps one shard for nothing, and by a quantile what that needs', () => {
    expect(shardsEnough({ quantiles: [], now: 0 }, byCost)).toBe(1);
    expect(enough(0, policy)).toBe(12);
  });
});
