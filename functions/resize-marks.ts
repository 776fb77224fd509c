// functions: how a resize of the whole stream marks the leases of all its shards.
// in: the action, the stream, its leases · out: the marks, each naming who inherits the shard's children; or why they cannot be
import { markReshard } from '../lib/handover/control-writes.ts';
import { slicesOf, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { Group, Lease } from '../lib/model/lease.ts';
import type { ResizeAction } from '../lib/model/plan.ts';
import type { Shard, StreamDescription } from '../lib/model/shard.ts';
import { layoutOf } from '../lib/plan/foreign-change.ts';
import { heirOf } from '../lib/plan/uniform-layout.ts';
import type { Ports } from '../lib/ports.ts';
import { forEach, openShards } from './reshard-shards.ts';

/** Why a resize does not fit the stream as it is now; null when it does. */
export const resizeMisfit = ({ layout, fromCount, targetCount }: ResizeAction, stream: StreamDescription): string | null => {
  const open = openShards(stream.shards).length;
  if (layoutOf({ stream }) !== layout)
    return `it was planned for ${fromCount} shards, the stream has ${open} or others: someone else changed the stream`;
  return targetCount >= open / 2 && targetCount <= 2 * open
    ? null
    : `targetCount must be in ${Math.ceil(open / 2)}..${2 * open}, got ${targetCount}`;
};

/** The owners of the wanted ranges that lie over each open shard: each goes to who owns the shard around its middle. */
const heirsOf = (open: readonly Shard[], targetCount: number, owners: ReadonlyMap<string, string>): Map<string, string[]> => {
  const heirs = new Map<string, string[]>(open.map(({ shardId }) => [shardId, []]));
  const wanted = slicesOf(WHOLE_RANGE, targetCount).map((range) => ({
    range,
    owner: owners.get(heirOf(range, open)?.shardId ?? ''),
  }));
  let from = 0;
  for (const { shardId, hashKeyRange } of open) {
    while (from < wanted.length && wanted[from]!.range.endingHashKey < hashKeyRange.startingHashKey) from++;
    for (let i = from; i < wanted.length && wanted[i]!.range.startingHashKey <= hashKeyRange.endingHashKey; i++) {
      const { owner } = wanted[i]!;
      if (owner !== undefined) heirs.get(shardId)?.push(owner);
    }
  }
  return heirs;
};

/** Marks every open shard's lease. The same operation may repeat it; a mark that is refused leaves the others for the last step to take back. */
export const markAll = async (
  group: Group,
  operationId: string,
  { targetCount }: ResizeAction,
  stream: StreamDescription,
  ports: Pick<Ports, 'leases'>,
  signal: AbortSignal,
): Promise<string | null> => {
  const open = openShards(stream.shards);
  const leases = await ports.leases.list(group, signal);
  const owners = new Map(leases.flatMap(({ shardId, owner }) => (owner === undefined ? [] : [[shardId, owner] as const])));
  const heirs = heirsOf(open, targetCount, owners);
  const obstacles: string[] = [];
  await forEach(open, async ({ shardId }) => {
    const written = await ports.leases.write(group, shardId, markReshard(operationId, heirs.get(shardId) ?? []), signal);
    if (written.kind === 'fenced' && written.lease?.reshard?.operationId !== operationId)
      obstacles.push(whyUnmarked(shardId, written.lease));
  });
  return obstacles.sort()[0] ?? null;
};

/** Why a lease took no mark. */
export const whyUnmarked = (shardId: string, lease: Lease | null): string => {
  if (lease === null) return `shard ${shardId} has no lease: no worker reads it`;
  if (lease.handover !== undefined) return `shard ${shardId} is in handover ${lease.handover.id}`;
  if (lease.reshard !== undefined) return `shard ${shardId} is in reshard ${lease.reshard.operationId}`;
  return `shard ${shardId} is ${lease.state}`;
};
