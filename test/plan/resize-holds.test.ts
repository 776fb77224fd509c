import { describe, expect, it } from 'vitest';
import type { Fleet, LeadTimes } from '../../lib/model/fleet.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { NO_LEAD_TIMES, NOW, operationOf, type ShardSpec, shardIdOf, type WorldSpec, worldOf } from './world.ts';

const planOf = (spec: WorldSpec, leadTimes: LeadTimes = NO_LEAD_TIMES, change: Partial<Fleet> = {}) => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan({ ...fleet, ...change }, forecasts, policy, leadTimes, NOW);
};
const even = (count: number, shard: ShardSpec): ShardSpec[] => Array.from({ length: count }, () => shard);
const workers = [{ workerId: 'w1', capacityRecords: 90_000 }];
const rising = { shards: even(8, { now: 400, foreseen: 800 }), workers };
const cold = { shards: even(8, { now: 50 }), workers };
const heldOf = (plan: ReturnType<typeof planOf>) => {
  const hold = plan.holds.find(({ subject, detail }) => subject === 'orders' && detail.includes('not resized'));
  return hold && [hold.kind, hold.reason, hold.detail.split('; not resized: ')[1]];
};
const kindsOf = (plan: ReturnType<typeof planOf>) => plan.actions.map(({ kind }) => kind);

describe('a resize that is held', () => {
  it('names protected keys, and the calls that are kept', () => {
    const protectedRanges = [{ startingHashKey: '0', endingHashKey: '5', reason: 'ledger' }];
    expect(heldOf(planOf({ ...rising, policy: { protectedRanges } }))).toEqual([
      'hold',
      'protected-range',
      'the policy protects hash keys: ledger.',
    ]);
    const called = (calls: number) => ({ resizesAtMs: Array.from({ length: calls }, (_, i) => NOW - (i + 2) * 3_600_000) });
    expect(heldOf(planOf(cold, NO_LEAD_TIMES, called(5)))).toEqual([
      'hold',
      'resize-budget',
      '5 of 10 calls of UpdateShardCount in 24 hours are used, and 5 are kept for growing.',
    ]);
    expect(heldOf(planOf({ ...rising, shards: even(8, { now: 800 }) }, NO_LEAD_TIMES, called(10)))).toEqual([
      'hold',
      'resize-budget',
      '10 of 10 calls of UpdateShardCount in 24 hours are used.',
    ]);
  });

  it('names the cool-down of its own direction, over when it is over', () => {
    const resting = (spec: WorldSpec, agoSec: number) =>
      heldOf(
        planOf({ ...spec, operations: [operationOf({ kind: 'split', status: 'succeeded', endedAtMs: NOW - agoSec * 1000 })] }),
      );
    const slow = { ...rising, policy: { splitCooldownSec: 120 } };
    expect(resting(slow, 119)).toEqual(['hold', 'cooldown', 'the last reshard was 119 s ago, splitCooldownSec is 120.']);
    expect(resting(slow, 120)).toBeUndefined();
    expect(resting(cold, 60)).toEqual(['hold', 'cooldown', 'the last reshard was 60 s ago, mergeCooldownSec is 900.']);
  });

  it('waits for a lease that no worker has taken yet, and not for ever', () => {
    const without = (foreseen: number | readonly number[]) =>
      planOf({ ...rising, shards: [...even(7, { now: 400, foreseen }), { now: 400, foreseen, lease: null }] });
    const patient = without([400, 690, 1000, 1000, 1000]);
    expect(heldOf(patient)).toEqual(['hold', 'foreign-change', `no worker has taken the lease of ${shardIdOf(7)} yet.`]);
    expect(kindsOf(patient)).toEqual([]);
    expect(kindsOf(without([400, 800, 800, 800, 800]))).toEqual(['split']);
    const hot = planOf({ ...rising, shards: [...even(7, { now: 800 }), { now: 800, lease: null }] });
    expect(kindsOf(hot)).toEqual(['split']);
  });

  it('costs more than it avoids where throttled records are cheap, with both numbers, and splits are weighed for themselves', () => {
    const weighed = (now: number, policy: WorldSpec['policy']) =>
      planOf({ ...rising, shards: even(8, { now, foreseen: 800 }), policy: policy! });
    const cheap = { throttledUsdPerMillion: 0.01 };
    expect(kindsOf(weighed(400, cheap))).toEqual([]);
    // 8 × 0.4 × (800 − 700) / 700 shards' worth of 1,000 records a second.
    expect(heldOf(weighed(400, cheap))).toEqual([
      'hold',
      'not-worth-it',
      expect.stringMatching(/^what it avoids is worth \$0\.0165 an hour, and it costs \$0\.0300 an hour and \$0\.\d+ once\.$/),
    ]);
    expect(kindsOf(weighed(400, { throttledUsdPerMillion: 0.03 }))).toEqual(['resize']);
    // What is there already is met, whatever it costs.
    expect(kindsOf(weighed(710, cheap))).toEqual(['resize']);
    // Where the policy sizes by cost, the size has been weighed already.
    expect(
      kindsOf(planOf({ ...rising, shards: even(8, { now: 400, foreseen: 1500 }), policy: { throttledToIdle: 100 } })),
    ).toEqual(['resize']);
  });

  it('never resizes what Kinesis sizes itself', () => {
    expect(heldOf(planOf({ ...rising, mode: 'ON_DEMAND' }))).toBeUndefined();
  });
});

