import { describe, expect, it } from 'vitest';
import { operationOf } from '../../functions/accept-operation.ts';
import { reshardAwait } from '../../functions/reshard-await.ts';
import { reshardChange } from '../../functions/reshard-change.ts';
import { reshardDrained } from '../../functions/reshard-drained.ts';
import { reshardGuard } from '../../functions/reshard-guard.ts';
import { reshardLeases } from '../../functions/reshard-leases.ts';
import { reshardRetire } from '../../functions/reshard-retire.ts';
import { slicesOf } from '../../lib/model/hash-key-range.ts';
import type { ReshardInput } from '../../lib/model/reshard.ts';
import { expected, group, lease, NOW, worker, world } from './scenes.ts';

const base = { trigger: 'forecast' as const, reason: 'because', expected };

/** Two shards owned by `a`; a split of the first, a merge of both. */
const open = async (changes: Parameters<typeof lease>[1] = {}, updatingMs = 5_000) => {
  const it = world({ updatingMs });
  const { shards } = it.ports.streams.createStream(group.streamName, 2);
  const [first, second] = [shards[0]!, shards[1]!];
  await it.ports.leases.create(lease(first, changes));
  await it.ports.leases.create(lease(second));
  for (const one of [worker('a'), worker('b')]) await it.ports.workers.put(one);
  const middle = slicesOf(first.hashKeyRange, 2)[1]!.startingHashKey;
  const split: ReshardInput = {
    ...group,
    operationId: 'split-1',
    action: {
      ...base,
      kind: 'split',
      actionId: 'split-1',
      shardId: first.shardId,
      hashKeyRange: first.hashKeyRange,
      newStartingHashKey: middle,
      childOwners: ['a', 'b'],
    },
  };
  const merge: ReshardInput = {
    ...group,
    operationId: 'merge-1',
    action: {
      ...base,
      kind: 'merge',
      actionId: 'merge-1',
      shardId: first.shardId,
      adjacentShardId: second.shardId,
      hashKeyRange: first.hashKeyRange,
      childOwners: ['b'],
    },
  };
  const marks = async () => (await it.ports.leases.list(group)).map((each) => each.reshard?.operationId);
  return { ...it, first, second, split, merge, middle, marks };
};

describe('reshardGuard', () => {
  it('marks the parents, and finds its own marks when it is repeated', async () => {
    const { scene, merge, marks } = await open();
    expect(await reshardGuard.run(merge, scene())).toEqual({ kind: 'clear', startedAtMs: NOW });
    expect(await marks()).toEqual(['merge-1', 'merge-1']);
    expect(await reshardGuard.run(merge, scene())).toMatchObject({ kind: 'clear' });
  });

  it.each([
    [
      'in a handover',
      {
        handover: {
          id: 'h',
          phase: 'preparing' as const,
          source: 'a',
          target: 'b',
          epoch: 1,
          pauseBudgetMs: 1,
          requestedAtMs: 1,
        },
      },
      /handover h/,
    ],
    ['in another reshard', { reshard: { operationId: 'other', childOwners: ['a'] } }, /reshard other/],
    ['that has ended', { state: 'ended' as const }, /is ended/],
  ])('refuses a shard %s', async (_, changes, detail) => {
    const { scene, split } = await open(changes);
    expect(await reshardGuard.run(split, scene())).toMatchObject({ kind: 'refused', detail: expect.stringMatching(detail) });
  });

  it('refuses a stream that changes, a shard that is closed, a key outside of it, and strangers as neighbours', async () => {
    const { scene, split, merge, ports, first, middle, clock } = await open();
    const withKey = (newStartingHashKey: bigint) =>
      ({ ...split, action: { ...split.action, newStartingHashKey } }) as ReshardInput;
    expect(await reshardGuard.run(withKey(first.hashKeyRange.startingHashKey), scene())).toMatchObject({
      kind: 'refused',
      detail: expect.stringMatching(/must be above 0/),
    });
    expect(
      await reshardGuard.run({ ...merge, action: { ...merge.action, adjacentShardId: first.shardId } as never }, scene()),
    ).toMatchObject({ kind: 'refused', detail: expect.stringMatching(/no neighbours/) });
    await ports.control.split(group.streamName, first.shardId, middle);
    expect(await reshardGuard.run(split, scene())).toMatchObject({
      kind: 'refused',
      detail: expect.stringMatching(/is UPDATING/),
    });
    await clock.advance(6_000);
    expect(await reshardGuard.run(split, scene())).toMatchObject({
      kind: 'refused',
      detail: expect.stringMatching(/closed: someone else/),
    });
  });
});

