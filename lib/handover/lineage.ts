// lib/handover: the leases of a stream's shards, in lineage order.
// in: shards as Kinesis lists them, leases that exist · out: leases to create, and whether a child may begin
// Workers and the reshard machine both create children's leases by this one function, so that it does not matter who comes first.
import type { Group, Lease } from '../model/lease.ts';
import type { Shard } from '../model/shard.ts';

const byRange = (a: Shard, b: Shard): number => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1);

/** Who was planned to own a child: its place among its siblings in order of their ranges, as the parent's reshard mark names them. */
const plannedOwner = (shard: Shard, shards: readonly Shard[], leases: ReadonlyMap<string, Lease>): string | undefined => {
  const parent = shard.parents.map((id) => leases.get(id)).find((lease) => lease?.reshard !== undefined);
  if (parent?.reshard === undefined) return undefined;
  const siblings = shards.filter((s) => s.parents.includes(parent.shardId)).sort(byRange);
  return parent.reshard.childOwners[siblings.findIndex((s) => s.shardId === shard.shardId)];
};

/**
 * The leases that are missing, parents before children. A child starts at TRIM_HORIZON and pending; a shard without a known parent starts at `initialPosition`, active.
 * Parents that Kinesis no longer lists and that have no lease are expired and not waited for.
 */
export const missingLeases = (
  group: Group,
  shards: readonly Shard[],
  existing: readonly Lease[],
  initialPosition: 'TRIM_HORIZON' | 'LATEST',
  nowMs: number,
): Lease[] => {
  const leases = new Map(existing.map((lease) => [lease.shardId, lease]));
  const listed = new Set(shards.map((shard) => shard.shardId));
  const known = (id: string) => listed.has(id) || leases.has(id);
  const depth = (shard: Shard): number =>
    Math.max(
      0,
      ...shard.parents.map((id) => shards.find((s) => s.shardId === id)).map((p) => (p === undefined ? 0 : depth(p) + 1)),
    );
  return shards
    .filter((shard) => !leases.has(shard.shardId))
    .map((shard) => ({ shard, generation: depth(shard) }))
    .sort((a, b) => a.generation - b.generation || byRange(a.shard, b.shard))
    .map(({ shard }): Lease => {
      const parents = shard.parents.filter(known);
      const owner = plannedOwner(shard, shards, leases);
      return {
        ...group,
        shardId: shard.shardId,
        hashKeyRange: shard.hashKeyRange,
        parents,
        ...(owner === undefined ? {} : { owner }),
        epoch: owner === undefined ? 0 : 1,
        state: parents.length === 0 ? 'active' : 'pending',
        checkpoint: parents.length === 0 ? initialPosition : 'TRIM_HORIZON',
        replicationFactor: 1,
        createdAtMs: nowMs,
      };
    });
};

/** Whether every parent of a pending lease has been processed to its end. A parent without a lease was retired after its end. */
export const parentsEnded = (lease: Lease, leases: ReadonlyMap<string, Lease>): boolean =>
  lease.parents.every((id) => {
    const parent = leases.get(id);
    return parent === undefined || parent.state === 'ended';
  });

/** Ended leases that nobody needs any more: Kinesis no longer lists the shard, and no lease waits for it. Removing one earlier would read the shard again. */
export const retiredLeases = (shards: readonly Shard[], leases: readonly Lease[]): Lease[] => {
  const listed = new Set(shards.map((shard) => shard.shardId));
  const awaited = new Set(leases.filter((lease) => lease.state === 'pending').flatMap((lease) => lease.parents));
  return leases.filter((lease) => lease.state === 'ended' && !listed.has(lease.shardId) && !awaited.has(lease.shardId));
};
