// functions: the step that gives the children their leases.
// in: the action · out: a pending lease for each child; workers may have made them already by the same rule

import { TransientError } from '../lib/errors.ts';
import { missingLeases } from '../lib/handover/lineage.ts';
import type { Lease } from '../lib/model/lease.ts';
import { ReshardInput } from '../lib/model/reshard.ts';
import { heirOf } from '../lib/plan/uniform-layout.ts';
import { liveWorkers } from './live-workers.ts';
import { childrenOf, forEach } from './reshard-shards.ts';
import { type Task, task } from './shell.ts';

type Leased = { readonly kind: 'leased'; readonly childShardIds: string[] };

/** A planned owner that died leaves the child to whoever claims it first. */
const ownedByTheLiving = (lease: Lease, alive: ReadonlySet<string>): Lease => {
  if (lease.owner === undefined || alive.has(lease.owner)) return lease;
  const { owner: _, ...unowned } = lease;
  return { ...unowned, epoch: lease.epoch - 1 };
};

const byRange = (a: Lease, b: Lease): number => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1);

/** Where no parent's mark names an owner, the one of the former shard around its middle inherits it. */
const inherited = (lease: Lease, former: readonly Lease[]): Lease => {
  const owner = heirOf(lease.hashKeyRange, former)?.owner;
  return lease.owner !== undefined || owner === undefined ? lease : { ...lease, owner, epoch: lease.epoch + 1 };
};

export const reshardLeases = {
  name: 'reshard-leases',
  input: ReshardInput,
  run: async (input, { ports, nowMs, signal }): Promise<Leased> => {
    const { application, streamName, action, operationId } = input;
    const group = { application, streamName };
    const [stream, existing, workers] = await Promise.all([
      ports.control.describe(streamName, signal),
      ports.leases.list(group, signal),
      liveWorkers(group, ports, nowMs, signal),
    ]);
    const children = childrenOf(action, stream?.shards ?? []).map((shard) => shard.shardId);
    if (stream === null || children.length === 0) throw new TransientError(`the children of ${action.shardId} are not listed`);
    const alive = new Set(workers.map((worker) => worker.workerId));
    const missing = missingLeases(group, stream, existing, 'TRIM_HORIZON', nowMs);
    if (action.kind === 'resize') {
      // Shards that lived for a moment only, between the old ranges and the wanted ones, stand in the lineage: they need leases too.
      const former = existing.filter((lease) => lease.reshard?.operationId === operationId).sort(byRange);
      await forEach(missing, async (lease) => {
        await ports.leases.create(ownedByTheLiving(inherited(lease, former), alive), signal);
      });
    } else
      for (const lease of missing.filter((each) => children.includes(each.shardId)))
        await ports.leases.create(ownedByTheLiving(lease, alive), signal);
    await ports.workers.announce(group, signal);
    return { kind: 'leased', childShardIds: children };
  },
} satisfies Task<typeof ReshardInput, Leased>;

export const handler = task(reshardLeases);
