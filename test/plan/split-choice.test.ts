import { describe, expect, it } from 'vitest';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { NO_LEAD_TIMES, NOW, operationOf, shardIdOf, type WorldSpec, worldOf } from './world.ts';

const planOf = (spec: WorldSpec) => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan(fleet, forecasts, policy, NO_LEAD_TIMES, NOW);
};
const splitOf = (spec: WorldSpec) => planOf(spec).actions.find(({ kind }) => kind === 'split');
const uneven = { policy: { allowResize: false } } as const;

describe('decideSplit', () => {
  it('takes the fuller of two equally urgent shards, the first of two equally full ones', () => {
    expect(splitOf({ shards: [{ now: 800 }, { now: 850 }], ...uneven })?.shardId).toBe(shardIdOf(1));
    expect(splitOf({ shards: [{ now: 850 }, { now: 850 }], ...uneven })?.shardId).toBe(shardIdOf(0));
  });

  it('reaches the minimum by the fullest shard, of equally full ones by the widest', () => {
    const ranges = [
      { startingHashKey: 0n, endingHashKey: 2n ** 126n - 1n },
      { startingHashKey: 2n ** 126n, endingHashKey: 2n ** 128n - 1n },
    ] as const;
    const shards = (first: number, second: number) => [
      { now: first, range: ranges[0] },
      { now: second, range: ranges[1] },
    ];
    expect(splitOf({ shards: shards(30, 20), policy: { minShards: 3 } })?.shardId).toBe(shardIdOf(0));
    expect(splitOf({ shards: shards(20, 20), policy: { minShards: 3 } })?.shardId).toBe(shardIdOf(1));
    expect(splitOf({ shards: shards(20, 20), policy: { minShards: 2 } })).toBeUndefined();
  });

  it('says how full the fuller child would be', () => {
    const shares = [0.6, ...new Array<number>(15).fill(0.4 / 15)];
    expect(splitOf({ shards: [{ now: 900, shares }] })?.reason).toMatch(
      /^shardId-000000000000 already .* the fuller child would reach 54 %\.$/,
    );
  });

  it('leaves a shard alone that something else is done with, and one exactly at its target', () => {
    const plan = planOf({ shards: [{ now: 900 }], operations: [operationOf({ kind: 'handover' })] });
    expect(plan.holds.find(({ reason }) => reason === 'plan-in-flight')?.detail).toMatch(
      /^shardId-000000000000 .*; not split: handover op-1 is running\.$/,
    );
    expect(splitOf({ shards: [{ now: 700 }] })).toBeUndefined();
  });

  it('waits for its cool-down, and no longer', () => {
    const splitAfter = (sec: number) =>
      splitOf({
        shards: [{ now: 900 }],
        policy: { splitCooldownSec: 60 },
        operations: [operationOf({ kind: 'split', shardId: shardIdOf(9), status: 'succeeded', endedAtMs: NOW - sec * 1000 })],
      });
    expect(splitAfter(59)).toBeUndefined();
    expect(splitAfter(60)?.shardId).toBe(shardIdOf(0));
  });
});
