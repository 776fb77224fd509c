// functions: what the steps of the reshard machine share.
// in: an action, the stream's shards and leases · out: parents, children, how long to wait before looking again
import type { z } from 'zod';
import type { Group, Lease } from '../lib/model/lease.ts';
import type { ReshardInput } from '../lib/model/reshard.ts';
import type { Shard, StreamDescription } from '../lib/model/shard.ts';
import { layoutOf } from '../lib/plan/foreign-change.ts';
import type { Ports } from '../lib/ports.ts';

export type Reshard = z.output<typeof ReshardInput>['action'];

/** The shards that are neither closed nor expired, in order of their ranges. */
export const openShards = (shards: readonly Shard[]): Shard[] =>
  shards
    .filter((shard) => !shard.closed)
    .sort((a, b) => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1));

/** The shards that a split or a merge closes. */
export const parentIdsOf = (action: Exclude<Reshard, { kind: 'resize' }>): string[] =>
  action.kind === 'merge' ? [action.shardId, action.adjacentShardId] : [action.shardId];

/** The leases of the shards that the change closes. Those of a resize carry its mark: its action names no shards. */
export const parentLeases = async (
  group: Group,
  operationId: string,
  action: Reshard,
  ports: Pick<Ports, 'leases'>,
  signal?: AbortSignal,
): Promise<Lease[]> =>
  action.kind === 'resize'
    ? (await ports.leases.list(group, signal)).filter((lease) => lease.reshard?.operationId === operationId)
    : ports.leases.get(group, parentIdsOf(action), signal);

/** The shards that the change opened, in order of their ranges; empty before it happened. */
export const childrenOf = (action: Reshard, shards: readonly Shard[]): Shard[] => {
  if (action.kind === 'resize') return isResized(action, shards) ? openShards(shards) : [];
  const parents = parentIdsOf(action);
  return shards
    .filter((shard) => shard.parents.length === parents.length && parents.every((id) => shard.parents.includes(id)))
    .sort((a, b) => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1));
};

const isResized = (action: Extract<Reshard, { kind: 'resize' }>, shards: readonly Shard[]): boolean => {
  return openShards(shards).length === action.targetCount && layoutOf({ stream: { shards: [...shards] } }) !== action.layout;
};

/** Whether the change was carried out as asked: the parents are closed, a split was made at the wanted key, a resize left so many others. */
export const changeIsDone = (action: Reshard, stream: Pick<StreamDescription, 'shards'>): 'done' | 'not-yet' | 'otherwise' => {
  const { shards } = stream;
  if (action.kind === 'resize') {
    if (layoutOf({ stream }) === action.layout) return 'not-yet';
    return isResized(action, shards) ? 'done' : 'otherwise';
  }
  const parents = parentIdsOf(action).map((id) => shards.find((shard) => shard.shardId === id));
  if (parents.some((parent) => parent !== undefined && !parent.closed)) return 'not-yet';
  const children = childrenOf(action, shards);
  const asAsked =
    action.kind === 'merge'
      ? children.length === 1
      : children.length === 2 && children[1]?.hashKeyRange.startingHashKey === action.newStartingHashKey;
  return asAsked ? 'done' : 'otherwise';
};

/** Seconds until the next look: soon at first, when each second of lead time counts, rarely when it takes long. */
export const waitSecAfter = (elapsedMs: number): number => (elapsedMs < 20_000 ? 1 : elapsedMs < 120_000 ? 5 : 15);

/** Writes of one resize that are under way at a time. */
const WRITES_AT_ONCE = 32;

/** Does something with each of many, a few at a time. */
export const forEach = async <T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> => {
  for (let i = 0; i < all.length; i += WRITES_AT_ONCE) await Promise.all(all.slice(i, i + WRITES_AT_ONCE).map(act));
};
