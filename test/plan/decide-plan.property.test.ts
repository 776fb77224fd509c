import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Action, Plan } from '../../lib/model/plan.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { isReshard } from '../../lib/plan/in-flight.ts';
import { aWorld } from './random-worlds.ts';
import { NO_LEAD_TIMES, NOW, shardIdOf, type WorldSpec, worldOf } from './world.ts';

const planOf = (spec: WorldSpec): Plan => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan(fleet, forecasts, policy, NO_LEAD_TIMES, NOW);
};
const shardsOf = (action: Action, spec: WorldSpec) =>
  action.kind === 'merge'
    ? [action.shardId, action.adjacentShardId]
    : action.kind === 'resize'
      ? spec.shards.map((_, i) => shardIdOf(i))
      : [action.shardId];
const addedBy = (action: Action): number =>
  action.kind === 'split'
    ? 1
    : action.kind === 'merge'
      ? -1
      : action.kind === 'resize'
        ? action.targetCount - action.fromCount
        : 0;

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
      const running = spec.operations?.some((o) => isReshard(o) && (o.status === 'running' || o.status === 'accepted'));
      if (running || spec.status !== 'ACTIVE') expect(reshards).toEqual([]);
    });
  });

  it('never leaves the bounds of the policy', () => {
    forEvery((spec, plan) => {
      const { policy } = worldOf(spec);
      const after = plan.shardCount + plan.actions.reduce((sum, action) => sum + addedBy(action), 0);
      if (after > plan.shardCount) expect(after).toBeLessThanOrEqual(policy.maxShards);
      if (after < plan.shardCount) expect(after).toBeGreaterThanOrEqual(policy.minShards);
      const used = (spec.operations ?? []).length + plan.actions.filter((a) => a.kind !== 'remove-shadow').length;
      if (plan.actions.some((a) => a.kind !== 'remove-shadow')) expect(used).toBeLessThanOrEqual(policy.maxOperationsPerHour);
    });
  });

  it('never acts on a shard with something under way, and never twice on one', () => {
    forEvery((spec, plan) => {
      const { fleet } = worldOf(spec);
      const touched = plan.actions.flatMap((action) => shardsOf(action, spec));
      expect(new Set(touched).size).toBe(touched.length);
      for (const shardId of touched) {
        const lease = fleet.leases.find((l) => l.shardId === shardId);
        expect(lease).toMatchObject({ state: 'active' });
        expect(lease?.handover ?? lease?.reshard).toBeUndefined();
        const busy = fleet.operations.some(
          (o) =>
            (o.status === 'running' || o.status === 'accepted') &&
            (o.kind === 'resize' || o.shardId === shardId || (o.kind === 'merge' && shardId === shardIdOf(1))),
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
      }).actions.reduce((sum, action) => sum + addedBy(action), 0);
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
          if (reshard.kind === 'resize') {
            // Only equal ranges are resized: each new one has its share of those that it lies in.
            const { fromCount, targetCount } = reshard;
            seen.push(targetCount > fromCount ? 'split' : 'merge');
            shards = Array.from({ length: targetCount }, (_, k) => {
              const [from, until] = [(k * fromCount) / targetCount, ((k + 1) * fromCount) / targetCount];
              const overlap = (i: number) => Math.max(Math.min(until, i + 1) - Math.max(from, i), 0);
              return { now: shards.reduce((sum, { now }, i) => sum + now * overlap(i), 0), width: 1 };
            });
            continue;
          }
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
