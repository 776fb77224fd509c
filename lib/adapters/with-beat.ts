// lib/adapters: a worker as its report and its newest heartbeat tell it together.
// in: both items · out: one Worker
import type { Beat, Worker } from '../model/worker.ts';

/** The report with what its heartbeat knows better. */
export const withBeat = (report: Worker, beat: Beat | undefined): Worker =>
  beat === undefined
    ? report
    : {
        ...report,
        heartbeat: beat.heartbeat,
        state: beat.state,
        reportedAtMs: Math.max(report.reportedAtMs, beat.atMs),
        ...(beat.stuck ? { stuck: true } : {}),
      };
