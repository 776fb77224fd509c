// Whole fleets that read: where they begin, what they do when shards or the stream itself go, and whom they ask.
import { afterEach, describe, expect, it } from 'vitest';
import { fleet, group } from '../support/consumer-fleet.ts';

type Fleet = Awaited<ReturnType<typeof fleet>>;
let running: Fleet | null = null;
const start = async (options: Parameters<typeof fleet>[0]): Promise<Fleet> => {
  running = await fleet(options);
  return running;
};
afterEach(async () => {
  await running?.stopAll();
  running = null;
});

const FIRST = 'shardId-000000000000';
const clean = { lost: 0, duplicated: 0, reordered: 0 };
const consumersOf = async ({ world }: Fleet) => {
  const stream = await world.control.describe(group.streamName);
  return (await world.control.listConsumers(stream!.streamArn)).map(({ consumerName }) => consumerName);
};

describe('Consumer', () => {
  it('loses at LATEST nothing that arrived after its first look, when the first owner dies before its first checkpoint', async () => {
    const it = await start({ shards: 2, workers: ['a'], settings: { initialPosition: 'LATEST' } });
    await it.load(3000, 0);
    const taken = await it.world.leases.list(group);
    expect(taken.map(({ owner, checkpoint }) => [owner, checkpoint.slice(0, 12)])).toEqual(Array(2).fill(['a', 'AT_TIMESTAMP']));
    // From here on it can publish nothing.
    it.cut.add('a');
    await it.load(3000);
    expect(it.sink.length).toBeGreaterThan(0);
    await it.join('b');
    await it.load(8000);
    await it.load(2000, 0);
    expect((await it.world.leases.list(group)).map(({ owner }) => owner)).toEqual(['b', 'b']);
    const { lost, reordered } = it.verdict();
    expect({ lost, reordered }).toEqual({ lost: 0, reordered: 0 });
  });

  it('begins at a moment that its user names', async () => {
    const it = await start({ shards: 1, workers: [] });
    await it.load(5000);
    const at = it.clock.nowMs();
    await it.load(5000);
    await it.join('a', { initialPosition: { at: new Date(at) } });
    await it.load(2000);
    await it.load(2000, 0);
    expect(it.sink).toHaveLength(70 * 20);
    expect(it.verdict()).toMatchObject({ lost: 50 * 20, duplicated: 0, reordered: 0 });
  });

  it.each([{ workers: ['a'] }, { workers: ['a', 'b'] }])(
    'goes on with a stream that was deleted and made again under its name, under higher epochs, each shard with one owner, as $workers',
    async ({ workers }) => {
      const it = await start({ shards: 3, workers, settings: { shardSyncMs: 2000, initialPosition: 'LATEST' } });
      await it.load(4000);
      await it.load(2000, 0);
      expect(it.verdict()).toEqual(clean);
      const before = new Map((await it.world.leases.list(group)).map(({ shardId, epoch }) => [shardId, epoch]));
      const seenBefore = it.sink.length;
      it.world.streams.deleteStream(group.streamName);
      await it.clock.advance(3000);
      const { createdAtMs } = it.world.streams.createStream(group.streamName, 2);
      await it.load(15_000);
      await it.load(5000, 0);
      expect(it.verdict()).toEqual(clean);
      const leases = await it.world.leases.list(group);
      expect(leases.map(({ shardId }) => shardId)).toEqual([FIRST, 'shardId-000000000001']);
      for (const lease of leases) {
        expect(lease.streamCreatedAtMs).toBe(createdAtMs);
        expect(lease.epoch).toBeGreaterThan(before.get(lease.shardId) ?? 0);
      }
      // Each record of the new stream once: nobody went on under a lease of the former one.
      for (const { shardId, epoch } of it.sink.slice(seenBefore)) expect(epoch).toBeGreaterThan(before.get(shardId) ?? 0);
      expect(it.events.filter(({ kind }) => kind === 'stream-recreated')).not.toHaveLength(0);
      // Whoever ran a shard of the former stream let it go.
      expect([...it.consumers.values()].flatMap((consumer) => consumer.status().shards)).toHaveLength(2);
      it.events.length = 0;
      await it.load(10_000, 0);
      expect(it.events.filter(({ kind }) => kind === 'failed')).toEqual([]);
    },
  );

  it('says what is lost when a shard expires before it was read to its end, and lets its children begin', async () => {
    const it = await start({
      shards: 1,
      workers: ['a'],
      processMs: (shardId) => (shardId === FIRST ? 2000 : 0),
      settings: { maxBatchRecords: 20, maxBufferBytes: 1, shardSyncMs: 2000 },
    });
    await it.load(4000);
    await it.world.control.split(group.streamName, FIRST, 2n ** 127n);
    await it.load(2000);
    expect(new Set(it.sink.map(({ shardId }) => shardId))).toEqual(new Set([FIRST]));
    it.world.streams.expireShard(group.streamName, FIRST);
    await it.load(10_000);
    await it.load(60_000, 0);
    const [expired] = it.events.filter((event) => event.kind === 'shard-expired');
    expect(expired).toMatchObject({ shardId: FIRST, after: expect.stringMatching(/^\d{50,}$/) });
    expect(it.events.filter(({ kind }) => kind === 'shard-ended')).toHaveLength(1);
    // Everything up to what the event names was processed, and everything of the children.
    const read = it.sink.filter(({ shardId }) => shardId === FIRST).length;
    const { lost, duplicated } = it.verdict();
    expect({ lost, duplicated }).toEqual({ lost: 40 * 20 - read, duplicated: 0 });
    expect(it.sink.filter(({ shardId }) => shardId !== FIRST)).toHaveLength(120 * 20);
  });

  it('reads by polling alone, shadows too: a handover loses nothing and no consumer is registered', async () => {
    const it = await start({ shards: 2, workers: ['a', 'b'], settings: { retrieval: 'polling' } });
    await it.load(2000);
    for (const id of ['h0', 'h1']) {
      const { owner } = await it.lease(FIRST);
      const target = owner === 'a' ? 'b' : 'a';
      expect((await it.handOver(FIRST, target, id)).result).toBe('done');
      expect(await it.lease(FIRST)).toMatchObject({ owner: target });
    }
    await it.load(2000, 0);
    expect(it.verdict()).toEqual(clean);
    expect(await consumersOf(it)).toEqual([]);
  });

  it('registers one consumer for shadows only, and two where owners subscribe as well', async () => {
    for (const [retrieval, count] of [
      ['fan-out-for-shadows', 1],
      ['fan-out', 2],
    ] as const) {
      const it = await start({ shards: 1, workers: ['a', 'b'], settings: { retrieval } });
      await it.load(1000);
      expect(await consumersOf(it)).toHaveLength(count - 1);
      const { owner } = await it.lease(FIRST);
      await it.handOver(FIRST, owner === 'a' ? 'b' : 'a', 'h');
      expect(await consumersOf(it)).toHaveLength(count);
      await it.stopAll();
    }
  });
});
