// lib/profile: the points of a report's plots.
// in: the windows of a run · out: one point a window, of leg a and of the process
import type { ReportPoint } from '../model/profile-report.ts';
import type { ProfilingWindow } from '../model/profiling.ts';

/** One point for each window. */
export const reportPointsOf = (windows: readonly ProfilingWindow[]): ReportPoint[] =>
  windows.map(({ startMs, durationMs, shardRecords, sampledRecords, process: spent, legs, share }) => {
    const leg = legs.find((each) => each.leg === 'a');
    const perSec = (count: number) => (count * 1000) / Math.max(durationMs, 1);
    return {
      atMs: startMs + durationMs,
      share,
      shardRecordsPerSec: perSec(shardRecords),
      sampledRecordsPerSec: perSec(sampledRecords),
      cpuShare: (spent.userMs + spent.systemMs) / Math.max(durationMs, 1),
      loopShare: Math.min(spent.loopBusyMs / Math.max(durationMs, 1), 1),
      heapBytes: spent.heapLowBytes,
      callMsPerRecord: leg === undefined || leg.records === 0 ? null : leg.callMs / leg.records,
      failed: leg?.failed ?? 0,
    };
  });
