import { describe, expect, it } from 'vitest';
import type { Shadow } from '../../lib/model/lease.ts';
import type { Action } from '../../lib/model/plan.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { bandOf } from '../../lib/plan/replication.ts';
import { outlookOf, viewShards } from '../../lib/plan/shard-outlook.ts';
import { NO_LEAD_TIMES, NOW, operationOf, type ShardSpec, shardIdOf, verified, type WorldSpec, worldOf } from './world.ts';

const planOf = (spec: WorldSpec) => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan(fleet, forecasts, policy, NO_LEAD_TIMES, NOW);
};
const workers = ['w1', 'w2', 'w3'].map((workerId) => ({ workerId, capacityRecords: 9000 }));
const two = { minReplicationFactor: 2, maxReplicationFactor: 2 } as const;
const spoken = (actions: readonly Action[]) => actions.map(({ kind, shardId }) => `${kind} ${Number(shardId.slice(-2))}`);
const done = (shards: ShardSpec[], more: Partial<WorldSpec> = {}) => spoken(planOf({ shards, workers, ...more }).actions);

describe('bandOf', () => {
  it('is the widest spread within the lead time, of records or bytes', () => {
    const band = (spec: ShardSpec, withinSec: number) => {
      const { fleet, forecasts, policy } = worldOf({ shards: [spec] });
      const [outlook] = outlookOf(viewShards(fleet, forecasts, policy, NOW), policy, withinSec, NOW);
      return bandOf(outlook!, policy, withinSec);
    };
    const later = { now: 100, lower: 100, foreseen: [100, 300, 600, 700, 800] };
    expect([59, 60, 300, 599, 600].map((sec) => band(later, sec))).toEqual([0, 0, 0.2, 0.2, 0.5]);
    expect(band({ ...later, bytesPerRecord: 4096 }, 300)).toBeCloseTo((200 * 4096) / 1_048_576);
    expect(band({ now: 100, forecast: null }, 300)).toBe(0);
  });
});

