import { describe, expect, it } from 'vitest';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { MergeAction } from '../../lib/model/plan.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { HORIZONS, NO_LEAD_TIMES, NOW, operationOf, type ShardSpec, shardIdOf, type WorldSpec, worldOf } from './world.ts';

const planOf = (spec: WorldSpec) => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan(fleet, forecasts, policy, NO_LEAD_TIMES, NOW);
};
const mergeOf = (spec: WorldSpec) => planOf(spec).actions.find((action): action is MergeAction => action.kind === 'merge');
const holdsOf = (spec: WorldSpec) =>
  planOf(spec)
    .holds.filter(({ detail }) => detail.includes('not merged'))
    .map(({ subject, reason, detail }) => [subject, reason, detail.split('; not merged: ')[1]]);
const [A, B, D] = [0, 1, 3].map(shardIdOf) as [string, string, string];
const cold: ShardSpec = { now: 50 };
const warm: ShardSpec = { now: 400 };

describe('decideMerge', () => {
  it('says what it found, and gives the whole interval to one owner', () => {
    const [lower, upper] = slicesOf(WHOLE_RANGE, 2);
    expect(mergeOf({ shards: [{ now: 100 }, cold] })).toEqual({
      kind: 'merge',
      actionId: expect.stringMatching(/^merge-/),
      trigger: 'forecast',
      reason: `${A} and ${B} together stay below 15 % of one shard within 6 min (cold is below 35 %), and did for the last 15 min; merging them saves $10.95 a month.`,
      expected: expect.objectContaining({
        utilizationNow: 0.15,
        peakUtilization: expect.closeTo(0.15),
        costUsdPerHour: -0.015,
        benefitUsdPerHour: 0,
      }),
      shardId: A,
      adjacentShardId: B,
      hashKeyRange: { startingHashKey: lower!.startingHashKey, endingHashKey: upper!.endingHashKey },
      childOwners: ['w1'],
    });
  });

  it('takes the coldest pair first, of equals the first by its id, and names the others', () => {
    const first = (...shards: ShardSpec[]) => mergeOf({ shards })?.shardId;
    expect([first(cold, { now: 60 }, warm, cold, cold), first(cold, cold, warm, cold, { now: 60 })]).toEqual([D, A]);
    expect(first(cold, cold, warm, cold, cold)).toBe(A);
    expect(first(cold, cold, cold)).toBe(A);
    expect(holdsOf({ shards: [cold, cold, warm, cold, cold] })).toEqual([
      [D, 'stream-busy', `${A} and ${B} are colder, and a stream takes one reshard at a time.`],
    ]);
  });

  it('leaves apart what is no neighbour, and a pair that is at the threshold', () => {
    const [first, , , last] = slicesOf(WHOLE_RANGE, 4);
    const gap = {
      shards: [
        { now: 50, range: first! },
        { now: 50, range: last! },
      ],
    };
    expect([mergeOf(gap), holdsOf(gap)]).toEqual([undefined, []]);
    expect(mergeOf({ shards: [{ now: 175 }, { now: 175 }] })).toBeUndefined();
    expect(mergeOf({ shards: [{ now: 174 }, { now: 175 }] })).toBeDefined();
  });

  it('names each reason for which a cold pair stays apart', () => {
    const why = (shards: ShardSpec[], more: Partial<WorldSpec> = {}) => holdsOf({ shards, ...more });
    expect(why([cold, cold], { policy: { minShards: 2 } })).toEqual([
      [A, 'at-minimum', 'the stream has 2 shards, and minShards is 2.'],
    ]);
    const running = operationOf({ kind: 'handover', shardId: B });
    expect(why([cold, cold], { operations: [running] })).toEqual([[A, 'plan-in-flight', expect.stringContaining('handover')]]);
    for (const pair of [
      [{ ...cold, lease: null }, cold],
      [cold, { ...cold, lease: null }],
    ])
      expect(why(pair)).toEqual([[A, 'foreign-change', 'no worker has taken the lease of one of them yet.']]);
    expect(why([cold, { ...cold, forecast: null }])).toEqual([
      [A, 'no-forecast', 'without a usable forecast of both nothing says that they stay cold.'],
    ]);
    expect(why([{ ...cold, recentPeak: null }, cold])).toEqual([
      [A, 'not-cold-long-enough', 'they were not observed for the whole 15 min that the policy wants.'],
    ]);
    expect(why([{ ...cold, recentPeak: 300 }, cold])).toEqual([
      [A, 'not-cold-long-enough', 'within the last 15 min they took 35 % of one shard.'],
    ]);
    expect(why([cold, cold], { status: 'UPDATING' })).toEqual([
      [A, 'foreign-change', 'the stream is UPDATING, and not by Penumbra: someone else changes it.'],
    ]);
    const lately = operationOf({ kind: 'split', shardId: D, status: 'succeeded', endedAtMs: NOW - 60_000 });
    expect(why([cold, cold], { operations: [lately] })).toEqual([
      [A, 'cooldown', 'the last reshard was 60 s ago, mergeCooldownSec is 900.'],
    ]);
    const [, upper] = slicesOf(WHOLE_RANGE, 2);
    const key = String(upper!.startingHashKey);
    expect(
      why([cold, cold], { policy: { protectedRanges: [{ startingHashKey: key, endingHashKey: key, reason: 'VIP' }] } }),
    ).toMatchObject([[A, 'protected-range', expect.stringContaining('VIP')]]);
  });

  it('names ten cold pairs and no more', () => {
    const operations = [operationOf({ kind: 'merge', shardId: 'elsewhere', status: 'succeeded', endedAtMs: NOW - 60_000 })];
    const named = (count: number) =>
      holdsOf({ shards: Array.from({ length: count }, () => cold), operations, policy: { allowResize: false } }).length;
    expect([named(10), named(11), named(12)]).toEqual([9, 10, 10]);
  });

  it('prefers the owner of the fuller half where it has room and takes shards, else the least full worker', () => {
    const owners = (lower: ShardSpec, upper: ShardSpec, workers: WorldSpec['workers']) =>
      mergeOf({ shards: [lower, upper], workers: workers! })?.childOwners;
    const at = (now: number, owner: string): ShardSpec => ({ now, owner });
    const roomy = ['w1', 'w2', 'w3'].map((workerId) => ({ workerId, capacityRecords: 9000 }));
    expect([owners(at(200, 'w1'), at(100, 'w2'), roomy), owners(at(100, 'w1'), at(200, 'w2'), roomy)]).toEqual([['w1'], ['w2']]);
    const draining = roomy.map((worker) => (worker.workerId === 'w2' ? { ...worker, state: 'draining' as const } : worker));
    expect(owners(at(100, 'w1'), at(200, 'w2'), draining)).toEqual(['w3']);
    expect(owners(at(100, 'w1'), at(200, 'gone'), roomy)).toEqual(['w2']);
    // It owns both already: nothing is added by the merge.
    const tight = [{ workerId: 'w1', capacityRecords: 430 }, roomy[1]!];
    expect(owners(at(200, 'w1'), at(100, 'w1'), tight)).toEqual(['w1']);
    expect(owners(at(200, 'w1'), at(100, 'w2'), tight)).toEqual(['w1']);
    expect(owners(at(200, 'w1'), at(102, 'w2'), tight)).toEqual(['w2']);
  });

  it('sizes by cost where the policy weighs it: one shard has to be enough for a while longer', () => {
    const lean = { throttledToIdle: 100, targetUtilization: 0.99, coldUtilization: 0.9, mergeCooldownSec: 0 };
    const shard = (now: number, later: number): ShardSpec => ({
      now,
      foreseen: HORIZONS.map((sec) => (sec <= 300 ? now : later)),
    });
    expect(mergeOf({ shards: [shard(400, 400), shard(400, 400)], policy: lean })?.reason).toContain('(one shard is enough)');
    // Enough within the lead time of 300 s, not within three minutes more.
    expect(mergeOf({ shards: [shard(400, 700), shard(400, 700)], policy: lean })).toBeUndefined();
    // What is there now is above the target, whatever is foreseen.
    expect(mergeOf({ shards: [shard(500, 100), shard(490, 100)], policy: lean })).toBeUndefined();
    // The measured peak counts against the target then, not against the threshold of cold.
    const peaked = (recentPeak: number) => ({ ...shard(200, 200), recentPeak });
    expect(mergeOf({ shards: [peaked(480), peaked(480)], policy: lean })).toBeDefined();
    expect(mergeOf({ shards: [peaked(500), peaked(500)], policy: lean })).toBeUndefined();
  });

  it('weighs the shard that it saves against what that one would keep from throttling, with both numbers', () => {
    // By its median the pair is cold; one minute in twenty takes more.
    const world = (highest: number) => {
      const { fleet, forecasts, policy } = worldOf({ shards: [{ now: 100 }, { now: 100 }], policy: { actOnQuantile: 0.5 } });
      const rows = (unit: number) => [100, 100, 100, highest].map((value) => HORIZONS.map(() => value * unit));
      const spread = forecasts.map((one) => ({ ...one, windowMaxQuantiles: rows(one.metric === 'records' ? 1 : 100) }));
      return decidePlan(fleet, spread, policy, NO_LEAD_TIMES, NOW);
    };
    const merged = world(250).actions[0]!;
    expect(merged.kind).toBe('merge');
    // Of the sum 700 fill the shard: 0.04 of it in excess above one, weighed a hundredfold for 0.4 of the window.
    expect(merged.expected.benefitUsdPerHour).toBeCloseTo(-0.0075, 2);
    expect(merged.expected.benefitUsdPerHour).toBeLessThan(0);
    const held = world(600);
    expect(held.actions).toEqual([]);
    expect(held.holds[0]).toMatchObject({
      reason: 'not-worth-it',
      detail: expect.stringMatching(
        /not merged: what it risks is worth \$0\.0336 an hour, and it saves \$0\.0150 an hour and costs \$0\.0006 once\.$/,
      ),
    });
  });

  it('says that no worker takes shards where the only one drains', () => {
    const { fleet, forecasts, policy } = worldOf({ shards: [cold, cold], workers: [{ workerId: 'w1', state: 'draining' }] });
    expect(decidePlan(fleet, forecasts, policy, NO_LEAD_TIMES, NOW).holds[0]?.reason).toBe('no-workers');
  });
});
