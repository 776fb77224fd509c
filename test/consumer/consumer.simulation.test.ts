// The real consumer, on the ports in memory and a scripted clock: whole fleets, in milliseconds.
import { afterEach, describe, expect, it } from 'vitest';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import { markReshard, requestShadow } from '../../lib/handover/control-writes.ts';
import { missingLeases } from '../../lib/handover/lineage.ts';
import { group, fleet as startFleet } from '../support/consumer-fleet.ts';
import { runHandover, TokenDesk } from '../support/handover-machine.ts';

let stopAll: () => Promise<void> = async () => {};
afterEach(() => stopAll());
const fleet = async (options: Parameters<typeof startFleet>[0]) => {
  const started = await startFleet(options);
  stopAll = started.stopAll;
  return started;
};

const clean = { lost: 0, duplicated: 0, reordered: 0 };

describe('Consumer', () => {
  it('shares the shards of an empty lease table among three workers and processes every record once, in order', async () => {
    const { load, verdict, world } = await fleet({ shards: 6, workers: ['a', 'b', 'c'] });
    await load(5000);
    await load(2000, 0);
    expect(verdict()).toEqual(clean);
    const owners = (await world.leases.list(group)).map((lease) => lease.owner);
    expect(['a', 'b', 'c'].map((id) => owners.filter((owner) => owner === id).length)).toEqual([2, 2, 2]);
  });

  for (const retrieval of ['polling', 'fan-out'] as const) {
    it(`hands a shard over there and back under load, reading by ${retrieval}, without a record lost, twice or out of order`, async () => {
      const { load, verdict, handOver, lease } = await fleet({ shards: 2, workers: ['a', 'b'], settings: { retrieval } });
      await load(2000);
      const shardId = 'shardId-000000000000';
      for (let i = 0; i < 6; i += 1) {
        const { owner, epoch } = await lease(shardId);
        const target = owner === 'a' ? 'b' : 'a';
        const run = await handOver(shardId, target, `h${i}`);
        expect(run.states).toEqual([
          'preparing',
          'pausing',
          'redirecting',
          'verifying',
          'activating',
          'deactivating',
          'resuming',
        ]);
        expect(await lease(shardId)).toMatchObject({ owner: target, epoch: epoch + 1 });
      }
      await load(2000, 0);
      expect(verdict()).toEqual(clean);
    });
  }

  it('follows a split and a merge in lineage order, children with the owners that the reshard named', async () => {
    const { load, verdict, world, lease, sink } = await fleet({ shards: 1, workers: ['a', 'b'] });
    await load(1000);
    await world.leases.write(group, 'shardId-000000000000', markReshard('op', ['b', 'a']));
    await world.control.split(group.streamName, 'shardId-000000000000', 2n ** 127n);
    await load(4000);
    expect(await lease('shardId-000000000000')).toMatchObject({ state: 'ended', checkpoint: 'SHARD_END' });
    expect(await lease('shardId-000000000001')).toMatchObject({ state: 'active', owner: 'b' });
    expect(await lease('shardId-000000000002')).toMatchObject({ state: 'active', owner: 'a' });
    await world.control.merge(group.streamName, 'shardId-000000000001', 'shardId-000000000002');
    await load(4000);
    await load(2000, 0);
    expect(await lease('shardId-000000000003')).toMatchObject({ state: 'active' });
    expect(new Set(sink.map((seen) => seen.shardId)).size).toBe(4);
    expect(verdict()).toEqual(clean);
  });

  it('lets no child begin before its parent is processed to its end, however far behind that is', async () => {
    const parent = 'shardId-000000000000';
    const { load, verdict, world, lease, sink, clock } = await fleet({
      shards: 1,
      workers: ['a', 'b'],
      processMs: (shardId) => (shardId === parent ? 1500 : 0),
      settings: { maxBatchRecords: 50 },
    });
    await load(2000);
    const { owner } = await lease(parent);
    await world.leases.write(group, parent, markReshard('op', ['a', 'b']));
    await world.control.split(group.streamName, parent, 2n ** 127n);
    await load(4000);
    // The owner of the parent creates the children's leases at its end; the reshard machine does it at once, as here.
    for (const child of missingLeases(
      group,
      (await world.control.describe(group.streamName)) ?? { shards: [] },
      await world.leases.list(group),
      'TRIM_HORIZON',
      clock.nowMs(),
    )) {
      await world.leases.create(child);
    }
    await load(4000);
    expect((await lease('shardId-000000000001')).state).toBe('pending');
    expect(new Set(sink.map((seen) => seen.shardId))).toEqual(new Set([parent]));
    await load(60_000, 0);
    expect(await lease(parent)).toMatchObject({ state: 'ended', owner });
    expect(sink.findLastIndex((seen) => seen.shardId === parent)).toBeLessThan(sink.findIndex((seen) => seen.shardId !== parent));
    expect(verdict()).toEqual(clean);
  });

  it('waits with its last checkpoint for the call in flight when it is stopped', async () => {
    const { load, verdict, consumers, world } = await fleet({ shards: 2, workers: ['a', 'b'], processMs: () => 900 });
    await load(3050);
    const stopping = consumers.get('a')?.stop();
    await load(3000);
    await stopping;
    await load(8000, 0);
    expect((await world.leases.list(group)).map((each) => each.owner)).toEqual(['b', 'b']);
    expect(verdict()).toEqual(clean);
  });

  it('takes over the shards of a worker that is cut off, which has stopped dispatching before, and loses nothing', async () => {
    const { load, verdict, cut, sink, world, consumers } = await fleet({ shards: 4, workers: ['a', 'b', 'c'] });
    await load(3000);
    cut.add('a');
    await load(10_000);
    expect(consumers.get('a')?.status().mayAct).toBe(false);
    await load(2000, 0);
    expect((await world.leases.list(group)).map((lease) => lease.owner)).not.toContain('a');
    const { lost, reordered } = verdict();
    expect({ lost, reordered }).toEqual({ lost: 0, reordered: 0 });
    for (const shardId of new Set(sink.map((seen) => seen.shardId))) {
      const epochs = sink.filter((seen) => seen.shardId === shardId).map((seen) => seen.epoch);
      expect(epochs).toEqual([...epochs].sort((x, y) => x - y));
    }
  });

  it('lets the worker with the standby shadow take over a dead owner, from what it holds', async () => {
    const { load, verdict, cut, lease, world, events, clock } = await fleet({ shards: 1, workers: ['a', 'b', 'c'] });
    await load(1000);
    const { owner, shardId } = await lease('shardId-000000000000');
    const heir = owner === 'b' ? 'c' : 'b';
    await world.leases.write(group, shardId, requestShadow(owner ?? '', heir, 'replication', clock.nowMs()));
    await world.workers.announce(group);
    await load(4000);
    expect((await lease(shardId)).shadow).toMatchObject({ state: 'tracking', workerId: heir });
    cut.add(owner ?? '');
    await load(8000);
    await load(2000, 0);
    expect(await lease(shardId)).toMatchObject({ owner: heir, epoch: 2, replicationFactor: 1 });
    expect(events.filter((event) => event.kind === 'lease-taken' && event.how === 'taken-over').map((event) => event.by)).toEqual(
      [heir],
    );
    const { lost, reordered } = verdict();
    expect({ lost, reordered }).toEqual({ lost: 0, reordered: 0 });
  });

  it('gives its shards back at once when it is stopped, after a last checkpoint, so that nothing is processed twice', async () => {
    const { load, verdict, consumers, world, clock } = await fleet({ shards: 4, workers: ['a', 'b'] });
    await load(3050);
    const stopping = consumers.get('a')?.stop();
    await load(1000);
    await stopping;
    await load(2000);
    await load(2000, 0);
    expect((await world.leases.list(group)).map((lease) => lease.owner)).toEqual(['b', 'b', 'b', 'b']);
    expect((await world.workers.list(group)).map((worker) => worker.workerId)).toEqual(['b']);
    expect(verdict()).toEqual(clean);
    expect(clock.nowMs()).toBeGreaterThan(0);
  });

  it('publishes counters that add up to what was produced', async () => {
    const { load, world, clock, sink } = await fleet({ shards: 3, workers: ['a', 'b'] });
    await load(70_000, 5);
    await load(65_000, 0);
    const counters = await world.counters.read(group.streamName, 0, clock.nowMs());
    expect(counters.reduce((sum, item) => sum + item.records, 0)).toBe(sink.length);
    expect(counters.reduce((sum, item) => sum + item.sliceRecords.reduce((a, b) => a + b, 0), 0)).toBe(sink.length);
  });

  it('reports a shadow that saw another record, and never hands over to it', async () => {
    const { load, world, lease, events, clock } = await fleet({ shards: 1, workers: ['a', 'b'] });
    await load(1000);
    const { owner, shardId } = await lease('shardId-000000000000');
    const target = owner === 'a' ? 'b' : 'a';
    await world.leases.write(group, shardId, requestShadow(owner ?? '', target, 'request', clock.nowMs()));
    await world.workers.announce(group);
    await load(3000);
    const { shadow, mark } = await lease(shardId);
    expect(shadow?.state).toBe('tracking');
    // The owner's published digest is changed under it: the shadow must notice at its next look.
    await world.leases.write(group, shardId, {
      name: 'test',
      conditions: [],
      changes: [{ op: 'set', path: 'mark', to: { value: { ...mark, count: (mark?.count ?? 0) + 1 } } }],
    });
    await load(2000);
    expect((await lease(shardId)).shadow?.state).toBe('diverged');
    expect(events.map((event) => event.kind)).toContain('shadow-diverged');
    const { epoch } = await lease(shardId);
    const run = await runHandover(world.leases, new TokenDesk(), clock, {
      ...group,
      handoverId: 'h',
      shardId,
      group: '',
      source: owner ?? '',
      target,
      epoch,
      requestedAtMs: 0,
    });
    expect(run.result).toBe('abandoned');
  });

  it('retries records whose processor throws, and processes them once it returns', async () => {
    const clock = scriptedClock(0);
    const world = memoryPorts(clock);
    world.streams.createStream(group.streamName, 1);
    let failures = 3;
    const done: string[] = [];
    const consumer = new Consumer({
      ...group,
      workerId: 'a',
      ports: world,
      processor: {
        process: async (records) => {
          if (failures-- > 0) throw new Error('sink is away');
          done.push(...records.map((record) => record.partitionKey));
        },
      },
    });
    await consumer.start();
    world.streams.putRecords(
      group.streamName,
      ['x', 'y'].map((partitionKey) => ({ partitionKey, data: new Uint8Array([1]) })),
    );
    for (let i = 0; i < 50; i += 1) await clock.advance(100);
    expect(done).toEqual(['x', 'y']);
    stopAll = async () => {
      const stopping = consumer.stop();
      for (let i = 0; i < 20; i += 1) await clock.advance(100);
      await stopping;
    };
  });

  it('fails to start on a stream that does not exist, and names it', async () => {
    const world = memoryPorts(scriptedClock(0));
    const consumer = new Consumer({ ...group, workerId: 'a', ports: world, processor: { process: async () => {} } });
    await expect(consumer.start()).rejects.toThrow(
      /stream orders: got no such stream in memory; needed: a stream of this account and region/,
    );
  });

  it('fails on bad options, and names each with what was received', () => {
    const ports = memoryPorts(scriptedClock(0));
    const processor = { process: async () => {} };
    expect(() => new Consumer({ ...group, workerId: 'a b', ports, processor })).toThrow(/workerId.*"a b"/);
    expect(() => new Consumer({ ...group, heartbeatMs: 500, failoverMs: 600, ports, processor })).toThrow(
      /failoverMs must be at least 1.8 times heartbeatMs, got 600 and 500/,
    );
    expect(() => new Consumer({ ...group, ports, processor: {} as never })).toThrow(/process\(records, context\)/);
  });
});
