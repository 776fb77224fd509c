import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fleet } from '../../lib/model/fleet.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { coldUtilizationOf, Policy } from '../../lib/model/policy.ts';
import { reshardTokens } from '../../lib/plan/account-tokens.ts';
import { blackoutAt } from '../../lib/plan/blackouts.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { layoutOf } from '../../lib/plan/foreign-change.ts';
import { policyInForce } from '../../lib/plan/policy-in-force.ts';
import { NO_LEAD_TIMES, NOW, operationOf, verified, type WorldSpec, worldOf } from './world.ts';

const planOf = (spec: WorldSpec, change: Partial<Fleet> = {}, nowMs = NOW) => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan({ ...fleet, ...change }, forecasts, policy, NO_LEAD_TIMES, nowMs);
};
const policyOf = (change: Partial<Policy>) => Policy.parse({ application: 'a', streamName: 's', ...change });
const messagesOf = (change: object) => {
  const checked = Policy.safeParse({ application: 'a', streamName: 's', ...change });
  return checked.success ? [] : checked.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
};
const hot = { shards: [{ now: 900 }, { now: 500 }] };
const MINUTE = 60_000;

describe('blackoutAt', () => {
  const weekdays = { cron: '0 9 * * 1-5', timeZone: 'UTC', durationMin: 90, reason: 'trading opens' };
  const at = (text: string, blackoutCrons = [weekdays]) => blackoutAt(policyOf({ blackoutCrons }), Date.parse(text));

  it('begins at the cron’s minute and lasts its duration', () => {
    expect(at('2026-11-20T08:59:59Z')).toBeNull();
    expect(at('2026-11-20T09:00:00Z')).toEqual({ untilMs: Date.parse('2026-11-20T10:30:00Z'), reason: 'trading opens' });
    expect(at('2026-11-20T10:29:59Z')?.reason).toBe('trading opens');
    expect(at('2026-11-20T10:30:00Z')).toBeNull();
    // The 21st is a Saturday.
    expect(at('2026-11-21T09:30:00Z')).toBeNull();
  });

  it('keeps to its time zone', () => {
    const berlin = [{ ...weekdays, timeZone: 'Europe/Berlin' }];
    expect(at('2026-11-20T08:00:00Z', berlin)).not.toBeNull();
    expect(at('2026-07-20T07:00:00Z', berlin)).not.toBeNull();
    expect(at('2026-07-20T06:59:00Z', berlin)).toBeNull();
  });

  it('answers the one that ends last', () => {
    const blackouts = [{ fromMs: NOW - 1, untilMs: NOW + MINUTE, reason: 'release' }];
    const blackoutCrons = [{ cron: '0 12 * * *', timeZone: 'UTC', durationMin: 5, reason: 'noon' }];
    expect(blackoutAt(policyOf({ blackouts, blackoutCrons }), NOW)).toEqual({ untilMs: NOW + 5 * MINUTE, reason: 'noon' });
    expect(planOf({ ...hot, policy: { blackoutCrons } }).holds[0]).toMatchObject({
      reason: 'blackout',
      detail: 'The policy’s blackout lasts until 2026-11-21 12:05 UTC: noon.',
    });
  });
});

describe('reshardTokens', () => {
  it('lets five begin in a second, and five more in the next', () => {
    expect(reshardTokens([], NOW)).toBe(5);
    expect(reshardTokens([NOW, NOW, NOW], NOW)).toBe(2);
    expect(reshardTokens(new Array<number>(9).fill(NOW), NOW)).toBe(0);
    expect(reshardTokens(new Array<number>(9).fill(NOW - 500), NOW)).toBe(2.5);
    expect(reshardTokens(new Array<number>(9).fill(NOW - 1000), NOW)).toBe(5);
    expect(reshardTokens([NOW, NOW, NOW, NOW, NOW, NOW - 1000], NOW)).toBe(0);
  });

  it('never allows more than the limit in any second, for every history', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 60 }), (wishes) => {
        const begun: number[] = [];
        for (const atMs of wishes.sort((a, b) => a - b)) if (reshardTokens(begun, atMs) >= 1) begun.push(atMs);
        for (const from of begun)
          expect(begun.filter((atMs) => atMs >= from && atMs < from + 1000).length).toBeLessThanOrEqual(10);
        // Over any longer time the rate holds: the bucket's five, then five a second.
        for (const from of begun)
          for (const until of begun)
            if (until > from)
              expect(begun.filter((atMs) => atMs >= from && atMs <= until).length).toBeLessThanOrEqual(
                5 + (5 * (until - from)) / 1000 + 1e-6,
              );
      }),
    );
  });

  it('keeps the last one for what is urgent', () => {
    const four = { accountReshardsAtMs: new Array<number>(4).fill(NOW) };
    const foreseen = { shards: [{ now: 300, foreseen: 900 }, { now: 500 }] };
    expect(planOf(foreseen, four).holds.map((hold) => hold.reason)).toContain('account-limit');
    expect(planOf(foreseen).actions.map((action) => action.kind)).toContain('split');
    expect(planOf(hot, four).actions.map((action) => action.kind)).toContain('split');
    const five = { accountReshardsAtMs: new Array<number>(5).fill(NOW) };
    expect(planOf(hot, five).holds.map((hold) => hold.reason)).toContain('account-limit');
  });
});

