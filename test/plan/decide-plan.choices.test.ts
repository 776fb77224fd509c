import { describe, expect, it } from 'vitest';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { NO_LEAD_TIMES, NOW, operationOf, shardIdOf, verified, type WorldSpec, worldOf } from './world.ts';

const planOf = (spec: WorldSpec) => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan(fleet, forecasts, policy, NO_LEAD_TIMES, NOW);
};
const kindsOf = (spec: WorldSpec) => planOf(spec).actions.map((action) => action.kind);
const worker = (workerId: string, capacityRecords = 1000) => ({ workerId, capacityRecords });

describe('decidePlan between reshards', () => {
  it('gives the children of a dead owner’s shard to the workers with the most room', () => {
    const plan = planOf({
      shards: [{ now: 800, owner: 'dead' }, { now: 600 }, { now: 600 }],
      workers: [worker('w1', 4000), worker('w2', 4000), worker('w3', 4000)],
    });
    expect(plan.actions[0]).toMatchObject({ kind: 'split', childOwners: expect.arrayContaining(['w2', 'w3']) });
  });

  it('lets an owner over its target keep the lighter child only', () => {
    // Most of the load is in one slice: the cut is below it, the lower child is the lighter one.
    const shares = Array.from({ length: 16 }, (_, i) => (i === 8 ? 0.7 : 0.02));
    const plan = planOf({
      shards: [
        { now: 900, shares },
        { now: 10, owner: 'w2' },
      ],
      workers: [worker('w1'), worker('w2')],
    });
    expect(plan.actions[0]).toMatchObject({ kind: 'split', childOwners: ['w1', 'w2'] });
    const roomy = planOf({
      shards: [
        { now: 900, shares },
        { now: 10, owner: 'w2' },
      ],
      workers: [worker('w1', 9000), worker('w2', 9000)],
    });
    expect(roomy.actions[0]).toMatchObject({ kind: 'split', childOwners: ['w2', 'w1'] });
  });

  it('is kept from resharding by a running split or merge, not by a running handover elsewhere', () => {
    const running = (kind: 'split' | 'merge' | 'handover') =>
      kindsOf({
        shards: [{ now: 900 }, { now: 10 }, { now: 400 }],
        operations: [operationOf({ kind, shardId: shardIdOf(2) })],
        workers: [worker('w1', 9000)],
      });
    expect(running('handover')).toEqual(['split']);
    expect(running('split')).toEqual([]);
    expect(running('merge')).toEqual([]);
  });

  it('cools down after a reshard that happened, not after a failed one nor after a handover', () => {
    const kindsAfter = (change: Parameters<typeof operationOf>[0]) =>
      kindsOf({ shards: [{ now: 50 }, { now: 50 }], operations: [operationOf({ endedAtMs: NOW - 60_000, ...change })] });
    expect(kindsAfter({ kind: 'merge', status: 'succeeded' })).toEqual([]);
    expect(kindsAfter({ kind: 'merge', status: 'failed' })).toEqual(['merge']);
    expect(kindsAfter({ kind: 'handover', status: 'succeeded' })).toEqual(['merge']);
    expect(
      kindsOf({
        shards: [{ now: 50 }, { now: 50 }],
        operations: [operationOf({ kind: 'split', status: 'succeeded', endedAtMs: NOW - 900_000 })],
      }),
    ).toEqual(['merge']);
  });

  it('merges nothing of which one half has no forecast', () => {
    expect(kindsOf({ shards: [{ now: 50 }, { now: 50, forecast: null }] })).toEqual([]);
    expect(kindsOf({ shards: [{ now: 50, forecast: null }, { now: 50 }] })).toEqual([]);
  });

  it('leaves a merged shard with the fuller half’s owner while that has room, counting what it has already', () => {
    const merged = (workers: ReturnType<typeof worker>[], lowerOwner: string) =>
      planOf({
        shards: [
          { now: 100, owner: lowerOwner },
          { now: 200, owner: 'w2' },
        ],
        workers,
      }).actions.find((a) => a.kind === 'merge');
    expect(merged([worker('w1'), worker('w2', 430)], 'w2')).toMatchObject({ childOwners: ['w2'] });
    expect(merged([worker('w1'), worker('w2', 420)], 'w1')).toMatchObject({ childOwners: ['w1'] });
  });

  it('says that there is enough capacity only where nothing is wanted', () => {
    const reasons = (spec: WorldSpec) => planOf(spec).holds.map((hold) => hold.reason);
    expect(reasons({ shards: [{ now: 900 }], policy: { maxShards: 1 }, workers: [worker('w1', 9000)] })).toEqual(['at-maximum']);
    expect(reasons({ shards: [{ now: 50 }, { now: 50 }] })).toEqual([]);
    expect(planOf({ shards: [{ now: 300 }, { now: 500 }, { now: 400 }] }).holds[0]?.detail).toContain(
      `${shardIdOf(1)}, the fullest of 3 shards`,
    );
  });

  it('acts on the newest forecast of a range, and on a shard’s own before the stream’s', () => {
    const { fleet, forecasts, policy } = worldOf({ shards: [{ now: 100 }] });
    const bounds = (value: number) => [1, 2, 3, 4].map(() => [value, value, value, value, value]);
    const variant = (value: number, issuedAtMs: number, scope: 'stream' | 'shard') => ({
      ...forecasts[0]!,
      windowMaxQuantiles: bounds(value),
      issuedAtMs,
      scope,
    });
    const kinds = (...some: ReturnType<typeof variant>[]) =>
      decidePlan(fleet, some, policy, NO_LEAD_TIMES, NOW).actions.map((a) => a.kind);
    expect(kinds(variant(900, NOW, 'shard'), variant(100, NOW - 1, 'shard'))).toEqual(['split']);
    expect(kinds(variant(100, NOW - 1, 'shard'), variant(900, NOW, 'stream'))).toEqual(['split']);
    expect(kinds(variant(900, NOW, 'shard'), variant(100, NOW, 'stream'))).toEqual(['split']);
    expect(kinds(variant(100, NOW, 'shard'), variant(900, NOW, 'stream'))).toEqual([]);
  });
});