describe('reshardChange', () => {
  it('splits, and finds its own split when its answer got lost', async () => {
    const { scene, split, ports, clock } = await open();
    expect(await reshardChange.run(split, scene())).toEqual({ kind: 'changed', changedAtMs: NOW });
    await clock.advance(6_000);
    expect(await reshardChange.run(split, scene())).toMatchObject({ kind: 'changed' });
    expect((await ports.control.describe(group.streamName))?.shards.filter((shard) => !shard.closed)).toHaveLength(3);
  });

  it('refuses where someone else split at another key', async () => {
    const { scene, split, ports, clock, first, middle } = await open();
    await ports.control.split(group.streamName, first.shardId, middle + 1n);
    await clock.advance(6_000);
    expect(await reshardChange.run(split, scene())).toMatchObject({
      kind: 'refused',
      detail: expect.stringMatching(/someone else/),
    });
  });

  it('fails for the moment while the stream is busy', async () => {
    const { scene, split, ports, second } = await open();
    await ports.control.split(group.streamName, second.shardId, slicesOf(second.hashKeyRange, 2)[1]!.startingHashKey);
    await expect(reshardChange.run(split, scene())).rejects.toMatchObject({ name: 'TransientError' });
  });
});

describe('reshardAwait', () => {
  it('waits until the stream is ACTIVE, and tells the children and the time', async () => {
    const { scene, split, clock } = await open();
    await reshardChange.run(split, scene());
    const input = { ...split, changedAtMs: NOW, timeoutSec: 60 };
    expect(await reshardAwait.run(input, scene())).toEqual({ kind: 'waiting', waitSec: 1 });
    await clock.advance(6_000);
    const active = await reshardAwait.run(input, scene());
    expect(active).toMatchObject({ kind: 'active', activeAtMs: NOW + 6_000 });
    expect(active.kind === 'active' && active.childShardIds).toHaveLength(2);
  });

  it('gives up after its time', async () => {
    const { scene, split } = await open();
    const late = { ...split, changedAtMs: NOW - 61_000, timeoutSec: 60 };
    expect(await reshardAwait.run(late, scene())).toMatchObject({
      kind: 'timedOut',
      detail: expect.stringMatching(/61 s.*allowed are 60 s/),
    });
  });
});

describe('reshardLeases', () => {
  const changed = async (plannedFor: readonly [string, string] = ['a', 'b']) => {
    const it = await open();
    const split = { ...it.split, action: { ...it.split.action, childOwners: plannedFor } } as ReshardInput;
    await reshardGuard.run(split, it.scene());
    await reshardChange.run(split, it.scene());
    await it.clock.advance(6_000);
    return { ...it, split };
  };

  it('makes a pending lease for each child, from TRIM_HORIZON, for the planned owners, under epochs that go on from the parent’s', async () => {
    const { scene, split, ports, first } = await changed();
    const { childShardIds } = await reshardLeases.run(split, scene());
    const made = await ports.leases.get(group, childShardIds);
    expect(made.map(({ owner, epoch, state, checkpoint, parents }) => ({ owner, epoch, state, checkpoint, parents }))).toEqual([
      { owner: 'a', epoch: 2, state: 'pending', checkpoint: 'TRIM_HORIZON', parents: [first.shardId] },
      { owner: 'b', epoch: 2, state: 'pending', checkpoint: 'TRIM_HORIZON', parents: [first.shardId] },
    ]);
  });

  it('leaves the child of a dead worker to whoever claims it', async () => {
    const { scene, split, ports } = await changed(['a', 'dead']);
    const { childShardIds } = await reshardLeases.run(split, scene());
    const [, orphan] = await ports.leases.get(group, childShardIds);
    expect([orphan?.owner, orphan?.epoch]).toEqual([undefined, 1]);
  });

  it('never touches leases that workers made first', async () => {
    const { scene, split, ports } = await changed();
    const stream = await ports.control.describe(group.streamName);
    const [child] = stream!.shards.filter((shard) => shard.parents.length > 0);
    await ports.leases.create(lease(child!, { owner: 'c', epoch: 3, state: 'pending' }));
    await reshardLeases.run(split, scene());
    await reshardLeases.run(split, scene());
    expect((await ports.leases.get(group, [child!.shardId]))[0]).toMatchObject({ owner: 'c', epoch: 3 });
    expect(await ports.leases.list(group)).toHaveLength(4);
  });
});

