// A stream resized under load through every step of the reshard machine, with the real consumers, on a scripted clock.
import { afterEach, describe, expect, it } from 'vitest';
import { operationOf } from '../../functions/accept-operation.ts';
import { reshardAwait } from '../../functions/reshard-await.ts';
import { reshardChange } from '../../functions/reshard-change.ts';
import { reshardDrained } from '../../functions/reshard-drained.ts';
import { reshardGuard } from '../../functions/reshard-guard.ts';
import { reshardLeases } from '../../functions/reshard-leases.ts';
import { reshardRetire } from '../../functions/reshard-retire.ts';
import type { Scene } from '../../functions/shell.ts';
import { leadTimesOf } from '../../lib/feedback/lead-times.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { ResizeAction } from '../../lib/model/plan.ts';
import type { ReshardInput } from '../../lib/model/reshard.ts';
import { layoutOf } from '../../lib/plan/foreign-change.ts';
import { heirOf } from '../../lib/plan/uniform-layout.ts';
import { group, fleet as startFleet } from '../support/consumer-fleet.ts';
import { expected, world as functionsWorld } from './scenes.ts';

type Fleet = Awaited<ReturnType<typeof startFleet>>;
let stopAll: () => Promise<void> = async () => {};
afterEach(() => stopAll());

const open = async (shards: number): Promise<Fleet> => {
  const started = await startFleet({ shards, workers: ['a', 'b'] });
  stopAll = started.stopAll;
  return started;
};
const sceneOf = ({ world, clock }: Fleet): Scene => ({
  ...functionsWorld().scene(world),
  streams: [group],
  nowMs: clock.nowMs(),
});
const openShards = async ({ world }: Fleet) => {
  const stream = (await world.control.describe(group.streamName))!;
  return { stream, shards: stream.shards.filter((shard) => !shard.closed) };
};

const inputOf = async (it: Fleet, targetCount: number): Promise<ReshardInput & { action: ResizeAction }> => {
  const { stream, shards } = await openShards(it);
  const operationId = `resize-${targetCount}-${it.clock.nowMs()}`;
  const action: ResizeAction = {
    kind: 'resize',
    actionId: operationId,
    trigger: 'forecast',
    reason: 'because',
    expected,
    shardId: '*',
    fromCount: shards.length,
    targetCount,
    layout: layoutOf({ stream }),
  };
  return { ...group, operationId, action };
};

/** Carries a resize through the machine's steps while records come. */
const resize = async (it: Fleet, targetCount: number) => {
  const input = await inputOf(it, targetCount);
  await it.world.operations.create(operationOf(group, input.action, it.clock.nowMs()));
  const guarded = await reshardGuard.run(input, sceneOf(it));
  if (guarded.kind !== 'clear') throw new Error(guarded.detail);
  const changed = await reshardChange.run(input, sceneOf(it));
  if (changed.kind !== 'changed') throw new Error(changed.detail);
  await it.load(3000);
  const active = await reshardAwait.run({ ...input, changedAtMs: changed.changedAtMs, timeoutSec: 60 }, sceneOf(it));
  if (active.kind !== 'active') throw new Error(active.kind);
  const { childShardIds } = await reshardLeases.run(input, sceneOf(it));
  const times = { activeAtMs: active.activeAtMs, timeoutSec: 60, childShardIds };
  let drained = await reshardDrained.run({ ...input, ...times }, sceneOf(it));
  for (let i = 0; drained.kind === 'waiting' && i < 20; i++) {
    await it.load(1000);
    drained = await reshardDrained.run({ ...input, ...times }, sceneOf(it));
  }
  if (drained.kind !== 'drained') throw new Error(JSON.stringify(drained));
  await reshardRetire.run(
    { ...input, end: 'done', startedAtMs: guarded.startedAtMs, ...changed, ...active, ...drained, childShardIds },
    sceneOf(it),
  );
  return { input, childShardIds };
};

