import { describe, expect, it } from 'vitest';
import { fleet } from '../../functions/fleet.ts';
import { operation } from '../../functions/operations.ts';
import { approvePlan } from '../../functions/plan-approve.ts';
import { plans } from '../../functions/plans.ts';
import { policy } from '../../functions/policy.ts';
import { changePolicy } from '../../functions/policy-change.ts';
import { activateShadow } from '../../functions/shadow-activate.ts';
import { createShadow } from '../../functions/shadow-create.ts';
import { monitorShadow } from '../../functions/shadow-monitor.ts';
import { InvariantError, TransientError } from '../../lib/errors.ts';
import { FleetResponse, MonitorResponse } from '../../lib/model/api.ts';
import type { Plan } from '../../lib/model/plan.ts';
import { Policy } from '../../lib/model/policy.ts';
import { expected, group, lease, NOW, worker, world } from './scenes.ts';

const mark = { sequenceNumber: '42', count: 3, digest: '00000000000000ab' };
const tracking = {
  workerId: 'b',
  state: 'tracking',
  purpose: 'request',
  requestedAtMs: NOW - 9_000,
  from: '1',
  verifiedThrough: mark,
  verifiedAtMs: NOW - 2_000,
} as const;

/** Two shards of `a`, live workers `a`, `b` (busy) and `c` (idle). */
const open = async (changes: Parameters<typeof lease>[1] = {}) => {
  const it = world();
  const { shards } = it.ports.streams.createStream(group.streamName, 2);
  await it.ports.leases.create(lease(shards[0]!, changes));
  await it.ports.leases.create(lease(shards[1]!));
  for (const one of [worker('a', 0.2), worker('b', 0.8), worker('c', 0.1)]) await it.ports.workers.put(one);
  return { ...it, shardId: shards[0]!.shardId };
};

describe('api', () => {
  it('fails on each wrong field, with what was received and what is allowed', async () => {
    const { call } = await open();
    const { status, body } = await call(createShadow, { body: { ...group, shardId: 5, colour: 'red' } });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      error: 'InvalidRequest',
      fields: [
        { field: 'shardId', message: expect.stringContaining('expected string'), received: 5 },
        { field: 'colour', message: 'unknown field', received: 'red' },
      ],
    });
  });

  it('fails on a body that is no JSON object', async () => {
    const { call } = await open();
    expect(await call(createShadow, { text: '{' })).toMatchObject({
      status: 400,
      body: { fields: [{ field: 'body', message: 'must be JSON', received: '{' }] },
    });
    expect(await call(createShadow, { body: [1] })).toMatchObject({
      status: 400,
      body: { fields: [{ field: 'body', received: [1] }] },
    });
    expect(await call(createShadow, {})).toMatchObject({ status: 400 });
  });

  it('fails on a missing query', async () => {
    const { call } = await open();
    const { status, body } = await call(monitorShadow, { query: { application: 'shop' } });
    expect(status).toBe(400);
    expect(body.fields).toEqual([{ field: 'streamName', message: expect.stringContaining('expected string'), received: null }]);
  });

  it('fails on a stream that is not managed here, and names those that are', async () => {
    const { call } = await open();
    const { status, body } = await call(monitorShadow, { query: { application: 'shop', streamName: 'other' } });
    expect([status, body.error]).toEqual([404, 'UnknownStream']);
    expect(body.message).toContain('shop/orders');
  });

  it('fails without a stack trace or the cause when a service is busy, or by our own fault', async () => {
    const { call, ports } = await open();
    const failing = (error: Error) => ({ ...ports, policies: { ...ports.policies, get: async () => Promise.reject(error) } });
    const busy = await call(policy, { query: group }, failing(new TransientError('table secret-table throttled')));
    expect([busy.status, busy.body.error]).toEqual([503, 'Unavailable']);
    const bug = await call(policy, { query: group }, failing(new InvariantError('secret-key was undefined')));
    expect([bug.status, bug.body.error]).toEqual([500, 'InternalError']);
    expect(JSON.stringify([busy, bug])).not.toMatch(/secret|stack|\.ts/);
    expect(bug.body.message).toContain('request-1');
  });
});

