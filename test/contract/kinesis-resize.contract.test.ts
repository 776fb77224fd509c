import { beforeAll, describe, expect, test } from 'vitest';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { Shard } from '../../lib/model/shard.ts';
import { eventually, type World, worlds } from '../support/worlds.ts';

/** Kinesis splits and merges; kinesis-local closes all shards and makes new ones without parents. */
const KEEPS_LINEAGE = (name: string) => name === 'memory';

describe.each(worlds)('resize in $name', ({ name, open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });
  const active = (streamName: string) =>
    eventually(async () => {
      const stream = await world.ports.control.describe(streamName);
      return stream?.status === 'ACTIVE' ? stream : undefined;
    });
  const openOf = (shards: readonly Shard[]) =>
    shards
      .filter((shard) => !shard.closed)
      .sort((a, b) => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1));

  test.each([
    [2, 4],
    [4, 5],
    [4, 2],
    [5, 3],
  ])('makes %i shards %i equal ones and closes the former', async (from, to) => {
    const { streamName, shards } = await world.createStream(from);
    expect(await world.ports.control.resize(streamName, to)).toEqual({ kind: 'changed' });
    const after = await active(streamName);
    expect(openOf(after.shards).map(({ hashKeyRange }) => hashKeyRange)).toEqual(slicesOf(WHOLE_RANGE, to));
    for (const { shardId } of shards) expect(after.shards.find((shard) => shard.shardId === shardId)?.closed).toBe(true);
    if (!KEEPS_LINEAGE(name)) return;
    const roots = after.shards.filter((shard) => shard.parents.length === 0);
    expect(roots.map((shard) => shard.shardId)).toEqual(shards.map((shard) => shard.shardId));
    const byId = new Map(after.shards.map((shard) => [shard.shardId, shard]));
    for (const { parents, hashKeyRange } of after.shards)
      for (const parent of parents) {
        expect(byId.get(parent)?.closed).toBe(true);
        const over = byId.get(parent)!.hashKeyRange;
        expect(over.startingHashKey <= hashKeyRange.endingHashKey && over.endingHashKey >= hashKeyRange.startingHashKey).toBe(
          true,
        );
      }
  });

  test('refuses more than twice as many, fewer than half, and a stream that is not there', async () => {
    const { streamName } = await world.createStream(4);
    const { control } = world.ports;
    for (const count of [9, 1])
      expect(await control.resize(streamName, count)).toMatchObject({
        kind: 'refused',
        detail: expect.stringMatching(/.+/),
      });
    expect(await control.resize('no-such-stream', 2)).toMatchObject({ kind: 'refused' });
    expect(openOf((await active(streamName)).shards)).toHaveLength(4);
  });
});
