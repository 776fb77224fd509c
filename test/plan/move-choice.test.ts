import { describe, expect, it } from 'vitest';
import type { Fleet, LeadTimes } from '../../lib/model/fleet.ts';
import type { Policy } from '../../lib/model/policy.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { NO_LEAD_TIMES, NOW, operationOf, type ShardSpec, shardIdOf, verified, type WorldSpec, worldOf } from './world.ts';

const [A, B, C] = [0, 1, 2].map(shardIdOf) as [string, string, string];
const planOf = (spec: WorldSpec, change: Partial<Fleet> = {}, leadTimes: LeadTimes = NO_LEAD_TIMES) => {
  const { fleet, forecasts, policy } = worldOf({ ...spec, policy: { maxShards: spec.shards.length, ...spec.policy } });
  return decidePlan({ ...fleet, ...change }, forecasts, policy, leadTimes, NOW);
};
const roomy = { workerId: 'w2', capacityRecords: 9000 };
const tight = (capacityRecords: number) => [{ workerId: 'w1', capacityRecords }, roomy];
const to = (workerId: string, change: Partial<NonNullable<ShardSpec['shadow']>> = {}): Pick<ShardSpec, 'shadow'> => ({
  shadow: { workerId, purpose: 'handover', requestedAtMs: NOW - 60_000, ...change },
});
const holdOf = (plan: ReturnType<typeof planOf>, subject: string) => {
  const hold = plan.holds.find((one) => one.subject === subject);
  return hold && [hold.reason, hold.detail];
};