describe('createShadow', () => {
  it('accepts, chooses the worker with the most room, and sends one command', async () => {
    const { call, ports, shardId } = await open();
    const { status, body } = await call(createShadow, { body: { ...group, shardId } });
    expect(status).toBe(202);
    expect(ports.commands.sent).toMatchObject([
      { operationId: body.operationId, action: { kind: 'create-shadow', workerId: 'c', shardId, purpose: 'request' } },
    ]);
    expect(await ports.operations.get(group, body.operationId as string)).toMatchObject({
      status: 'accepted',
      kind: 'create-shadow',
      trigger: 'request',
    });
  });

  it('takes the worker that was named', async () => {
    const { call, ports, shardId } = await open();
    expect((await call(createShadow, { body: { ...group, shardId, workerId: 'b' } })).status).toBe(202);
    expect(ports.commands.sent).toMatchObject([{ action: { workerId: 'b' } }]);
  });

  it.each([
    ['an unknown shard', {}, { shardId: 'shardId-9' }, 404, 'UnknownShard'],
    ['an unknown worker', {}, { workerId: 'z' }, 404, 'UnknownWorker'],
    ['the owner itself', {}, { workerId: 'a' }, 409, 'OwnShard'],
    ['a shard that has a shadow', { shadow: tracking }, {}, 409, 'ShadowExists'],
    ['a shard in a reshard', { reshard: { operationId: 'r', childOwners: ['a'] } }, {}, 409, 'ShardBusy'],
    ['a shard that has ended', { state: 'ended' as const }, {}, 409, 'ShardBusy'],
  ])('fails for %s', async (_, changes, request, status, error) => {
    const { call, ports, shardId } = await open(changes);
    const answer = await call(createShadow, { body: { ...group, shardId, ...request } });
    expect([answer.status, answer.body.error]).toEqual([status, error]);
    expect(ports.commands.sent).toEqual([]);
  });

  it('fails when nobody but the owner is alive', async () => {
    const { call, ports, shardId } = await open();
    for (const name of ['b', 'c']) await ports.workers.remove(group, name);
    expect(await call(createShadow, { body: { ...group, shardId } })).toMatchObject({ status: 409, body: { error: 'NoWorker' } });
  });
});

describe('activateShadow', () => {
  it('accepts a handover at the owner’s epoch to the holder of a verified shadow', async () => {
    const { call, ports, shardId } = await open({ shadow: tracking, epoch: 4 });
    const { status } = await call(activateShadow, { body: { ...group, shardId } });
    expect(status).toBe(202);
    expect(ports.commands.sent).toMatchObject([{ action: { kind: 'handover', source: 'a', target: 'b', epoch: 4 } }]);
  });

  it.each([
    ['no shadow', {}, 'NoShadow'],
    [
      'a shadow that has verified nothing',
      { shadow: { ...tracking, state: 'opened' as const, verifiedThrough: undefined } },
      'ShadowNotReady',
    ],
    ['a diverged shadow', { shadow: { ...tracking, state: 'diverged' as const } }, 'ShadowNotReady'],
    ['a shadow on a dead worker', { shadow: { ...tracking, workerId: 'gone' } }, 'WorkerNotAlive'],
    [
      'a handover under way',
      {
        shadow: tracking,
        handover: { id: 'h', phase: 'pausing' as const, source: 'a', target: 'b', epoch: 1, pauseBudgetMs: 1, requestedAtMs: 1 },
      },
      'ShardBusy',
    ],
  ])('fails with %s', async (_, changes, error) => {
    const { call, ports, shardId } = await open(changes as Parameters<typeof open>[0]);
    const answer = await call(activateShadow, { body: { ...group, shardId } });
    expect([answer.status, answer.body.error]).toEqual([409, error]);
    expect(ports.commands.sent).toEqual([]);
  });
});

describe('monitorShadow', () => {
  it('shows shadows with what they verified, and outcomes newest first', async () => {
    const { call, ports, shardId } = await open({ shadow: tracking });
    const moved = {
      kind: 'handover',
      streamName: 'orders',
      result: 'moved',
      shardId,
      source: 'a',
      target: 'b',
      trigger: 'request',
      pauseMs: 30,
      durationMs: 700,
    } as const;
    await ports.outcomes.put([
      { ...moved, operationId: 'one', atMs: NOW - 2_000 },
      { ...moved, operationId: 'two', atMs: NOW - 1_000 },
    ]);
    const { status, body } = await call(monitorShadow, { query: group });
    expect(status).toBe(200);
    const monitor = MonitorResponse.parse(body);
    expect(monitor.shadows).toMatchObject([{ shardId, workerId: 'b', verifiedThrough: mark, verifiedAgeMs: 2_000 }]);
    expect(monitor.outcomes.map(({ operationId }) => operationId)).toEqual(['two', 'one']);
  });

  it('shows what the owner has marked, what each side had where they differed, and what a handover has drained and proved', async () => {
    const other = { ...mark, digest: 'ffffffffffffffff' };
    const handover = {
      id: 'h',
      phase: 'pausing',
      source: 'a',
      target: 'b',
      epoch: 4,
      pauseBudgetMs: 2500,
      requestedAtMs: NOW,
      drained: mark,
    } as const;
    const diverged = { ...tracking, state: 'diverged', divergence: { owner: mark, shadow: other } } as const;
    const { call } = await open({ mark, shadow: diverged, handover });
    const monitor = MonitorResponse.parse((await call(monitorShadow, { query: group })).body);
    expect(monitor.shadows).toMatchObject([{ ownerMark: mark, divergence: { owner: mark, shadow: other } }]);
    expect(monitor.handovers).toMatchObject([{ drained: mark, proof: null }]);
  });
});

