// functions: what the steps of the reshard machine share.
// in: an action, the stream's shards · out: parents, children, how long to wait before looking again
import type { z } from 'zod';
import type { ReshardInput } from '../lib/model/reshard.ts';
import type { Shard } from '../lib/model/shard.ts';

type ReshardAction = z.output<typeof ReshardInput>['action'];

/** The shards that the change closes. */
export const parentIdsOf = (action: ReshardAction): string[] =>
  action.kind === 'merge' ? [action.shardId, action.adjacentShardId] : [action.shardId];

/** The shards that the change opened, in order of their ranges; empty before it happened. */
export const childrenOf = (action: ReshardAction, shards: readonly Shard[]): Shard[] => {
  const parents = parentIdsOf(action);
  return shards
    .filter((shard) => shard.parents.length === parents.length && parents.every((id) => shard.parents.includes(id)))
    .sort((a, b) => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1));
};

/** Whether the change was carried out as asked: the parents are closed, and a split was made at the wanted key. */
export const changeIsDone = (action: ReshardAction, shards: readonly Shard[]): 'done' | 'not-yet' | 'otherwise' => {
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
