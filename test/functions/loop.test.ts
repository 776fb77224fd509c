import { describe, expect, it } from 'vitest';
import { operationOf } from '../../functions/accept-operation.ts';
import { collect } from '../../functions/collect.ts';
import { due, feedback } from '../../functions/feedback.ts';
import { forecast } from '../../functions/forecast.ts';
import { HORIZONS_SEC } from '../../functions/forecast-jobs.ts';
import { handoverRecord } from '../../functions/handover-record.ts';
import { liveWorkers } from '../../functions/live-workers.ts';
import { plan } from '../../functions/plan.ts';
import { reap } from '../../functions/reap.ts';
import { consumerNameOf, profilingConsumerNameOf } from '../../lib/model/consumer-name.ts';
import { type DemandCounters, MINUTE_MS, SLICE_COUNT } from '../../lib/model/demand.ts';
import type { Action } from '../../lib/model/plan.ts';
import { Policy } from '../../lib/model/policy.ts';
import { ProfilingRequest, type ProfilingRun } from '../../lib/model/profiling.ts';
import type { Shard } from '../../lib/model/shard.ts';
import type { Beat, Retrieval } from '../../lib/model/worker.ts';
import { expected, group, lease, NOW, worker, world } from './scenes.ts';

const MINUTE = Math.floor(NOW / MINUTE_MS) * MINUTE_MS;

/** One flush of one minute: so many records, spread evenly. */
const counters = (shard: Shard, minuteMs: number, records: number, flushId = `${minuteMs}`): DemandCounters => ({
  streamName: group.streamName,
  shardId: shard.shardId,
  hashKeyRange: shard.hashKeyRange,
  minuteMs,
  workerId: 'a',
  flushId,
  records,
  bytes: records * 100,
  sliceRecords: new Array<number>(SLICE_COUNT).fill(records / SLICE_COUNT),
  sliceBytes: new Array<number>(SLICE_COUNT).fill((records * 100) / SLICE_COUNT),
  outOfRangeRecords: 0,
  latencyMsP50: 1,
  latencyMsP99: 2,
});

/** A stream of two shards whose load of the last minutes rises to `perMinute`. */
const open = async (perMinute: number, policy: object = {}) => {
  const it = world();
  const { shards } = it.ports.streams.createStream(group.streamName, 2);
  for (const shard of shards) await it.ports.leases.create(lease(shard));
  for (const one of [worker('a', 0.3), worker('b', 0.1)]) await it.ports.workers.put(one);
  await it.ports.policies.put(Policy.parse({ ...group, shardCapacity: { recordsPerSec: 10, bytesPerSec: 10_000 }, ...policy }));
  for (let i = 1; i <= 10; i++)
    await it.ports.counters.put(
      shards.map((shard) => counters(shard, MINUTE - i * MINUTE_MS, Math.round((perMinute * (11 - i)) / 10))),
    );
  return { ...it, shards };
};

describe('collect', () => {
  it('puts the minutes that have ended into the history, and changes nothing when it is repeated', async () => {
    const { ports, scene } = await open(600);
    expect(await collect.run(group, scene())).toMatchObject({ kind: 'collected', counters: 20 });
    const first = await ports.history.read(group.streamName, 0, NOW);
    const minute = (MINUTE - MINUTE_MS - first[0]!.startMs) / MINUTE_MS;
    expect(first.at(-1)?.records[minute] ?? first[0]?.records[minute]).toBe(600);
    await collect.run(group, scene());
    expect(await ports.history.read(group.streamName, 0, NOW)).toEqual(first);
  });

  it('adds what a worker flushed late', async () => {
    const { ports, scene, shards } = await open(600);
    await collect.run(group, scene());
    await ports.counters.put([counters(shards[0]!, MINUTE - 2 * MINUTE_MS, 60, 'late')]);
    await collect.run(group, scene());
    const blocks = await ports.history.read(group.streamName, 0, NOW);
    const known = blocks.flatMap((block) => block.records.filter((value) => value !== null));
    expect(known).toContain(600);
    expect(known.filter((value) => value === 540)).toHaveLength(1);
  });

  it('leaves the minute that still runs alone', async () => {
    const { ports, scene, shards } = await open(600);
    await ports.counters.put([counters(shards[0]!, MINUTE, 9_999)]);
    await collect.run(group, scene());
    const blocks = await ports.history.read(group.streamName, 0, NOW + MINUTE_MS);
    expect(blocks.flatMap((block) => block.records)).not.toContain(9_999);
  });

  it('skips a stream that does not exist, with the reason', async () => {
    expect(await collect.run(group, world().scene())).toEqual({ kind: 'skipped', reason: 'stream orders does not exist' });
  });
});