describe('fleet', () => {
  it('shows shards and workers', async () => {
    const { call } = await open({ shadow: tracking });
    const view = FleetResponse.parse((await call(fleet, { query: group })).body);
    expect(view.shards.map(({ owner, widthShare }) => [owner, Math.round(widthShare * 100)])).toEqual([
      ['a', 50],
      ['a', 50],
    ]);
    expect(view.workers.find(({ workerId }) => workerId === 'b')?.shadowShardIds).toHaveLength(1);
  });
});

describe('fleet with a worker that fell silent', () => {
  it('shows it as not alive, without waiting for it', async () => {
    const { call, ports } = await open();
    await ports.workers.put(worker('c', 0.1, { reportedAtMs: NOW - 60_000 }));
    const view = FleetResponse.parse((await call(fleet, { query: group })).body);
    expect(view.workers.map(({ workerId, alive }) => [workerId, alive])).toEqual([
      ['a', true],
      ['b', true],
      ['c', false],
    ]);
  });
});

describe('policies', () => {
  it('answers the defaults, which only observe, and then what was set', async () => {
    const { call } = await open();
    expect((await call(policy, { query: group })).body).toMatchObject({ mode: 'observe', targetUtilization: 0.7 });
    expect((await call(changePolicy, { body: { ...group, mode: 'recommend' } })).status).toBe(200);
    expect((await call(policy, { query: group })).body).toMatchObject({ mode: 'recommend' });
  });

  it('fails on a contradiction within the policy, naming the field', async () => {
    const { call, ports } = await open();
    const { status, body } = await call(changePolicy, { body: { ...group, minShards: 5, maxShards: 2 } });
    expect(status).toBe(400);
    expect(body.fields).toMatchObject([
      { field: 'minShards', message: expect.stringContaining('must not exceed maxShards'), received: 5 },
    ]);
    expect(await ports.policies.get(group)).toBeNull();
  });

  it('fails on blackouts that meet by the calendar, and on an override that has ended', async () => {
    const { call, ports } = await open();
    const daily = { cron: '0 9 * * *', durationMin: 60, reason: 'x' };
    const { status, body } = await call(changePolicy, { body: { ...group, blackoutCrons: [daily, daily] } });
    expect(status).toBe(400);
    expect(body.fields).toMatchObject([
      { field: 'blackoutCrons.1', message: expect.stringContaining('must not overlap'), received: daily },
    ]);
    const override = { untilMs: NOW, reason: 'incident', mode: 'observe' };
    expect(await call(changePolicy, { body: { ...group, override } })).toMatchObject({
      status: 409,
      body: { error: 'OverrideEnded', message: expect.stringContaining('must be later than now') },
    });
    expect(await ports.policies.get(group)).toBeNull();
    expect((await call(changePolicy, { body: { ...group, override: { ...override, untilMs: NOW + 1 } } })).status).toBe(200);
  });
});

