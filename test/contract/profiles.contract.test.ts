import { beforeAll, describe, expect, test } from 'vitest';
import { ProfilingRequest, type ProfilingRun, type ProfilingTotals, type ProfilingWindow } from '../../lib/model/profiling.ts';
import { type World, worlds } from '../support/worlds.ts';

const group = { application: 'shop', streamName: 'orders' };
const runOf = (change: Partial<ProfilingRun> = {}): ProfilingRun => ({
  ...group,
  profileId: 'p1',
  shardId: 'shardId-000000000001',
  hostId: 'b',
  request: ProfilingRequest.parse({ share: 0.2, other: { maxBatchRecords: 50 }, compare: { ignore: ['at'] } }),
  trigger: 'request',
  reason: 'somebody wants to know',
  ownerBefore: {
    workerId: 'a',
    work: {
      ...{ sinceMs: 1, atMs: 2, records: 3, latencyMs: 4.5, calls: 5, callMs: 6.25, failedCalls: 0, cpuMs: 7.5 },
      upkeep: {
        ...{ shardMs: 8, checkpoints: 9, checkpointMs: 10.5, behindMs: 0, starvedMs: 0, heldUpMs: 0, heldUps: 0 },
        bufferByteMs: 1.5e12,
      },
    },
    inForce: { maxBatchRecords: 500, concurrencyPerShard: 1, checkpointMs: 20_000, maxBufferBytes: 16_777_216 },
  },
  state: 'requested',
  requestedAtMs: 1_700_000_000_000,
  lostAfterMs: 1_700_000_060_000,
  ...change,
});
const windowOf = (index: number): ProfilingWindow => ({
  profileId: 'p1',
  index,
  startMs: 1_700_000_000_000 + index * 5000,
  durationMs: 5000,
  phase: 'observing',
  share: 0.2,
  shardRecords: 100,
  shardBytes: 12_345,
  sampledRecords: 20,
  lagMs: 3,
  ownRecords: 0,
  process: {
    userMs: 1.5,
    systemMs: 0.25,
    loopBusyMs: 2,
    gcMs: 0,
    gcCount: 0,
    heapLowBytes: 1e7,
    heapLimitBytes: 1e9,
    rssBytes: 1e8,
    externalBytes: 1e6,
    blockIoMs: null,
    readBytes: 0,
    writtenBytes: 10,
  },
  idle: { ms: 4000, cpuMs: 0.5, loopBusyMs: 0.5 },
  legs: [],
});
const totalsOf = (windows: number): ProfilingTotals => ({
  profileId: 'p1',
  atMs: 1_700_000_000_000,
  windows,
  keys: { records: 1, bytes: 2, distinct: 1, heavyHitters: [], top1Share: 1, top10Share: 1, top100Share: 1 },
  recordBytes: { max: 2, quantiles: [] },
  legs: [],
  comparisons: [],
});
const NOW_MS = 1_700_000_001_000;

describe.each(worlds)('profiling runs in $name', ({ open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });
  const own = (streamName: string, change: Partial<ProfilingRun> = {}) => runOf({ streamName, ...change });

  test('a shard has at most one live run; another shard and another stream have their own', async () => {
    const { profiles } = world.ports;
    expect(await profiles.create(own('one'), NOW_MS)).toEqual({ kind: 'created' });
    expect(await profiles.create(own('one', { profileId: 'p2' }), NOW_MS)).toEqual({ kind: 'exists', run: own('one') });
    expect(await profiles.create(own('one', { profileId: 'p3', shardId: 'shardId-000000000000' }), NOW_MS)).toEqual({
      kind: 'created',
    });
    expect(await profiles.create(own('two', { profileId: 'p4' }), NOW_MS)).toEqual({ kind: 'created' });
    expect((await profiles.live({ ...group, streamName: 'one' })).map(({ profileId }) => profileId)).toEqual(['p3', 'p1']);
    expect(await profiles.get({ ...group, streamName: 'one' }, 'p1')).toEqual(own('one'));
    expect(await profiles.get({ ...group, streamName: 'two' }, 'p1')).toBeNull();
  });

  test('a live run changes, and is gone for a change that names another', async () => {
    const { profiles } = world.ports;
    const run = own('changing');
    await profiles.create(run, NOW_MS);
    const change = {
      state: 'observing',
      share: 0.3,
      records: 7,
      spentUsd: 0.01,
      stop: { by: 'me', detail: 'enough', atMs: 5 },
    } as const;
    expect(await profiles.change(run, change)).toEqual({ kind: 'changed', run: { ...run, ...change } });
    expect(await profiles.live(run)).toEqual([{ ...run, ...change }]);
    expect(await profiles.change({ ...run, profileId: 'other' }, { share: 1 })).toEqual({ kind: 'gone' });
  });

  test('an ended run is no longer live, keeps what its host wrote last, and ends once', async () => {
    const { profiles } = world.ports;
    const run = own('ending');
    await profiles.create(run, NOW_MS);
    await profiles.change(run, { records: 9 });
    const end = { by: 'duration', detail: 'ten minutes', atMs: NOW_MS } as const;
    const both = await Promise.all([profiles.end(run, end), profiles.end(run, { ...end, by: 'stopped' })]);
    expect(both.map(({ kind }) => kind).sort()).toEqual(['ended', 'gone']);
    expect(await profiles.live(run)).toEqual([]);
    expect(await profiles.get(run, 'p1')).toMatchObject({ state: 'ended', records: 9 });
    expect(await profiles.change(run, { share: 1 })).toEqual({ kind: 'gone' });
    expect(await profiles.create(own('ending', { profileId: 'p2', requestedAtMs: NOW_MS }), NOW_MS)).toEqual({ kind: 'created' });
    await profiles.end(own('ending', { profileId: 'p2' }), end);
    expect((await profiles.recent(run, 5)).map(({ profileId }) => profileId)).toEqual(['p2', 'p1']);
    expect(await profiles.recent(run, 1)).toHaveLength(1);
  });

  test('a run whose host is lost gives way to the next, and says so', async () => {
    const { profiles } = world.ports;
    const run = own('lost', { state: 'observing' });
    await profiles.create(run, NOW_MS);
    expect(await profiles.create(own('lost', { profileId: 'p2' }), run.lostAfterMs)).toEqual({ kind: 'created' });
    expect(await profiles.get(run, 'p1')).toMatchObject({ state: 'ended', ended: { by: 'host-lost', atMs: run.lostAfterMs } });
    expect((await profiles.live(run)).map(({ profileId }) => profileId)).toEqual(['p2']);
  });

  test('windows come in order and totals replace their former', async () => {
    const { profiles } = world.ports;
    const own = { ...group, streamName: 'measured' };
    expect(await profiles.totals(own, 'p1')).toBeNull();
    for (const index of [0, 2, 1, 10, 1]) await profiles.putMeasures(own, windowOf(index), totalsOf(index));
    expect(await profiles.windows(own, 'p1')).toEqual([0, 1, 2, 10].map(windowOf));
    expect(await profiles.totals(own, 'p1')).toEqual(totalsOf(1));
    expect(await profiles.windows(own, 'p2')).toEqual([]);
  });
});