describe('forecast', () => {
  it('forecasts stream and shards for both metrics, and publishes age and upper bound', async () => {
    const { ports, scene } = await open(300);
    await collect.run(group, scene());
    expect(await forecast.run(group, scene())).toMatchObject({ kind: 'forecasted', series: 6 });
    const made = await ports.forecasts.latest(group.streamName);
    expect(made.map(({ scope }) => scope).sort()).toEqual(['shard', 'shard', 'shard', 'shard', 'stream', 'stream']);
    for (const one of made) expect([one.horizonsSec, one.observedUntilMs]).toEqual([[...HORIZONS_SEC], MINUTE]);
    const age = ports.metrics.published.find(({ name }) => name === 'ForecastAge');
    expect(age).toMatchObject({ value: 30, unit: 'Seconds', dimensions: { Application: 'shop', StreamName: 'orders' } });
    expect(ports.metrics.published.find(({ name }) => name === 'ForecastUpperRecords')!.value).toBeGreaterThan(0);
  });

  it('stores what it has when its time is used up, and goes on with the others at the next tick', async () => {
    const { ports, scene, clock } = await open(300);
    await collect.run(group, scene());
    let reads = 0;
    const slow = { ...ports, clock: { ...clock, nowMs: clock.nowMs, sleep: clock.sleep, monotonicMs: () => 10_000 * reads++ } };
    expect(await forecast.run(group, scene(slow))).toMatchObject({ series: 3, left: 3 });
    await clock.advance(MINUTE_MS);
    reads = 0;
    await forecast.run(group, scene(slow));
    expect(await ports.forecasts.latest(group.streamName)).toHaveLength(6);
  });

  it('skips a stream of which nothing was observed', async () => {
    const it = world();
    it.ports.streams.createStream(group.streamName, 1);
    expect(await forecast.run(group, it.scene())).toMatchObject({
      kind: 'skipped',
      reason: expect.stringMatching(/observed yet/),
    });
  });
});

