import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PoisonError } from '../../lib/errors.ts';
import { type Forecast, IssuedForecast } from '../../lib/model/forecast.ts';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { ModelState } from '../../lib/model/model-state.ts';
import type { ForecastOutcome, HandoverOutcome, Operation } from '../../lib/model/operation.ts';
import type { Plan, SplitAction } from '../../lib/model/plan.ts';
import { Policy } from '../../lib/model/policy.ts';
import type { ProfileReport } from '../../lib/model/profile-report.ts';
import { ProfilingRequest } from '../../lib/model/profiling.ts';
import type { TrackRecord } from '../../lib/model/track-record.ts';
import { findingsOf } from '../../lib/profile/findings-of.ts';
import { reportPointsOf } from '../../lib/profile/report-points.ts';
import { plainTruth, sceneOf, targets, totalsOf, windowsOf } from '../profile/measured-run.ts';
import { type World, worlds } from '../support/worlds.ts';

const AT_MS = 1_700_000_000_000;
const newGroup = () => ({ application: 'shop', streamName: `orders-${randomUUID()}` });

const split: SplitAction = {
  kind: 'split',
  actionId: 'split-1',
  trigger: 'forecast',
  reason: 'p95 of the window passes 70 %',
  expected: {
    utilizationNow: 0.5,
    peakUtilization: 0.9,
    breachAtMs: AT_MS + 60_000,
    leadTimeSec: 300,
    costUsdPerMonth: 10.95,
    recordsAtRiskPerHour: 100,
  },
  shardId: 'shardId-000000000000',
  hashKeyRange: WHOLE_RANGE,
  newStartingHashKey: 2n ** 127n + 1n,
  childOwners: ['a', 'b'],
};
const issuedOf = (forecast: Forecast): IssuedForecast => z.decode(IssuedForecast, z.encode(IssuedForecast, forecast));
const forecastOf = (change: Partial<Forecast>): Forecast => ({
  streamName: 'orders',
  scope: 'shard',
  hashKeyRange: WHOLE_RANGE,
  metric: 'records',
  issuedAtMs: AT_MS,
  observedUntilMs: AT_MS - 5_000,
  lastObserved: 12.5,
  horizonsSec: [60, 120],
  quantiles: [
    [1, 2],
    [3, 4],
    [5, 6],
    [7, 8.123456789],
  ],
  windowMaxQuantiles: [
    [1, 2],
    [3, 4],
    [5, 6],
    [7, 9],
  ],
  model: 'incremental',
  reason: 'lowest pinball loss',
  scores: [{ model: 'last-value', relativeError: 1, relativePinball95: 1, coverage95: 0.9, origins: 40 }],
  status: 'ready',
  historyMinutes: 4000,
  ...change,
});