describe('decidePlan beside others', () => {
  const lastPlan = (layout: string, foreignChangeAtMs?: number) => ({
    previousPlan: { createdAtMs: NOW - MINUTE, layout, ...(foreignChangeAtMs === undefined ? {} : { foreignChangeAtMs }) },
  });
  const layout = layoutOf(worldOf(hot).fleet);

  it('yields after shards changed without an operation of its own, and remembers when', () => {
    const plan = planOf(hot, lastPlan('0123456789abcdef'));
    expect(plan.actions.filter((action) => action.kind === 'split')).toEqual([]);
    expect(plan.holds.find((hold) => hold.reason === 'foreign-change')?.detail).toContain('yields for 10 min');
    expect(plan).toMatchObject({ foreignChangeAtMs: NOW, layout });
    const later = planOf(hot, lastPlan(layout, NOW - 599_000));
    expect(later.foreignChangeAtMs).toBe(NOW - 599_000);
    expect(later.holds.map((hold) => hold.reason)).toContain('foreign-change');
    expect(planOf(hot, lastPlan(layout, NOW - 600_000)).actions.map((action) => action.kind)).toContain('split');
  });

  it('takes no change of its own for a foreign one', () => {
    const own = [operationOf({ kind: 'split', status: 'succeeded', endedAtMs: NOW - 1000 })];
    expect(planOf({ ...hot, operations: own }, lastPlan('0123456789abcdef')).foreignChangeAtMs).toBeUndefined();
    const old = [operationOf({ kind: 'split', status: 'succeeded', endedAtMs: NOW - 2 * MINUTE })];
    expect(planOf({ ...hot, operations: old }, lastPlan('0123456789abcdef')).foreignChangeAtMs).toBe(NOW);
    const atOnce = [operationOf({ kind: 'merge', status: 'succeeded', endedAtMs: NOW - MINUTE })];
    expect(planOf({ ...hot, operations: atOnce }, lastPlan('0123456789abcdef')).foreignChangeAtMs).toBeUndefined();
    const move = [operationOf({ kind: 'handover', status: 'succeeded', endedAtMs: NOW - 1000 })];
    expect(planOf({ ...hot, operations: move }, lastPlan('0123456789abcdef')).foreignChangeAtMs).toBe(NOW);
  });

  it('digests layouts by FNV-1a', () => {
    const text = '2:shardId-000000000000,shardId-000000000001';
    const digest = [...text].reduce(
      (hash, character) => ((hash ^ BigInt(character.charCodeAt(0))) * 0x100000001b3n) & 0xffffffffffffffffn,
      0xcbf29ce484222325n,
    );
    expect(layout).toBe(digest.toString(16).padStart(16, '0'));
  });

  it('tells layouts apart by the open shards alone', () => {
    const { fleet } = worldOf(hot);
    const shards = [...fleet.stream.shards].reverse();
    expect(layoutOf({ ...fleet, stream: { ...fleet.stream, shards } })).toBe(layout);
    const closed = shards.map((shard, i) => (i === 0 ? { ...shard, closed: true } : shard));
    expect(layoutOf({ ...fleet, stream: { ...fleet.stream, shards: closed } })).not.toBe(layout);
  });
});

