// lib/consumer: brings the lease table in step with the stream's shards.
// in: the stream as described, the leases · out: leases created, replaced and removed
import { InvariantError } from '../errors.ts';
import { missingLeases, retiredLeases, staleLeases } from '../handover/lineage.ts';
import type { Group, Lease } from '../model/lease.ts';
import type { StreamDescription } from '../model/shard.ts';
import type { Ports } from '../ports.ts';
import type { Emit } from './events.ts';
import { type InitialPosition, startCheckpoint } from './start-position.ts';

export interface ShardSync {
  readonly ports: Pick<Ports, 'control' | 'leases' | 'clock'>;
  readonly group: Group;
  readonly initialPosition: InitialPosition;
  readonly emit: Emit;
}

/** Writes at a time. A stream of a thousand shards is to be read within seconds. */
const SIDE_BY_SIDE = 20;

/** Creates the leases that the stream's shards lack, and removes those of expired shards and of a former stream. `no-stream`: it is not there, or not yet, or on its way out. */
export const syncShards = async (sync: ShardSync, signal: AbortSignal): Promise<'synced' | 'no-stream'> => {
  const { ports, group, initialPosition, emit } = sync;
  const stream = await ports.control.describe(group.streamName, signal);
  if (stream === null || stream.status === 'CREATING' || stream.status === 'DELETING') return 'no-stream';
  const existing = await ports.leases.list(group, signal);
  const nowMs = ports.clock.nowMs();
  const stale = staleLeases(stream, existing);
  const start = startCheckpoint(initialPosition, stream, existing, nowMs);
  await createAll(sync, missingLeases(group, stream, existing, start, nowMs), stale, signal);
  await removeFormer(sync, stream, stale, signal);
  for (const lease of retiredLeases(stream.shards, existing))
    await ports.leases.remove(group, lease.shardId, lease.epoch, signal);
  const formerCreatedAtMs = stale[0]?.streamCreatedAtMs;
  if (formerCreatedAtMs !== undefined && stream.createdAtMs !== undefined)
    emit({ kind: 'stream-recreated', formerCreatedAtMs, createdAtMs: stream.createdAtMs, leases: stale.length });
  return 'synced';
};

/**
 * Parents before children, so that a child's lease never stands without its parents'. A lease that another worker has made meanwhile was made from that
 * worker's look, which may have been earlier than ours: its children begin at TRIM_HORIZON, not at the moment of our look.
 */
const createAll = async (
  { ports }: ShardSync,
  missing: readonly Lease[],
  stale: readonly Lease[],
  signal: AbortSignal,
): Promise<void> => {
  const former = new Map(stale.map((lease) => [lease.shardId, lease.streamCreatedAtMs]));
  const foreign = new Set<string>();
  const create = async (lease: Lease): Promise<void> => {
    const isBelowForeign = lease.parents.some((id) => foreign.has(id));
    const wanted: Lease = isBelowForeign ? { ...lease, checkpoint: 'TRIM_HORIZON' } : lease;
    const formerCreatedAtMs = former.get(lease.shardId);
    const { kind } =
      formerCreatedAtMs === undefined
        ? await ports.leases.create(wanted, signal)
        : await ports.leases.replaceFormer(wanted, formerCreatedAtMs, signal);
    if (isBelowForeign || kind === 'exists' || kind === 'fenced') foreign.add(lease.shardId);
  };
  for (let left = [...missing]; left.length > 0; ) {
    const waiting = new Set(left.map((lease) => lease.shardId));
    const ready = left.filter((lease) => !lease.parents.some((id) => waiting.has(id))).slice(0, SIDE_BY_SIDE);
    if (ready.length === 0) throw new InvariantError(`shards are their own ancestors: ${[...waiting].join(', ')}`);
    await Promise.all(ready.map(create));
    const done = new Set(ready);
    left = left.filter((lease) => !done.has(lease));
  }
};

/** The leases of shards that only the former stream had. After the new ones, so that a worker that dies in between leaves behind what the next one needs. */
const removeFormer = async (
  { ports, group }: ShardSync,
  stream: StreamDescription,
  stale: readonly Lease[],
  signal: AbortSignal,
): Promise<void> => {
  const listed = new Set(stream.shards.map((shard) => shard.shardId));
  for (const { shardId, streamCreatedAtMs } of stale) {
    if (listed.has(shardId) || streamCreatedAtMs === undefined) continue;
    await ports.leases.removeFormer(group, shardId, streamCreatedAtMs, signal);
  }
};
