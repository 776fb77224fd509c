// lib/profile: what the workers did between two looks, from totals that only grow.
// in: each worker's totals now and at the look before · out: one sample of all of them, for the value that they ran with
import type { TuningTrial, Upkeep, WorkSample, WorkTotals } from '../model/tuning.ts';
import { upkeepBy } from './upkeep.ts';

/** A live worker as its report tells it. */
export interface SeenWorker {
  readonly workerId: string;
  readonly totals: WorkTotals;
  readonly value: number;
  readonly lanes: number;
  readonly memoryShare: number;
}

/** What grew, of all workers; null where one of them does not tell. */
const upkeepOf = (looks: readonly (readonly [Upkeep | undefined, Upkeep | undefined])[]): Upkeep | null => {
  const grown = (field: keyof Upkeep) =>
    looks.reduce((sum, [then, now]) => sum + Math.max(0, (now?.[field] ?? 0) - (then?.[field] ?? 0)), 0);
  if (looks.some(([then, now]) => then === undefined || now === undefined)) return null;
  return upkeepBy(grown);
};

/** The sample of those workers that ran with `value` at both looks; null where none did, or none has reported since. */
export const sampleOf = (workers: readonly SeenWorker[], before: TuningTrial['seen'], value: number): WorkSample | null => {
  const steps = workers.flatMap(({ workerId, totals, lanes, memoryShare, value: now }) => {
    const then = before[workerId];
    const isSame = then !== undefined && then.sinceMs === totals.sinceMs && then.value === value && now === value;
    return isSame && totals.atMs > then.atMs && then.lanes === lanes ? [{ then, totals, lanes, memoryShare }] : [];
  });
  if (steps.length === 0) return null;
  const sum = (of: (step: (typeof steps)[number]) => number): number => steps.reduce((total, step) => total + of(step), 0);
  const grown = (of: (totals: WorkTotals) => number): number => sum(({ then, totals }) => Math.max(0, of(totals) - of(then)));
  const upkeep = upkeepOf(steps.map(({ then, totals }) => [then.upkeep, totals.upkeep]));
  return {
    ...(upkeep === null ? {} : { upkeep }),
    atMs: Math.max(...steps.map(({ totals }) => totals.atMs)),
    ms: grown(({ atMs }) => atMs),
    records: grown(({ records }) => records),
    latencyMs: grown(({ latencyMs }) => latencyMs),
    calls: grown(({ calls }) => calls),
    callMs: grown(({ callMs }) => callMs),
    failedCalls: grown(({ failedCalls }) => failedCalls),
    cpuMs: grown(({ cpuMs }) => cpuMs),
    laneMs: sum(({ then, totals, lanes }) => Math.max(0, totals.callMs - then.callMs) / lanes),
    memoryShare: sum(({ memoryShare }) => memoryShare) / steps.length,
  };
};

/** What is remembered until the next look. */
export const seenOf = (workers: readonly SeenWorker[]): TuningTrial['seen'] =>
  Object.fromEntries(workers.map(({ workerId, totals, value, lanes }) => [workerId, { ...totals, value, lanes }]));