describe('reshardDrained', () => {
  it('waits for each parent’s end and each child’s beginning', async () => {
    const { scene, merge, ports, first, second } = await open();
    const child = { ...first, shardId: 'child', parents: [first.shardId, second.shardId] };
    const input = { ...merge, activeAtMs: NOW, childShardIds: ['child'], timeoutSec: 60 };
    const put = async (shard: typeof first, state: 'active' | 'ended' | 'pending') => {
      const [existing] = await ports.leases.get(group, [shard.shardId]);
      if (existing === undefined) await ports.leases.create(lease(shard, { state }));
      else
        await ports.leases.write(group, shard.shardId, {
          name: 'test',
          conditions: [],
          changes: [{ op: 'set', path: 'state', to: { value: state } }],
        });
    };
    const kind = async () => (await reshardDrained.run(input, scene())).kind;
    expect(await kind()).toBe('waiting');
    await put(first, 'ended');
    await put(child, 'active');
    expect(await kind()).toBe('waiting');
    await put(second, 'ended');
    expect(await kind()).toBe('drained');
    await put(child, 'pending');
    expect(await kind()).toBe('waiting');
    expect(await reshardDrained.run({ ...input, activeAtMs: NOW - 61_000 }, scene())).toMatchObject({
      kind: 'timedOut',
      detail: expect.stringMatching(/not begun: child/),
    });
  });
});

describe('reshardRetire', () => {
  it('takes the marks back, records how long it took, and ends the operation', async () => {
    const { scene, split, ports, marks } = await open();
    await ports.operations.create(operationOf(group, split.action, NOW));
    await reshardGuard.run(split, scene());
    const times = { startedAtMs: NOW, changedAtMs: NOW + 1_000, activeAtMs: NOW + 31_000, drainedAtMs: NOW + 36_000 };
    await reshardRetire.run({ ...split, end: 'done', childShardIds: ['x', 'y'], ...times }, scene());
    expect(await marks()).toEqual([undefined, undefined]);
    expect(await ports.outcomes.recent(group.streamName, 'reshard', 5)).toMatchObject([
      {
        operationId: 'split-1',
        result: 'done',
        updatingMs: 30_000,
        drainMs: 5_000,
        childShardIds: ['x', 'y'],
        trigger: 'forecast',
      },
    ]);
    expect(await ports.operations.get(group, 'split-1')).toMatchObject({ status: 'succeeded' });
    expect(ports.metrics.published).toContainEqual(expect.objectContaining({ name: 'ReshardUpdatingTime', value: 30_000 }));
  });

  it('records a refusal with its reason, and leaves another operation’s mark alone', async () => {
    const { scene, split, ports, marks } = await open({ reshard: { operationId: 'other', childOwners: ['a'] } });
    await ports.operations.create(operationOf(group, split.action, NOW));
    await reshardRetire.run({ ...split, end: 'refused', detail: 'shard is in reshard other', childShardIds: [] }, scene());
    expect(await marks()).toContain('other');
    expect(await ports.operations.get(group, 'split-1')).toMatchObject({ status: 'failed', result: 'shard is in reshard other' });
    expect(await ports.outcomes.recent(group.streamName, 'reshard', 5)).toMatchObject([{ result: 'refused', updatingMs: 0 }]);
  });
});
