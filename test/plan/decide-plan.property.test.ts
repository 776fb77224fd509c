import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Action, Plan } from '../../lib/model/plan.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { NO_LEAD_TIMES, NOW, operationOf, type ShardSpec, shardIdOf, verified, type WorldSpec, worldOf } from './world.ts';

const planOf = (spec: WorldSpec): Plan => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan(fleet, forecasts, policy, NO_LEAD_TIMES, NOW);
};
const isReshard = (action: Action) => action.kind === 'split' || action.kind === 'merge';
const shardsOf = (action: Action) => (action.kind === 'merge' ? [action.shardId, action.adjacentShardId] : [action.shardId]);

const workerIds = ['w1', 'w2', 'w3'];
const aShadow = fc.record({
  workerId: fc.constantFrom('w1', 'w2', 'w3', 'dead'),
  purpose: fc.constantFrom('handover' as const, 'replication' as const, 'request' as const),
  state: fc.constantFrom('requested' as const, 'tracking' as const, 'diverged' as const),
  requestedAtMs: fc.constantFrom(NOW - 60_000, NOW - 900_000),
});
const aShard: fc.Arbitrary<ShardSpec> = fc
  .record({
    now: fc.double({ min: 0, max: 1500, noNaN: true }),
    growth: fc.double({ min: 0.3, max: 4, noNaN: true }),
    bytesPerRecord: fc.constantFrom(100, 1000, 5000),
    owner: fc.constantFrom('w1', 'w2', 'w3', 'dead'),
    shares: fc.option(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 }), { nil: undefined }),
    withForecast: fc.boolean(),
    shadow: fc.option(aShadow, { nil: undefined }),
    verified: fc.boolean(),
    lower: fc.double({ min: 0, max: 300, noNaN: true }),
    under: fc.constantFrom('nothing', 'nothing', 'nothing', 'handover', 'reshard', 'pending'),
  })
  .map(({ growth, withForecast, shadow, verified: proved, shares, under, ...rest }) => ({
    ...rest,
    foreseen: rest.now * growth,
    ...(withForecast ? {} : { forecast: null }),
    ...(shares === undefined ? {} : { shares }),
    ...(shadow === undefined ? {} : { shadow: { ...shadow, ...(proved ? verified : {}) } }),
    ...(under === 'handover'
      ? {
          lease: {
            handover: {
              id: 'h',
              phase: 'pausing' as const,
              source: rest.owner,
              target: 'w2',
              epoch: 4,
              pauseBudgetMs: 1,
              requestedAtMs: NOW,
            },
          },
        }
      : under === 'reshard'
        ? { lease: { reshard: { operationId: 'r', childOwners: ['w1', 'w2'] } } }
        : under === 'pending'
          ? { lease: { state: 'pending' as const } }
          : {}),
  }));
const aWorld: fc.Arbitrary<WorldSpec> = fc.record({
  shards: fc.array(aShard, { minLength: 1, maxLength: 8 }),
  workers: fc.constantFrom(1, 2, 3).chain((count) =>
    fc.tuple(
      ...workerIds.slice(0, count).map((workerId) =>
        fc.record({
          workerId: fc.constant(workerId),
          capacityRecords: fc.integer({ min: 200, max: 6000 }),
          state: fc.constantFrom('active' as const, 'active' as const, 'draining' as const),
          zone: fc.constantFrom('a', 'b'),
        }),
      ),
    ),
  ),
  operations: fc.array(
    fc
      .record({
        kind: fc.constantFrom('split' as const, 'merge' as const, 'handover' as const, 'create-shadow' as const),
        status: fc.constantFrom('running' as const, 'accepted' as const, 'succeeded' as const, 'failed' as const),
        shard: fc.integer({ min: 0, max: 7 }),
        agoSec: fc.integer({ min: 0, max: 3500 }),
      })
      .map(({ kind, status, shard, agoSec }) =>
        operationOf({
          kind,
          status,
          shardId: shardIdOf(shard),
          acceptedAtMs: NOW - agoSec * 1000,
          ...(status === 'succeeded' || status === 'failed' ? { endedAtMs: NOW - agoSec * 1000 } : {}),
        }),
      ),
    { maxLength: 3 },
  ),
  policy: fc.record({
    minShards: fc.integer({ min: 1, max: 4 }),
    maxShards: fc.integer({ min: 4, max: 9 }),
    maxReplicationFactor: fc.constantFrom(1 as const, 2 as const),
    maxOperationsPerHour: fc.integer({ min: 1, max: 20 }),
    mergeCooldownSec: fc.constantFrom(0, 900),
  }),
  status: fc.constantFrom('ACTIVE' as const, 'ACTIVE' as const, 'UPDATING' as const),
});
const forEvery = (check: (spec: WorldSpec, plan: Plan) => void) =>
  fc.assert(
    fc.property(aWorld, (spec) => {
      check(spec, planOf(spec));
    }),
    { numRuns: 400 },
  );

