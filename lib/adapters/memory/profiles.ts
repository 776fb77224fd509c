// lib/adapters/memory: profiling runs and results in memory.
// in: ProfilingStore and ResultStore calls · out: the same answers as a table's, or a Valkey's
import type { Group } from '../../model/lease.ts';
import { hostLost, isHostLost, type ProfilingRun, type ProfilingTotals, type ProfilingWindow } from '../../model/profiling.ts';
import type { Clock, ProfilingStore, ResultStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';

/** Runs of all groups. */
export const memoryProfiles = (): ProfilingStore => {
  const live = new Map<string, ProfilingRun>();
  const ended = new Map<string, ProfilingRun>();
  const windows = new Map<string, Map<number, ProfilingWindow>>();
  const totals = new Map<string, ProfilingTotals>();
  const liveKey = (run: Group & Pick<ProfilingRun, 'shardId'>): string => `${groupKey(run)} ${run.shardId}`;
  const idKey = (group: Group, profileId: string): string => `${groupKey(group)} ${profileId}`;
  const of = (runs: Map<string, ProfilingRun>, group: Group): ProfilingRun[] =>
    [...runs]
      .filter(([, run]) => groupKey(run) === groupKey(group))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, run]) => structuredClone(run));
  const store: ProfilingStore = {
    create: async (run, nowMs) => {
      const former = live.get(liveKey(run));
      if (former !== undefined && !isHostLost(former, nowMs)) return { kind: 'exists', run: structuredClone(former) };
      if (former !== undefined) await store.end(former, hostLost(former, nowMs));
      live.set(liveKey(run), structuredClone(run));
      return { kind: 'created' };
    },
    live: async (group) => of(live, group),
    get: async (group, profileId) => [...of(live, group), ...of(ended, group)].find((run) => run.profileId === profileId) ?? null,
    recent: async (group, limit) =>
      of(ended, group)
        .sort((a, b) => b.requestedAtMs - a.requestedAtMs || (a.profileId < b.profileId ? 1 : -1))
        .slice(0, limit),
    change: async (run, change) => {
      const before = live.get(liveKey(run));
      if (before?.profileId !== run.profileId) return { kind: 'gone' };
      const told = Object.fromEntries(Object.entries(change).filter(([, to]) => to !== undefined));
      const after: ProfilingRun = { ...before, ...structuredClone(told) };
      live.set(liveKey(run), after);
      return { kind: 'changed', run: structuredClone(after) };
    },
    end: async (run, end) => {
      const before = live.get(liveKey(run));
      if (before?.profileId !== run.profileId) return { kind: 'gone' };
      live.delete(liveKey(run));
      ended.set(idKey(run, run.profileId), { ...before, state: 'ended', ended: structuredClone(end) });
      return { kind: 'ended' };
    },
    putMeasures: async (group, window, total) => {
      const key = idKey(group, window.profileId);
      const known = windows.get(key) ?? new Map<number, ProfilingWindow>();
      known.set(window.index, structuredClone(window));
      windows.set(key, known);
      totals.set(key, structuredClone(total));
    },
    windows: async (group, profileId) =>
      [...(windows.get(idKey(group, profileId))?.values() ?? [])]
        .sort((a, b) => a.index - b.index)
        .map((window) => structuredClone(window)),
    totals: async (group, profileId) => structuredClone(totals.get(idKey(group, profileId)) ?? null),
  };
  return store;
};

/** Bytes of one space; past it the oldest entries go first. */
const MAX_SPACE_BYTES = 64 * 1024 * 1024;

interface Space {
  readonly entries: Map<string, string>;
  bytes: number;
  untilMs: number;
}

/** Results in this process's own memory: no other process sees them. */
export const memoryResults = (clock: Pick<Clock, 'nowMs'>, maxSpaceBytes = MAX_SPACE_BYTES): ResultStore => {
  const spaces = new Map<string, Space>();
  const find = (name: string): Space | undefined => {
    const nowMs = clock.nowMs();
    for (const [other, { untilMs }] of spaces) if (untilMs <= nowMs) spaces.delete(other);
    return spaces.get(name);
  };
  const drop = (space: Space, key: string): void => {
    const value = space.entries.get(key);
    if (value === undefined) return;
    space.entries.delete(key);
    space.bytes -= (key.length + value.length) * 2;
  };
  return {
    isShared: false,
    put: async (name, entries, untilMs) => {
      if (untilMs <= clock.nowMs()) return;
      const space = find(name) ?? { entries: new Map(), bytes: 0, untilMs };
      space.untilMs = untilMs;
      spaces.set(name, space);
      for (const [key, value] of entries) {
        drop(space, key);
        space.entries.set(key, value);
        space.bytes += (key.length + value.length) * 2;
      }
      for (const key of space.entries.keys()) {
        if (space.bytes <= maxSpaceBytes) break;
        drop(space, key);
      }
    },
    get: async (name, keys) => {
      const space = find(name);
      return keys.map((key) => space?.entries.get(key) ?? null);
    },
    remove: async (name, keys) => {
      const space = find(name);
      if (space !== undefined) for (const key of keys) drop(space, key);
    },
    clear: async (name) => {
      spaces.delete(name);
    },
  };
};
