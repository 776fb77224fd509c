import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import type { Processor } from '../../lib/consumer/processor.ts';
import { ProfilingRequest, type ProfilingRun } from '../../lib/model/profiling.ts';
import { eventually, type World, worlds } from '../support/worlds.ts';

describe.each(worlds)('a profiling shadow in $name', ({ open }) => {
  let world: World;
  const consumers: Consumer[] = [];
  beforeAll(async () => {
    world = await open();
  });
  afterAll(async () => {
    await Promise.all(consumers.map((consumer) => consumer.stop()));
  });

  test('reads beside the owner by a consumer of its own, measures, and leaves nothing registered', async () => {
    const { ports } = world;
    const { streamName, streamArn, shards } = await world.createStream(1);
    const group = { application: 'shop', streamName };
    const given: { readonly by: string; readonly leg: string | null; readonly key: string }[] = [];
    const processorOf = (by: string): Processor => ({
      shadowSafe: true,
      process: async (records, { leg, stage, results, shadow }) => {
        for (const { partitionKey: key } of records) {
          await stage('work', () => systemClock.sleep(1));
          if (shadow) await results.put(key, { leg });
          given.push({ by, leg, key });
        }
      },
    });
    const join = async (workerId: string) => {
      const consumer = new Consumer({
        ...group,
        workerId,
        ports,
        profilingMs: 500,
        rebalance: 'control-plane',
        preflight: 'off',
        processor: processorOf(workerId),
      });
      consumers.push(consumer);
      await consumer.start();
    };
    await join('a');
    const shardId = shards[0]?.shardId ?? '';
    await eventually(async () => ((await ports.leases.get(group, [shardId]))[0]?.owner === 'a' ? true : undefined));
    await join('b');
    const run: ProfilingRun = {
      ...group,
      profileId: 'p1',
      shardId,
      hostId: 'b',
      request: ProfilingRequest.parse({ share: 1, retrieval: 'fan-out' }),
      trigger: 'request',
      reason: 'to see it work',
      state: 'requested',
      requestedAtMs: Date.now(),
      lostAfterMs: Date.now() + 60_000,
    };
    expect(await ports.profiles.create(run, Date.now())).toEqual({ kind: 'created' });
    await ports.workers.announce(group);
    await eventually(async () => ((await ports.profiles.get(group, 'p1'))?.state === 'observing' ? true : undefined), 15_000);
    expect((await ports.control.listConsumers(streamArn)).map(({ consumerName }) => consumerName)).toEqual([
      'penumbra-shop-profiling',
    ]);
    // From LATEST: what comes before the subscription has begun is not seen.
    for (let n = 0; n < 400 && given.filter(({ leg }) => leg === 'aa').length < 20; n += 1)
      await world.put(streamName, [{ partitionKey: `k${n % 7}`, data: new Uint8Array([n % 256]) }]);
    const measured = await eventually(async () => {
      const windows = await ports.profiles.windows(group, 'p1');
      return windows.some(({ legs }) => (legs[0]?.records ?? 0) > 0) ? windows : undefined;
    });
    expect(measured.some(({ legs }) => (legs[0]?.stages.work?.calls ?? 0) > 0)).toBe(true);
    expect(await ports.profiles.change(run, { stop: { by: 'a test', detail: 'seen enough', atMs: Date.now() } })).toMatchObject({
      kind: 'changed',
    });
    const ended = await eventually(async () => {
      const now = await ports.profiles.get(group, 'p1');
      return now?.state === 'ended' ? now : undefined;
    }, 15_000);
    expect(ended.ended).toMatchObject({ by: 'stopped', detail: 'by a test: seen enough' });
    // Kinesis lists it for a moment while it goes.
    await eventually(async () => ((await ports.control.listConsumers(streamArn)).length === 0 ? true : undefined));
    expect(await ports.profiles.live(group)).toEqual([]);
    expect((await ports.profiles.totals(group, 'p1'))?.keys.heavyHitters.length).toBeLessThanOrEqual(7);
    const sides = (by: string) => [...new Set(given.filter((one) => one.by === by).map(({ leg }) => leg))].sort();
    expect(sides('a')).toEqual([null]);
    expect(sides('b')).toEqual(['a', 'aa']);
  }, 60_000);
});
