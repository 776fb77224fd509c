// lib/profile: what the run took of the process that hosted it.
// in: the windows of a run · out: shares of CPU, event loop, collector, waiting; memory; null before anything was observed
import type { HostUse } from '../model/profile-report.ts';
import type { ProcessWindow, ProfilingWindow } from '../model/profiling.ts';

/** Over all windows of the observation. */
export const hostUseOf = (windows: readonly ProfilingWindow[]): HostUse | null => {
  const observed = windows.filter(({ phase }) => phase === 'observing');
  const last = observed.at(-1)?.process;
  const ms = observed.reduce((sum, { durationMs }) => sum + durationMs, 0);
  if (last === undefined || ms === 0) return null;
  const sum = (of: (spent: ProcessWindow) => number): number => observed.reduce((total, each) => total + of(each.process), 0);
  /** What one window does not tell, the run does not know. */
  const told = (of: (spent: ProcessWindow) => number | null): number | null =>
    observed.some((each) => of(each.process) === null) ? null : sum((spent) => of(spent) ?? 0);
  const per = (amount: number | null, unit: number): number | null => (amount === null ? null : amount / unit);
  const legs = observed.flatMap((window) => window.legs);
  const turnMs = legs.reduce((total, leg) => total + leg.turnMs, 0);
  return {
    cpuShare: sum(({ userMs, systemMs }) => userMs + systemMs) / ms,
    loopShare: Math.min(sum(({ loopBusyMs }) => loopBusyMs) / ms, 1),
    gcShare: sum(({ gcMs }) => gcMs) / ms,
    collections: sum(({ gcCount }) => gcCount),
    ioWaitShare: turnMs === 0 ? null : Math.min(legs.reduce((total, leg) => total + leg.ioWaitMs, 0) / turnMs, 1),
    diskWaitShare: per(
      told(({ blockIoMs }) => blockIoMs),
      ms,
    ),
    readBytesPerSec: per(
      told(({ readBytes }) => readBytes),
      ms / 1000,
    ),
    writtenBytesPerSec: per(
      told(({ writtenBytes }) => writtenBytes),
      ms / 1000,
    ),
    heapBytes: last.heapLowBytes,
    rssBytes: last.rssBytes,
  };
};
