import { beforeAll, describe, expect, test } from 'vitest';
import type { Beat, Worker } from '../../lib/model/worker.ts';
import { type World, worlds } from '../support/worlds.ts';

const group = { application: 'shop', streamName: 'orders' };
const workerOf = (change: Partial<Worker> = {}): Worker => ({
  ...group,
  workerId: 'w1',
  heartbeat: 1,
  state: 'active',
  startedAtMs: 1_700_000_000_000,
  zone: 'us-east-1a',
  capacity: { recordsPerSec: 500, bytesPerSec: 1e6 },
  load: {
    recordsPerSec: 12.25,
    bytesPerSec: 3000,
    cpuShare: 0.3,
    memoryBytes: 1e8,
    memoryShare: 0.1,
    eventLoopShare: 0.05,
    leaseStoreLatencyMs: 4.5,
    memoryLimitBytes: 2e9,
  },
  maxConcurrencyPerShard: 1,
  shardIds: ['shardId-000000000000'],
  shadowShardIds: [],
  reportedAtMs: 1_700_000_000_500,
  ...change,
});
const beatOf = (workerId: string, change: Partial<Beat> = {}): Beat => ({
  workerId,
  heartbeat: 1,
  state: 'active',
  failoverMs: 1100,
  stuck: false,
  atMs: 1_700_000_000_000,
  ...change,
});

describe.each(worlds)('workers in $name', ({ open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });

  test('put, list by group, put again and remove', async () => {
    const { workers } = world.ports;
    await workers.put(workerOf());
    await workers.put(workerOf({ workerId: 'w0', shardIds: [] }));
    await workers.put(workerOf({ streamName: 'other' }));
    expect(await workers.list(group)).toEqual([workerOf({ workerId: 'w0', shardIds: [] }), workerOf()]);
    await workers.put(workerOf({ state: 'draining' }));
    await workers.remove(group, 'w0');
    await workers.remove(group, 'w0');
    expect(await workers.list(group)).toEqual([workerOf({ state: 'draining' })]);
  });

  test('a beat shows in the report of its worker: counter, state, time and whether it is stuck, nothing else', async () => {
    const { workers } = world.ports;
    await workers.put(workerOf({ workerId: 'beating' }));
    await workers.beat(group, beatOf('beating', { heartbeat: 7, state: 'draining', stuck: true, atMs: 1_700_000_009_000 }));
    const listed = await workers.list(group);
    expect(listed.find(({ workerId }) => workerId === 'beating')).toEqual(
      workerOf({ workerId: 'beating', heartbeat: 7, state: 'draining', stuck: true, reportedAtMs: 1_700_000_009_000 }),
    );
  });

  test('beats are listed by group in order of worker, with or without a report; the newest of each', async () => {
    const { workers } = world.ports;
    const own = { ...group, streamName: 'beats' };
    await workers.beat(own, beatOf('b'));
    await workers.beat(own, beatOf('a'));
    await workers.beat(own, beatOf('b', { heartbeat: 2 }));
    expect((await workers.beats(own, { consistent: true })).beats).toEqual([beatOf('a'), beatOf('b', { heartbeat: 2 })]);
    expect((await workers.beats(own, { consistent: false })).beats).toHaveLength(2);
    expect(await workers.list(own)).toEqual([]);
    await workers.remove(own, 'a');
    expect((await workers.beats(own, { consistent: true })).beats).toEqual([beatOf('b', { heartbeat: 2 })]);
  });

  test('announcements are counted by group and are no worker', async () => {
    const { workers } = world.ports;
    const own = { ...group, streamName: 'announced' };
    expect(await workers.beats(own, { consistent: true })).toEqual({ beats: [], announcements: 0 });
    await workers.announce(own);
    await workers.announce(own);
    expect(await workers.beats(own, { consistent: true })).toEqual({ beats: [], announcements: 2 });
    expect((await workers.beats({ ...group, streamName: 'quiet' }, { consistent: true })).announcements).toBe(0);
  });
});