describe('plan', () => {
  const hot = async (mode: string) => {
    const it = await open(590, { mode });
    await collect.run(group, it.scene());
    return it;
  };

  it('sends what it decided in mode act: operation first, command after it', async () => {
    const { ports, scene } = await hot('act');
    await plan.run(group, scene());
    const [recorded] = await ports.plans.recent(group, 1);
    expect(recorded!.actions.map(({ kind }) => kind)).toContain('split');
    expect(ports.commands.sent.map(({ operationId }) => operationId)).toEqual(recorded!.actions.map(({ actionId }) => actionId));
    for (const { actionId } of recorded!.actions)
      expect(await ports.operations.get(group, actionId)).toMatchObject({ status: 'accepted' });
  });

  it.each(['observe', 'recommend'])('sends nothing in mode %s, and records the same actions', async (mode) => {
    const { ports, scene } = await hot(mode);
    await plan.run(group, scene());
    const [recorded] = await ports.plans.recent(group, 1);
    expect(recorded!.actions.length).toBeGreaterThan(0);
    expect(ports.commands.sent).toEqual([]);
    expect(await ports.operations.recent(group, 10)).toEqual([]);
  });

  it('never sends an action twice for one need', async () => {
    const { ports, scene, clock } = await hot('act');
    await plan.run(group, scene());
    const sent = ports.commands.sent.length;
    await clock.advance(10_000);
    await plan.run(group, scene());
    expect(ports.commands.sent.filter(({ action }) => action.kind === 'split')).toHaveLength(1);
    expect(ports.commands.sent.length).toBeGreaterThanOrEqual(sent);
  });

  it('sets the number of workers where the policy names their service, and says what keeps it', async () => {
    const service = { cluster: 'c', service: 's', minWorkers: 5, maxWorkers: 9 };
    const it = await open(600, { mode: 'act', workerService: service });
    const { ports, scene, clock } = it;
    await collect.run(group, scene());
    await plan.run(group, scene());
    const newest = async () => (await ports.plans.recent(group, 1))[0]!;
    expect((await newest()).holds.find(({ reason }) => reason === 'worker-service')?.detail).toContain(
      's of cluster c is not there',
    );
    ports.workerFleet.services.set('c/s', { desiredCount: 2, runningCount: 2 });
    await clock.advance(5_000);
    await plan.run(group, scene());
    expect(ports.workerFleet.services.get('c/s')?.desiredCount).toBeGreaterThanOrEqual(5);
    expect(await newest()).toMatchObject({ workersChangedAtMs: clock.nowMs(), workerCountChange: { from: 2 } });
    // One change at a time, and the next plan knows when the last one was.
    ports.workerFleet.services.set('c/s', { desiredCount: 2, runningCount: 2 });
    await clock.advance(5_000);
    await plan.run(group, scene());
    expect(ports.workerFleet.services.get('c/s')?.desiredCount).toBe(2);
    expect((await newest()).holds.find(({ subject }) => subject === 'c/s')).toMatchObject({ reason: 'cooldown' });
  });

  it('says so when the service refuses what it was asked', async () => {
    const service = { cluster: 'c', service: 's', minWorkers: 5, maxWorkers: 9 };
    const { ports, scene } = await open(600, { mode: 'act', workerService: service });
    ports.workerFleet.services.set('c/s', { desiredCount: 2, runningCount: 2 });
    await collect.run(group, scene());
    const refusing = {
      ...ports,
      workerFleet: {
        ...ports.workerFleet,
        setDesiredCount: async () => ({ kind: 'denied', detail: 'no permission for it' }) as const,
      },
    };
    await plan.run(group, scene(refusing));
    const [recorded] = await ports.plans.recent(group, 1);
    expect(recorded!.holds).toContainEqual({
      kind: 'hold',
      subject: group.streamName,
      reason: 'worker-service',
      detail: 'The number of workers stays as it is: no permission for it.',
    });
  });

  it('yields after someone else changed the shards, as the plan before tells', async () => {
    const { ports, scene, clock } = await hot('recommend');
    await plan.run(group, scene());
    const [first] = await ports.plans.recent(group, 1);
    await ports.plans.put({ ...first!, planId: 'other', createdAtMs: first!.createdAtMs + 1, layout: '0123456789abcdef' });
    await clock.advance(10_000);
    await plan.run(group, scene());
    const [second] = await ports.plans.recent(group, 1);
    expect(second).toMatchObject({ foreignChangeAtMs: clock.nowMs(), layout: first!.layout });
    expect(second!.holds.map(({ reason }) => reason)).toContain('foreign-change');
    expect(second!.actions.map(({ kind }) => kind)).not.toContain('split');
  });

  it('leaves the account’s limit to the streams that were first', async () => {
    const { ports, scene } = await hot('act');
    const other = { application: 'shop', streamName: 'refunds' };
    for (const n of [1, 2, 3, 4, 5]) {
      const action: Action = {
        kind: 'merge',
        actionId: `merge-${n}`,
        trigger: 'forecast',
        reason: 'cold',
        expected,
        shardId: 'x',
        adjacentShardId: 'y',
        hashKeyRange: { startingHashKey: 0n, endingHashKey: 1n },
        childOwners: ['a'],
      };
      await ports.operations.create({ ...operationOf(other, action, NOW), operationId: `merge-${n}` });
    }
    await plan.run(group, { ...scene(), streams: [group, other] });
    const [recorded] = await ports.plans.recent(group, 1);
    expect(recorded!.holds.map(({ reason }) => reason)).toContain('account-limit');
    expect(recorded!.actions.map(({ kind }) => kind)).not.toContain('split');
  });

  it('says how many shards and workers the load wants, and whether the circuit is open', async () => {
    const { ports, scene } = await hot('observe');
    await plan.run(group, scene());
    const [recorded] = await ports.plans.recent(group, 1);
    expect(recorded!.shardsWanted).toBeGreaterThan(2);
    expect(recorded!.workersWanted).toBeGreaterThanOrEqual(1);
    for (const [name, value] of [
      ['ShardsWanted', recorded!.shardsWanted],
      ['WorkersWanted', recorded!.workersWanted],
      ['CircuitOpen', 0],
    ] as const)
      expect(ports.metrics.published).toContainEqual(expect.objectContaining({ name, value }));
  });

  it('counts diverged shadows for the alarm', async () => {
    const { ports, scene, shards } = await hot('observe');
    await ports.leases.write(group, shards[0]!.shardId, {
      name: 'test',
      conditions: [],
      changes: [
        { op: 'set', path: 'shadow', to: { value: { workerId: 'b', state: 'diverged', purpose: 'request', requestedAtMs: 1 } } },
      ],
    });
    await plan.run(group, scene());
    expect(ports.metrics.published).toContainEqual(expect.objectContaining({ name: 'ShadowDiverged', value: 1 }));
  });
});