describe('a resize through the reshard machine', () => {
  it.each([
    [4, 8],
    [4, 2],
    [4, 5],
    [5, 3],
  ])('of %i shards to %i loses, repeats and disorders nothing, under load', async (from, to) => {
    const it = await open(from);
    await it.load(3000);
    const before = await it.world.leases.list(group);
    const { input, childShardIds } = await resize(it, to);
    expect(childShardIds).toHaveLength(to);
    await it.load(3000);
    await it.load(2000, 0);
    expect(it.verdict()).toEqual({ lost: 0, duplicated: 0, reordered: 0 });

    const leases = await it.world.leases.list(group);
    expect(leases.filter((lease) => lease.reshard !== undefined)).toEqual([]);
    expect(leases.filter(({ state }) => state === 'active').map(({ shardId }) => shardId)).toEqual([...childShardIds].sort());
    expect(await it.world.operations.get(group, input.operationId)).toMatchObject({
      kind: 'resize',
      status: 'succeeded',
      result: expect.stringMatching(new RegExp(`^resize of ${from} shards to ${to}: `)),
    });
    const [outcome] = await it.world.outcomes.recent(group.streamName, 'reshard', 5);
    expect(outcome).toMatchObject({ change: 'resize', result: 'done', childShardIds });
    expect(outcome?.kind === 'reshard' && outcome.shardIds).toEqual(before.map(({ shardId }) => shardId).sort());
  });

  it('leaves each child to the owner of the shard around its middle, as the action’s marks name it', async () => {
    const it = await open(4);
    await it.load(2000);
    const before = await it.world.leases.list(group);
    const byRange = (a: Lease, b: Lease) => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1);
    const input = await inputOf(it, 8);
    await reshardGuard.run(input, sceneOf(it));
    await reshardChange.run(input, sceneOf(it));
    const { childShardIds } = await reshardLeases.run(input, sceneOf(it));
    for (const { hashKeyRange, owner } of await it.world.leases.get(group, childShardIds))
      expect(owner).toBe(heirOf(hashKeyRange, before.sort(byRange))?.owner);
  });

  it('refuses where the shards are others by now, one is in a handover, or the count is out of bounds, and takes its marks back', async () => {
    const it = await open(4);
    await it.load(2000);
    const stale = await inputOf(it, 8);
    const outOfBounds = { ...stale, action: { ...stale.action, targetCount: 9 } };
    expect(await reshardGuard.run(outOfBounds, sceneOf(it))).toMatchObject({
      kind: 'refused',
      detail: 'targetCount must be in 2..8, got 9',
    });
    const [first] = await it.world.leases.list(group);
    await it.world.leases.write(group, first!.shardId, {
      name: 'test',
      conditions: [],
      changes: [{ op: 'set', path: 'reshard', to: { value: { operationId: 'other', childOwners: [] } } }],
    });
    expect(await reshardGuard.run(stale, sceneOf(it))).toMatchObject({
      kind: 'refused',
      detail: `shard ${first!.shardId} is in reshard other`,
    });
    await reshardRetire.run({ ...stale, end: 'refused', detail: 'no', childShardIds: [] }, sceneOf(it));
    expect((await it.world.leases.list(group)).map(({ reshard }) => reshard?.operationId)).toEqual([
      'other',
      undefined,
      undefined,
      undefined,
    ]);
    await it.world.control.split(group.streamName, first!.shardId, 5n);
    expect(await reshardGuard.run(stale, sceneOf(it))).toMatchObject({
      kind: 'refused',
      detail: 'it was planned for 4 shards, the stream has 5 or others: someone else changed the stream',
    });
    expect(await reshardChange.run(stale, sceneOf(it))).toMatchObject({ kind: 'refused' });
  });

  it('finds its own change when its answer got lost', async () => {
    const it = await open(4);
    await it.load(2000);
    const input = await inputOf(it, 8);
    await reshardGuard.run(input, sceneOf(it));
    expect(await reshardGuard.run(input, sceneOf(it))).toMatchObject({ kind: 'clear' });
    expect(await reshardChange.run(input, sceneOf(it))).toMatchObject({ kind: 'changed' });
    expect(await reshardChange.run(input, sceneOf(it))).toMatchObject({ kind: 'changed' });
    expect((await openShards(it)).shards).toHaveLength(8);
  });

  it('is measured apart from splits and merges', () => {
    const outcome = (change: 'split' | 'resize', updatingMs: number) => ({
      kind: 'reshard' as const,
      streamName: 's',
      atMs: 0,
      operationId: 'o',
      result: 'done' as const,
      change,
      shardIds: [],
      childShardIds: [],
      trigger: 'forecast',
      updatingMs,
      drainMs: 0,
      startedAtMs: 0,
      detail: '',
    });
    expect(leadTimesOf([outcome('split', 30_000), outcome('resize', 200_000)], [])).toMatchObject({
      reshardSec: 30,
      resizeSec: 200,
    });
    expect(leadTimesOf([outcome('split', 30_000)], [])).toMatchObject({ reshardSec: 30, resizeSec: null });
  });
});