describe('decideMoves', () => {
  it('says of a foreseen move what would be carried, by what, and what the way there takes and costs', () => {
    const plan = planOf({
      shards: [
        { now: 300, foreseen: 400 },
        { now: 300, foreseen: 500 },
      ],
      workers: tight(1000),
    });
    expect(plan.actions).toEqual([
      expect.objectContaining({
        kind: 'create-shadow',
        actionId: expect.stringMatching(/^shadow-0-/),
        trigger: 'forecast',
        purpose: 'handover',
        reason: `w1 would carry 90 % of its capacity within 6 min (quantile 0.95, now 60 %, target 70 %); ${A} (40 % of it) is to move to w2, which would then carry 4 %: its shadow comes first.`,
        expected: expect.objectContaining({
          leadTimeSec: 35,
          recordsAtRiskPerHour: 0,
          utilizationNow: 0.6,
          peakUtilization: 0.9,
        }),
      }),
    ]);
    const measured = planOf(
      {
        shards: [
          { now: 300, foreseen: 400 },
          { now: 300, foreseen: 500 },
        ],
        workers: tight(1000),
      },
      {},
      {
        ...NO_LEAD_TIMES,
        handoverSec: 12,
      },
    );
    expect(measured.actions[0]!.expected.leadTimeSec).toBe(42);
    expect(measured.actions[0]!.expected.costUsdOnce).toBeGreaterThan(measured.actions[0]!.expected.costUsdPerHour!);
  });

  it('hands over to the shadow that is ready, at its epoch, and counts no more records than the shard has', () => {
    const plan = planOf({ shards: [{ now: 900, ...to('w2', verified) }, { now: 900 }], workers: tight(1000) });
    const [action] = plan.actions;
    expect(action).toMatchObject({
      kind: 'handover',
      actionId: expect.stringMatching(/^handover-0-/),
      trigger: 'reactive',
      source: 'w1',
      target: 'w2',
      epoch: 4,
      reason: `w1 already carries 180 % of its capacity (target 70 %); ${A} (90 % of it) moves to its shadow on w2, which would then carry 10 %.`,
      expected: { leadTimeSec: 5, recordsAtRiskPerHour: 800 * 3600, breachAtMs: NOW },
    });
    const more = planOf({ shards: [{ now: 600, ...to('w2', verified) }, { now: 900 }, { now: 900 }], workers: tight(1000) });
    expect(more.actions[0]?.expected.recordsAtRiskPerHour).toBe(600 * 3600);
  });

  it('waits for a shadow that has verified nothing, for one that is busy, and after a failure', () => {
    const waiting = (shard: Partial<ShardSpec>, more: Partial<WorldSpec> = {}) => {
      const plan = planOf({ shards: [{ now: 400, ...shard }, { now: 400 }], workers: tight(1000), ...more });
      expect(plan.actions).toEqual([]);
      return holdOf(plan, A);
    };
    const because = 'w1 already carries 80 % of its capacity (target 70 %)';
    expect(waiting(to('w2'))).toEqual([
      'shadow-not-ready',
      `${because}; ${A} moves to w2 once its shadow (tracking) has verified a mark of the owner.`,
    ]);
    const failed = operationOf({ kind: 'handover', status: 'failed', endedAtMs: NOW - 30_000 });
    expect(waiting(to('w2', verified), { operations: [failed] })).toEqual([
      'plan-in-flight',
      `${because}; ${A} is to move to w2 and waits: its last move failed 30 s ago; it rests 60 s after 1 failed within the hour.`,
    ]);
    const running = operationOf({ kind: 'create-shadow' });
    expect(waiting(to('w2', verified), { operations: [running] })?.[1]).toMatch(/is to move to w2 and waits: create-shadow op-1/);
  });

  it('gives up a prepared move whose target is gone or drains, unless something is under way', () => {
    const drains = [
      { workerId: 'w1', capacityRecords: 1000 },
      { ...roomy, state: 'draining' as const },
    ];
    for (const [target, workers] of [
      ['gone', tight(1000)],
      ['w2', drains],
    ] as const) {
      const shards = [{ now: 400, ...to(target, verified) }, { now: 400 }];
      const [action] = planOf({ shards, workers }).actions;
      expect(action).toMatchObject({
        kind: 'remove-shadow',
        actionId: expect.stringMatching(/^unshadow-0-/),
        workerId: target,
        reason: `${target}, where ${A} was to move, takes no shards any more.`,
        expected: { leadTimeSec: 0, costUsdOnce: 0 },
      });
      const running = [operationOf({ kind: 'create-shadow' })];
      expect(holdOf(planOf({ shards, workers, operations: running }), A)).toEqual([
        'plan-in-flight',
        expect.stringMatching(
          `^Its shadow on ${target} is of no use, for ${target} takes no shards; it stays for now: create-shadow op-1`,
        ),
      ]);
    }
  });

  it('leaves a prepared move where another is enough, and makes no third', () => {
    const shards = [{ now: 400, ...to('w2', verified) }, { now: 300, ...to('w2', verified) }, { now: 200 }];
    const plan = planOf({ shards, workers: tight(1000) });
    expect(plan.actions.map(({ kind, shardId }) => `${kind} ${shardId}`)).toEqual([`handover ${A}`]);
    expect(holdOf(plan, B)).toEqual(['not-worth-it', `w1 stays under 70 % without the move of ${B} to w2, which was prepared.`]);
  });

  it('says that what is under way is enough where a split takes a part away', () => {
    const split = operationOf({ kind: 'split', shardId: A });
    const plan = planOf({ shards: [{ now: 600 }, { now: 200 }], workers: tight(1000), operations: [split] });
    expect(plan.actions).toEqual([]);
    expect(holdOf(plan, 'w1')).toEqual([
      'not-worth-it',
      'w1 already carries 80 % of its capacity (target 70 %); what is under way brings it to 50 %.',
    ]);
  });

  it('asks for no shadow on the word of a forecast that was often wrong, and for one when the load is there', () => {
    const distrustedProposers = [
      { trigger: 'forecast', verdict: 'distrusted', reason: 'Of 10 foreseen moves 2 were needed.' },
    ] as unknown as NonNullable<Fleet['distrustedProposers']>;
    const plan = (now: number) =>
      planOf(
        {
          shards: [
            { now, foreseen: 450 },
            { now, foreseen: 450 },
          ],
          workers: tight(1000),
        },
        { distrustedProposers },
      );
    expect(plan(300).actions).toEqual([]);
    expect(holdOf(plan(300), 'w1')).toEqual([
      'not-worth-it',
      expect.stringMatching(
        /target 70 %\); Of 10 foreseen moves 2 were needed\. No shadow is asked for before the load is there\.$/,
      ),
    ]);
    expect(plan(360).actions.map(({ kind, trigger }) => [kind, trigger])).toEqual([['create-shadow', 'reactive']]);
    const other = [{ trigger: 'reactive', verdict: 'distrusted', reason: 'x' }] as unknown as NonNullable<
      Fleet['distrustedProposers']
    >;
    const foreseen = {
      shards: [
        { now: 300, foreseen: 450 },
        { now: 300, foreseen: 450 },
      ],
      workers: tight(1000),
    };
    expect(planOf(foreseen, { distrustedProposers: other }).actions).toHaveLength(1);
  });

  it('hands on every shard of a worker that drains, and only one of a full one', () => {
    const shards = [{ now: 300 }, { now: 300 }, { now: 300 }];
    const draining = [{ workerId: 'w1', state: 'draining' as const, capacityRecords: 1000 }, roomy];
    const plan = planOf({ shards, workers: draining });
    expect(plan.actions.map(({ kind, trigger, shardId }) => [kind, trigger, shardId])).toEqual(
      [A, B, C].map((shardId) => ['create-shadow', 'reactive', shardId]),
    );
    expect(plan.actions[0]?.reason).toMatch(/^w1 drains and hands on its 3 shards; /);
    expect('breachAtMs' in plan.actions[0]!.expected).toBe(false);
    expect(planOf({ shards: [{ now: 100 }], workers: draining }).actions[0]?.trigger).toBe('request');
    expect(planOf({ shards, workers: tight(1000) }).actions).toHaveLength(1);
    expect(planOf({ shards: [{ now: 350 }, { now: 350 }], workers: tight(1000) }).actions).toEqual([]);
  });

  it('bills the consumer of the shadows once in a plan', () => {
    const policy: Partial<Policy> = { workerTargetUtilization: 0.7 };
    const draining = [{ workerId: 'w1', state: 'draining' as const, capacityRecords: 1000 }, roomy];
    const costs = planOf({ shards: [{ now: 300 }, { now: 300 }], workers: draining, policy }).actions.map(
      (a) => a.expected.costUsdOnce!,
    );
    expect(costs[0]).toBeGreaterThan(costs[1]!);
    expect(costs[0]! - costs[1]!).toBeCloseTo(0.015 * 2 * 0.25, 9);
  });

  it('relieves equally full workers in order of their ids', () => {
    const shards = ['w3', 'w3', 'w1', 'w1'].map((owner) => ({ now: 400, owner }));
    const workers = [{ workerId: 'w3', capacityRecords: 1000 }, { workerId: 'w1', capacityRecords: 1000 }, roomy];
    expect(planOf({ shards, workers }).actions.map(({ shardId }) => shardId)).toEqual([C, A]);
  });

  it('makes place for a move on a standby’s worker without room, and says what that takes', () => {
    const standby = { shadow: { workerId: 'w3', purpose: 'replication' as const, ...verified } };
    const workers = [...tight(1000), { workerId: 'w3', capacityRecords: 300 }];
    const plan = planOf({
      shards: [
        { now: 400, ...standby },
        { now: 400, ...standby },
      ],
      workers,
      policy: { minReplicationFactor: 2, maxReplicationFactor: 2 },
    });
    expect(plan.actions[0]).toMatchObject({
      kind: 'remove-shadow',
      actionId: expect.stringMatching(/^unshadow-0-/),
      reason: expect.stringMatching(
        `${A} is to move to w2: its standby on w3, which has no room for it, makes place for one there\\.$`,
      ),
      expected: { leadTimeSec: 35, costUsdOnce: 0 },
    });
  });

  it('says that nobody has room, once, and not of a worker that moves something already', () => {
    const full = [
      { workerId: 'w1', capacityRecords: 1000 },
      { workerId: 'w2', capacityRecords: 100 },
    ];
    expect(holdOf(planOf({ shards: [{ now: 400 }, { now: 400 }], workers: full }), 'w1')?.[0]).toBe('no-better-worker');
    const moving = planOf({ shards: [{ now: 300, ...to('w2') }, { now: 900 }], workers: full });
    expect(holdOf(moving, 'w1')).toBeUndefined();
  });
});
