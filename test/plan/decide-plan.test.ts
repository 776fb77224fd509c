import { describe, expect, it } from 'vitest';
import { Plan } from '../../lib/model/plan.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { NO_LEAD_TIMES, NOW, operationOf, shardIdOf, verified, type WorldSpec, worldOf } from './world.ts';

const planOf = (spec: WorldSpec, leadTimes = NO_LEAD_TIMES, nowMs = NOW) => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan(fleet, forecasts, policy, leadTimes, nowMs);
};
const reasonsOf = (spec: WorldSpec) => planOf(spec).holds.map((hold) => hold.reason);
const kindsOf = (spec: WorldSpec) => planOf(spec).actions.map((action) => action.kind);

describe('decidePlan', () => {
  it('splits before the bound passes the target, and says when that will be', () => {
    const plan = planOf({ shards: [{ now: 300, foreseen: [400, 900, 950, 950, 950] }, { now: 300 }] });
    const [split] = plan.actions;
    expect(split).toMatchObject({ kind: 'split', shardId: shardIdOf(0), trigger: 'forecast' });
    expect(split?.expected).toMatchObject({ breachAtMs: NOW + 300_000, utilizationNow: 0.3, costUsdPerMonth: 10.95 });
    expect(split?.reason).toContain('12:05 UTC');
  });

  it('states a plan that the stored schema accepts', () => {
    const plan = planOf({
      shards: [{ now: 900 }, { now: 1 }, { now: 1 }],
      workers: [{ workerId: 'w1', capacityRecords: 1000 }, { workerId: 'w2' }],
    });
    expect(() =>
      Plan.parse(JSON.parse(JSON.stringify(plan, (_, value) => (typeof value === 'bigint' ? value.toString() : value)))),
    ).not.toThrow();
    expect(plan.actions.length).toBeGreaterThan(0);
  });

  it('looks only as far ahead as the operations need', () => {
    expect(kindsOf({ shards: [{ now: 100, foreseen: [100, 100, 690, 900, 900] }] })).toEqual([]);
    const measured = { reshardSec: 700, drainSec: 50, handoverSec: 1, samples: 4 };
    const { actions, leadTimeSec, leadTimeReason } = planOf(
      { shards: [{ now: 100, foreseen: [100, 100, 690, 900, 900] }] },
      measured,
    );
    expect(actions.map((a) => a.kind)).toEqual(['split']);
    expect(leadTimeSec).toBeGreaterThanOrEqual(870);
    expect(leadTimeReason).toContain('measured over 4 operations');
  });

  it('looks further ahead when several splits must be queued', () => {
    const one = planOf({ shards: [{ now: 100, foreseen: 800 }] }).leadTimeSec;
    const four = planOf({ shards: Array.from({ length: 4 }, () => ({ now: 100, foreseen: 800 })) }).leadTimeSec;
    expect(four).toBe(one + 3 * 180);
  });

  it('never looks less far than the policy says', () => {
    const plan = planOf({ shards: [{ now: 1 }] }, { reshardSec: 1, drainSec: 1, handoverSec: 1, samples: 9 });
    expect(plan.leadTimeSec).toBe(300);
    expect(plan.leadTimeReason).toContain('minimum');
  });

  it('splits reactively what is already over target, with no forecast at all', () => {
    const plan = planOf({ shards: [{ now: 800, forecast: null }] });
    expect(plan.actions[0]).toMatchObject({ kind: 'split', trigger: 'reactive', expected: { breachAtMs: NOW } });
    expect(plan.holds.map((hold) => hold.reason)).toContain('no-forecast');
  });

  it('does not act on a forecast that is young or old', () => {
    expect(kindsOf({ shards: [{ now: 100, foreseen: 900, forecast: { status: 'not-enough-history' } }] })).toEqual([]);
    expect(kindsOf({ shards: [{ now: 100, foreseen: 900, forecast: { observedUntilMs: NOW - 600_000 } }] })).toEqual([]);
  });

  it('acts on bytes where they fill the shard first', () => {
    const plan = planOf({ shards: [{ now: 100, bytesPerRecord: 9000 }] });
    expect(plan.actions[0]).toMatchObject({ kind: 'split', trigger: 'reactive' });
    expect(plan.actions[0]?.reason).toContain('bytes');
  });

  it('acts on the quantile that the policy names', () => {
    const bounds = (x: number) => [x, x, x, x, x];
    const spec = { windowMaxQuantiles: [bounds(100), bounds(200), bounds(600), bounds(900)] };
    const records = (quantile: 0.9 | 0.95) => {
      const { fleet, forecasts, policy } = worldOf({ shards: [{ now: 100 }], policy: { actOnQuantile: quantile } });
      const changed = forecasts.map((f) => (f.metric === 'records' ? { ...f, ...spec } : f));
      return decidePlan(fleet, changed, policy, NO_LEAD_TIMES, NOW).actions.map((a) => a.kind);
    };
    expect(records(0.9)).toEqual([]);
    expect(records(0.95)).toEqual(['split']);
  });

  it('splits the most urgent shard and holds the others, with their numbers', () => {
    const plan = planOf({ shards: [{ now: 100, foreseen: 950 }, { now: 800 }, { now: 100, foreseen: 800 }] });
    expect(plan.actions.filter((a) => a.kind === 'split').map((a) => a.shardId)).toEqual([shardIdOf(1)]);
    const busy = plan.holds.filter((hold) => hold.reason === 'stream-busy');
    expect(busy.map((hold) => hold.subject)).toEqual([shardIdOf(0), shardIdOf(2)]);
    expect(busy[0]?.detail).toContain('95 %');
  });

  it('holds every split while one is under way, whichever shard it is', () => {
    const operations = [operationOf({ kind: 'split', shardId: shardIdOf(1) })];
    expect(kindsOf({ shards: [{ now: 900 }, { now: 100 }], operations })).not.toContain('split');
    expect(reasonsOf({ shards: [{ now: 900 }, { now: 100 }], operations })).toContain('stream-busy');
  });

  it('yields to a change that is not its own', () => {
    expect(reasonsOf({ shards: [{ now: 900 }], status: 'UPDATING' })).toContain('foreign-change');
    expect(reasonsOf({ shards: [{ now: 900, lease: null }] })).toContain('foreign-change');
  });

  it('leaves the shards of an on-demand stream to Kinesis', () => {
    expect(kindsOf({ shards: [{ now: 900 }], mode: 'ON_DEMAND' })).not.toContain('split');
    expect(reasonsOf({ shards: [{ now: 900 }], mode: 'ON_DEMAND' })).toContain('on-demand');
  });

  it('holds at the maximum, and splits up to the minimum', () => {
    expect(reasonsOf({ shards: [{ now: 900 }, { now: 900 }], policy: { maxShards: 2 } })).toContain('at-maximum');
    const plan = planOf({ shards: [{ now: 10 }, { now: 20 }], policy: { minShards: 3 } });
    expect(plan.actions[0]).toMatchObject({ kind: 'split', trigger: 'request', shardId: shardIdOf(1) });
  });

  it('names a single hot key and does not split it', () => {
    const shares = Array.from({ length: 16 }, (_, i) => (i === 3 ? 0.97 : 0.002));
    const plan = planOf({ shards: [{ now: 900, shares }] });
    expect(plan.actions).toEqual([]);
    expect(plan.holds[0]).toMatchObject({ reason: 'single-key', subject: shardIdOf(0) });
    expect(plan.holds[0]?.detail).toContain('97 %');
  });

  it('does not split a range that has no keys to share out', () => {
    const range = { startingHashKey: 5n, endingHashKey: 6n };
    expect(reasonsOf({ shards: [{ now: 900, range }] })).toContain('range-too-small');
  });

  it('gives one child to the owner and the other to the worker with the most room', () => {
    const plan = planOf({
      shards: [{ now: 800 }, { now: 600, owner: 'w2' }, { now: 100, owner: 'w3' }],
      workers: ['w1', 'w2', 'w3'].map((workerId) => ({ workerId })),
    });
    expect(plan.actions[0]).toMatchObject({ kind: 'split', childOwners: ['w1', 'w3'] });
  });

  it('gives both children to the only worker', () => {
    const plan = planOf({ shards: [{ now: 800 }], workers: [{ workerId: 'w1' }] });
    expect(plan.actions[0]).toMatchObject({ kind: 'split', childOwners: ['w1', 'w1'] });
  });

  it('merges the coldest neighbours, saving a shard', () => {
    const plan = planOf({ shards: [{ now: 500 }, { now: 150 }, { now: 60 }, { now: 40 }] });
    expect(plan.actions[0]).toMatchObject({
      kind: 'merge',
      shardId: shardIdOf(2),
      adjacentShardId: shardIdOf(3),
      childOwners: ['w1'],
      expected: { costUsdPerMonth: -10.95 },
    });
  });

  it('merges nothing whose forecast, recent load or history speaks against it', () => {
    const cold = { now: 50 };
    expect(kindsOf({ shards: [cold, cold] })).toEqual(['merge']);
    expect(kindsOf({ shards: [cold, { now: 50, foreseen: 400 }] })).toEqual([]);
    expect(reasonsOf({ shards: [cold, { now: 50, recentPeak: 400 }] })).toContain('not-cold-long-enough');
    expect(reasonsOf({ shards: [cold, { now: 50, recentPeak: null }] })).toContain('not-cold-long-enough');
    expect(reasonsOf({ shards: [cold, { now: 50, forecast: null }] })).toContain('no-forecast');
    expect(reasonsOf({ shards: [cold, cold], policy: { minShards: 2 } })).toContain('at-minimum');
  });

  it('merges nothing soon after a reshard, and splits all the same', () => {
    const operations = [operationOf({ kind: 'split', status: 'succeeded', endedAtMs: NOW - 300_000 })];
    expect(reasonsOf({ shards: [{ now: 50 }, { now: 50 }], operations })).toContain('cooldown');
    expect(kindsOf({ shards: [{ now: 900 }, { now: 50 }], operations })).toContain('split');
    expect(reasonsOf({ shards: [{ now: 900 }], operations, policy: { splitCooldownSec: 600 } })).toContain('cooldown');
  });

  it('does not merge shards that are not neighbours in the key space', () => {
    const range = (from: number, to: number) => ({
      startingHashKey: BigInt(from) << 120n,
      endingHashKey: (BigInt(to) << 120n) - 1n,
    });
    expect(
      kindsOf({
        shards: [
          { now: 10, range: range(0, 10) },
          { now: 600, range: range(10, 20) },
          { now: 10, range: range(20, 256) },
        ],
      }),
    ).toEqual([]);
  });

  it('does nothing on old data, without workers, in a blackout and past its budget, and says which', () => {
    const shards = [{ now: 900 }];
    expect(planOf({ shards, observedUntilMs: NOW - 301_000 }).actions).toEqual([]);
    expect(reasonsOf({ shards, observedUntilMs: NOW - 301_000 })).toEqual(['stale-data']);
    expect(reasonsOf({ shards, observedUntilMs: null })).toEqual(['stale-data']);
    expect(reasonsOf({ shards, workers: [] })).toEqual(['no-workers']);
    expect(reasonsOf({ shards, policy: { blackouts: [{ fromMs: NOW, untilMs: NOW + 1, reason: 'release' }] } })).toEqual([
      'blackout',
    ]);
    expect(kindsOf({ shards, policy: { blackouts: [{ fromMs: NOW - 1, untilMs: NOW, reason: 'over' }] } })).toEqual(['split']);
    const operations = [operationOf({ kind: 'handover', status: 'succeeded' })];
    expect(reasonsOf({ shards, operations, policy: { maxOperationsPerHour: 1 } })).toContain('operations-budget');
    const request = [operationOf({ kind: 'handover', status: 'succeeded', trigger: 'request' })];
    expect(kindsOf({ shards, operations: request, policy: { maxOperationsPerHour: 1 } })).toEqual(['split']);
  });

  it('says that there is enough capacity when nothing is to do', () => {
    const plan = planOf({ shards: [{ now: 500 }, { now: 400 }] });
    expect(plan.actions).toEqual([]);
    expect(plan.holds).toEqual([
      expect.objectContaining({ reason: 'enough-capacity', subject: 'orders', detail: expect.stringContaining('50 %') }),
    ]);
  });

  it('marks its status by the mode', () => {
    expect(
      (['observe', 'recommend', 'act'] as const).map((mode) => planOf({ shards: [{ now: 1 }], policy: { mode } }).status),
    ).toEqual(['shown', 'proposed', 'sent']);
  });

  it('names ids that fit an execution, the same for the same world', () => {
    const spec = { shards: [{ now: 900 }] };
    expect(planOf(spec)).toEqual(planOf(spec));
    expect(planOf(spec).actions[0]?.actionId).toBe(`split-0-orders-app-orders-${NOW.toString(36)}`);
    expect(planOf(spec).planId).toBe(`plan-orders-app-orders-${NOW.toString(36)}`);
  });
});

