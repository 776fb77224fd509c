// lib/adapters/memory: what is tuned, in memory.
// in: TuningStore calls · out: the same answers as a table's
import type { Tuning } from '../../model/tuning.ts';
import type { TuningStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';

/** The tuning of all groups. */
export const memoryTuning = (): TuningStore => {
  const items = new Map<string, Tuning>();
  return {
    get: async (group) => structuredClone(items.get(groupKey(group)) ?? null),
    write: async (tuning) => {
      const before = items.get(groupKey(tuning)) ?? null;
      if ((before?.revision ?? 0) !== tuning.revision - 1) return { kind: 'fenced', tuning: structuredClone(before) };
      items.set(groupKey(tuning), structuredClone(tuning));
      return { kind: 'written' };
    },
  };
};