describe('feedback', () => {
  it('scores a forecast when its time has come, once', async () => {
    const { ports, scene, clock, shards } = await open(300);
    await collect.run(group, scene());
    await forecast.run(group, scene());
    expect(await feedback.run(group, scene())).toMatchObject({ kind: 'skipped' });
    for (let i = 0; i < 6; i++) await ports.counters.put(shards.map((shard) => counters(shard, MINUTE + i * MINUTE_MS, 300)));
    await clock.advance(6 * MINUTE_MS);
    await collect.run(group, scene());
    const scored = await feedback.run(group, scene());
    expect(scored).toEqual({ kind: 'scored', outcomes: 2, tracked: 0, series: 2 });
    await feedback.run(group, scene());
    const outcomes = await ports.outcomes.recent(group.streamName, 'forecast', 100);
    expect(outcomes).toHaveLength(2);
    expect(outcomes[0]).toMatchObject({ horizonSec: 300, atMs: MINUTE + 5 * MINUTE_MS });
  });
});

describe('due', () => {
  it('keeps only the scored horizons that ended within the window', async () => {
    const { ports, scene } = await open(300);
    await collect.run(group, scene());
    await forecast.run(group, scene());
    const [one] = await ports.forecasts.latest(group.streamName);
    const kept = due(one!, MINUTE + 299_000, MINUTE + 900_000);
    expect(kept.horizonsSec).toEqual([300, 900]);
    for (const row of [...kept.quantiles, ...kept.windowMaxQuantiles]) expect(row).toHaveLength(2);
  });
});