describe('decidePlan for workers', () => {
  const two = [
    { workerId: 'w1', capacityRecords: 1000 },
    { workerId: 'w2', capacityRecords: 1000 },
  ];

  it('prepares a move with a shadow before the worker is full', () => {
    const plan = planOf({
      shards: [
        { now: 300, foreseen: 500 },
        { now: 200, foreseen: 350 },
      ],
      workers: two,
    });
    expect(plan.actions).toEqual([
      expect.objectContaining({
        kind: 'create-shadow',
        purpose: 'handover',
        workerId: 'w2',
        trigger: 'forecast',
        shardId: shardIdOf(1),
      }),
    ]);
    expect(plan.actions[0]?.expected.breachAtMs).toBe(NOW + 60_000);
  });

  it('hands over once the shadow has verified', () => {
    const shards = [
      { now: 500, foreseen: 500 },
      { now: 200, foreseen: 350, shadow: { workerId: 'w2', ...verified } },
    ];
    expect(planOf({ shards, workers: two }).actions).toEqual([
      expect.objectContaining({ kind: 'handover', source: 'w1', target: 'w2', epoch: 4, shardId: shardIdOf(1) }),
    ]);
  });

  it('waits for a shadow that has verified nothing yet, and makes no second one', () => {
    const shards = [
      { now: 500, foreseen: 500 },
      { now: 200, foreseen: 350, shadow: { workerId: 'w2', state: 'requested' as const } },
    ];
    expect(kindsOf({ shards, workers: two })).toEqual([]);
    expect(reasonsOf({ shards, workers: two })).toContain('shadow-not-ready');
  });

  it('moves the smallest shard that relieves the worker', () => {
    const shards = [{ now: 580 }, { now: 250 }, { now: 150 }];
    expect(
      planOf({
        shards,
        workers: [
          { workerId: 'w1', capacityRecords: 1200 },
          { workerId: 'w2', capacityRecords: 1200 },
        ],
      }).actions[0],
    ).toMatchObject({
      kind: 'create-shadow',
      shardId: shardIdOf(2),
    });
  });

  it('moves a single shard, even if it is the biggest', () => {
    const plan = planOf({
      shards: [{ now: 600 }],
      workers: [
        { workerId: 'w1', capacityRecords: 700 },
        { workerId: 'w2', capacityRecords: 1000 },
      ],
    });
    expect(plan.actions).toEqual([
      expect.objectContaining({ kind: 'create-shadow', shardId: shardIdOf(0), workerId: 'w2', trigger: 'reactive' }),
    ]);
  });

  it('never moves where it would be no better', () => {
    const plan = planOf({ shards: [{ now: 600 }, { now: 300 }, { now: 600, owner: 'w2' }], workers: two });
    expect(plan.actions).toEqual([]);
    expect(plan.holds.find((hold) => hold.subject === 'w1')).toMatchObject({
      reason: 'no-better-worker',
      detail: expect.stringContaining('90 %'),
    });
  });

  it('leaves a shard alone that is handed over or resharded already', () => {
    const handover = {
      id: 'h1',
      phase: 'pausing' as const,
      source: 'w1',
      target: 'w2',
      epoch: 4,
      pauseBudgetMs: 1000,
      requestedAtMs: NOW,
    };
    expect(kindsOf({ shards: [{ now: 800, lease: { handover } }], workers: two })).toEqual([]);
    const reshard = { operationId: 'op-1', childOwners: ['w1', 'w2'] };
    expect(kindsOf({ shards: [{ now: 800, lease: { reshard } }], workers: two })).toEqual([]);
  });

  it('uses a standby that is there already', () => {
    const shards = [{ now: 500 }, { now: 300, shadow: { workerId: 'w2', purpose: 'replication' as const, ...verified } }];
    expect(kindsOf({ shards, workers: two, policy: { minReplicationFactor: 2, maxReplicationFactor: 2 } })).toContain('handover');
  });

  it('replaces a standby on a worker without room when another has it', () => {
    const shards = [
      { now: 400, shadow: { workerId: 'w2', purpose: 'replication' as const, ...verified } },
      { now: 400, shadow: { workerId: 'w2', purpose: 'replication' as const, ...verified } },
      { now: 600, owner: 'w2' },
    ];
    const plan = planOf({ shards, workers: [...two, { workerId: 'w3', capacityRecords: 1000 }] });
    expect(plan.actions[0]).toMatchObject({ kind: 'remove-shadow', workerId: 'w2' });
  });

  it('gives up a move whose target is dead', () => {
    const shards = [{ now: 500 }, { now: 300, shadow: { workerId: 'w9', ...verified } }];
    expect(planOf({ shards, workers: two }).actions[0]).toMatchObject({
      kind: 'remove-shadow',
      workerId: 'w9',
      shardId: shardIdOf(1),
    });
  });

  it('rests a shard whose move failed a moment ago', () => {
    const failed = (secondsAgo: number) => [
      operationOf({ kind: 'handover', status: 'failed', endedAtMs: NOW - secondsAgo * 1000 }),
    ];
    const shards = [{ now: 600 }];
    const workers = [
      { workerId: 'w1', capacityRecords: 700 },
      { workerId: 'w2', capacityRecords: 1000 },
    ];
    expect(kindsOf({ shards, workers, operations: failed(30) })).toEqual([]);
    expect(kindsOf({ shards, workers, operations: failed(61) })).toEqual(['create-shadow']);
    expect(kindsOf({ shards, workers, operations: [...failed(61), ...failed(200)] })).toEqual([]);
  });

  it('empties a draining worker', () => {
    const shards = [{ now: 10 }, { now: 20 }, { now: 30 }, { now: 500, owner: 'w2' }];
    const plan = planOf({
      shards,
      workers: [{ workerId: 'w1', state: 'draining' }, { workerId: 'w2' }],
      policy: { minShards: 4 },
    });
    expect(plan.actions.map((a) => [a.kind, a.shardId]).sort()).toEqual([0, 1, 2].map((i) => ['create-shadow', shardIdOf(i)]));
  });

  it('does not move tiny loads, whatever share of a capacity they are', () => {
    expect(kindsOf({ shards: [{ now: 0.5 }], workers: [{ workerId: 'w1', capacityRecords: 0.6 }, { workerId: 'w2' }] })).toEqual(
      [],
    );
  });
});

