// lib/handover: the leases of a stream's shards, in lineage order.
// in: the stream as Kinesis lists it, leases that exist · out: leases to create, to replace and to remove, and whether a child may begin
// Workers and the reshard machine both create children's leases by this one function, so that it does not matter who comes first.
import type { Group, Lease } from '../model/lease.ts';
import { type Checkpoint, timestampOf } from '../model/sequence-number.ts';
import type { Shard, StreamDescription } from '../model/shard.ts';

type ListedStream = Pick<StreamDescription, 'shards' | 'createdAtMs'>;

const byRange = (a: Shard, b: Shard): number => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1);

/** Who was planned to own a child: its place among its siblings in order of their ranges, as the parent's reshard mark names them. */
const plannedOwner = (shard: Shard, shards: readonly Shard[], leases: ReadonlyMap<string, Lease>): string | undefined => {
  const parent = shard.parents.map((id) => leases.get(id)).find((lease) => lease?.reshard !== undefined);
  if (parent?.reshard === undefined) return undefined;
  const siblings = shards.filter((s) => s.parents.includes(parent.shardId)).sort(byRange);
  return parent.reshard.childOwners[siblings.findIndex((s) => s.shardId === shard.shardId)];
};

/** How many listed generations stand above each shard. */
const generations = (shards: readonly Shard[]): Map<string, number> => {
  const byId = new Map(shards.map((shard) => [shard.shardId, shard]));
  const depths = new Map<string, number>();
  const depthOf = ({ shardId, parents }: Shard): number => {
    const known = depths.get(shardId);
    if (known !== undefined) return known;
    const listed = parents.flatMap((id) => byId.get(id) ?? []);
    const depth = Math.max(0, ...listed.map((parent) => depthOf(parent) + 1));
    depths.set(shardId, depth);
    return depth;
  };
  shards.forEach(depthOf);
  return depths;
};

/** The leases that a former stream of the same name left: another time of creation stands in them. One without the attribute is older than it, and never stale. */
export const staleLeases = (stream: ListedStream, leases: readonly Lease[]): Lease[] =>
  leases.filter(
    ({ streamCreatedAtMs }) =>
      stream.createdAtMs !== undefined && streamCreatedAtMs !== undefined && streamCreatedAtMs !== stream.createdAtMs,
  );

/**
 * The leases that are missing, parents before children. A shard without a known parent begins at `initial`, active; of a stream that took a
 * former one's place at TRIM_HORIZON, since whoever read the former one is to miss nothing of it. A child waits for its parents, pending, and
 * begins at TRIM_HORIZON: everything in it is newer than what its parents' leases were made for. Only where its parents have no leases yet either, and the start
 * is a moment, it begins at that moment too: a stream that was resharded long before the first look is not read from its beginning.
 * Parents that Kinesis no longer lists and that have no lease are expired and not waited for.
 * Epochs go on from the parents', and above every lease that a former stream left, so that a fencing token never goes back. A stale lease counts as missing.
 */
export const missingLeases = (
  group: Group,
  stream: ListedStream,
  existing: readonly Lease[],
  initial: Checkpoint,
  nowMs: number,
): Lease[] => {
  const { shards, createdAtMs } = stream;
  const stale = staleLeases(stream, existing);
  const start = stale.length === 0 ? initial : 'TRIM_HORIZON';
  const former = new Set(stale.map((lease) => lease.shardId));
  const floor = Math.max(-1, ...stale.map((lease) => lease.epoch)) + 1;
  const leases = new Map(existing.filter((lease) => !former.has(lease.shardId)).map((lease) => [lease.shardId, lease]));
  const listed = new Set(shards.map((shard) => shard.shardId));
  const depths = generations(shards);
  const made = new Map<string, Lease>();
  const depthOf = (shard: Shard) => depths.get(shard.shardId) ?? 0;
  const isAtMoment = timestampOf(start) !== null;
  for (const shard of shards
    .filter(({ shardId }) => !leases.has(shardId))
    .sort((a, b) => depthOf(a) - depthOf(b) || byRange(a, b))) {
    const parents = shard.parents.filter((id) => listed.has(id) || leases.has(id));
    const owner = plannedOwner(shard, shards, leases);
    const epoch = Math.max(floor, ...parents.map((id) => (leases.get(id) ?? made.get(id))?.epoch ?? 0));
    const beginsWithParents = isAtMoment && parents.every((id) => made.get(id)?.checkpoint === start);
    made.set(shard.shardId, {
      ...group,
      shardId: shard.shardId,
      hashKeyRange: shard.hashKeyRange,
      parents,
      ...(owner === undefined ? {} : { owner }),
      epoch: owner === undefined ? epoch : epoch + 1,
      state: parents.length === 0 ? 'active' : 'pending',
      checkpoint: parents.length === 0 || beginsWithParents ? start : 'TRIM_HORIZON',
      replicationFactor: 1,
      createdAtMs: nowMs,
      ...(createdAtMs === undefined ? {} : { streamCreatedAtMs: createdAtMs }),
    });
  }
  return [...made.values()];
};

/** Whether every parent of a pending lease has been processed to its end. A parent without a lease was retired after its end. */
export const parentsEnded = (lease: Lease, leases: ReadonlyMap<string, Lease>): boolean =>
  lease.parents.every((id) => {
    const parent = leases.get(id);
    return parent === undefined || parent.state === 'ended';
  });

/**
 * Ended leases that nobody needs any more: Kinesis no longer lists the shard, and no lease waits for it. Removing one earlier would read the shard again. None while a
 * listed shard has no lease: after a first look that died half-way, the leases that it made are all that tells where the application begins.
 */
export const retiredLeases = (shards: readonly Shard[], leases: readonly Lease[]): Lease[] => {
  const listed = new Set(shards.map((shard) => shard.shardId));
  const leased = new Set(leases.map((lease) => lease.shardId));
  if (shards.some(({ shardId }) => !leased.has(shardId))) return [];
  const awaited = new Set(leases.filter((lease) => lease.state === 'pending').flatMap((lease) => lease.parents));
  return leases.filter((lease) => lease.state === 'ended' && !listed.has(lease.shardId) && !awaited.has(lease.shardId));
};
