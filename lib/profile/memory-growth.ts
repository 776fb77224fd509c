// lib/profile: a leak, told from the sawtooth of a garbage collector.
// in: windows with the lowest of heap, buffers and the rest, the load to come · out: bytes that stay for each record, where, and when it is full
import type { Findings } from '../model/profile-report.ts';
import type { ProcessWindow, ProfilingWindow } from '../model/profiling.ts';
import { fitLine } from './fit-line.ts';
import { studentT } from './student-t.ts';

/** The lowest of so many stretches: a collection in each of them takes the sawtooth away. */
const STRETCHES = 8;
const LEAST_STRETCHES = 5;
/** Caches fill while a process is young: the first part of the observation is not looked at. */
const YOUNG_SHARE = 0.2;
/** Growth below this over the whole observation is within what a collector leaves by chance, or what a process fills that is minutes old. */
const LEAST_GROWTH_BYTES = 8 * 1024 * 1024;
/** What libraries in other languages take is coarser, and given back late. */
const LEAST_NATIVE_BYTES = 16 * 1024 * 1024;
/** And it must be so many times what the line leaves unexplained: of even noise, eight stretches give that in fewer than one of a thousand runs. */
const CLEAR_GROWTH = 6;

type Growth = Findings['memory'];
const NONE: Growth = { where: null, bytesPerRecord: null, low: null, high: null, hoursToFull: null };

interface Area {
  readonly where: 'heap' | 'buffers' | 'native';
  /** Undefined: this window does not tell. */
  readonly of: (process: ProcessWindow) => number | undefined;
  /** How much more it may grow. */
  readonly room: (process: ProcessWindow) => number | null;
  readonly leastGrowthBytes: number;
}

const roomOfProcess = ({ memoryLimitBytes, rssBytes }: ProcessWindow): number | null =>
  memoryLimitBytes === undefined ? null : Math.max(memoryLimitBytes - rssBytes, 0);

const AREAS: readonly Area[] = [
  {
    where: 'heap',
    // Without a collection the lowest is only the beginning of a rise that says nothing: a quiet process may rise through a whole run.
    of: ({ heapLowBytes, gcCount }) => (gcCount === 0 ? undefined : heapLowBytes),
    room: ({ heapLimitBytes, heapLowBytes }) => Math.max(heapLimitBytes - heapLowBytes, 0),
    leastGrowthBytes: LEAST_GROWTH_BYTES,
  },
  { where: 'buffers', of: ({ externalBytes }) => externalBytes, room: roomOfProcess, leastGrowthBytes: LEAST_GROWTH_BYTES },
  { where: 'native', of: ({ nativeBytes }) => nativeBytes, room: roomOfProcess, leastGrowthBytes: LEAST_NATIVE_BYTES },
];

const growthOf = (
  { where, of, room, leastGrowthBytes }: Area,
  windows: readonly ProfilingWindow[],
  recordsPerSec: number,
): Growth => {
  let processed = 0;
  const points = windows
    .filter(({ phase }) => phase === 'observing')
    .flatMap(({ legs, ownRecords, process: host }) => {
      processed += legs.reduce((sum, leg) => sum + leg.records, 0) + ownRecords;
      const y = of(host);
      return y === undefined ? [] : [{ x: processed, y, left: room(host) }];
    });
  const grown = points.slice(Math.floor(points.length * YOUNG_SHARE));
  const size = Math.max(Math.floor(grown.length / STRETCHES), 1);
  const lowest = Array.from({ length: Math.floor(grown.length / size) }, (_, i) =>
    grown.slice(i * size, (i + 1) * size).reduce((low, next) => (next.y < low.y ? next : low)),
  );
  const line = fitLine(lowest);
  const [first, last] = [lowest[0], lowest.at(-1)];
  if (line === null || line.count < LEAST_STRETCHES || first === undefined || last === undefined) return NONE;
  const margin = (studentT(line.count - 2) * line.residual) / Math.sqrt(line.spreadX);
  const growth = line.slope * (last.x - first.x);
  if (line.slope <= margin || growth < Math.max(leastGrowthBytes, CLEAR_GROWTH * line.residual)) return NONE;
  const full = last.left === null || recordsPerSec <= 0 ? null : last.left / (line.slope * recordsPerSec) / 3600;
  return { where, bytesPerRecord: line.slope, low: line.slope - margin, high: line.slope + margin, hoursToFull: full };
};

/** How memory grows with the records that all legs process, and when it is full at `recordsPerSec`: where it is full first. */
export const memoryGrowthOf = (windows: readonly ProfilingWindow[], recordsPerSec: number): Growth => {
  const [worst = NONE] = AREAS.map((area) => growthOf(area, windows, recordsPerSec))
    .filter(({ bytesPerRecord }) => bytesPerRecord !== null)
    .sort((a, b) => (a.hoursToFull ?? Number.MAX_VALUE) - (b.hoursToFull ?? Number.MAX_VALUE));
  return worst;
};
