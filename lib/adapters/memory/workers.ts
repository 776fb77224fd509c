// lib/adapters/memory: the workers' reports and heartbeats in memory.
// in: WorkerStore calls · out: the same answers as a table's
import type { Group } from '../../model/lease.ts';
import type { Beat, Worker } from '../../model/worker.ts';
import type { WorkerStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import { withBeat } from '../with-beat.ts';

interface Entry {
  report?: Worker;
  beat?: Beat;
}

/** Workers of all groups. */
export const memoryWorkers = (): WorkerStore => {
  const groups = new Map<string, { workers: Map<string, Entry>; announcements: number }>();
  const of = (group: Group) => {
    const found = groups.get(groupKey(group)) ?? { workers: new Map<string, Entry>(), announcements: 0 };
    groups.set(groupKey(group), found);
    return found;
  };
  const change = (group: Group, workerId: string, entry: Entry) => {
    const { workers } = of(group);
    workers.set(workerId, { ...workers.get(workerId), ...structuredClone(entry) });
  };
  const inOrder = (group: Group): Entry[] =>
    [...of(group).workers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => structuredClone(entry));
  return {
    put: async (worker) => change(worker, worker.workerId, { report: worker }),
    beat: async (group, beat) => change(group, beat.workerId, { beat }),
    beats: async (group) => ({
      beats: inOrder(group).flatMap(({ beat }) => beat ?? []),
      announcements: of(group).announcements,
    }),
    announce: async (group) => {
      of(group).announcements += 1;
    },
    list: async (group) => inOrder(group).flatMap(({ report, beat }) => (report === undefined ? [] : withBeat(report, beat))),
    remove: async (group, workerId) => {
      of(group).workers.delete(workerId);
    },
  };
};