describe('what a resize is expected to do', () => {
  const expectedOf = (spec: WorldSpec, leadTimes?: LeadTimes) => {
    const [action] = planOf(spec, leadTimes).actions;
    expect(action?.kind).toBe('resize');
    return action!.expected;
  };

  it('is what the fullest shard comes to, when, what its shards cost and what that is worth', () => {
    const shards = [
      ...even(7, { now: 400, foreseen: [400, 800, 800, 800, 800] }),
      { now: 450, foreseen: [450, 1200, 1200, 1200, 1200] },
    ];
    const expected = expectedOf({ ...rising, shards });
    expect(expected).toMatchObject({ utilizationNow: 0.45, peakUtilization: 1.2, breachAtMs: NOW + 300_000, leadTimeSec: 300 });
    expect(expected.recordsAtRiskPerHour).toBe(200 * 3600);
    expect(expected.costUsdPerHour).toBeCloseTo(6 * 0.015, 9);
    expect(expected.costUsdPerMonth).toBeCloseTo(6 * 10.95);
    expect(expected.costUsdOnce).toBeGreaterThan(0);
    // What exceeds the target for 0.4 of the time, each record worth a hundred idle ones: of seven 100 of 700, of one 500.
    expect(expected.benefitUsdPerHour).toBeCloseTo(100 * 0.4 * ((7 * 100 + 500) / 700) * 0.015, 6);
    expect(expected.lagAvoidedSec).toBeCloseTo(0.2 * planOf({ ...rising, shards }).leadTimeSec, 6);
  });

  it('is reactive where one shard is too full already, and saves without a breach where it shrinks', () => {
    const shards = [...even(7, { now: 400, foreseen: 1500 }), { now: 710, foreseen: 1500 }];
    expect(planOf({ ...rising, shards }).actions[0]).toMatchObject({
      kind: 'resize',
      trigger: 'reactive',
      expected: { breachAtMs: NOW },
    });
    const [shrunk] = planOf(cold).actions;
    expect(shrunk).toMatchObject({
      kind: 'resize',
      actionId: expect.stringMatching(/^resize-4-orders-app/),
      trigger: 'forecast',
    });
    expect(shrunk!.expected).toMatchObject({
      benefitUsdPerHour: 0,
      costUsdPerHour: expect.closeTo(-0.06),
      recordsAtRiskPerHour: 0,
    });
    expect('breachAtMs' in shrunk!.expected).toBe(false);
  });

  it('begins as late as it may, by what a drain takes', () => {
    const shards = even(8, { now: 400, foreseen: [400, 690, 1000, 1000, 1000] });
    const early = (drainSec: number | null) =>
      heldOf(planOf({ shards, workers }, { ...NO_LEAD_TIMES, reshardSec: 180, resizeSec: 60, drainSec, samples: 3 }))?.[2];
    expect(early(null)).toBe('no shard passes its target within 3 min, which is all that it needs.');
    expect(early(100)).toBe('no shard passes its target within 5 min, which is all that it needs.');
    expect(early(400)).toBeUndefined();
  });
});