describe('decideReplication', () => {
  /** A band of so many thousandths of a shard's records. */
  const spread = (band: number, shadow?: ShardSpec['shadow']): ShardSpec => ({
    now: 0,
    lower: 0,
    foreseen: band,
    ...(shadow === undefined ? {} : { shadow }),
  });
  const allowed = (policy: WorldSpec['policy'] = {}) => ({
    policy: { maxReplicationFactor: 2, lateUsdPerMillion: 1000, ...policy } as const,
  });

  it('begins at half a shard of band, a quarter or three quarters by criticality, and ends at 35 hundredths', () => {
    expect([done([spread(500)], allowed()), done([spread(499)], allowed())]).toEqual([['create-shadow 0'], []]);
    expect(done([spread(250)], allowed({ criticality: 'high' }))).toEqual(['create-shadow 0']);
    expect(done([spread(600)], allowed({ criticality: 'low' }))).toEqual([]);
    expect(done([spread(600)], { policy: { maxReplicationFactor: 1 } })).toEqual([]);
    const standby = { workerId: 'w2', purpose: 'replication' as const, ...verified };
    expect(done([spread(350, standby)], allowed())).toEqual([]);
    expect(done([spread(349, standby)], allowed())).toEqual(['remove-shadow 0']);
    // One that stands for a move does not make a calm shard volatile.
    const moving = { workerId: 'w2', purpose: 'handover' as const, requestedAtMs: NOW - 600_000, ...verified };
    expect(done([spread(400, moving)], allowed())).toEqual(['remove-shadow 0']);
  });

  it('says what it does, what it costs and where', () => {
    const [created] = planOf({ shards: [{ now: 400 }], workers, policy: two }).actions;
    expect(created).toMatchObject({
      actionId: expect.stringMatching(/^shadow-0-/),
      trigger: 'replication',
      reason: expect.stringMatching(
        /gets a standby shadow on w2 in a, the owner’s zone: the policy wants a replication factor of 2; \$\d+\.\d\d a month\.$/,
      ),
      expected: { recordsAtRiskPerHour: 400 * 3600, leadTimeSec: 30 },
    });
    const monthly = created!.expected.costUsdPerMonth;
    expect(created!.reason).toContain(`$${monthly.toFixed(2)} a month`);
    const [removed] = planOf({
      shards: [{ now: 400, shadow: { workerId: 'w2', purpose: 'replication', ...verified } }],
      workers,
    }).actions;
    expect(removed).toMatchObject({
      actionId: expect.stringMatching(/^unshadow-0-/),
      trigger: 'replication',
      reason: `The shadow of ${shardIdOf(0)} on w2 is not wanted any more: the shard’s forecast is calm and the policy wants no more than one copy.`,
    });
    expect(removed!.expected.costUsdPerMonth).toBeCloseTo(-monthly);
  });

  it('bills the consumer of the standbys once', () => {
    const costs = planOf({ shards: [{ now: 400 }, { now: 400 }], workers, policy: two }).actions.map(
      (a) => a.expected.costUsdPerHour!,
    );
    expect(costs[0]).toBeGreaterThan(costs[1]!);
    const last = (...shadowed: boolean[]) =>
      planOf({
        shards: shadowed.map((is) => ({
          now: 400,
          ...(is ? { shadow: { workerId: 'w2', purpose: 'replication' as const, ...verified } } : {}),
        })),
        workers,
      }).actions.map((a) => -a.expected.costUsdPerHour!);
    const [first, second] = last(true, true);
    expect(first).toBeLessThan(second!);
    expect(last(true, false)[0]).toBeCloseTo(second!);
  });

  it('leaves alone what is owned by nobody, or has something under way', () => {
    expect(done([{ now: 400, lease: { state: 'paused' as never } }], { policy: two })).toEqual([]);
    const running = operationOf({ kind: 'handover', shardId: shardIdOf(0) });
    expect(done([{ now: 400 }], { policy: two, operations: [running] })).toEqual([]);
  });

  it('finds no host where the others are full, and says how many standbys are missing', () => {
    const full = [workers[0]!, { workerId: 'w2', capacityRecords: 1000 }];
    const shards: ShardSpec[] = [{ now: 400 }, { now: 690, owner: 'w2' }];
    const plan = planOf({ shards, workers: full, policy: two });
    // Up to its target a host takes one; the first standby fills it for the next.
    expect(spoken(plan.actions)).toEqual(['create-shadow 0', 'create-shadow 1']);
    const crowded = planOf({ shards: [{ now: 400 }, { now: 400 }, { now: 600, owner: 'w2' }], workers: full, policy: two });
    expect(spoken(crowded.actions)).toEqual(['create-shadow 0', 'create-shadow 2']);
    expect(crowded.holds.find(({ reason }) => reason === 'no-better-worker')).toMatchObject({
      kind: 'hold',
      detail: '1 shards should have a standby shadow, but no worker besides the owner has room for it (2 alive).',
    });
  });

  it('takes back a shadow for each reason that there is, and never a requested one', () => {
    const why = (shadow: Partial<Shadow> & { workerId: string }, more: Partial<WorldSpec> = {}, shard: Partial<ShardSpec> = {}) =>
      planOf({ shards: [{ now: 400, shadow: { ...verified, ...shadow }, ...shard }], workers, ...more }).actions.find(
        (action) => action.kind === 'remove-shadow',
      )?.reason;
    expect(why({ workerId: 'gone', purpose: 'replication' }, { policy: two })).toContain(': gone is not alive.');
    expect(why({ workerId: 'w2', purpose: 'replication', state: 'diverged' }, { policy: two })).toContain(
      ': it diverged from its owner and proves nothing any more.',
    );
    expect(why({ workerId: 'w1', purpose: 'replication' }, { policy: two })).toContain(': its worker owns the shard itself.');
    expect(why({ workerId: 'gone', purpose: 'request', state: 'diverged' })).toBeUndefined();
    const asked = (ageMs: number) => ({ workerId: 'w2', purpose: 'handover' as const, requestedAtMs: NOW - ageMs });
    expect(why(asked(600_000))).toContain(': it was made for a move, but w1 would carry only 4 %.');
    expect(why(asked(599_999))).toBeUndefined();
    // Its owner is not clearly below its target of 70 %: 0.85 of that is 59.5 %.
    const owner = (capacityRecords: number) => ({ workers: [{ workerId: 'w1', capacityRecords }, workers[1]!] });
    expect([why(asked(600_000), owner(670)), why(asked(600_000), owner(680))]).toEqual([
      undefined,
      expect.stringContaining('59 %'),
    ]);
    expect(why(asked(600_000), { policy: two })).toBeUndefined();
    expect(why(asked(600_000), {}, { owner: 'gone' })).toBeUndefined();
  });
});