describe('decidePlan', () => {
  it('gives the same plan for the same world, for every world', () => {
    forEvery((spec, plan) => expect(planOf(spec)).toEqual(plan));
  });

  it('never reshards twice in a plan, nor beside a reshard under way or a stream that is not ACTIVE', () => {
    forEvery((spec, plan) => {
      const reshards = plan.actions.filter(isReshard);
      expect(reshards.length).toBeLessThanOrEqual(1);
      const running = spec.operations?.some(
        (o) => (o.kind === 'split' || o.kind === 'merge') && (o.status === 'running' || o.status === 'accepted'),
      );
      if (running || spec.status !== 'ACTIVE') expect(reshards).toEqual([]);
    });
  });

  it('never leaves the bounds of the policy', () => {
    forEvery((spec, plan) => {
      const { policy } = worldOf(spec);
      const after =
        plan.shardCount +
        plan.actions.filter((a) => a.kind === 'split').length -
        plan.actions.filter((a) => a.kind === 'merge').length;
      if (after > plan.shardCount) expect(after).toBeLessThanOrEqual(policy.maxShards);
      if (after < plan.shardCount) expect(after).toBeGreaterThanOrEqual(policy.minShards);
      const used = (spec.operations ?? []).length + plan.actions.filter((a) => a.kind !== 'remove-shadow').length;
      if (plan.actions.some((a) => a.kind !== 'remove-shadow')) expect(used).toBeLessThanOrEqual(policy.maxOperationsPerHour);
    });
  });

  it('never acts on a shard with something under way, and never twice on one', () => {
    forEvery((spec, plan) => {
      const { fleet } = worldOf(spec);
      const touched = plan.actions.flatMap(shardsOf);
      expect(new Set(touched).size).toBe(touched.length);
      for (const shardId of touched) {
        const lease = fleet.leases.find((l) => l.shardId === shardId);
        expect(lease).toMatchObject({ state: 'active' });
        expect(lease?.handover ?? lease?.reshard).toBeUndefined();
        const busy = fleet.operations.some(
          (o) =>
            (o.status === 'running' || o.status === 'accepted') &&
            (o.shardId === shardId || (o.kind === 'merge' && shardId === shardIdOf(1))),
        );
        expect(busy).toBe(false);
      }
    });
  });

  it('never gives a shard, a child or a shadow to a worker that is dead, draining or the owner itself', () => {
    forEvery((spec, plan) => {
      const active = new Set(spec.workers?.filter((w) => w.state !== 'draining').map((w) => w.workerId));
      for (const action of plan.actions) {
        const targets =
          action.kind === 'handover'
            ? [action.target]
            : action.kind === 'create-shadow'
              ? [action.workerId]
              : isReshard(action) && 'childOwners' in action
                ? action.childOwners
                : [];
        for (const target of targets) expect(active.has(target)).toBe(true);
        if (action.kind === 'handover') expect(action.target).not.toBe(action.source);
      }
    });
  });

  it('never hands over to a shadow that has not verified, and never removes one that a person asked for', () => {
    forEvery((spec, plan) => {
      const { fleet } = worldOf(spec);
      for (const action of plan.actions) {
        const shadow = fleet.leases.find((l) => l.shardId === action.shardId)?.shadow;
        if (action.kind === 'handover')
          expect(shadow).toMatchObject({ state: 'tracking', workerId: action.target, verifiedThrough: expect.anything() });
        if (action.kind === 'remove-shadow') expect(shadow?.purpose).not.toBe('request');
        if (action.kind === 'create-shadow') expect(shadow).toBeUndefined();
      }
    });
  });

  it('gives every action an id that fits an execution, a sentence and finite numbers, and never the same id twice', () => {
    forEvery((_, plan) => {
      const ids = plan.actions.map((a) => a.actionId);
      expect(new Set(ids).size).toBe(ids.length);
      for (const action of plan.actions) {
        expect(action.actionId).toMatch(/^[A-Za-z0-9_-]{1,80}$/);
        expect(action.reason).toMatch(/\.$/);
        expect(action.reason).not.toMatch(/NaN|Infinity|undefined/);
        for (const value of Object.values(action.expected)) expect(Number.isFinite(value)).toBe(true);
      }
      for (const hold of plan.holds) expect(hold.detail).not.toMatch(/NaN|Infinity|undefined/);
      expect(plan.actions.length + plan.holds.length).toBeGreaterThan(0);
    });
  });

  it('splits no less when there is more load', () => {
    const plain = fc.array(
      fc.record({ now: fc.double({ min: 0, max: 900, noNaN: true }), growth: fc.double({ min: 1, max: 2, noNaN: true }) }),
      { minLength: 1, maxLength: 6 },
    );
    const splits = (shards: readonly { now: number; growth: number }[], factor: number) =>
      planOf({
        shards: shards.map(({ now, growth }) => ({ now: now * factor, foreseen: now * growth * factor })),
      }).actions.filter((a) => a.kind === 'split').length;
    fc.assert(
      fc.property(plain, fc.double({ min: 1, max: 5, noNaN: true }), (shards, factor) => {
        expect(splits(shards, factor)).toBeGreaterThanOrEqual(splits(shards, 1));
      }),
      { numRuns: 300 },
    );
  });

  it('leaves a world of one cold shard alone', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 690, noNaN: true }), (now) => {
        const plan = planOf({ shards: [{ now }] });
        expect(plan.actions).toEqual([]);
        expect(plan.holds.map((h) => h.reason)).toEqual(['enough-capacity']);
      }),
    );
  });

  it('never merges what it would split again, nor the reverse, under constant load', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1400, noNaN: true }), { minLength: 1, maxLength: 6 }), (loads) => {
        let shards = loads.map((now) => ({ now, width: 1 }));
        const seen: string[] = [];
        for (let round = 0; round < 12; round++) {
          const total = shards.reduce((sum, s) => sum + s.width, 0);
          let from = 0;
          const specs = shards.map(({ now, width }) => {
            const start = BigInt(Math.round((from / total) * 2 ** 40)) << 88n;
            from += width;
            return {
              now,
              range: { startingHashKey: start, endingHashKey: (BigInt(Math.round((from / total) * 2 ** 40)) << 88n) - 1n },
            };
          });
          const [reshard] = planOf({ shards: specs, workers: [{ workerId: 'w1', capacityRecords: 100_000 }] }).actions.filter(
            isReshard,
          );
          if (reshard === undefined) break;
          seen.push(reshard.kind);
          const i = Number(reshard.shardId.slice(-3));
          const one = shards[i]!;
          shards =
            reshard.kind === 'split'
              ? [
                  ...shards.slice(0, i),
                  { now: one.now / 2, width: one.width / 2 },
                  { now: one.now / 2, width: one.width / 2 },
                  ...shards.slice(i + 1),
                ]
              : [
                  ...shards.slice(0, i),
                  { now: one.now + shards[i + 1]!.now, width: one.width + shards[i + 1]!.width },
                  ...shards.slice(i + 2),
                ];
        }
        // All splits come first, then merges; never back again.
        expect(seen.join(' ')).toMatch(/^(split ?)*(merge ?)*$/);
        expect(seen.length).toBeLessThan(12);
      }),
      { numRuns: 150 },
    );
  });
});
