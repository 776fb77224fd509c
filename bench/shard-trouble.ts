// bench/shard-trouble: whether a shard has exactly one owner, and moves on.
// in: leases as read, what each living worker says that it runs, when records came · out: what is wrong, or nothing
import type { Lease } from '../lib/model/lease.ts';

/** What one worker says of itself. */
export interface Running {
  readonly workerId: string;
  readonly shards: readonly { readonly shardId: string; readonly epoch: number }[];
}

/** What keeps a shard from being run by one worker, as its lease says, with something new processed since; of an ended one, what keeps its children. Null: nothing. */
export const troubleOf = (
  shardId: string,
  leases: readonly Lease[],
  running: readonly Running[],
  hasMoved: (shardId: string) => boolean,
): string | null => {
  const lease = leases.find((each) => each.shardId === shardId);
  if (lease === undefined) return `${shardId} has no lease`;
  if (lease.state === 'ended') {
    const children = leases.filter(({ parents }) => parents.includes(shardId));
    if (children.length === 0) return `${shardId} has ended and has no children`;
    const troubles = children.flatMap((child) => troubleOf(child.shardId, leases, running, hasMoved) ?? []);
    return troubles.length === 0 ? null : troubles.join('; ');
  }
  const runners = running.flatMap(({ workerId, shards }) =>
    shards.filter((shard) => shard.shardId === shardId).map(({ epoch }) => `${workerId} ${epoch}`),
  );
  const holder = `${lease.owner ?? 'nobody'} ${lease.epoch}`;
  const standing = `${lease.state}, ${lease.handover === undefined ? 'no handover' : `handover in ${lease.handover.phase}`}`;
  if (runners.length !== 1 || runners[0] !== holder)
    return `${shardId} is leased to [${holder}] (${standing}), run by [${runners.join(', ')}]`;
  return hasMoved(shardId) ? null : `${shardId} stands still at [${holder}] (${standing})`;
};