describe('decidePlan after failures', () => {
  const failed = (count: number, agoSec = 60) =>
    Array.from({ length: count }, (_, i) =>
      operationOf({
        kind: 'split',
        status: 'failed',
        result: 'refused',
        endedAtMs: NOW - (agoSec + i) * 1000,
        operationId: `op-${i}`,
      }),
    );

  it('only observes after five in a row, says until when, and begins again then', () => {
    expect(planOf({ ...hot, operations: failed(4) }).actions.map((action) => action.kind)).toContain('split');
    const plan = planOf({ ...hot, operations: failed(5) });
    expect(plan).toMatchObject({ mode: 'observe', status: 'shown', actions: [] });
    expect(plan.holds[0]).toMatchObject({
      reason: 'circuit-open',
      detail: expect.stringContaining('until 2026-11-21 12:29 UTC'),
    });
    expect(planOf({ ...hot, operations: failed(5, 1800) }).actions.map((action) => action.kind)).toContain('split');
  });

  it('counts from the last success, and nothing that a person asked for', () => {
    const success = operationOf({ kind: 'handover', status: 'succeeded', endedAtMs: NOW - 62_500 });
    expect(planOf({ ...hot, operations: [...failed(5), success] }).mode).toBe('act');
    const requested = failed(5).map((operation) => ({ ...operation, trigger: 'request' as const }));
    expect(planOf({ ...hot, operations: requested }).mode).toBe('act');
    expect(planOf({ ...hot, operations: failed(2), policy: { breakerFailures: 2 } }).mode).toBe('observe');
  });
});

describe('decidePlan on old data', () => {
  it('waits until a minute is older than the policy allows, and says how old', () => {
    expect(planOf({ ...hot, observedUntilMs: NOW - 300_000 }).actions.map((action) => action.kind)).toContain('split');
    expect(planOf({ ...hot, observedUntilMs: NOW - 301_000 }).holds).toMatchObject([
      { reason: 'stale-data', detail: 'The last observed minute ended 5 min ago; allowed are 5 min.' },
    ]);
  });
});

describe('decidePlan within a policy', () => {
  it('spends no more than its money', () => {
    expect(planOf({ ...hot, policy: { budgetUsdPerMonth: 32.85 } }).actions.map((action) => action.kind)).toContain('split');
    const plan = planOf({ ...hot, policy: { budgetUsdPerMonth: 32.84 } });
    expect(plan.actions.map((action) => action.kind)).not.toContain('split');
    expect(plan.holds.find((hold) => hold.reason === 'money-budget')?.detail).toContain(
      'costs $21.90 a month, this would add $10.95, and budgetUsdPerMonth is $32.84',
    );
  });

  it('leaves protected hash keys alone', () => {
    const protectedRanges = [{ startingHashKey: '0', endingHashKey: '5', reason: 'pinned by the ledger' }];
    const plan = planOf({ ...hot, policy: { protectedRanges } });
    expect(plan.actions.map((action) => action.kind)).not.toContain('split');
    expect(plan.holds.find((hold) => hold.reason === 'protected-range')?.detail).toContain('pinned by the ledger');
    const cold = { shards: [{ now: 50 }, { now: 50 }] };
    expect(planOf(cold).actions.map((action) => action.kind)).toEqual(['merge']);
    expect(planOf({ ...cold, policy: { protectedRanges } }).actions).toEqual([]);
  });

  it('is overridden until the override ends', () => {
    const override = { untilMs: NOW + 1, reason: 'incident', mode: 'observe' as const, maxShards: 2 };
    expect(planOf({ ...hot, policy: { override } })).toMatchObject({ mode: 'observe', status: 'shown' });
    expect(planOf({ ...hot, policy: { override } }).holds.map((hold) => hold.reason)).toContain('at-maximum');
    expect(planOf({ ...hot, policy: { override: { ...override, untilMs: NOW } } })).toMatchObject({
      mode: 'act',
      status: 'sent',
    });
  });

  it('counts what readers by polling leave of a shard', () => {
    const bytes = (pollingApplications: number) =>
      policyInForce(policyOf({ pollingApplications }), NOW).shardCapacity.bytesPerSec;
    expect([0, 1, 2, 4].map(bytes)).toEqual([1_048_576, 1_048_576, 1_048_576, 524_288]);
    const world = { shards: [{ now: 100, bytesPerRecord: 5000 }] };
    expect(planOf(world).actions).toEqual([]);
    expect(planOf({ ...world, policy: { pollingApplications: 4 } }).actions.map((action) => action.kind)).toContain('split');
  });

  it('sizes shards by cost where the policy weighs throttling', () => {
    const policy = { throttledToIdle: 100, targetUtilization: 0.99, coldUtilization: 0.9 };
    // 95 % at the 0.95 quantile: the second shard would save nothing worth its cost.
    expect(planOf({ shards: [{ now: 400, foreseen: 950 }], policy }).actions).toEqual([]);
    const rarely = planOf({ shards: [{ now: 400, foreseen: 1000 }], policy });
    expect(rarely.actions).toEqual([]);
    expect(rarely.holds.find((hold) => hold.reason === 'not-worth-it')?.detail).toMatch(
      /is worth 0\.40 idle shards, and it costs 1\.$/,
    );
    expect(planOf({ shards: [{ now: 400, foreseen: 1100 }], policy }).actions.map((action) => action.kind)).toContain('split');
    expect(planOf({ shards: [{ now: 400 }, { now: 500 }], policy }).actions.map((action) => action.kind)).toEqual(['merge']);
    expect(planOf({ shards: [{ now: 500 }, { now: 600 }], policy }).actions).toEqual([]);
  });
});

