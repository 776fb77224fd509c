import { describe, expect, it } from 'vitest';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import { positionAfter } from '../../lib/consumer/shard-feed.ts';
import { type ShardSync, syncShards } from '../../lib/consumer/shard-sync.ts';
import type { InitialPosition } from '../../lib/consumer/start-position.ts';

const group = { application: 'app', streamName: 'orders' };
const never = new AbortController().signal;
const MIDDLE = 2n ** 127n;

const stage = (initialPosition: InitialPosition = 'TRIM_HORIZON') => {
  const clock = scriptedClock(1_800_000_000_000);
  const ports = memoryPorts(clock);
  const events: ConsumerEvent[] = [];
  const sync = (more: Partial<ShardSync['ports']> = {}) =>
    syncShards({ ports: { ...ports, ...more }, group, initialPosition, emit: (event) => void events.push(event) }, never);
  const put = (text: string) => ports.streams.putRecords('orders', [{ partitionKey: text, data: Buffer.from(text) }]);
  /** Everything that the leases' checkpoints give, children included. */
  const read = async (): Promise<string[]> => {
    const texts: string[] = [];
    for (const { shardId, checkpoint } of await ports.leases.list(group)) {
      const iterator = ports.reader.poll('orders', shardId, positionAfter(checkpoint));
      texts.push(...((await iterator.next())?.records ?? []).map(({ data }) => Buffer.from(data).toString()));
    }
    return texts;
  };
  return { clock, ports, events, sync, put, read };
};

