import { describe, expect, it } from 'vitest';
import { missingLeases as missingOf, parentsEnded, retiredLeases, staleLeases } from '../../lib/handover/lineage.ts';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { Shard } from '../../lib/model/shard.ts';

const group = { application: 'app', streamName: 's' };
/** Of a stream that does not say when it was made. */
const missingLeases = (_: typeof group, shards: Shard[], existing: readonly Lease[], start: string, nowMs: number) =>
  missingOf(group, { shards }, existing, start, nowMs);
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
      ['low', 'x', 4],
      ['up', 'y', 4],
    ]);
  });

  it('waits for both parents of a merge, and not for one that has expired', () => {
    const merged = [shard('a', lower, [], true), shard('b', upper, [], true), shard('m', WHOLE_RANGE, ['a', 'b'])];
    expect(missingLeases(group, merged, [], 'LATEST', 1).at(-1)?.parents).toEqual(['a', 'b']);
    expect(missingLeases(group, merged.slice(1), [], 'LATEST', 1).at(-1)?.parents).toEqual(['b']);
    expect(missingLeases(group, merged.slice(2), [], 'LATEST', 1)[0]).toMatchObject({ parents: [], state: 'active' });
  });

  it('goes on with the parents’ epochs, so that a fencing token never goes back along the lineage', () => {
    const merged = [shard('a', lower, [], true), shard('b', upper, [], true), shard('m', WHOLE_RANGE, ['a', 'b'])];
    const parents = missingLeases(group, merged.slice(0, 2), [], 'LATEST', 1).map((l, i) => ({ ...l, epoch: 3 + i }));
    expect(missingLeases(group, merged, parents, 'LATEST', 1).map((l) => l.epoch)).toEqual([4]);
  });

  it('begins at a moment in children too where their parents have no leases yet either, since what is older was not asked for', () => {
    const start = 'AT_TIMESTAMP:5000';
    expect(missingLeases(group, split, [], start, 1).map((l) => [l.checkpoint, l.state])).toEqual([
      [start, 'active'],
      [start, 'pending'],
      [start, 'pending'],
    ]);
    const [parent] = missingLeases(group, split, [], 'AT_TIMESTAMP:4000', 1);
    expect(missingLeases(group, split, [parent!], start, 1).map((l) => l.checkpoint)).toEqual(['TRIM_HORIZON', 'TRIM_HORIZON']);
  });

  it('begins a merged child at TRIM_HORIZON when one of its parents has a lease already', () => {
    const merged = [shard('a', lower, [], true), shard('b', upper, [], true), shard('m', WHOLE_RANGE, ['a', 'b'])];
    const [a] = missingLeases(group, merged, [], 'AT_TIMESTAMP:4000', 1);
    expect(missingLeases(group, merged, [a!], 'AT_TIMESTAMP:5000', 1).map((l) => [l.shardId, l.checkpoint])).toEqual([
      ['b', 'AT_TIMESTAMP:5000'],
      ['m', 'TRIM_HORIZON'],
    ]);
  });

  it('notes when the stream was made', () => {
    const [p] = missingOf(group, { shards: split, createdAtMs: 77 }, [], 'LATEST', 1);
    expect(p?.streamCreatedAtMs).toBe(77);
  });

  it('replaces every lease of a former stream, from TRIM_HORIZON whatever the start, under epochs above all of its', () => {
    const former = missingOf(group, { shards: split, createdAtMs: 77 }, [], 'LATEST', 1).map((l, i) => ({
      ...l,
      owner: 'w',
      epoch: 3 + i,
      checkpoint: '495',
    }));
    const fresh = [shard('p', lower), shard('q', upper)];
    const made = missingOf(group, { shards: fresh, createdAtMs: 99 }, former, 'AT_TIMESTAMP:5000', 2);
    expect(made.map((l) => [l.shardId, l.owner, l.epoch, l.state, l.checkpoint, l.streamCreatedAtMs])).toEqual([
      ['p', undefined, 6, 'active', 'TRIM_HORIZON', 99],
      ['q', undefined, 6, 'active', 'TRIM_HORIZON', 99],
    ]);
    // A child of the new stream under an id that the former one used: still above it.
    const later = [...fresh, shard('low', slicesOf(lower, 2)[0]!, ['p'])];
    expect(missingOf(group, { shards: later, createdAtMs: 99 }, made, 'LATEST', 3)[0]?.epoch).toBe(6);
  });

  it('creates nothing that exists', () => {
    const all = missingLeases(group, split, [], 'LATEST', 1);
    expect(missingLeases(group, split, all, 'LATEST', 2)).toEqual([]);
  });
});

describe('staleLeases', () => {
  const leases = missingOf(group, { shards: split, createdAtMs: 77 }, [], 'LATEST', 1);

  it('are those of another time of creation', () => {
    expect(staleLeases({ shards: split, createdAtMs: 99 }, leases)).toEqual(leases);
    expect(staleLeases({ shards: split, createdAtMs: 77 }, leases)).toEqual([]);
  });

  it('are never those that do not say it, nor any where the stream does not', () => {
    const older = leases.map(({ streamCreatedAtMs: _, ...lease }): Lease => lease);
    expect(staleLeases({ shards: split, createdAtMs: 99 }, older)).toEqual([]);
    expect(staleLeases({ shards: split }, leases)).toEqual([]);
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
    const children: Lease[] = ['low', 'up'].map((shardId) => ({ ...ended, shardId, state: 'active', parents: ['p'] }));
    expect(retiredLeases(split, [ended, ...children])).toEqual([]);
    expect(retiredLeases(split.slice(1), [ended, ...children])).toEqual([ended]);
  });

  it('keeps the lease that another one waits for', () => {
    const [p, low, up] = missingLeases(group, split, [], 'LATEST', 1);
    const ended: Lease = { ...p!, state: 'ended' };
    expect(retiredLeases(split.slice(1), [ended, low!, { ...up!, state: 'active' }])).toEqual([]);
  });

  it('keeps the leases of a first look that died half-way, which tell where the application begins', () => {
    const [p] = missingLeases(group, split, [], 'AT_TIMESTAMP:5000', 1);
    expect(retiredLeases(split.slice(1), [{ ...p!, state: 'ended' }])).toEqual([]);
  });
});
