import { beforeAll, describe, expect, test } from 'vitest';
import { TransientError } from '../../lib/errors.ts';
import type { Worker } from '../../lib/model/worker.ts';
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
  },
  shardIds: ['shardId-000000000000'],
  shadowShardIds: [],
  reportedAtMs: 1_700_000_000_500,
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

  test('beat changes the counter and the reported time, nothing else', async () => {
    const { workers } = world.ports;
    await workers.put(workerOf({ workerId: 'beating' }));
    await workers.beat(group, 'beating', 7, 1_700_000_009_000);
    const listed = await workers.list(group);
    expect(listed.find(({ workerId }) => workerId === 'beating')).toEqual(
      workerOf({ workerId: 'beating', heartbeat: 7, reportedAtMs: 1_700_000_009_000 }),
    );
  });

  test('beat fails for a worker that is not there, and makes none', async () => {
    await expect(world.ports.workers.beat(group, 'nobody', 1, 1)).rejects.toBeInstanceOf(TransientError);
    expect((await world.ports.workers.list(group)).map(({ workerId }) => workerId)).not.toContain('nobody');
  });
});
