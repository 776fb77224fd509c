import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fleet, LeadTimes } from '../../lib/model/fleet.ts';
import { slicesOf, WHOLE_RANGE, widthOf } from '../../lib/model/hash-key-range.ts';
import type { Plan } from '../../lib/model/plan.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { layoutOf } from '../../lib/plan/foreign-change.ts';
import { resizesOf } from '../../lib/plan/resize-budget.ts';
import { unmeasuredResizeSec } from '../../lib/plan/resize-wanted.ts';
import { heirOf, isUniform, resizeCounts, uniformSteps } from '../../lib/plan/uniform-layout.ts';
import { NO_LEAD_TIMES, NOW, operationOf, type ShardSpec, shardIdOf, type WorldSpec, worldOf } from './world.ts';

const HOUR = 3_600_000;
const planOf = (spec: WorldSpec, change: Partial<Fleet> = {}, leadTimes: LeadTimes = NO_LEAD_TIMES): Plan => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan({ ...fleet, ...change }, forecasts, policy, leadTimes, NOW);
};
const even = (count: number, shard: Partial<ShardSpec> & { now: number }): ShardSpec[] =>
  Array.from({ length: count }, () => shard);
const workers = [
  { workerId: 'w1', capacityRecords: 90_000 },
  { workerId: 'w2', capacityRecords: 90_000 },
];
const kindsOf = (plan: Plan) => plan.actions.map(({ kind }) => kind);
const holdOf = (plan: Plan, reason: string) => plan.holds.find((hold) => hold.reason === reason)?.detail;
/** Eight even shards that all pass their target within five minutes. */
const rising = { shards: even(8, { now: 400, foreseen: 800 }), workers };

