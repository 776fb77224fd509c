// lib/adapters/memory: the workers' heartbeat items in memory.
// in: WorkerStore calls · out: the same answers as a table's
import { TransientError } from '../../errors.ts';
import type { Group } from '../../model/lease.ts';
import type { Worker } from '../../model/worker.ts';
import type { WorkerStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';

/** Workers of all groups. */
export const memoryWorkers = (): WorkerStore => {
  const workers = new Map<string, Worker>();
  const keyOf = (group: Group, workerId: string): string => `${groupKey(group)} ${workerId}`;
  return {
    put: async (worker) => {
      workers.set(keyOf(worker, worker.workerId), structuredClone(worker));
    },
    beat: async (group, workerId, heartbeat, nowMs) => {
      const worker = workers.get(keyOf(group, workerId));
      if (worker === undefined)
        throw new TransientError(`worker ${workerId} of ${groupKey(group)} has no item to beat on; it must be put again`);
      workers.set(keyOf(group, workerId), { ...worker, heartbeat, reportedAtMs: nowMs });
    },
    list: async (group) =>
      [...workers.values()]
        .filter((worker) => groupKey(worker) === groupKey(group))
        .sort((a, b) => (a.workerId < b.workerId ? -1 : 1))
        .map((worker) => structuredClone(worker)),
    remove: async (group, workerId) => {
      workers.delete(keyOf(group, workerId));
    },
  };
};
