import { describe, expect, it } from 'vitest';
import type { Fleet } from '../../lib/model/fleet.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { NO_LEAD_TIMES, NOW, operationOf, type ShardSpec, shardIdOf, verified, type WorldSpec, worldOf } from './world.ts';

const planOf = (spec: WorldSpec, change: Partial<Fleet> = {}) => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan({ ...fleet, ...change }, forecasts, policy, NO_LEAD_TIMES, NOW);
};
const kindsOf = (spec: WorldSpec) => planOf(spec).actions.map(({ kind }) => kind);
const workers = ['w1', 'w2'].map((workerId) => ({ workerId, capacityRecords: 9000 }));
const service = { cluster: 'c', service: 's', minWorkers: 2, maxWorkers: 6, growCooldownSec: 120, shrinkCooldownSec: 900 };

describe('decidePlan within its money', () => {
  const hot: ShardSpec = { now: 900 };

  it('takes what just fits, and holds what would pass it with what it costs now and then', () => {
    const hold = (budgetUsdPerMonth: number) =>
      planOf({ shards: [hot, { now: 300 }], workers, policy: { budgetUsdPerMonth } }).holds.find(
        (one) => one.reason === 'money-budget',
      );
    expect(hold(3 * 10.95)).toBeUndefined();
    expect(hold(3 * 10.95 - 0.01)).toEqual({
      kind: 'hold',
      subject: shardIdOf(0),
      reason: 'money-budget',
      detail: expect.stringMatching(
        /^The stream costs \$21\.90 a month, this would add \$10\.95, and budgetUsdPerMonth is \$32\.84; held back: split\. shardId-000000000000 already takes 90 %/,
      ),
    });
  });

  it('holds standbys by it, one by one, and neither moves nor what saves money', () => {
    const standbys = (budgetUsdPerMonth: number) =>
      kindsOf({
        shards: [{ now: 400 }, { now: 400 }, { now: 400 }],
        workers,
        policy: { minReplicationFactor: 2, maxReplicationFactor: 2, budgetUsdPerMonth },
      }).length;
    expect([standbys(32.85), standbys(60), standbys(1000)]).toEqual([0, expect.any(Number), 3]);
    const costs = planOf({
      shards: [{ now: 400 }, { now: 400 }, { now: 400 }],
      workers,
      policy: { minReplicationFactor: 2, maxReplicationFactor: 2 },
    }).actions.map((action) => action.expected.costUsdPerMonth);
    const enoughForTwo = 32.85 + costs[0]! + costs[1]! + costs[2]! / 2;
    expect(standbys(enoughForTwo)).toBe(2);
    expect(kindsOf({ shards: [{ now: 50 }, { now: 50 }], workers, policy: { budgetUsdPerMonth: 1 } })).toEqual(['merge']);
    const tight = [{ workerId: 'w1', capacityRecords: 700 }, workers[1]!];
    expect(kindsOf({ shards: [{ now: 300 }, { now: 300 }], workers: tight, policy: { budgetUsdPerMonth: 1 } })).toEqual([
      'create-shadow',
    ]);
  });
});

describe('decidePlan within its operations per hour', () => {
  const two = { minReplicationFactor: 2, maxReplicationFactor: 2 } as const;
  const past = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      operationOf({
        operationId: `old-${i}`,
        kind: 'create-shadow',
        shardId: 'elsewhere',
        status: 'succeeded',
        endedAtMs: NOW - 60_000,
      }),
    );

  it('keeps half of them from standbys, and names what is left', () => {
    const shards = Array.from({ length: 4 }, () => ({ now: 400 }));
    const plan = planOf({ shards, workers, policy: { ...two, maxOperationsPerHour: 7 }, operations: past(2) });
    expect(plan.actions).toHaveLength(2);
    expect(plan.holds.find(({ reason }) => reason === 'operations-budget')).toEqual({
      kind: 'hold',
      subject: shardIdOf(2),
      reason: 'operations-budget',
      detail: expect.stringMatching(
        /^Of 7 operations an hour 3 are left, and 3 are kept for scaling; held back: create-shadow\. shardId-000000000002 gets a standby/,
      ),
    });
  });

  it('names what is left for scaling, which keeps nothing, and never a negative rest', () => {
    const detail = (operations: number) =>
      planOf({ shards: [{ now: 900 }], workers, policy: { maxOperationsPerHour: 2 }, operations: past(operations) }).holds.find(
        ({ reason }) => reason === 'operations-budget',
      )?.detail;
    expect(detail(1)).toBeUndefined();
    expect(detail(2)).toMatch(/^Of 2 operations an hour 0 are left; held back: split\. shardId/);
    expect(detail(5)).toMatch(/^Of 2 operations an hour 0 are left; held back/);
  });

  it('never rations what takes a shadow away', () => {
    const standby = { workerId: 'w2', purpose: 'replication' as const, ...verified };
    const shards = [{ now: 400, shadow: standby }, { now: 400, shadow: standby }, { now: 900 }];
    expect(kindsOf({ shards, workers, policy: { maxOperationsPerHour: 1 } })).toEqual([
      'split',
      'remove-shadow',
      'remove-shadow',
    ]);
  });
});