describe('decideResize', () => {
  it('resizes a whole stream that is hot evenly, in one operation with both durations', () => {
    const plan = planOf(rising);
    expect(plan.actions).toEqual([
      expect.objectContaining({
        kind: 'resize',
        trigger: 'forecast',
        shardId: '*',
        fromCount: 8,
        targetCount: 10,
        layout: layoutOf(worldOf(rising).fleet),
        reason:
          '8 splits would take 24 min; one resize of 8 shards to 10 takes 5 min and keeps each at or below 64 % (target 70 %).',
      }),
    ]);
    expect(plan.actions[0]?.expected).toMatchObject({ peakUtilization: 0.8, utilizationNow: 0.4, leadTimeSec: 300 });
    expect(plan.actions[0]?.expected.costUsdPerMonth).toBeCloseTo(2 * 10.95, 6);
  });

  it('grows in quarters to the fewest shards that are enough, at most to twice as many', () => {
    const to = (foreseen: number) => {
      const [action] = planOf({ shards: even(8, { now: 400, foreseen }), workers }).actions;
      return action?.kind === 'resize' ? action.targetCount : action?.kind;
    };
    expect([710, 870, 880, 1000, 1200, 1390].map(to)).toEqual([10, 10, 12, 12, 14, 16]);
    // More than twice as many are needed: doubling is the beginning.
    expect(to(1500)).toBe(16);
    const plan = planOf({ shards: even(8, { now: 400, foreseen: 1500 }), workers, policy: { maxShards: 15 } });
    expect(kindsOf(plan)).toEqual(['split']);
    expect(planOf({ shards: even(8, { now: 400, foreseen: 1500 }), workers }).actions[0]?.reason).toMatch(
      /brings each to 75 % \(target 70 %\)\.$/,
    );
  });

  it('leaves a few splits to splits, and waits no longer than measured operations take', () => {
    expect(kindsOf(planOf({ ...rising, shards: [...even(2, { now: 400, foreseen: 800 }), ...even(6, { now: 400 })] }))).toEqual([
      'split',
    ]);
    const measured = (reshardSec: number, resizeSec: number) =>
      kindsOf(planOf(rising, {}, { ...NO_LEAD_TIMES, reshardSec, resizeSec, samples: 3 }));
    // Ten shards instead of sixteen: as soon as it is no slower. A fifth more instead of two splits: when it is twice as fast.
    expect(measured(30, 240)).toEqual(['resize']);
    expect(measured(30, 241)).toEqual(['split']);
    const two = { ...rising, shards: [...even(2, { now: 400, foreseen: 800 }), ...even(6, { now: 400 })] };
    const forTwo = (resizeSec: number) => kindsOf(planOf(two, {}, { ...NO_LEAD_TIMES, reshardSec: 60, resizeSec, samples: 3 }));
    expect(forTwo(60)).toEqual(['resize']);
    expect(forTwo(61)).toEqual(['split']);
    expect(
      kindsOf(
        planOf(
          { ...two, shards: [{ now: 400, foreseen: 800 }, ...even(7, { now: 400 })] },
          {},
          { ...NO_LEAD_TIMES, reshardSec: 60, resizeSec: 1, samples: 3 },
        ),
      ),
    ).toEqual(['split']);
  });

  it('never resizes for single hot shards', () => {
    const shards = even(8, { now: 400 }).map((shard, i) => (i < 4 ? { now: 400, foreseen: 2600 } : shard));
    expect(kindsOf(planOf({ shards, workers }))).toEqual(['split']);
    // One slice that no doubling would spread.
    const shares = Array.from({ length: 16 }, (_, i) => (i === 3 ? 0.95 : 0.05 / 15));
    expect(planOf({ shards: even(8, { now: 400, foreseen: 800, shares }), workers }).actions).toEqual([]);
  });

  it('never resizes where ranges are not equal, and says so', () => {
    const ranges = slicesOf(WHOLE_RANGE, 8);
    const at = ranges[1]!.startingHashKey + widthOf(ranges[1]!) / 10n;
    const shards = rising.shards.map((shard, i) => ({
      ...shard,
      range: i === 0 ? { ...ranges[0]!, endingHashKey: at - 1n } : i === 1 ? { ...ranges[1]!, startingHashKey: at } : ranges[i]!,
    }));
    const plan = planOf({ ...rising, shards });
    expect(kindsOf(plan)).toEqual(['split']);
    expect(holdOf(plan, 'uneven-layout')).toMatch(/^8 splits would take 24 min; .*; not resized: its ranges are not equal, and/);
  });

  it('never resizes a stream with protected keys, nor where the policy forbids it', () => {
    const protectedRanges = [{ startingHashKey: '0', endingHashKey: '5', reason: 'pinned by the ledger' }];
    expect(holdOf(planOf({ ...rising, policy: { protectedRanges } }), 'protected-range')).toContain('pinned by the ledger');
    expect(kindsOf(planOf({ ...rising, policy: { allowResize: false } }))).toEqual(['split']);
  });

  it('keeps to the day’s ten calls, with one kept for what is there already and half of them for growing', () => {
    const following = (calls: number, spec: WorldSpec = rising) =>
      planOf(spec, { resizesAtMs: Array.from({ length: calls }, (_, i) => NOW - (i + 2) * HOUR) });
    expect(kindsOf(following(8))).toEqual(['resize']);
    expect(kindsOf(following(9))).toEqual(['split']);
    expect(holdOf(following(9), 'resize-budget')).toMatch(
      /not resized: 9 of 10 calls of UpdateShardCount in 24 hours are used, and 1 are kept for emergencies\.$/,
    );
    const hot = { ...rising, shards: even(8, { now: 800 }) };
    expect(following(9, hot).actions[0]).toMatchObject({ kind: 'resize', trigger: 'reactive' });
    expect(kindsOf(following(10, hot))).toEqual(['split']);
    const cold = { shards: even(8, { now: 50 }), workers };
    expect(kindsOf(following(4, cold))).toEqual(['resize']);
    expect(kindsOf(following(5, cold))).toEqual(['merge']);
  });

  it('shrinks a whole stream that is cold, by two shards at the least, never below half nor below the minimum', () => {
    const to = (count: number, now: number, policy: WorldSpec['policy'] = {}) => {
      const [action] = planOf({ shards: even(count, { now }), workers, policy }).actions;
      return action?.kind === 'resize' ? action.targetCount : action?.kind;
    };
    expect(to(8, 50)).toBe(4);
    expect(to(8, 174)).toBe(4);
    expect(to(16, 180)).toBe(12);
    expect(to(7, 50)).toBe(4);
    expect(to(3, 50)).toBe('merge');
    expect(to(16, 50, { minShards: 9 })).toBe(12);
    expect(to(16, 50, { minShards: 13 })).toBe('merge');
    expect(to(8, 300)).toBeUndefined();
    const plan = planOf({ shards: even(8, { now: 50 }), workers });
    expect(plan.actions[0]?.reason).toBe(
      '4 merges would take 72 min; after one resize of 8 shards to 4 each still stays at or below 10 %, which saves $43.80 a month.',
    );
    expect(kindsOf(planOf({ shards: even(8, { now: 50, recentPeak: 400 }), workers }))).toEqual([]);
    expect(kindsOf(planOf({ shards: even(8, { now: 50, recentPeak: null }), workers }))).toEqual([]);
    const lately = operationOf({ kind: 'split', status: 'succeeded', endedAtMs: NOW - 60_000 });
    expect(kindsOf(planOf({ shards: even(8, { now: 50 }), workers, operations: [lately] }))).toEqual([]);
  });

  it('waits with every reshard while one resize later is enough', () => {
    const shards = even(8, { now: 400, foreseen: [400, 690, 1000, 1000, 1000] });
    const quick = { ...NO_LEAD_TIMES, reshardSec: 180, resizeSec: 60, samples: 3 };
    const plan = planOf({ shards, workers }, {}, quick);
    expect(plan.leadTimeSec).toBe(8 * 180 + 30 + 120);
    expect(plan.actions).toEqual([]);
    expect(holdOf(plan, 'too-early')).toMatch(
      /not resized: no shard passes its target within 3 min, which is all that it needs\.$/,
    );
  });

  it('waits for a handover under way where there is time, and splits where there is none', () => {
    const handover = {
      id: 'h',
      phase: 'pausing' as const,
      source: 'w1',
      target: 'w2',
      epoch: 4,
      pauseBudgetMs: 1,
      requestedAtMs: NOW,
    };
    const busy = (foreseen: number | readonly number[]) =>
      planOf({
        shards: even(8, { now: 400, foreseen }).map((shard, i) => (i === 7 ? { ...shard, lease: { handover } } : shard)),
        workers,
      });
    const patient = busy([400, 690, 1000, 1000, 1000]);
    expect(patient.actions).toEqual([]);
    expect(holdOf(patient, 'plan-in-flight')).toMatch(/not resized: shardId-000000000007: handover h is pausing\.$/);
    expect(kindsOf(busy([400, 800, 800, 800, 800]))).toEqual(['split']);
  });

  it('touches nothing else in its plan, and nothing while one is under way', () => {
    const tight = [
      { workerId: 'w1', capacityRecords: 1000 },
      { workerId: 'w2', capacityRecords: 90_000 },
    ];
    expect(kindsOf(planOf({ ...rising, workers: tight }))).toEqual(['resize']);
    const running = operationOf({ kind: 'resize', status: 'running', shardId: '*' });
    const beside = planOf({ ...rising, workers: tight, operations: [running] });
    expect(beside.actions).toEqual([]);
    expect(holdOf(beside, 'stream-busy')).toContain('resize op-1 is running');
  });

  it('shrinks to the fewest shards that stay cold, for half an hour more than the queue takes, or that are enough by cost', () => {
    const to = (shard: Partial<ShardSpec> & { now: number }, policy: WorldSpec['policy'] = {}) => {
      const [action] = planOf({ shards: even(8, shard), workers, policy }).actions;
      return action?.kind === 'resize' ? action.targetCount : action?.kind;
    };
    expect([175, 200, 262, 263].map((now) => to({ now }))).toEqual([6, 6, 6, undefined]);
    expect(to({ now: 100, foreseen: [100, 100, 100, 100, 400] })).not.toBe(4);
    const lean = { throttledToIdle: 100, targetUtilization: 0.99, coldUtilization: 0.35, allowResize: true };
    expect([to({ now: 300 }), to({ now: 300 }, lean), to({ now: 300, recentPeak: 500 }, lean)]).toEqual([undefined, 4, 6]);
    const blind = even(8, { now: 50 }).map((shard, i) => (i === 5 ? { ...shard, recentPeak: null } : shard));
    expect(kindsOf(planOf({ shards: blind, workers }))).toEqual(['merge']);
  });

  it('has to be twice as fast as the splits where a shard is too full already', () => {
    const hot = (resizeSec: number, shards = even(8, { now: 800 })) =>
      kindsOf(planOf({ shards, workers }, {}, { ...NO_LEAD_TIMES, reshardSec: 30, resizeSec, samples: 3 }));
    expect([hot(120), hot(121)]).toEqual([['resize'], ['split']]);
    // One of them is enough for that.
    const [first, ...others] = even(8, { now: 400, foreseen: 800 });
    expect(hot(121, [{ ...first!, now: 710, foreseen: 800 }, ...others])).toEqual(['split']);
  });

  it('counts no more splits than the policy lets there be', () => {
    expect(kindsOf(planOf({ ...rising, policy: { maxShards: 10 } }))).toEqual(['split']);
    expect(kindsOf(planOf({ ...rising, policy: { maxShards: 11 } }))).toEqual(['resize']);
  });

  it('costs money that the policy has', () => {
    expect(kindsOf(planOf({ ...rising, policy: { budgetUsdPerMonth: 109.51 } }))).toEqual(['resize']);
    expect(holdOf(planOf({ ...rising, policy: { budgetUsdPerMonth: 109.49 } }), 'money-budget')).toContain(
      'costs $87.60 a month, this would add $21.90',
    );
  });

  it('leaves equal ranges within the bounds and the API’s limits, and rests after them, for every even load', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 1, max: 1400, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 20, max: 60 }),
        (count, foreseen, minShards, maxShards) => {
          const now = Math.min(foreseen, 690);
          const spec = { shards: even(count, { now, foreseen }), workers, policy: { minShards, maxShards, mergeCooldownSec: 0 } };
          const plan = planOf(spec);
          const [action] = plan.actions;
          if (action?.kind !== 'resize') return;
          const { targetCount: to } = action;
          expect(kindsOf(plan)).toEqual(['resize']);
          expect(to).toBeGreaterThanOrEqual(Math.max(Math.ceil(count / 2), Math.min(minShards, to > count ? to : minShards)));
          expect(to).toBeLessThanOrEqual(Math.min(2 * count, Math.max(maxShards, count)));
          const spread = (foreseen * count) / to;
          const after = planOf({ ...spec, shards: even(to, { now: Math.min((now * count) / to, 690), foreseen: spread }) });
          // Below the minimum the stream goes on growing.
          if (to < minShards) return;
          if (to > count) expect(after.actions).toEqual([]);
          else expect(after.actions.filter((one) => one.expected.costUsdPerMonth > 0)).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is never followed by fewer shards for more load', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 24 }),
        fc.double({ min: 1, max: 1390, noNaN: true }),
        fc.double({ min: 1, max: 1.4, noNaN: true }),
        (count, load, more) => {
          const following = (foreseen: number) => {
            const [action] = planOf({ shards: even(count, { now: Math.min(foreseen, 600), foreseen }), workers }).actions;
            if (action?.kind === 'resize') return action.targetCount;
            return count + (action?.kind === 'split' ? 1 : action?.kind === 'merge' ? -1 : 0);
          };
          const higher = Math.min(load * more, 1390);
          expect(following(higher)).toBeGreaterThanOrEqual(following(load));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('resizesOf', () => {
  const { fleet } = worldOf({ shards: even(4, { now: 1 }) });

  it('counts each call of the last 24 hours once, whoever tells of it', () => {
    const resize = operationOf({ kind: 'resize', status: 'succeeded', shardId: '*', acceptedAtMs: NOW - HOUR });
    const previousPlan = {
      createdAtMs: NOW - 60_000,
      layout: layoutOf(fleet),
      resizesAtMs: [NOW - HOUR, NOW - 23 * HOUR, NOW - 24 * HOUR],
    };
    expect(resizesOf({ ...fleet, operations: [resize], previousPlan, resizesAtMs: [NOW - 2 * HOUR] }, NOW)).toEqual([
      NOW - 23 * HOUR,
      NOW - 2 * HOUR,
      NOW - HOUR,
    ]);
  });

  it('counts someone else’s change that left equal ranges, once', () => {
    const foreign = { ...fleet, previousPlan: { createdAtMs: NOW - 60_000, layout: 'another' } };
    expect(resizesOf(foreign, NOW)).toEqual([NOW]);
    expect(planOf({ shards: even(4, { now: 1 }) }, { previousPlan: foreign.previousPlan }).resizesAtMs).toEqual([NOW]);
    const later = {
      ...fleet,
      previousPlan: { createdAtMs: NOW, layout: layoutOf(fleet), foreignChangeAtMs: NOW, resizesAtMs: [NOW] },
    };
    expect(resizesOf(later, NOW + 60_000)).toEqual([NOW]);
    const [first, ...others] = fleet.stream.shards;
    const range = { ...first!.hashKeyRange, endingHashKey: first!.hashKeyRange.endingHashKey / 2n };
    const uneven = { ...fleet.stream, shards: [{ ...first!, hashKeyRange: range }, ...others].slice(0, 3) };
    expect(resizesOf({ ...foreign, stream: uneven }, NOW)).toEqual([]);
  });
});

describe('uniform layouts', () => {
  it('are told by their boundaries, give or take a thousandth of a shard', () => {
    const ranges = slicesOf(WHOLE_RANGE, 3);
    expect(isUniform(ranges)).toBe(true);
    expect(isUniform([])).toBe(false);
    const moved = (by: bigint) =>
      isUniform(ranges.map((range, i) => (i === 1 ? { ...range, startingHashKey: range.startingHashKey + by } : range)));
    const thousandth = widthOf(ranges[0]!) / 1000n;
    expect([moved(thousandth), moved(-thousandth), moved(thousandth + 1n), moved(-thousandth - 1n)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('leave each range to the shard around its middle', () => {
    const former = slicesOf(WHOLE_RANGE, 4).map((hashKeyRange, i) => ({ hashKeyRange, shardId: shardIdOf(i) }));
    const heirs = (count: number) => slicesOf(WHOLE_RANGE, count).map((range) => heirOf(range, former)?.shardId.slice(-1));
    expect(heirs(8)).toEqual(['0', '0', '1', '1', '2', '2', '3', '3']);
    expect(heirs(2)).toEqual(['1', '3']);
    expect(heirs(5)).toEqual(['0', '1', '1', '2', '3']);
    expect(heirOf(WHOLE_RANGE, [])).toBeUndefined();
  });

  it('grow and shrink in quarters within bounds', () => {
    expect(resizeCounts(8, 'grow', 1, 100)).toEqual([10, 12, 14, 16]);
    expect(resizeCounts(1, 'grow', 1, 100)).toEqual([2]);
    expect(resizeCounts(8, 'grow', 1, 13)).toEqual([10, 12]);
    expect(resizeCounts(8, 'shrink', 1, 100)).toEqual([4, 6]);
    expect(resizeCounts(5, 'shrink', 1, 100)).toEqual([3, 4]);
    expect(resizeCounts(8, 'shrink', 5, 100)).toEqual([6]);
    expect([resizeCounts(8, 'grow', 16, 16), resizeCounts(8, 'shrink', 4, 4)]).toEqual([[16], [4]]);
    expect([resizeCounts(1, 'shrink', 1, 100), resizeCounts(2, 'shrink', 1, 100)]).toEqual([[], [1]]);
  });

  it('are a split for each boundary that is new and a merge for each that goes apart, and take as long, at most five minutes', () => {
    const steps = ([from, to]: readonly [number, number]) => uniformSteps(from, to);
    expect(
      (
        [
          [4, 8],
          [8, 4],
          [4, 7],
          [6, 4],
          [3, 3],
        ] as const
      ).map(steps),
    ).toEqual([4, 4, 9, 6, 0]);
    expect([unmeasuredResizeSec(4, 7, 30), unmeasuredResizeSec(4, 7, 40), unmeasuredResizeSec(1, 2, 400)]).toEqual([
      270, 300, 400,
    ]);
  });
});
