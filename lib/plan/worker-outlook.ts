// lib/plan: what awaits each live worker.
// in: workers, shard outlooks · out: per worker the load now and the bound of its highest load over the lead time
import type { Fleet } from '../model/fleet.ts';
import type { Rate, Worker } from '../model/worker.ts';
import { minus, NO_LOAD, plus, times, utilizationOf } from './rates.ts';
import type { ShardOutlook } from './shard-outlook.ts';

/** Below this share its own overhead says more than its load. */
const TELLING_SHARE = 0.2;

/**
 * What a worker can take: what it states, or less where its processor will be full sooner. What a record costs of it is measured while it works on
 * the same shards: CPU or event loop, whichever is fuller, over the rate.
 */
export const measuredCapacity = ({
  capacity,
  load,
  steady,
}: Worker): { readonly capacity: Rate; readonly byProcessor: boolean } => {
  const busy = Math.max(load.cpuShare, load.eventLoopShare);
  if (steady !== true || busy < TELLING_SHARE || load.recordsPerSec <= 0) return { capacity, byProcessor: false };
  const possible = times({ recordsPerSec: load.recordsPerSec, bytesPerSec: load.bytesPerSec }, 1 / busy);
  if (utilizationOf(possible, capacity) >= 1) return { capacity, byProcessor: false };
  return {
    capacity: {
      recordsPerSec: Math.min(capacity.recordsPerSec, possible.recordsPerSec),
      bytesPerSec: load.bytesPerSec > 0 ? Math.min(capacity.bytesPerSec, possible.bytesPerSec) : capacity.bytesPerSec,
    },
    byProcessor: true,
  };
};

/** One live worker, with the open shards that it owns or is to own. */
export interface WorkerOutlook {
  /** As it reports, with the capacity that is measured. */
  readonly worker: Worker;
  readonly shards: readonly ShardOutlook[];
  readonly now: Rate;
  /** The sum of its shards' bounds. That bounds the worker's own highest load at least as surely: quantiles of maxima do not add up to less. */
  readonly peak: Rate;
  readonly utilizationNow: number;
  readonly peakUtilization: number;
  /** Its processor is full before what it states is reached. */
  readonly byProcessor: boolean;
  /** Did badly as the target of handovers: is chosen for a shadow only where no other has room. */
  readonly unsuitable: boolean;
}

/** The outlook of every live worker, in order of their ids. */
export const workerOutlooksOf = (
  { workers, unsuitableWorkers = [] }: Pick<Fleet, 'workers' | 'unsuitableWorkers'>,
  shards: readonly ShardOutlook[],
): WorkerOutlook[] => {
  const unsuitable = new Set(unsuitableWorkers.map(({ workerId }) => workerId));
  const owned = new Map<string, ShardOutlook[]>();
  for (const shard of shards) {
    const owner = shard.lease?.owner;
    if (owner === undefined) continue;
    const list = owned.get(owner);
    if (list === undefined) owned.set(owner, [shard]);
    else list.push(shard);
  }
  return [...workers]
    .sort((a, b) => (a.workerId < b.workerId ? -1 : 1))
    .map((stated) => {
      const { capacity, byProcessor } = measuredCapacity(stated);
      const worker = { ...stated, capacity };
      const own = owned.get(worker.workerId) ?? [];
      const now = own.some((shard) => shard.now !== null)
        ? own.reduce((sum, shard) => plus(sum, shard.now ?? NO_LOAD), NO_LOAD)
        : worker.load;
      const peak = own.reduce((sum, shard) => plus(sum, shard.peak), NO_LOAD);
      return {
        worker,
        shards: own,
        now: { recordsPerSec: now.recordsPerSec, bytesPerSec: now.bytesPerSec },
        peak,
        utilizationNow: utilizationOf(now, worker.capacity),
        peakUtilization: utilizationOf(peak, worker.capacity),
        byProcessor,
        unsuitable: unsuitable.has(worker.workerId),
      };
    });
};

/** The predicted load of each worker by id, from which placement counts on. */
export type Loads = ReadonlyMap<string, Rate>;

/** Each worker's bound, to begin placing with. */
export const loadsOf = (workers: readonly WorkerOutlook[]): Loads =>
  new Map(workers.map(({ worker, peak }) => [worker.workerId, peak]));

/** The loads with one load taken from a worker and given to another; either may be left out. */
export const shifted = (loads: Loads, load: Rate, from: string | undefined, to: string | undefined): Loads => {
  const next = new Map(loads);
  if (from !== undefined) next.set(from, minus(next.get(from) ?? NO_LOAD, load));
  if (to !== undefined) next.set(to, plus(next.get(to) ?? NO_LOAD, load));
  return next;
};

/** The active worker that would be least full with `load` added; another zone than `avoidZone` first, if one is given. Null when there is none. */
export const leastLoaded = (
  workers: readonly WorkerOutlook[],
  loads: Loads,
  load: Rate,
  allowed: (worker: Worker) => boolean,
  avoidZone?: string,
): { worker: Worker; utilization: number } | null => {
  let best: { worker: Worker; utilization: number; sameZone: boolean } | null = null;
  for (const { worker } of workers) {
    if (worker.state !== 'active' || !allowed(worker)) continue;
    const utilization = utilizationOf(plus(loads.get(worker.workerId) ?? NO_LOAD, load), worker.capacity);
    const sameZone = avoidZone !== undefined && worker.zone === avoidZone;
    if (best === null || (best.sameZone && !sameZone) || (best.sameZone === sameZone && utilization < best.utilization))
      best = { worker, utilization, sameZone };
  }
  return best;
};

/** The least loaded worker for a shadow that stays at or below `limit`: among those that did well as targets first, then among all. Null when there is none. */
export const hostFor = (
  workers: readonly WorkerOutlook[],
  loads: Loads,
  load: Rate,
  allowed: (worker: Worker) => boolean,
  limit: number,
  avoidZone?: string,
): { worker: Worker; utilization: number } | null => {
  const unsuitable = new Set(workers.filter((w) => w.unsuitable).map(({ worker }) => worker.workerId));
  const within = (host: { worker: Worker; utilization: number } | null) =>
    host !== null && host.utilization <= limit ? host : null;
  const best = (some: (worker: Worker) => boolean) => within(leastLoaded(workers, loads, load, some, avoidZone));
  if (unsuitable.size === 0) return best(allowed);
  return best((worker) => !unsuitable.has(worker.workerId) && allowed(worker)) ?? best(allowed);
};