describe('decidePlan for workers', () => {
  const three = [
    { workerId: 'w1', capacityRecords: 1000 },
    { workerId: 'w2', capacityRecords: 1000 },
    { workerId: 'w3', capacityRecords: 1000 },
  ];

  it('says how many workers the foreseen load needs', () => {
    const shards = [{ now: 400 }, { now: 300 }, { now: 300 }, { now: 100 }];
    expect(planOf({ shards, workers: three })).toMatchObject({
      workersWanted: 2,
      workersReason:
        '2 workers for 4 shards that may take 110 % of a median worker’s capacity together, each to stay at or below 70 %; 3 are alive.',
    });
    expect(planOf({ shards: [{ now: 10 }], workers: three }).workersWanted).toBe(1);
    const policy = { minReplicationFactor: 2, maxReplicationFactor: 2 } as const;
    expect(planOf({ shards: [{ now: 10 }], workers: three, policy }).workersWanted).toBe(2);
  });

  it('fills workers to their target and no further, largest shards first, each as able as the median one', () => {
    const wanted = (loads: readonly number[], capacities = [1000, 1000, 1000]) =>
      planOf({
        shards: loads.map((now) => ({ now })),
        workers: capacities.map((capacityRecords, i) => ({ workerId: `w${i + 1}`, capacityRecords })),
      }).workersWanted;
    expect(wanted([350, 350])).toBe(1);
    expect(wanted([350, 351])).toBe(2);
    expect(wanted([200, 200, 500, 500])).toBe(2);
    expect(wanted([650, 650, 650], [1000, 3000, 2000])).toBe(2);
  });

  it('says how many shards the stream would need if its keys spread evenly', () => {
    expect(planOf({ shards: [{ now: 900 }, { now: 900 }, { now: 10 }] })).toMatchObject({ shardsWanted: 3 });
    expect(planOf({ shards: [{ now: 1500 }, { now: 900 }] })).toMatchObject({ shardsWanted: 4 });
    // 600 records/s of 5,000 bytes are 2.9 shards' worth of bytes.
    expect(
      planOf({
        shards: [
          { now: 300, bytesPerRecord: 5000 },
          { now: 300, bytesPerRecord: 5000 },
        ],
      }),
    ).toMatchObject({
      shardsWanted: 5,
    });
  });

  it('takes the stream’s own forecast before its shards’ together, and no other', () => {
    const { fleet, forecasts, policy } = worldOf({
      shards: [
        { now: 100, foreseen: 1000 },
        { now: 100, foreseen: 1000 },
      ],
    });
    const bounds = [1, 2, 3, 4].map(() => [1200, 1200, 1200, 1200, 1200]);
    const own = { ...forecasts[0]!, scope: 'stream' as const, hashKeyRange: WHOLE_RANGE, windowMaxQuantiles: bounds };
    const wanted = (...more: typeof forecasts) =>
      decidePlan(fleet, [...more, ...forecasts], policy, NO_LEAD_TIMES, NOW).shardsWanted;
    expect(wanted()).toBe(3);
    expect(wanted(own)).toBe(2);
    const times = (factor: number) => bounds.map((row) => row.map((bound) => bound * factor));
    // Bytes alone: 4.6 shards' worth of them.
    expect(wanted({ ...own, metric: 'bytes', windowMaxQuantiles: times(4000) })).toBe(7);
    expect(wanted(own, { ...own, metric: 'bytes', windowMaxQuantiles: times(4000) })).toBe(7);
    expect(wanted({ ...own, streamName: 'another' })).toBe(3);
    expect(wanted({ ...own, status: 'not-enough-history' })).toBe(3);
  });

  it('asks for no shadow on the word of a forecast whose shadows underperformed, until the load is there', () => {
    const shards = [
      { now: 100, foreseen: 400 },
      { now: 100, foreseen: 400 },
      { now: 10, owner: 'w3' },
    ];
    const bad = { distrustedProposers: [{ trigger: 'forecast', reason: '3 of 5 shadows proposed by forecast underperformed.' }] };
    const kinds = (spec: WorldSpec['shards'], change: Partial<Fleet>) =>
      planOf({ shards: spec, workers: three, policy: { targetUtilization: 0.95 } }, change);
    expect(kinds(shards, {}).actions.map(({ kind }) => kind)).toEqual(['create-shadow']);
    const held = kinds(shards, bad);
    expect(held.actions).toEqual([]);
    expect(held.holds.map(({ reason, detail }) => [reason, detail])).toContainEqual([
      'not-worth-it',
      expect.stringMatching(
        /3 of 5 shadows proposed by forecast underperformed\. No shadow is asked for before the load is there\.$/,
      ),
    ]);
    const there = shards.map((shard) => ({ ...shard, now: shard.foreseen ?? shard.now }));
    expect(kinds(there, bad).actions.map(({ kind }) => kind)).toEqual(['create-shadow']);
  });

  it('puts a shadow on a worker that did badly only where no other has room', () => {
    const shards = [{ now: 400 }, { now: 400 }, { now: 300, owner: 'w3' }];
    const bad = { unsuitableWorkers: [{ workerId: 'w2', reason: '2 of 3 handovers to w2 did not succeed.' }] };
    const hostOf = (change: Partial<Fleet>, workers = three) =>
      planOf({ shards, workers, policy: { targetUtilization: 0.95 } }, change).actions.find(
        (action) => action.kind === 'create-shadow',
      )?.workerId;
    expect(hostOf({})).toBe('w2');
    expect(hostOf(bad)).toBe('w3');
    expect(hostOf(bad, [three[0]!, three[1]!, { workerId: 'w3', capacityRecords: 500 }])).toBe('w2');
  });
});

