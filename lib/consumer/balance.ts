// lib/consumer: which worker takes which ownerless lease. No leader: every worker computes the same from the same tables, the conditional write settles the rest.
// in: takeable leases, live workers, who owns how much · out: the leases that this worker should take now
import type { Lease } from '../model/lease.ts';
import type { Worker } from '../model/worker.ts';

/** Assigns takeable leases one by one: to the shadow's worker where it is live, else to the live worker with the fewest leases for its capacity. */
export const assignmentsFor = (
  workerId: string,
  takeable: readonly Lease[],
  leases: readonly Lease[],
  workers: readonly Worker[],
): Lease[] => {
  const candidates = workers.filter((worker) => worker.state === 'active').sort((a, b) => (a.workerId < b.workerId ? -1 : 1));
  const isTakeable = new Set(takeable.map((lease) => lease.shardId));
  const held = new Map(candidates.map((worker) => [worker.workerId, 0]));
  for (const lease of leases) {
    if (lease.owner !== undefined && lease.state !== 'ended' && !isTakeable.has(lease.shardId) && held.has(lease.owner)) {
      held.set(lease.owner, (held.get(lease.owner) ?? 0) + 1);
    }
  }
  const fullness = (worker: Worker) => (held.get(worker.workerId) ?? 0) / Math.max(worker.capacity.recordsPerSec, 1);
  const mine: Lease[] = [];
  for (const lease of [...takeable].sort((a, b) => (a.shardId < b.shardId ? -1 : 1))) {
    const byShadow = candidates.find((worker) => worker.workerId === lease.shadow?.workerId);
    const chosen = byShadow ?? [...candidates].sort((a, b) => fullness(a) - fullness(b))[0];
    if (chosen === undefined) return mine;
    held.set(chosen.workerId, (held.get(chosen.workerId) ?? 0) + 1);
    if (chosen.workerId === workerId) mine.push(lease);
  }
  return mine;
};