describe('decidePlan as a whole', () => {
  it('acts once on a shard: what is reshard is neither moved nor given a standby', () => {
    const two = { minReplicationFactor: 2, maxReplicationFactor: 2 } as const;
    const subjects = (shards: ShardSpec[]) =>
      planOf({ shards, workers, policy: two }).actions.map(({ kind, shardId }) => `${kind} ${Number(shardId.slice(-2))}`);
    expect(subjects([{ now: 900 }, { now: 400 }])).toEqual(['split 0', 'create-shadow 1']);
    expect(subjects([{ now: 50 }, { now: 50 }, { now: 400 }])).toEqual(['merge 0', 'create-shadow 2']);
    const tight = [{ workerId: 'w1', capacityRecords: 1000 }, workers[1]!];
    const moved = planOf({ shards: [{ now: 400 }, { now: 390 }], workers: tight, policy: two }).actions.map((one) => one.shardId);
    expect(new Set(moved).size).toBe(moved.length);
  });

  it('never merges beside a split', () => {
    expect(kindsOf({ shards: [{ now: 900 }, { now: 50 }, { now: 50 }], workers })).toEqual(['split']);
  });

  it('leaves everything out that a guard forbids, the workers’ service too, and observes while the circuit is open', () => {
    const seen = { workerService: { kind: 'known', desiredCount: 1, runningCount: 1 } } as const;
    const plan = (change: Partial<WorldSpec>) =>
      planOf({ shards: [{ now: 900 }], workers, policy: { workerService: service }, ...change }, seen);
    expect(plan({})).toMatchObject({
      mode: 'act',
      status: 'sent',
      workerCountChange: { from: 1, to: 2 },
      workersChangedAtMs: NOW,
    });
    expect(plan({}).actions).toHaveLength(1);
    const stale = plan({ observedUntilMs: null });
    expect([stale.actions, stale.workerCountChange, stale.workersChangedAtMs]).toEqual([[], undefined, undefined]);
    expect(stale.holds.map(({ reason }) => reason)).toEqual(['stale-data']);
    const failures = Array.from({ length: 5 }, (_, i) =>
      operationOf({ operationId: `f-${i}`, kind: 'handover', status: 'failed', endedAtMs: NOW - 1000 * i }),
    );
    expect(plan({ operations: failures })).toMatchObject({ mode: 'observe', status: 'shown' });
    const shown = plan({ policy: { workerService: service, mode: 'recommend' } });
    expect(shown).toMatchObject({ status: 'proposed', workerCountChange: { to: 2 } });
    expect('workersChangedAtMs' in shown).toBe(false);
    expect('workerCountChange' in planOf({ shards: [{ now: 300 }], workers })).toBe(false);
    expect('workersChangedAtMs' in planOf({ shards: [{ now: 300 }], workers })).toBe(false);
  });

  it('says how many shards are not foreseen, and what stays enough at exactly the target', () => {
    const details = (shards: ShardSpec[]) => planOf({ shards, workers }).holds.map(({ kind, detail }) => `${kind}: ${detail}`);
    expect(details([{ now: 300, forecast: null }, { now: 700 }])).toEqual([
      'hold: 1 of 2 shards have no usable forecast: only the load that is already there is acted on.',
      `hold: ${shardIdOf(1)}, the fullest of 2 shards, stays at or below 70 % within 6 min (target 70 %).`,
    ]);
    expect(details([{ now: 300 }, { now: 300 }])[0]).toContain(`${shardIdOf(0)}, the fullest of 2`);
    const none = planOf({ shards: [{ now: 300, closed: true }], workers });
    expect(none.holds.map(({ detail }) => detail)).toEqual(['The stream has no open shard.']);
    expect([none.shardCount, 'shardsWanted' in none, 'foreignChangeAtMs' in none]).toEqual([0, false, false]);
  });
});
