import { beforeAll, describe, expect, test } from 'vitest';
import { WHOLE_RANGE, widthOf } from '../../lib/model/hash-key-range.ts';
import type { Shard } from '../../lib/model/shard.ts';
import { isUniform } from '../../lib/plan/uniform-layout.ts';
import { eventually, type World, worlds } from '../support/worlds.ts';

/** kinesis-local splits and merges only as often as the count asks for: its ranges are equal when the count doubles or halves. */
const isEvenIn = (name: string, from: number, to: number) => name === 'memory' || to === 2 * from || 2 * to === from;

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
  ])('makes %i shards %i that cover the key space once, with the former as their ancestors', async (from, to) => {
    const { streamName, shards } = await world.createStream(from);
    expect(await world.ports.control.resize(streamName, to)).toEqual({ kind: 'changed' });
    const after = await active(streamName);
    const ranges = openOf(after.shards).map(({ hashKeyRange }) => hashKeyRange);
    expect(ranges).toHaveLength(to);
    expect(isUniform(ranges)).toBe(isEvenIn(name, from, to));
    let next = 0n;
    for (const { startingHashKey, endingHashKey } of ranges) {
      expect(startingHashKey).toBe(next);
      next = endingHashKey + 1n;
    }
    expect(next).toBe(widthOf(WHOLE_RANGE));
    const roots = after.shards.filter((shard) => shard.parents.length === 0);
    expect(roots.map((shard) => shard.shardId).sort()).toEqual(shards.map((shard) => shard.shardId).sort());
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