describe.each(worlds)('records in $name', ({ open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });

  test('policies: the last one put, null without one', async () => {
    const group = newGroup();
    const policy = Policy.parse({ ...group, mode: 'act', blackouts: [{ fromMs: 1, untilMs: 2, reason: 'sale' }] });
    expect(await world.ports.policies.get(group)).toBeNull();
    await world.ports.policies.put({ ...policy, mode: 'observe' });
    await world.ports.policies.put(policy);
    expect(await world.ports.policies.get(group)).toEqual(policy);
  });

  test('plans: newest first, at most the limit, a plan put again takes its own place', async () => {
    const group = newGroup();
    const planOf = (i: number): Plan => ({
      ...group,
      planId: `plan-${i}`,
      createdAtMs: AT_MS + i * 60_000,
      mode: 'act',
      status: 'shown',
      leadTimeSec: 300,
      leadTimeReason: 'measured',
      shardCount: 2,
      workerCount: 3,
      actions: [split],
      holds: [{ kind: 'hold', subject: 'orders', reason: 'cooldown', detail: 'for 10 s' }],
    });
    for (const i of [2, 0, 3, 1]) await world.ports.plans.put(planOf(i));
    await world.ports.plans.put({ ...planOf(2), status: 'sent' });
    expect(await world.ports.plans.recent(group, 3)).toEqual([planOf(3), { ...planOf(2), status: 'sent' }, planOf(1)]);
    expect(await world.ports.plans.recent(newGroup(), 3)).toEqual([]);
  });

  describe('model states', () => {
    const stateOf = (change: Partial<ModelState>): ModelState => ({
      streamName: 'orders',
      scope: 'shard',
      hashKeyRange: WHOLE_RANGE,
      metric: 'records',
      learntUntilMs: AT_MS,
      learntAnewAtMs: AT_MS - 1,
      chosenAtMs: AT_MS - 2,
      recent: [1.5, null, 0],
      basis: 'none',
      body: Uint8Array.from({ length: 27_000 }, (_, i) => (i * i) % 251),
      ...change,
    });

    test('come back byte by byte, of those series that have one; a newer one takes the place', async () => {
      const { streamName } = newGroup();
      const [left, right] = slicesOf(WHOLE_RANGE, 2) as [typeof WHOLE_RANGE, typeof WHOLE_RANGE];
      const states = [
        stateOf({ streamName }),
        stateOf({ streamName, scope: 'stream', metric: 'bytes' }),
        stateOf({ streamName, hashKeyRange: left }),
      ];
      await world.ports.states.put(states);
      await world.ports.states.put([{ ...states[0]!, learntUntilMs: AT_MS + 60_000, body: new Uint8Array(3) }]);
      const got = await world.ports.states.get([...states, stateOf({ streamName, hashKeyRange: right })]);
      expect(got).toHaveLength(3);
      expect(got).toEqual(
        expect.arrayContaining([
          states[1],
          states[2],
          expect.objectContaining({ learntUntilMs: AT_MS + 60_000, body: new Uint8Array(3) }),
        ]),
      );
      expect(await world.ports.states.get([])).toEqual([]);
    });

    test('larger than an item may be come back whole', async () => {
      const { streamName } = newGroup();
      let random = 1;
      const body = Uint8Array.from({ length: 900_000 }, () => {
        random = (random * 48_271) % 2_147_483_647;
        return random & 255;
      });
      await world.ports.states.put([stateOf({ streamName, body })]);
      const [got] = await world.ports.states.get([stateOf({ streamName })]);
      expect(Buffer.from(got!.body).equals(Buffer.from(body))).toBe(true);
    });
  });

  test('track records: the last put takes the place of all records of the stream', async () => {
    const { streamName } = newGroup();
    const recordOf = (hashKeyRange: typeof WHOLE_RANGE, scoredUntilMs: number): TrackRecord => ({
      streamName,
      hashKeyRange,
      metric: 'bytes',
      scoredUntilMs,
      marks: [
        {
          model: 'incremental',
          horizonSec: 300,
          weight: 2.5,
          absoluteError: 1,
          error: -1,
          naiveError: 2,
          observed: 9,
          covered95: 2,
          maxCovered95: 1,
        },
      ],
      corrections: [{ horizonSec: 300, logFactor: -0.125 }],
    });
    const ranges = slicesOf(WHOLE_RANGE, 40);
    expect(await world.ports.tracks.read(streamName)).toEqual([]);
    await world.ports.tracks.put(
      streamName,
      ranges.map((range) => recordOf(range, AT_MS)),
    );
    expect(await world.ports.tracks.read(streamName)).toHaveLength(40);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const after = ranges.slice(3, 9).map((range) => recordOf(range, AT_MS + 1));
    await world.ports.tracks.put(streamName, after);
    expect(await world.ports.tracks.read(streamName)).toEqual(after);
  });

  describe('forecasts', () => {
    test('latest gives one of each series, and never an older one that was written late', async () => {
      const { streamName } = newGroup();
      const [left, right] = slicesOf(WHOLE_RANGE, 2) as [typeof WHOLE_RANGE, typeof WHOLE_RANGE];
      const newer = [left, right].map((hashKeyRange) => forecastOf({ streamName, hashKeyRange, issuedAtMs: AT_MS + 60_000 }));
      const stream = forecastOf({ streamName, scope: 'stream', metric: 'bytes' });
      await world.ports.forecasts.put([...newer, stream]);
      await world.ports.forecasts.put([forecastOf({ streamName, hashKeyRange: left })]);
      const latest = await world.ports.forecasts.latest(streamName);
      expect(latest).toHaveLength(3);
      expect(latest).toEqual(expect.arrayContaining([...newer, stream]));
    });

    test('issued gives all of a window, from (inclusive) until (exclusive)', async () => {
      const { streamName } = newGroup();
      const all = [0, 1, 2, 3].map((i) => issuedOf(forecastOf({ streamName, issuedAtMs: AT_MS + i * 60_000 })));
      await world.ports.forecasts.issue(all);
      expect(await world.ports.forecasts.issued(streamName, AT_MS + 60_000, AT_MS + 180_000)).toEqual([all[1], all[2]]);
    });

    test('of many series in one put are all there', async () => {
      const { streamName } = newGroup();
      const all = slicesOf(WHOLE_RANGE, 120).map((hashKeyRange) => forecastOf({ streamName, hashKeyRange }));
      await world.ports.forecasts.put(all);
      await world.ports.forecasts.issue(all.map(issuedOf));
      expect(await world.ports.forecasts.latest(streamName)).toEqual(all);
      expect(await world.ports.forecasts.issued(streamName, AT_MS, AT_MS + 1)).toEqual(all.map(issuedOf));
    });

    test('latest gives the stream’s own, or those of the shards that begin within a range', async () => {
      const { streamName } = newGroup();
      const ranges = slicesOf(WHOLE_RANGE, 8);
      const ofShards = (['records', 'bytes'] as const).flatMap((metric) =>
        ranges.map((hashKeyRange) => forecastOf({ streamName, hashKeyRange, metric })),
      );
      const ofStream = (['records', 'bytes'] as const).map((metric) => forecastOf({ streamName, scope: 'stream', metric }));
      await world.ports.forecasts.put([...ofShards, ...ofStream]);
      const stream = await world.ports.forecasts.latest(streamName, undefined, 'stream');
      expect(stream.map(({ scope, metric }) => [scope, metric])).toEqual([
        ['stream', 'bytes'],
        ['stream', 'records'],
      ]);
      const within = { startingHashKey: ranges[2]!.startingHashKey, endingHashKey: ranges[5]!.startingHashKey };
      const shards = await world.ports.forecasts.latest(streamName, undefined, within);
      expect(shards.map(({ metric, hashKeyRange }) => [metric, hashKeyRange])).toEqual(
        ['bytes', 'records'].flatMap((metric) => ranges.slice(2, 6).map((range) => [metric, range])),
      );
    });

    test('slices of a tick are laid down and found together, each as it was laid down last', async () => {
      const { streamName } = newGroup();
      const ranges = slicesOf(WHOLE_RANGE, 250);
      const made = ranges.map((hashKeyRange) => forecastOf({ streamName, hashKeyRange }));
      await world.ports.forecasts.putSlice(streamName, AT_MS, 'a', made.slice(0, 150));
      await world.ports.forecasts.putSlice(streamName, AT_MS, 'b', made.slice(150));
      await world.ports.forecasts.putSlice(streamName, AT_MS, 'b', made.slice(150));
      await world.ports.forecasts.putSlice(streamName, AT_MS + 60_000, 'a', made.slice(0, 1));
      expect(await world.ports.forecasts.slices(streamName, AT_MS)).toEqual(made);
      expect(await world.ports.forecasts.slices(streamName, AT_MS + 1)).toEqual([]);
    });
  });

  describe('operations', () => {
    const operationOf = (group: { application: string; streamName: string }, change: Partial<Operation> = {}): Operation => ({
      ...group,
      operationId: 'op-1',
      kind: 'split',
      shardId: split.shardId,
      status: 'accepted',
      trigger: 'forecast',
      reason: split.reason,
      acceptedAtMs: AT_MS,
      action: split,
      ...change,
    });

    test('are made once; the second time answers the first', async () => {
      const group = newGroup();
      const operation = operationOf(group);
      expect(await world.ports.operations.create(operation)).toEqual({ kind: 'created' });
      expect(await world.ports.operations.create({ ...operation, acceptedAtMs: AT_MS + 9, reason: 'again' })).toEqual({
        kind: 'exists',
        operation,
      });
      expect(await world.ports.operations.get(group, 'op-1')).toEqual(operation);
      expect(await world.ports.operations.recent(group, 10)).toEqual([operation]);
    });

    test('are updated in the given fields only', async () => {
      const group = newGroup();
      await world.ports.operations.create(operationOf(group));
      await world.ports.operations.update(group, 'op-1', { status: 'running', startedAtMs: AT_MS + 5 });
      await world.ports.operations.update(group, 'op-1', {
        status: 'succeeded',
        result: 'done',
        endedAtMs: AT_MS + 9,
        executionArn: 'arn:x',
      });
      await world.ports.operations.update(group, 'op-1', {});
      const expected = operationOf(group, {
        status: 'succeeded',
        startedAtMs: AT_MS + 5,
        result: 'done',
        endedAtMs: AT_MS + 9,
        executionArn: 'arn:x',
      });
      expect(await world.ports.operations.get(group, 'op-1')).toEqual(expected);
    });

    test('come newest first, at most the limit', async () => {
      const group = newGroup();
      for (const i of [1, 3, 0, 2])
        await world.ports.operations.create(operationOf(group, { operationId: `op-${i}`, acceptedAtMs: AT_MS + i }));
      expect((await world.ports.operations.recent(group, 3)).map(({ operationId }) => operationId)).toEqual([
        'op-3',
        'op-2',
        'op-1',
      ]);
    });

    test('fails to update one that is not there; get gives null', async () => {
      const group = newGroup();
      await expect(world.ports.operations.update(group, 'nothing', { status: 'failed' })).rejects.toBeInstanceOf(PoisonError);
      expect(await world.ports.operations.get(group, 'nothing')).toBeNull();
    });

    test('made by many at the same time are made once', async () => {
      const group = newGroup();
      const results = await Promise.allSettled(
        Array.from({ length: 5 }, () => world.ports.operations.create(operationOf(group))),
      );
      const made = results.filter((result) => result.status === 'fulfilled' && result.value.kind === 'created');
      expect(made).toHaveLength(1);
      expect(await world.ports.operations.recent(group, 10)).toHaveLength(1);
    });
  });

  test('outcomes: newest first by stream and kind, put again the same', async () => {
    const { streamName } = newGroup();
    const moved = (i: number): HandoverOutcome => ({
      kind: 'handover',
      streamName,
      atMs: AT_MS + i,
      operationId: `h${i}`,
      result: 'moved',
      shardId: split.shardId,
      source: 'a',
      target: 'b',
      trigger: 'forecast',
      pauseMs: 29.5,
      durationMs: 800,
    });
    const scored = (horizonSec: number): ForecastOutcome => ({
      kind: 'forecast',
      streamName,
      atMs: AT_MS,
      operationId: 'score-1',
      series: 'stream#records',
      model: 'incremental',
      horizonSec,
      median: 1,
      upper95: 2,
      windowMax95: 3,
      observed: 1.5,
      observedMax: 2.5,
    });
    await world.ports.outcomes.put([moved(0), moved(2), moved(1), scored(60), scored(300)]);
    await world.ports.outcomes.put([moved(1)]);
    expect(await world.ports.outcomes.recent(streamName, 'handover', 2)).toEqual([moved(2), moved(1)]);
    expect(await world.ports.outcomes.recent(streamName, 'handover', 10)).toHaveLength(3);
    expect(await world.ports.outcomes.recent(streamName, 'forecast', 10)).toHaveLength(2);
    expect(await world.ports.outcomes.recent(streamName, 'reshard', 10)).toEqual([]);
  });

  test('reports of profiles: all of it by id, without plots in a list, newest first, put again in the place of itself', async () => {
    const group = newGroup();
    const windows = windowsOf(plainTruth);
    const reportOf = (minute: number, decision?: string): ProfileReport => ({
      ...group,
      profileId: `profile-${minute}`,
      shardId: split.shardId,
      hostId: 'b',
      owner: null,
      trigger: 'request',
      reason: 'a test asks for it',
      request: ProfilingRequest.parse({ durationMin: 5 }),
      requestedAtMs: AT_MS + minute * 60_000,
      analysedAtMs: AT_MS + minute * 60_000 + 1,
      ended: { by: 'duration', detail: 'over', atMs: AT_MS },
      findings: findingsOf(sceneOf({ cpuMs: 2.5 }), targets),
      points: reportPointsOf(windows),
      totals: totalsOf(plainTruth, windows, { parse: 3 }),
      ...(decision === undefined ? {} : { decision }),
    });
    for (const minute of [1, 3, 2]) await world.ports.profileReports.put(reportOf(minute));
    await world.ports.profileReports.put(reportOf(2, 'split'));
    expect(await world.ports.profileReports.get(group, 'profile-2')).toEqual(reportOf(2, 'split'));
    expect(await world.ports.profileReports.get(group, 'profile-9')).toBeNull();
    expect(await world.ports.profileReports.get(newGroup(), 'profile-2')).toBeNull();
    const list = await world.ports.profileReports.recent(group, 2);
    const { points: _, totals: __, ...summary } = reportOf(2, 'split');
    expect(list.map(({ profileId }) => profileId)).toEqual(['profile-3', 'profile-2']);
    expect(list[1]).toEqual(summary);
  });
});