describe('decidePlan for replication', () => {
  const zones = [
    { workerId: 'w1', zone: 'a' },
    { workerId: 'w2', zone: 'a' },
    { workerId: 'w3', zone: 'b' },
  ];

  it('keeps a standby in another zone where the policy wants two copies', () => {
    const plan = planOf({ shards: [{ now: 400 }], workers: zones, policy: { minReplicationFactor: 2, maxReplicationFactor: 2 } });
    expect(plan.actions).toEqual([
      expect.objectContaining({ kind: 'create-shadow', purpose: 'replication', workerId: 'w3', trigger: 'replication' }),
    ]);
    expect(plan.actions[0]?.expected.costUsdPerMonth).toBeGreaterThan(10.9);
  });

  it('keeps a standby for a volatile shard, where the policy allows one', () => {
    const shards = [{ now: 400, foreseen: 650, lower: 50 }];
    const workers = ['w1', 'w2'].map((workerId) => ({ workerId, retrieval: 'polling' as const }));
    expect(kindsOf({ shards, workers, policy: { maxReplicationFactor: 2 } })).toEqual(['create-shadow']);
    // A fan-out consumer costs more than what is late while a shadow is made, unless that is very bad.
    const plan = planOf({ shards, policy: { maxReplicationFactor: 2 } });
    expect(plan.actions).toEqual([]);
    expect(plan.holds.find((hold) => hold.reason === 'not-worth-it')?.detail).toMatch(
      /^Held back: create-shadow, since what it avoids is worth \$0\.0041 an hour, and it costs \$0\.0169 an hour\. .* is volatile/,
    );
    expect(kindsOf({ shards, policy: { maxReplicationFactor: 2, criticality: 'high' } })).toEqual(['create-shadow']);
    expect(kindsOf({ shards, policy: { maxReplicationFactor: 1 } })).toEqual([]);
  });

  it('removes a standby that is not wanted any more, never a requested one', () => {
    const shadow = (purpose: 'replication' | 'request') => ({ workerId: 'w2', purpose, ...verified });
    expect(kindsOf({ shards: [{ now: 400, shadow: shadow('replication') }] })).toEqual(['remove-shadow']);
    expect(kindsOf({ shards: [{ now: 400, shadow: shadow('request') }] })).toEqual([]);
  });

  it('removes the shadow of a move that is not needed any more only after a while', () => {
    const shadow = (requestedAtMs: number) => ({ workerId: 'w2', requestedAtMs, ...verified });
    expect(kindsOf({ shards: [{ now: 400, shadow: shadow(NOW - 60_000) }] })).toEqual([]);
    expect(kindsOf({ shards: [{ now: 400, shadow: shadow(NOW - 900_000) }] })).toEqual(['remove-shadow']);
  });

  it('says when no worker is left to hold a copy', () => {
    const spec = {
      shards: [{ now: 400 }],
      workers: [{ workerId: 'w1' }],
      policy: { minReplicationFactor: 2, maxReplicationFactor: 2 } as const,
    };
    expect(reasonsOf(spec)).toContain('no-better-worker');
  });

  it('leaves half of the budget to scaling', () => {
    const policy = { minReplicationFactor: 2, maxReplicationFactor: 2, maxOperationsPerHour: 4 } as const;
    const plan = planOf({
      shards: Array.from({ length: 4 }, () => ({ now: 400 })),
      workers: [
        { workerId: 'w1', capacityRecords: 9000 },
        { workerId: 'w2', capacityRecords: 9000 },
      ],
      policy,
    });
    expect(plan.actions.filter((a) => a.kind === 'create-shadow')).toHaveLength(2);
    expect(plan.holds.filter((hold) => hold.reason === 'operations-budget')).toHaveLength(2);
  });
});