describe('decidePlan when nothing changed', () => {
  it('never acts twice on a world that has what it wanted', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 350, max: 690, noNaN: true }), { minLength: 1, maxLength: 8 }), (loads) => {
        const spec = {
          shards: loads.map((now) => ({ now, shadow: { workerId: 'w2', purpose: 'request' as const, ...verified } })),
          workers: [
            { workerId: 'w1', capacityRecords: 9000 },
            { workerId: 'w2', capacityRecords: 9000 },
          ],
        };
        expect(planOf(spec).actions).toEqual([]);
      }),
    );
  });

  it('never alternates on constant load with noise', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 100, max: 690, noNaN: true }),
        fc.array(fc.double({ min: 0.97, max: 1, noNaN: true }), { minLength: 20, maxLength: 20 }),
        (load, noise) => {
          const kinds = noise.map((factor) =>
            planOf({
              shards: [
                { now: load * factor, foreseen: load },
                { now: load * factor, foreseen: load },
              ],
              workers: [
                { workerId: 'w1', capacityRecords: 9000 },
                { workerId: 'w2', capacityRecords: 9000 },
              ],
            })
              .actions.map((action) => action.kind)
              .join(),
          );
          expect(new Set(kinds).size).toBe(1);
        },
      ),
    );
  });

  it('leaves ranges that cover the key space once, for every split and merge', () => {
    const loads = fc.array(fc.double({ min: 0, max: 1400, noNaN: true }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        loads,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 }),
        (each, shares) => {
          const spec = { shards: each.map((now) => ({ now, shares })) };
          const { fleet } = worldOf(spec);
          const open = fleet.stream.shards.map(({ shardId, hashKeyRange }) => ({ shardId, ...hashKeyRange }));
          const reshard = planOf(spec).actions.find((action) => action.kind === 'split' || action.kind === 'merge');
          const named = (shardId: string) => open.findIndex((shard) => shard.shardId === shardId);
          if (reshard?.kind === 'split') {
            const [parent] = open.splice(named(reshard.shardId), 1);
            open.push(
              { shardId: 'lower', startingHashKey: parent!.startingHashKey, endingHashKey: reshard.newStartingHashKey - 1n },
              { shardId: 'upper', startingHashKey: reshard.newStartingHashKey, endingHashKey: parent!.endingHashKey },
            );
          } else if (reshard?.kind === 'merge') {
            const [lower] = open.splice(named(reshard.shardId), 1);
            const [upper] = open.splice(named(reshard.adjacentShardId), 1);
            open.push({ shardId: 'merged', startingHashKey: lower!.startingHashKey, endingHashKey: upper!.endingHashKey });
          }
          let next = 0n;
          for (const range of open.sort((a, b) => (a.startingHashKey < b.startingHashKey ? -1 : 1))) {
            expect(range.startingHashKey).toBe(next);
            expect(range.endingHashKey).toBeGreaterThanOrEqual(range.startingHashKey);
            next = range.endingHashKey + 1n;
          }
          expect(next).toBe(2n ** 128n);
        },
      ),
    );
  });
});

