import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sizeStream } from '../../lib/plan/size-stream.ts';

const policy = { targetUtilization: 0.8, minShards: 2, maxShards: 40, reshardDurationPriorSec: 180 };
const none = { reshardSec: null };
const flat = (demand: number) => () => demand;

describe('sizeStream', () => {
  it('grows to what the bound needs by the end of an operation', () => {
    expect(sizeStream({ shards: 4, boundWithin: (s) => (s >= 270 ? 8 : 1), now: 1 }, policy, none)).toMatchObject({
      kind: 'grow',
      to: 10,
    });
    expect(sizeStream({ shards: 4, boundWithin: (s) => (s > 270 ? 8 : 1), now: 3.2 }, policy, none)).toMatchObject({
      kind: 'hold',
    });
  });

  it('looks ahead as long as operations were measured to take', () => {
    const boundWithin = (s: number) => (s >= 120 ? 8 : 1);
    expect(sizeStream({ shards: 4, boundWithin, now: 1 }, policy, { reshardSec: 29 }).kind).toBe('hold');
    expect(sizeStream({ shards: 4, boundWithin, now: 1 }, policy, { reshardSec: 30 }).kind).toBe('grow');
  });

  it('meets what is already there, whatever the forecast says', () => {
    expect(sizeStream({ shards: 4, boundWithin: flat(0), now: 12 }, policy, none)).toMatchObject({ kind: 'grow', to: 15 });
  });

  it('shrinks only to what is enough for a while longer', () => {
    expect(sizeStream({ shards: 10, boundWithin: flat(4), now: 1 }, policy, none)).toMatchObject({ kind: 'shrink', to: 5 });
    expect(sizeStream({ shards: 10, boundWithin: (s) => (s >= 450 ? 8 : 1), now: 1 }, policy, none)).toMatchObject({
      kind: 'hold',
    });
  });

  it('tolerates a bound that exceeds by a fifth of a shard, never a load that is there', () => {
    expect(sizeStream({ shards: 4, boundWithin: flat(3.35), now: 1 }, policy, none).kind).toBe('hold');
    expect(sizeStream({ shards: 4, boundWithin: flat(3.37), now: 1 }, policy, none).kind).toBe('grow');
    expect(sizeStream({ shards: 4, boundWithin: flat(0), now: 3.21 }, policy, none)).toMatchObject({ kind: 'grow', to: 5 });
  });

  it('gives its numbers', () => {
    expect(sizeStream({ shards: 4, boundWithin: flat(8), now: 1 }, policy, none).reason).toBe(
      'Within 5 min the demand may reach 8.0 shards’ worth: 10 are wanted for 80 %, there are 4.',
    );
  });

  it('never leaves the bounds of the policy, and never wants fewer shards for more load', () => {
    const demand = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), demand, demand, demand, (shards, a, b, now) => {
        const to = (bound: number, present: number) => {
          const sizing = sizeStream({ shards, boundWithin: flat(bound), now: present }, policy, none);
          return sizing.kind === 'hold' ? shards : sizing.to;
        };
        const [less, more] = [to(Math.min(a, b), now), to(Math.max(a, b), now)];
        expect(more).toBeGreaterThanOrEqual(less);
        for (const size of [less, more]) {
          expect(size).toBeGreaterThanOrEqual(2);
          expect(size).toBeLessThanOrEqual(40);
        }
      }),
    );
  });

  it('rests after what it wanted was done, for every constant load', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.double({ min: 0, max: 30, noNaN: true }), (shards, load) => {
        const first = sizeStream({ shards, boundWithin: flat(load), now: load }, policy, none);
        const after = first.kind === 'hold' ? shards : first.to;
        expect(sizeStream({ shards: after, boundWithin: flat(load), now: load }, policy, none).kind).toBe('hold');
      }),
    );
  });
});
