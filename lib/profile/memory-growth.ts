// lib/profile: a leak, told from the sawtooth of a garbage collector.
// in: windows with the heap's lowest, the load to come · out: bytes that stay for each record, and when the heap is full
import type { Findings } from '../model/profile-report.ts';
import type { ProfilingWindow } from '../model/profiling.ts';
import { fitLine } from './fit-line.ts';
import { studentT } from './student-t.ts';

/** The lowest of so many stretches: a collection in each of them takes the sawtooth away. */
const STRETCHES = 8;
const LEAST_STRETCHES = 5;
/** Caches fill while a process is young: the first part of the observation is not looked at. */
const YOUNG_SHARE = 0.2;
/** Growth below this over the whole observation is within what a collector leaves by chance. */
const LEAST_GROWTH_BYTES = 2 * 1024 * 1024;
/** And it must be so many times what the line leaves unexplained: of even noise, eight stretches give that in fewer than one of a thousand runs. */
const CLEAR_GROWTH = 6;

/** How the heap grows with the records that all legs process, and when it is full at `recordsPerSec`. */
export const memoryGrowthOf = (windows: readonly ProfilingWindow[], recordsPerSec: number): Findings['memory'] => {
  const none = { bytesPerRecord: null, low: null, high: null, hoursToFull: null };
  let processed = 0;
  const points = windows
    .filter(({ phase }) => phase === 'observing')
    .map(({ legs, ownRecords, process: host }) => {
      processed += legs.reduce((sum, leg) => sum + leg.records, 0) + ownRecords;
      return { x: processed, y: host.heapLowBytes, limit: host.heapLimitBytes };
    });
  const grown = points.slice(Math.floor(points.length * YOUNG_SHARE));
  const size = Math.max(Math.floor(grown.length / STRETCHES), 1);
  const lowest = Array.from({ length: Math.floor(grown.length / size) }, (_, i) =>
    grown.slice(i * size, (i + 1) * size).reduce((low, next) => (next.y < low.y ? next : low)),
  );
  const line = fitLine(lowest);
  const [first, last] = [lowest[0], lowest.at(-1)];
  if (line === null || line.count < LEAST_STRETCHES || first === undefined || last === undefined) return none;
  const margin = (studentT(line.count - 2) * line.residual) / Math.sqrt(line.spreadX);
  const growth = line.slope * (last.x - first.x);
  if (line.slope <= margin || growth < Math.max(LEAST_GROWTH_BYTES, CLEAR_GROWTH * line.residual)) return none;
  return {
    bytesPerRecord: line.slope,
    low: line.slope - margin,
    high: line.slope + margin,
    hoursToFull: recordsPerSec > 0 ? Math.max(last.limit - last.y, 0) / (line.slope * recordsPerSec) / 3600 : null,
  };
};