describe('handoverRecord', () => {
  const input = { ...group, handoverId: 'move-1', shardId: 's', source: 'a', target: 'b', requestedAtMs: NOW - 800 };
  const action: Action = {
    trigger: 'forecast',
    reason: 'because',
    expected,
    kind: 'handover',
    actionId: 'move-1',
    shardId: 's',
    source: 'a',
    target: 'b',
    epoch: 1,
  };

  it('records the pause that the two workers stamped', async () => {
    const { ports, scene } = world();
    await ports.operations.create(operationOf(group, action, NOW));
    const answer = await handoverRecord.run(
      handoverRecord.input.parse({ ...input, end: 'moved', pausedAtMs: '1795000000000', activatedAtMs: '1795000000031' }),
      scene(),
    );
    expect(answer).toEqual({ kind: 'recorded', result: 'moved', diverged: false });
    expect(await ports.outcomes.recent(group.streamName, 'handover', 1)).toMatchObject([
      { pauseMs: 31, durationMs: 800, trigger: 'forecast' },
    ]);
    expect(await ports.operations.get(group, 'move-1')).toMatchObject({
      status: 'succeeded',
      result: 's moved from a to b, paused for 31 ms',
    });
    expect(ports.metrics.published).toContainEqual(expect.objectContaining({ name: 'HandoverFailed', value: 0 }));
  });

  it('tells a divergence from a handover that someone else cut short', async () => {
    const { ports, scene } = world();
    const failed = { ...input, failedIn: 'VerifyConsistency', error: 'DynamoDb.ConditionalCheckFailedException' };
    expect(await handoverRecord.run(handoverRecord.input.parse({ ...failed, end: 'restored' }), scene())).toMatchObject({
      diverged: true,
    });
    expect(ports.metrics.published).toContainEqual(expect.objectContaining({ name: 'ShadowDiverged', value: 1 }));
    expect(await handoverRecord.run(handoverRecord.input.parse({ ...failed, end: 'abandoned' }), scene())).toMatchObject({
      diverged: false,
    });
  });

  it('ends the operation as failed, with the state and the error', async () => {
    const { ports, scene } = world();
    await ports.operations.create(operationOf(group, action, NOW));
    await handoverRecord.run(
      handoverRecord.input.parse({ ...input, end: 'restored', failedIn: 'PauseIngestion', error: 'States.Timeout' }),
      scene(),
    );
    expect(await ports.operations.get(group, 'move-1')).toMatchObject({
      status: 'failed',
      result: expect.stringMatching(/a processes s on; PauseIngestion failed: States.Timeout/),
    });
    expect(await ports.outcomes.recent(group.streamName, 'handover', 1)).toMatchObject([{ result: 'restored' }]);
  });
});

describe('liveWorkers', () => {
  const beat = (workerId: string, heartbeat: number, atMs: number): Beat => ({
    workerId,
    heartbeat,
    state: 'active',
    failoverMs: 1100,
    stuck: false,
    atMs,
  });

  it('looks twice at a worker whose clock seems slow, and trusts its counter', async () => {
    const { ports, clock } = world();
    const slow = worker('slow', 0.1, { reportedAtMs: NOW - 60_000 });
    await ports.workers.put(slow);
    await ports.workers.put(worker('dead', 0.1, { reportedAtMs: NOW - 60_000 }));
    await ports.workers.put(worker('fresh'));
    const found = liveWorkers(group, ports, NOW);
    await ports.workers.beat(group, beat('fresh', 6, NOW));
    await clock.advance(1_000);
    await ports.workers.beat(group, beat('slow', 6, NOW - 59_000));
    await clock.advance(2_000);
    expect((await found).map(({ workerId }) => workerId).sort()).toEqual(['fresh', 'slow']);
  });

  it('does not wait for one that is surely gone', async () => {
    const { ports } = world();
    await ports.workers.put(worker('gone', 0.1, { reportedAtMs: NOW - 3_600_000 }));
    expect(await liveWorkers(group, ports, NOW)).toEqual([]);
  });
});

