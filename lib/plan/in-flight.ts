// lib/plan: what is already under way, so that nothing is decided twice for one need.
// in: operations, leases · out: which shards and streams are busy, and with what
import type { Fleet } from '../model/fleet.ts';
import type { Lease } from '../model/lease.ts';
import type { Operation } from '../model/operation.ts';
import type { ReshardAction } from '../model/plan.ts';

const isOpen = (operation: Operation): boolean => operation.status === 'accepted' || operation.status === 'running';

/** Whether an operation changes the stream's shards. */
export const isReshard = <T extends { readonly kind: Operation['kind'] }>(
  one: T,
): one is T & { readonly kind: ReshardAction['kind'] } => one.kind === 'split' || one.kind === 'merge' || one.kind === 'resize';

/** Whether an operation changes the stream's shards and has not ended. */
export const isReshardInFlight = (operation: Operation): boolean => isOpen(operation) && isReshard(operation);

/** The shards that an operation touches; a resize touches all of the stream's. */
export const shardsOf = (operation: Operation, fleet: Pick<Fleet, 'stream'>): readonly string[] => {
  const { action } = operation;
  if (action.kind === 'merge') return [action.shardId, action.adjacentShardId];
  return action.kind === 'resize' ? fleet.stream.shards.map(({ shardId }) => shardId) : [operation.shardId];
};

/** The open operation of each shard that has one. */
export const openOperations = (fleet: Fleet): ReadonlyMap<string, Operation> =>
  new Map(
    fleet.operations
      .filter(isOpen)
      .flatMap((operation) => shardsOf(operation, fleet).map((shardId) => [shardId, operation] as const)),
  );

/** What keeps a shard from being resharded or moved now, in words; null when nothing does. */
export const busyWith = (lease: Lease | undefined, operation: Operation | undefined): string | null => {
  if (operation !== undefined) return `${operation.kind} ${operation.operationId} is ${operation.status}`;
  if (lease === undefined) return null;
  if (lease.handover !== undefined) return `handover ${lease.handover.id} is ${lease.handover.phase}`;
  if (lease.reshard !== undefined) return `reshard ${lease.reshard.operationId} is under way`;
  return lease.state === 'pending' ? 'it still waits for its parents’ end' : null;
};