describe('syncShards', () => {
  it('gives every shard a lease, once', async () => {
    const { ports, sync } = stage();
    ports.streams.createStream('orders', 3);
    expect(await sync()).toBe('synced');
    const made = await ports.leases.list(group);
    expect(made.map((lease) => [lease.state, lease.checkpoint, lease.epoch])).toEqual(
      Array(3).fill(['active', 'TRIM_HORIZON', 0]),
    );
    expect(await sync()).toBe('synced');
    expect(await ports.leases.list(group)).toEqual(made);
  });

  it('says when there is no stream, and writes nothing', async () => {
    const { ports, sync } = stage();
    expect(await sync()).toBe('no-stream');
    const stream = ports.streams.createStream('orders', 1);
    const creating = { ...ports.control, describe: async () => ({ ...stream, status: 'CREATING' as const, shards: [] }) };
    expect(await sync({ control: creating })).toBe('no-stream');
    expect(await ports.leases.list(group)).toEqual([]);
  });

  it('begins at LATEST with what arrives after its look, also for whoever reads much later', async () => {
    const { clock, ports, sync, put, read } = stage('LATEST');
    ports.streams.createStream('orders', 1);
    put('old');
    await clock.advance(1000);
    await sync();
    put('new');
    await clock.advance(60_000);
    put('newer');
    // The first owner died before its first checkpoint: the lease still says where it began.
    expect(await read()).toEqual(['new', 'newer']);
  });

  it('reads at LATEST no old record of a stream that was resharded before, and all of one that is resharded later', async () => {
    const { clock, ports, sync, put, read } = stage('LATEST');
    const [shard] = ports.streams.createStream('orders', 1).shards;
    put('old in the parent');
    await ports.control.split('orders', shard!.shardId, MIDDLE);
    put('old in a child');
    await clock.advance(1000);
    await sync();
    put('new');
    const child = (await ports.control.describe('orders'))!.shards.find((each) => !each.closed)!;
    const { startingHashKey, endingHashKey } = child.hashKeyRange;
    await ports.control.split('orders', child.shardId, (startingHashKey + endingHashKey) / 2n);
    for (const n of [1, 2, 3, 4, 5, 6]) put(`later ${n}`);
    await clock.advance(60_000);
    await sync();
    expect((await read()).sort()).toEqual(['later 1', 'later 2', 'later 3', 'later 4', 'later 5', 'later 6', 'new']);
  });

  it('loses at LATEST nothing of a split between the looks of two workers that start together', async () => {
    const { clock, ports, sync, put, read } = stage('LATEST');
    const [shard] = ports.streams.createStream('orders', 1).shards;
    put('old');
    await clock.advance(1000);
    await sync();
    put('first');
    await ports.control.split('orders', shard!.shardId, MIDDLE);
    for (const n of [1, 2, 3, 4]) put(`in a child ${n}`);
    await clock.advance(1000);
    // It does not see the other one's lease: the list was read before it was made.
    const before = { ...ports.leases, list: async () => [] };
    await sync({ leases: before });
    expect((await ports.leases.list(group)).map(({ checkpoint }) => checkpoint.slice(0, 12))).toEqual([
      'AT_TIMESTAMP',
      'TRIM_HORIZON',
      'TRIM_HORIZON',
    ]);
    expect((await read()).sort()).toEqual(['first', 'in a child 1', 'in a child 2', 'in a child 3', 'in a child 4']);
  });

  it('makes a child’s lease only after its parents’, whoever makes them, however many workers do it at once', async () => {
    const { ports, sync } = stage();
    ports.streams.createStream('orders', 8);
    for (let generation = 0; generation < 4; generation += 1) {
      const open = (await ports.control.describe('orders'))!.shards.filter((shard) => !shard.closed);
      for (const { shardId, hashKeyRange } of open)
        await ports.control.split('orders', shardId, (hashKeyRange.startingHashKey + hashKeyRange.endingHashKey) / 2n + 1n);
    }
    const made = new Set<string>();
    const leases = {
      ...ports.leases,
      create: async (lease: Parameters<typeof ports.leases.create>[0]) => {
        expect(lease.parents.every((id) => made.has(id))).toBe(true);
        const result = await ports.leases.create(lease);
        made.add(lease.shardId);
        return result;
      },
    };
    await Promise.all([sync({ leases }), sync({ leases }), sync({ leases })]);
    expect(await ports.leases.list(group)).toHaveLength(8 * 31);
  });

  it('replaces the leases of a stream that was deleted and made again, removes those of shards that it no longer has, and says so', async () => {
    const { clock, ports, events, sync, put, read } = stage('LATEST');
    ports.streams.createStream('orders', 3);
    await sync();
    for (const { shardId } of await ports.leases.list(group))
      await ports.leases.write(group, shardId, {
        name: 'test',
        conditions: [],
        changes: [
          { op: 'set', path: 'owner', to: { value: 'w' } },
          { op: 'add', path: 'epoch', by: 4 },
          { op: 'set', path: 'checkpoint', to: { value: '495' } },
        ],
      });
    ports.streams.deleteStream('orders');
    await clock.advance(5000);
    const { createdAtMs } = ports.streams.createStream('orders', 2);
    put('in the new one');
    await clock.advance(5000);
    expect(await sync()).toBe('synced');
    const leases = await ports.leases.list(group);
    expect(leases.map((lease) => [lease.owner, lease.epoch, lease.checkpoint, lease.streamCreatedAtMs])).toEqual(
      Array(2).fill([undefined, 5, 'TRIM_HORIZON', createdAtMs]),
    );
    expect(await read()).toEqual(['in the new one']);
    expect(events).toEqual([{ kind: 'stream-recreated', formerCreatedAtMs: createdAtMs! - 5000, createdAtMs, leases: 3 }]);
    await sync();
    expect(events).toHaveLength(1);
  });

  it('never takes a lease of the new stream for one of the former, when two workers replace them at once', async () => {
    const { clock, ports, sync } = stage();
    ports.streams.createStream('orders', 2);
    await sync();
    ports.streams.deleteStream('orders');
    await clock.advance(1000);
    ports.streams.createStream('orders', 2);
    const asBefore = await ports.leases.list(group);
    await sync();
    const claimed = await ports.leases.write(group, 'shardId-000000000000', {
      name: 'test',
      conditions: [],
      changes: [{ op: 'set', path: 'owner', to: { value: 'w' } }],
    });
    expect(claimed.kind).toBe('written');
    // The second one read the table before the first one wrote.
    await sync({ leases: { ...ports.leases, list: async () => asBefore } });
    expect((await ports.leases.list(group))[0]).toMatchObject({ owner: 'w', epoch: 1 });
  });

  it('removes the ended leases of shards that are listed no more', async () => {
    const { ports, sync } = stage();
    const [shard] = ports.streams.createStream('orders', 1).shards;
    await sync();
    await ports.control.split('orders', shard!.shardId, MIDDLE);
    await sync();
    for (const { shardId, parents } of await ports.leases.list(group))
      await ports.leases.write(group, shardId, {
        name: 'test',
        conditions: [],
        changes: [{ op: 'set', path: 'state', to: { value: parents.length === 0 ? 'ended' : 'active' } }],
      });
    await sync();
    expect(await ports.leases.list(group)).toHaveLength(3);
    ports.streams.expireShard('orders', shard!.shardId);
    await sync();
    expect((await ports.leases.list(group)).map(({ shardId }) => shardId)).not.toContain(shard!.shardId);
  });
});
