// What the workers of a group do among themselves, without a control plane: real consumers on the ports in memory and a scripted clock.
import { afterEach, describe, expect, it } from 'vitest';
import { requestShadow } from '../../lib/handover/control-writes.ts';
import { group, fleet as startFleet } from '../support/consumer-fleet.ts';

let stopAll: () => Promise<void> = async () => {};
afterEach(() => stopAll());
const fleet = async (options: Parameters<typeof startFleet>[0]) => {
  const started = await startFleet(options);
  stopAll = started.stopAll;
  return started;
};
const clean = { lost: 0, duplicated: 0, reordered: 0 };
const ownersOf = async ({ world }: Awaited<ReturnType<typeof fleet>>) =>
  (await world.leases.list(group)).map((lease) => lease.owner);
/** The longest time for which some shard had records and none was processed. */
const longestGapMs = (sink: readonly { shardId: string; atMs: number }[]): number =>
  Math.max(
    ...[...Map.groupBy(sink, (seen) => seen.shardId).values()].map((seen) =>
      Math.max(...seen.map(({ atMs }, i) => atMs - (seen[i - 1]?.atMs ?? atMs))),
    ),
  );

describe('a group of workers', () => {
  it('evens out its load when a worker joins, by handovers that it drives itself, without a record lost, twice or out of order', async () => {
    const it = await fleet({ shards: 4, workers: ['a'], settings: { capacity: { recordsPerSec: 250, bytesPerSec: 1e6 } } });
    await it.load(15_000);
    await it.join('b');
    await it.load(100_000);
    await it.load(3000, 0);
    expect(it.verdict()).toEqual(clean);
    const owners = await ownersOf(it);
    expect(owners.filter((owner) => owner === 'b').length).toBe(2);
    expect(it.events.filter((event) => event.kind === 'pull-begun').map((event) => event.by)).toEqual(['b', 'b']);
    expect(it.events.filter((event) => event.kind === 'handed-over').length).toBe(2);
    expect((await it.world.leases.list(group)).every((lease) => lease.handover === undefined && lease.shadow === undefined)).toBe(
      true,
    );
  });

  it('moves nothing at low load, whoever owns it', async () => {
    const it = await fleet({ shards: 4, workers: ['a'], settings: { capacity: { recordsPerSec: 5000, bytesPerSec: 1e8 } } });
    await it.load(15_000);
    await it.join('b');
    await it.load(60_000);
    expect(await ownersOf(it)).toEqual(['a', 'a', 'a', 'a']);
    expect(it.events.filter((event) => event.kind === 'pull-begun')).toEqual([]);
  });

  it('settles: a group that has evened out its load moves nothing more', async () => {
    const it = await fleet({ shards: 6, workers: ['a', 'b'], settings: { capacity: { recordsPerSec: 150, bytesPerSec: 1e6 } } });
    await it.load(60_000);
    const before = it.events.filter((event) => event.kind === 'pull-begun').length;
    await it.load(300_000);
    expect(it.events.filter((event) => event.kind === 'pull-begun').length).toBe(before);
    expect(it.verdict()).toMatchObject({ duplicated: 0, reordered: 0 });
  });

  it('gives the shards of a worker that stops to the others at once, so that none stands still for a second', async () => {
    const it = await fleet({ shards: 6, workers: ['a', 'b', 'c'] });
    await it.load(3000);
    const stopping = it.consumers.get('a')?.stop();
    await it.load(5000);
    await stopping;
    await it.load(2000, 0);
    expect(it.verdict()).toEqual(clean);
    expect(await ownersOf(it)).not.toContain('a');
    expect(longestGapMs(it.sink)).toBeLessThan(1000);
    expect(it.events.filter((event) => event.kind === 'lease-given-back').every((event) => 'to' in event)).toBe(true);
  });

  it('hands the shards of a worker that stops over to the worker that shadows them, with proof', async () => {
    const it = await fleet({ shards: 2, workers: ['a', 'b', 'c'] });
    await it.load(3000);
    const [first] = await it.world.leases.list(group);
    const owner = first?.owner ?? '';
    const heir = owner === 'c' ? 'b' : 'c';
    await it.world.leases.write(group, first?.shardId ?? '', requestShadow(owner, heir, 'replication', 0));
    await it.world.workers.announce(group);
    await it.load(4000);
    const stopping = it.consumers.get(owner)?.stop();
    await it.load(4000);
    await stopping;
    await it.load(2000, 0);
    expect(it.verdict()).toEqual(clean);
    expect(await it.lease(first?.shardId ?? '')).toMatchObject({ owner: heir });
    expect(it.events.filter((event) => event.kind === 'handed-over').map(({ by }) => by)).toEqual([owner]);
  });

  it('replaces three workers one after the other under load without a record lost, twice or out of order', async () => {
    const it = await fleet({ shards: 6, workers: ['a', 'b', 'c'] });
    await it.load(3000);
    for (const [old, next] of [
      ['a', 'd'],
      ['b', 'e'],
      ['c', 'f'],
    ] as const) {
      await it.join(next);
      await it.load(2000);
      const stopping = it.consumers.get(old)?.stop();
      await it.load(3000);
      await stopping;
    }
    await it.load(3000, 0);
    expect(it.verdict()).toEqual(clean);
    expect(longestGapMs(it.sink)).toBeLessThan(1000);
    expect((await ownersOf(it)).every((owner) => owner !== undefined && ['d', 'e', 'f'].includes(owner))).toBe(true);
  });

  it('survives an outage of the tables for everyone: nobody is called dead, and all go on with what they had', async () => {
    const it = await fleet({ shards: 4, workers: ['a', 'b'] });
    await it.load(5000);
    const before = await ownersOf(it);
    for (const workerId of ['a', 'b']) it.cut.add(workerId);
    await it.load(20_000);
    it.cut.clear();
    await it.load(5000);
    await it.load(3000, 0);
    expect(await ownersOf(it)).toEqual(before);
    expect(it.events.filter((event) => event.kind === 'lease-taken' && event.how === 'taken-over')).toEqual([]);
    expect(it.verdict()).toEqual(clean);
  });

  it('gives no shard to a worker with a call of its processor that does not return', async () => {
    let isStuck = true;
    const it = await fleet({
      shards: 2,
      workers: ['a', 'b'],
      settings: { stuckAfterMs: 3000 },
      processMs: (shardId) => (isStuck && shardId === 'shardId-000000000000' ? 60_000 : 0),
    });
    await it.load(8000);
    const stuck = (await it.lease('shardId-000000000000')).owner ?? '';
    const other = stuck === 'a' ? 'b' : 'a';
    it.cut.add(other);
    await it.load(10_000);
    expect((await it.lease('shardId-000000000001')).owner).toBe(other);
    await it.join('c');
    await it.load(5000);
    expect((await it.lease('shardId-000000000001')).owner).toBe('c');
    isStuck = false;
  });

  it('hands on what it cannot read while its heartbeat goes on, and gets nothing more for a minute', async () => {
    const it = await fleet({ shards: 2, workers: ['a', 'b'] });
    await it.load(3000);
    it.deaf.add('a');
    await it.load(35_000);
    expect(await ownersOf(it)).toEqual(['b', 'b']);
    expect(it.events.filter((event) => event.kind === 'shard-silent').map(({ by }) => by)).toEqual(['a']);
    it.deaf.clear();
    await it.load(3000, 0);
    expect(it.verdict()).toEqual(clean);
  });

  it('keeps what nobody else could read either', async () => {
    const it = await fleet({ shards: 2, workers: ['a', 'b'] });
    await it.load(3000);
    const before = await ownersOf(it);
    for (const workerId of ['a', 'b']) it.deaf.add(workerId);
    await it.load(60_000);
    it.deaf.clear();
    await it.load(65_000);
    await it.load(3000, 0);
    expect((await ownersOf(it)).every((owner) => owner !== undefined)).toBe(true);
    expect(it.events.filter((event) => event.kind === 'lease-given-back').length).toBeLessThanOrEqual(before.length);
    expect(it.verdict()).toMatchObject({ duplicated: 0, reordered: 0 });
  });

  it('fails over within the failover time and one look, by default 1.1 s and 0.25 s', async () => {
    const it = await fleet({ shards: 4, workers: ['a', 'b'] });
    await it.load(5000);
    it.cut.add('a');
    await it.load(6000);
    await it.load(2000, 0);
    expect(await ownersOf(it)).toEqual(['b', 'b', 'b', 'b']);
    expect(longestGapMs(it.sink)).toBeLessThanOrEqual(1800);
    expect(it.verdict()).toMatchObject({ lost: 0, reordered: 0 });
  });
});