describe('Policy', () => {
  it('fails on every contradiction at once, each with both values', () => {
    expect(
      messagesOf({
        minShards: 9,
        maxShards: 3,
        targetUtilization: 1.2,
        coldUtilization: 0.5,
        workerTargetUtilization: 0,
        minReplicationFactor: 2,
        maxReplicationFactor: 1,
        blackouts: [
          { fromMs: 5, untilMs: 3, reason: 'backwards' },
          { fromMs: 10, untilMs: 20, reason: 'one' },
          { fromMs: 15, untilMs: 25, reason: 'two' },
        ],
        protectedRanges: [
          { startingHashKey: '0', endingHashKey: '9', reason: 'one' },
          { startingHashKey: '9', endingHashKey: '12', reason: 'two' },
        ],
      }),
    ).toEqual([
      'targetUtilization: must be in (0, 1), got 1.2',
      'workerTargetUtilization: must be in (0, 1), got 0',
      'minShards: must not exceed maxShards, got minShards 9 and maxShards 3',
      'minReplicationFactor: must not exceed maxReplicationFactor, got 2 and 1',
      'blackouts.0: must end after it starts, got 5 to 3',
      'blackouts.2: must not overlap blackouts.1, got 15 to 25 and 10 to 20',
      'protectedRanges.1: must not overlap protectedRanges.0, got 9 to 12 and 0 to 9',
    ]);
  });

  it('fails on an override that contradicts it', () => {
    expect(messagesOf({ minShards: 4, maxShards: 8, override: { untilMs: 1, reason: 'x', maxShards: 2 } })).toEqual([
      'override: its minShards must not exceed its maxShards, got minShards 4 and maxShards 2',
    ]);
    const override = { untilMs: 1, reason: 'x', targetUtilization: 0.3 };
    expect(messagesOf({ coldUtilization: 0.35, override })).toEqual([
      'override: coldUtilization must be below its targetUtilization, got 0.35 and 0.3',
    ]);
  });

  it('takes for cold what is below four fifths of the target in force, where it does not say', () => {
    const override = { untilMs: 1, reason: 'x', targetUtilization: 0.3 };
    const policy = Policy.parse({ application: 'a', streamName: 's', targetUtilization: 0.5, override });
    expect(coldUtilizationOf(policy)).toBeCloseTo(0.4);
    expect(coldUtilizationOf(policyInForce(policy, 0))).toBeCloseTo(0.24);
    expect(coldUtilizationOf({ ...policy, coldUtilization: 0.2 })).toBe(0.2);
  });

  it('fails on a cron pattern without five fields', () => {
    expect(messagesOf({ blackoutCrons: [{ cron: '0 9 * *', durationMin: 5, reason: 'x' }] })).toEqual([
      'blackoutCrons.0.cron: a cron pattern has five fields: minute hour day month weekday',
    ]);
  });
});
