// lib/consumer: which worker gets which lease. No leader: every worker computes the same from the same tables, the conditional write settles the rest.
// in: leases, live workers with what they carry · out: the leases that this worker should take now; whom a worker that stops hands on to
import type { Lease } from '../model/lease.ts';
import type { Rate, Worker } from '../model/worker.ts';

const NO_RATE: Rate = { recordsPerSec: 0, bytesPerSec: 0 };
/** What a lease weighs whose load is not known yet, as a share of a worker: enough to spread unknown ones evenly, too little to outweigh known ones. */
const UNKNOWN_SHARE = 0.001;

/** The share of a worker's capacity that a rate takes: whichever of records and bytes is scarcer. */
export const shareOf = (rate: Rate, { capacity }: Worker): number =>
  Math.max(rate.recordsPerSec / Math.max(capacity.recordsPerSec, 1), rate.bytesPerSec / Math.max(capacity.bytesPerSec, 1));

/** How full a worker is: the scarcest of records, bytes and CPU. */
export const fullnessOf = (worker: Worker): number => Math.max(shareOf(worker.load, worker), worker.load.cpuShare);

/** What each shard was last seen to ask of its owner, by shard id. */
export const ratesOf = (workers: readonly Worker[]): ReadonlyMap<string, Rate> =>
  new Map(workers.flatMap((worker) => Object.entries(worker.shardRates ?? {})));

/** Gives each of `leases` to one of the active workers, the heaviest first: to its shadow's worker where that is one, else to the one that is then least full. */
export const nextOwnerOf = (
  leases: readonly Lease[],
  all: readonly Lease[],
  workers: readonly Worker[],
  rates: ReadonlyMap<string, Rate> = ratesOf(workers),
): ReadonlyMap<string, string> => {
  const candidates = workers.filter((worker) => worker.state === 'active');
  const placed = new Set(leases.map((lease) => lease.shardId));
  const fullness = new Map(
    candidates.map((worker) => {
      const held = all.filter(
        (lease) => lease.owner === worker.workerId && lease.state !== 'ended' && !placed.has(lease.shardId),
      );
      return [worker.workerId, shareOf(worker.load, worker) + (held.length * UNKNOWN_SHARE) / weightOf(worker, candidates)];
    }),
  );
  const inOrder = candidates.toSorted((a, b) => (a.workerId < b.workerId ? -1 : 1));
  const rateOf = (lease: Lease): Rate => rates.get(lease.shardId) ?? NO_RATE;
  const heaviestFirst = leases.toSorted(
    (a, b) => rateOf(b).recordsPerSec - rateOf(a).recordsPerSec || (a.shardId < b.shardId ? -1 : 1),
  );
  const owners = new Map<string, string>();
  for (const lease of heaviestFirst) {
    const fullAfter = (worker: Worker) =>
      (fullness.get(worker.workerId) ?? 0) + shareOf(rateOf(lease), worker) + UNKNOWN_SHARE / weightOf(worker, candidates);
    const leastFull = inOrder.toSorted((a, b) => fullAfter(a) - fullAfter(b))[0];
    const chosen = candidates.find((worker) => worker.workerId === lease.shadow?.workerId) ?? leastFull;
    if (chosen === undefined) return owners;
    fullness.set(chosen.workerId, fullAfter(chosen));
    owners.set(lease.shardId, chosen.workerId);
  }
  return owners;
};

/** A worker's capacity beside the largest one's. */
const weightOf = (worker: Worker, all: readonly Worker[]): number =>
  Math.max(worker.capacity.recordsPerSec, 1) / Math.max(1, ...all.map((other) => other.capacity.recordsPerSec));

/** The leases that fall to this worker. */
export const assignmentsFor = (
  workerId: string,
  takeable: readonly Lease[],
  all: readonly Lease[],
  workers: readonly Worker[],
  rates?: ReadonlyMap<string, Rate>,
): Lease[] => {
  const owners = nextOwnerOf(takeable, all, workers, rates);
  return takeable.filter((lease) => owners.get(lease.shardId) === workerId);
};
