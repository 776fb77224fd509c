import { describe, expect, it } from 'vitest';
import type { Plan } from '../../lib/model/plan.ts';
import type { Policy } from '../../lib/model/policy.ts';
import { whyNotApprovable } from '../../lib/plan/approval.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { NO_LEAD_TIMES, NOW, type WorldSpec, worldOf } from './world.ts';

const MINUTE_MS = 60_000;
const workers = [{ workerId: 'w1', capacityRecords: 9000 }];
const proposed = (spec: Partial<WorldSpec> = {}) => {
  const { fleet, forecasts, policy } = worldOf({ shards: [{ now: 900 }, { now: 300 }], workers, ...spec });
  const recommending: Policy = { ...policy, mode: 'recommend', minShards: 2, maxShards: 3 };
  return { plan: decidePlan(fleet, forecasts, recommending, NO_LEAD_TIMES, NOW), policy: recommending };
};
const { plan, policy } = proposed();
const answer = (change: Partial<Plan> = {}, newest: Partial<Plan> = {}, given: Partial<Policy> = {}, nowMs = NOW + MINUTE_MS) =>
  whyNotApprovable({ ...plan, ...change }, { ...plan, planId: 'later', ...newest }, { ...policy, ...given }, nowMs);

describe('whyNotApprovable', () => {
  it('lets a split be approved while the world is as it was', () => {
    expect(plan.actions.map(({ kind }) => kind)).toEqual(['split']);
    expect(answer()).toBeNull();
  });

  it('ends after a quarter of an hour', () => {
    expect(answer({}, {}, {}, NOW + 15 * MINUTE_MS)).toBeNull();
    expect(answer({}, {}, {}, NOW + 16 * MINUTE_MS)).toEqual({
      error: 'PlanTooOld',
      detail: `plan ${plan.planId} is 16 minutes old, allowed are 15; approve a newer one`,
    });
  });

  it('ends with the shards that it was made for', () => {
    expect(answer({}, { layout: 'other' })).toMatchObject({
      error: 'WorldChanged',
      detail: expect.stringContaining(`plan ${plan.planId} was made for other shards than plan later found`),
    });
  });

  it('ends where the stream is only observed by now: by the breaker, its policy or an override that lasts', () => {
    const detail = expect.stringContaining('stream orders is only observed by now');
    expect(answer({}, { mode: 'observe' })).toEqual({ error: 'OnlyObserving', detail });
    expect(answer({}, {}, { mode: 'observe' })?.error).toBe('OnlyObserving');
    const override = { untilMs: NOW + 5 * MINUTE_MS, reason: 'incident', mode: 'observe' as const };
    expect(answer({}, {}, { override })?.error).toBe('OnlyObserving');
    expect(answer({}, {}, { override }, NOW + 6 * MINUTE_MS)).toBeNull();
  });

  it('ends in a blackout that began since', () => {
    const blackouts = [{ fromMs: NOW + MINUTE_MS, untilMs: NOW + 9 * MINUTE_MS, reason: 'release' }];
    expect(answer({}, {}, { blackouts })).toEqual({
      error: 'HeldBack',
      detail: `the policy’s blackout lasts until 2026-11-21T12:09:00.000Z: release; plan ${plan.planId} is void`,
    });
    expect(answer({}, {}, { blackouts }, NOW + 9 * MINUTE_MS)).toBeNull();
  });

  it('ends when a newer plan holds everything, not when it holds one shard', () => {
    const hold = (reason: 'stale-data' | 'circuit-open' | 'no-workers' | 'cooldown') => ({
      holds: [{ kind: 'hold' as const, subject: 'orders', reason, detail: 'as the test says' }],
    });
    for (const reason of ['stale-data', 'circuit-open', 'no-workers'] as const)
      expect(answer({}, hold(reason))).toEqual({
        error: 'HeldBack',
        detail: `plan later holds everything since (${reason}): as the test says`,
      });
    expect(answer({}, hold('cooldown'))).toBeNull();
    expect(answer(hold('stale-data'), { ...hold('stale-data'), planId: plan.planId })).toBeNull();
  });

  it('ends when the policy’s bounds were drawn closer than it leads', () => {
    expect(answer({}, {}, { maxShards: 2 })).toEqual({
      error: 'OutsideOfPolicy',
      detail: `plan ${plan.planId} leads from 2 shards to 3, and the policy allows 2 to 2 by now`,
    });
    const merge = proposed({ shards: [{ now: 50 }, { now: 50 }, { now: 500 }] });
    expect(merge.plan.actions.map(({ kind }) => kind)).toEqual(['merge']);
    const merging = (given: Partial<Policy>) =>
      whyNotApprovable(merge.plan, merge.plan, { ...merge.policy, ...given }, NOW)?.error;
    expect([merging({}), merging({ minShards: 3 })]).toEqual([undefined, 'OutsideOfPolicy']);
    // What leads towards the bounds from outside is no breach of them.
    expect(merging({ minShards: 1, maxShards: 1 })).toBeUndefined();
    const resize = {
      ...plan.actions[0],
      kind: 'resize' as const,
      fromCount: 2,
      targetCount: 4,
      layout: '',
    } as Plan['actions'][number];
    expect([answer({ actions: [resize] })?.error, answer({ actions: [resize] }, {}, { maxShards: 4 })]).toEqual([
      'OutsideOfPolicy',
      null,
    ]);
  });

  it('fails on what was not proposed, and on a plan that proposes nothing', () => {
    expect(answer({ status: 'sent' })?.detail).toBe(
      `plan ${plan.planId} is sent (mode recommend); only a proposed plan can be approved`,
    );
    expect(answer({ actions: [] })).toEqual({
      error: 'NothingProposed',
      detail: `plan ${plan.planId} proposes nothing: it holds for ${plan.holds.length} reasons`,
    });
    expect(answer({ actions: [], workerCountChange: { from: 1, to: 2, reason: 'load' } })).toBeNull();
  });
});