describe('reap', () => {
  const registered = async (changes: Parameters<typeof lease>[1] = {}, retrieval?: Retrieval) => {
    const it = world();
    const { shards, streamArn } = it.ports.streams.createStream(group.streamName, 1);
    await it.ports.leases.create(lease(shards[0]!, changes));
    for (const name of [consumerNameOf(group.application, 0), 'theirs']) await it.ports.control.ensureConsumer(streamArn, name);
    await it.clock.advance(16 * 60_000);
    const { retrieval: _, ...silent } = worker('a', 0.1, { reportedAtMs: it.clock.nowMs() });
    await it.ports.workers.put(retrieval === undefined ? silent : { ...silent, retrieval });
    const names = async () => (await it.ports.control.listConsumers(streamArn)).map(({ consumerName }) => consumerName);
    return { ...it, names };
  };

  it.each(['polling', 'fan-out-for-shadows'] as const)(
    'deregisters our idle consumers where workers read by %s, and never another’s',
    async (retrieval) => {
      const { scene, names } = await registered({}, retrieval);
      expect(await reap.run(group, scene())).toMatchObject({ consumers: [consumerNameOf(group.application, 0)] });
      expect(await names()).toEqual(['theirs']);
    },
  );

  it.each([
    ['a shadow stands', { shadow: { workerId: 'b', state: 'tracking', purpose: 'request', requestedAtMs: 1 } }, 'polling'],
    ['owners read by them', {}, 'fan-out'],
    ['a worker does not say how it reads', {}, undefined],
  ] as const)('keeps them while %s', async (_, changes, retrieval) => {
    const { scene, names } = await registered(changes, retrieval);
    expect(await reap.run(group, scene())).toMatchObject({ consumers: [] });
    expect(await names()).toHaveLength(2);
  });

  it('ends a profiling run whose host is lost, and deregisters its consumer, which a live run keeps', async () => {
    const { scene, names, ports, clock } = await registered({}, 'polling');
    const stream = await ports.control.describe(group.streamName);
    await ports.control.ensureConsumer(stream?.streamArn ?? '', profilingConsumerNameOf(group.application));
    const run: ProfilingRun = {
      ...group,
      profileId: 'p1',
      shardId: 's',
      hostId: 'b',
      request: ProfilingRequest.parse({}),
      trigger: 'request',
      reason: 'because',
      state: 'observing',
      requestedAtMs: clock.nowMs(),
      lostAfterMs: clock.nowMs() + 60_000,
    };
    await ports.profiles.create(run, clock.nowMs());
    await reap.run(group, scene());
    expect(await names()).toContain(profilingConsumerNameOf(group.application));
    await ports.profiles.change(run, { lostAfterMs: clock.nowMs() });
    expect(await reap.run(group, scene())).toMatchObject({ consumers: [profilingConsumerNameOf(group.application)] });
    expect(await ports.profiles.live(group)).toEqual([]);
    expect(await ports.profiles.get(group, 'p1')).toMatchObject({ ended: { by: 'host-lost' } });
  });

  it('sends a lost command again, and ends what nobody will ever end', async () => {
    const { ports, scene } = world();
    const action = (actionId: string): Action => ({
      trigger: 'forecast',
      reason: 'because',
      expected,
      kind: 'create-shadow',
      actionId,
      shardId: 's',
      workerId: 'b',
      purpose: 'handover',
    });
    await ports.operations.create(operationOf(group, action('new'), NOW - 10_000));
    await ports.operations.create(operationOf(group, action('lost'), NOW - 100_000));
    await ports.operations.create(operationOf(group, action('old'), NOW - 400_000));
    await ports.operations.create({ ...operationOf(group, action('silent'), NOW - 4 * 3_600_000), status: 'running' });
    expect(await reap.run(group, scene())).toMatchObject({
      sentAgain: ['lost'],
      ended: expect.arrayContaining(['old', 'silent']),
    });
    expect(ports.commands.sent).toMatchObject([{ operationId: 'lost', requestedAtMs: NOW - 100_000 }]);
    expect(await ports.operations.get(group, 'silent')).toMatchObject({
      status: 'failed',
      result: expect.stringMatching(/no end within 3 hours/),
    });
  });
});