describe('decidePlan between moves', () => {
  it('never hands a shard over to its own owner, and removes a shadow that stands there', () => {
    const plan = planOf({
      shards: [{ now: 800, shadow: { workerId: 'w1', ...verified } }],
      workers: [worker('w1'), worker('w2', 9000)],
      policy: { maxShards: 1 },
    });
    expect(plan.actions.map((a) => a.kind)).toEqual(['remove-shadow']);
  });

  it('prefers a shard that relieves over one whose shadow is ready and that does not', () => {
    const plan = planOf({
      shards: [{ now: 600 }, { now: 100, shadow: { workerId: 'w2', purpose: 'replication', ...verified } }, { now: 290 }],
      workers: [worker('w1', 1100), worker('w2')],
      policy: { minReplicationFactor: 2, maxReplicationFactor: 2 },
    });
    expect(plan.actions[0]).toMatchObject({ kind: 'create-shadow', shardId: shardIdOf(2), purpose: 'handover' });
  });

  it('moves the biggest shard that fits where none relieves alone', () => {
    const shards = [{ now: 500 }, { now: 450 }, { now: 400 }];
    expect(planOf({ shards, workers: [worker('w1', 900), worker('w2', 660)] }).actions[0]).toMatchObject({
      shardId: shardIdOf(1),
    });
  });

  it('relieves the fullest worker first, and counts what a target was given for the others', () => {
    const shards = [
      { now: 400, owner: 'w1' },
      { now: 380, owner: 'w1' },
      { now: 450, owner: 'w2' },
      { now: 390, owner: 'w2' },
    ];
    const plan = planOf({ shards, workers: [worker('w1'), worker('w2'), worker('w3', 600)] });
    expect(plan.actions.map((a) => a.shardId)).toEqual([shardIdOf(3)]);
    expect(plan.holds.find((hold) => hold.subject === 'w1')?.reason).toBe('no-better-worker');
  });

  it('foresees a worker that will be full by its bytes', () => {
    const plan = planOf({
      shards: [{ now: 50, foreseen: [50, 80, 80, 80, 80], bytesPerRecord: 10_000 }],
      workers: [{ ...worker('w1'), capacity: { recordsPerSec: 9000, bytesPerSec: 1_000_000 } }, worker('w2', 5000)],
      policy: { targetUtilization: 0.95 },
    });
    expect(plan.actions[0]).toMatchObject({
      kind: 'create-shadow',
      trigger: 'forecast',
      expected: { breachAtMs: NOW + 300_000 },
    });
  });

  it('asks the price of a consumer for the stream’s first shadow only', () => {
    const cost = (shadow: boolean) =>
      planOf({
        shards: [
          { now: 500 },
          { now: 300 },
          { now: 400, owner: 'w3', ...(shadow ? { shadow: { workerId: 'w2', purpose: 'request' as const, ...verified } } : {}) },
        ],
        workers: [worker('w1'), worker('w2'), worker('w3')],
      }).actions[0]?.expected.costUsdPerMonth ?? 0;
    expect(cost(false) - cost(true)).toBeCloseTo(0.015 * 3 * 0.25, 6);
  });

  it('starts five standbys at most in a plan, and says where each stands', () => {
    const policy = { minReplicationFactor: 2, maxReplicationFactor: 2 } as const;
    const shards = Array.from({ length: 7 }, () => ({ now: 400 }));
    expect(kindsOf({ shards, workers: [worker('w1', 9000), worker('w2', 9000)], policy })).toHaveLength(5);
    const reason = (zone: string) =>
      planOf({ shards: [{ now: 400 }], workers: [worker('w1'), { ...worker('w2'), zone }], policy }).actions[0]?.reason;
    expect(reason('b')).toContain('in another zone (b): the policy wants a replication factor of 2');
    expect(reason('a')).toContain('in a, the owner’s zone');
  });
});
