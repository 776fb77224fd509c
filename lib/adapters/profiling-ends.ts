// lib/adapters: how a store ends a run whose host is not heard of any more.
// in: the run as it was left · out: its end
import type { ProfilingEnd, ProfilingRun } from '../model/profiling.ts';

/** A run that its host never began is `not-started`. */
export const hostLost = (run: ProfilingRun, atMs: number): ProfilingEnd =>
  run.state === 'requested'
    ? {
        by: 'not-started',
        detail: `${run.hostId} did not begin within ${Math.round((run.lostAfterMs - run.requestedAtMs) / 1000)} s`,
        atMs,
      }
    : { by: 'host-lost', detail: `nothing was heard of ${run.hostId} since ${new Date(run.lostAfterMs).toISOString()}`, atMs };