describe('plans', () => {
  const proposed = (planId: string, createdAtMs: number, status: Plan['status'] = 'proposed'): Plan => ({
    ...group,
    planId,
    createdAtMs,
    mode: 'recommend',
    status,
    leadTimeSec: 300,
    leadTimeReason: 'short',
    shardCount: 1,
    workerCount: 2,
    actions: [
      {
        kind: 'create-shadow',
        actionId: `${planId}-1`,
        trigger: 'forecast',
        reason: 'because',
        expected,
        shardId: 's',
        workerId: 'b',
        purpose: 'handover',
      },
    ],
    holds: [],
  });

  it('shows the newest first and no more than asked for', async () => {
    const { call, ports } = await open();
    for (const i of [1, 2, 3]) await ports.plans.put(proposed(`p${i}`, NOW - 100_000 + i));
    const { body } = await call(plans, { query: { ...group, limit: '2' } });
    expect((body.plans as Plan[]).map(({ planId }) => planId)).toEqual(['p3', 'p2']);
    expect((await call(plans, { query: { ...group, limit: '0' } })).status).toBe(400);
  });

  const service = { cluster: 'c', service: 's', minWorkers: 1, maxWorkers: 9 };
  const recommending = async (policy: object = {}) => {
    const it = await open();
    await it.ports.policies.put(Policy.parse({ ...group, mode: 'recommend', ...policy }));
    return it;
  };

  it('sets the number of workers of an approved plan, unless someone else has, and rests from then on', async () => {
    const { call, ports } = await recommending({ workerService: service });
    const approve = (planId: string) => call(approvePlan, { path: { planId }, body: group });
    const workerCountChange = { from: 2, to: 4, reason: 'because' };
    const { services } = ports.workerFleet;
    services.set('c/s', { desiredCount: 2, runningCount: 2 });
    await ports.plans.put({ ...proposed('p', NOW - 60_000), workerCountChange });
    await ports.plans.put({ ...proposed('q', NOW - 30_000), workerCountChange });
    expect((await approve('p')).status).toBe(202);
    expect(services.get('c/s')?.desiredCount).toBe(4);
    expect(await ports.plans.recent(group, 2)).toMatchObject([
      { planId: 'q', status: 'proposed', workersChangedAtMs: NOW },
      { planId: 'p', status: 'approved', workersChangedAtMs: NOW },
    ]);
    services.set('c/s', { desiredCount: 7, runningCount: 7 });
    expect((await approve('q')).status).toBe(202);
    expect(services.get('c/s')?.desiredCount).toBe(7);
  });

  it('fails to approve what is only observed by now', async () => {
    const { call, ports } = await recommending({ override: { untilMs: NOW + 1, reason: 'incident', mode: 'observe' } });
    await ports.plans.put(proposed('p', NOW - 60_000));
    const approve = () => call(approvePlan, { path: { planId: 'p' }, body: group });
    expect(await approve()).toMatchObject({ status: 409, body: { error: 'OnlyObserving' } });
    await ports.policies.put(Policy.parse({ ...group, mode: 'recommend' }));
    // The breaker made the newest plan observe.
    await ports.plans.put({ ...proposed('q', NOW - 30_000, 'shown'), mode: 'observe' });
    expect(await approve()).toMatchObject({ status: 409, body: { error: 'OnlyObserving' } });
    expect(ports.commands.sent).toEqual([]);
  });

  it('carries a proposed plan out when it is approved, once', async () => {
    const { call, ports } = await recommending();
    await ports.plans.put(proposed('p', NOW - 60_000));
    const approve = () => call(approvePlan, { path: { planId: 'p' }, body: group });
    expect(await approve()).toMatchObject({ status: 202, body: { operationIds: ['p-1'] } });
    expect(await approve()).toMatchObject({ status: 409, body: { error: 'NotProposed' } });
    expect(ports.commands.sent).toHaveLength(1);
  });

  it('fails for a plan that was made for other shards than there are now', async () => {
    const { call, ports } = await recommending();
    await ports.plans.put({ ...proposed('p', NOW - 60_000), layout: 'aaaa' });
    await ports.plans.put({ ...proposed('q', NOW - 1_000), layout: 'bbbb' });
    const answer = await call(approvePlan, { path: { planId: 'p' }, body: group });
    expect(answer).toMatchObject({ status: 409, body: { error: 'WorldChanged' } });
    expect(ports.commands.sent).toEqual([]);
    expect(await call(approvePlan, { path: { planId: 'q' }, body: group })).toMatchObject({ status: 202 });
  });

  it('fails for a plan that is unknown, too old or not proposed', async () => {
    const { call, ports } = await open();
    await ports.plans.put(proposed('old', NOW - 16 * 60_000));
    await ports.plans.put(proposed('seen', NOW - 1_000, 'shown'));
    const approve = async (planId: string) => (await call(approvePlan, { path: { planId }, body: group })).body.error;
    expect([await approve('none'), await approve('old'), await approve('seen')]).toEqual([
      'UnknownPlan',
      'PlanTooOld',
      'NotProposed',
    ]);
    expect(ports.commands.sent).toEqual([]);
  });
});

describe('operation', () => {
  it('fails for one that is not known', async () => {
    const { call } = await open();
    expect(await call(operation, { query: group, path: { operationId: 'x' } })).toMatchObject({
      status: 404,
      body: { error: 'UnknownOperation' },
    });
  });
});
