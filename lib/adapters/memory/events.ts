// lib/adapters/memory: known events in memory.
// in: EventStore calls · out: the same answers as a table's
import type { KnownEvent } from '../../model/known-event.ts';
import type { EventStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';

/** Events by group and id. */
export const memoryEvents = (): EventStore => {
  const stored = new Map<string, Map<string, KnownEvent>>();
  return {
    put: async (event) => {
      const own = stored.get(groupKey(event)) ?? new Map<string, KnownEvent>();
      stored.set(groupKey(event), own.set(event.eventId, structuredClone(event)));
    },
    list: async (group) =>
      [...(stored.get(groupKey(group)) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, event]) => structuredClone(event)),
    remove: async (group, eventId) => ({ kind: stored.get(groupKey(group))?.delete(eventId) ? 'removed' : 'unknown' }),
  };
};
