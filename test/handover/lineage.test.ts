import { describe, expect, it } from 'vitest';
import { missingLeases, parentsEnded, retiredLeases } from '../../lib/handover/lineage.ts';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { Shard } from '../../lib/model/shard.ts';

const group = { application: 'app', streamName: 's' };
const [lower, upper] = slicesOf(WHOLE_RANGE, 2) as [typeof WHOLE_RANGE, typeof WHOLE_RANGE];
const shard = (shardId: string, hashKeyRange: typeof WHOLE_RANGE, parents: string[] = [], closed = false): Shard => ({
  shardId,
  hashKeyRange,
  parents,
  closed,
});
const split = [shard('p', WHOLE_RANGE, [], true), shard('up', upper, ['p']), shard('low', lower, ['p'])];

describe('missingLeases', () => {
  it('creates parents before children, children pending at TRIM_HORIZON', () => {
    const leases = missingLeases(group, [...split].reverse(), [], 'LATEST', 1);
    expect(leases.map((l) => [l.shardId, l.state, l.checkpoint])).toEqual([
      ['p', 'active', 'LATEST'],
      ['low', 'pending', 'TRIM_HORIZON'],
      ['up', 'pending', 'TRIM_HORIZON'],
    ]);
  });

  it('gives each child to the owner that the reshard named, in order of range', () => {
    const [parent] = missingLeases(group, [split[0]!], [], 'LATEST', 1);
    const marked: Lease = { ...parent!, owner: 'w', epoch: 3, reshard: { operationId: 'op', childOwners: ['x', 'y'] } };
    const children = missingLeases(group, split, [marked], 'LATEST', 1);
    expect(children.map((l) => [l.shardId, l.owner, l.epoch])).toEqual([
      ['low', 'x', 1],
      ['up', 'y', 1],
    ]);
  });

  it('waits for both parents of a merge, and not for one that has expired', () => {
    const merged = [shard('a', lower, [], true), shard('b', upper, [], true), shard('m', WHOLE_RANGE, ['a', 'b'])];
    expect(missingLeases(group, merged, [], 'LATEST', 1).at(-1)?.parents).toEqual(['a', 'b']);
    expect(missingLeases(group, merged.slice(1), [], 'LATEST', 1).at(-1)?.parents).toEqual(['b']);
    expect(missingLeases(group, merged.slice(2), [], 'LATEST', 1)[0]).toMatchObject({ parents: [], state: 'active' });
  });

  it('creates nothing that exists', () => {
    const all = missingLeases(group, split, [], 'LATEST', 1);
    expect(missingLeases(group, split, all, 'LATEST', 2)).toEqual([]);
  });
});

describe('parentsEnded', () => {
  it('holds only when every parent has ended', () => {
    const child = missingLeases(
      group,
      [shard('a', lower), shard('b', upper), shard('m', WHOLE_RANGE, ['a', 'b'])],
      [],
      'LATEST',
      1,
    );
    const [a, b, m] = child as [Lease, Lease, Lease];
    const table = (...leases: Lease[]) => new Map(leases.map((l) => [l.shardId, l]));
    expect(parentsEnded(m, table({ ...a, state: 'ended' }, b))).toBe(false);
    expect(parentsEnded(m, table({ ...a, state: 'ended' }, { ...b, state: 'ended' }))).toBe(true);
    expect(parentsEnded(m, table({ ...a, state: 'ended' }))).toBe(true);
  });
});

describe('retiredLeases', () => {
  it('keeps an ended lease while Kinesis lists its shard, which would otherwise be read again', () => {
    const [p] = missingLeases(group, [split[0]!], [], 'LATEST', 1);
    const ended: Lease = { ...p!, state: 'ended' };
    expect(retiredLeases(split, [ended])).toEqual([]);
    expect(retiredLeases(split.slice(1), [ended])).toEqual([ended]);
    const child: Lease = { ...ended, shardId: 'low', state: 'pending', parents: ['p'] };
    expect(retiredLeases(split.slice(1), [ended, child])).toEqual([]);
  });
});
