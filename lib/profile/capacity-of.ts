// lib/profile: what one worker can take, from how its resources grow with its load.
// in: samples of rate and resource shares · out: records and bytes per second until the scarcest resource is full, with an interval, and which it is
import type { Rate } from '../model/worker.ts';
import { fitLine, type Line, reaches, rises } from './fit-line.ts';

/** One minute of one worker: what it processed, and how full its resources were, as shares in [0, 1]. */
export interface CapacitySample {
  readonly rate: Rate;
  readonly cpuShare: number;
  readonly eventLoopShare: number;
  readonly memoryShare: number;
}

/** A rate with its 95 % interval. */
export interface Estimate {
  readonly rate: Rate;
  readonly low: Rate;
  readonly high: Rate;
}

export interface Capacity {
  readonly kind: 'capacity';
  /** The resource that is full first. */
  readonly limit: 'cpu' | 'event-loop' | 'memory';
  /** Whether that resource follows the records or the bytes. */
  readonly follows: 'records' | 'bytes';
  /** At 70 % and at 100 % of the limiting resource. */
  readonly at70: Estimate;
  readonly at100: Estimate;
  /** How much of the resource's variation its line explains, in [0, 1]. */
  readonly r2: number;
  readonly samples: number;
}

export interface NotEnoughSamples {
  readonly kind: 'not-enough-samples';
  readonly samples: number;
  readonly wanted: number;
  /** One sentence: what is missing. */
  readonly why: string;
}

const WANTED_SAMPLES = 6;
/** The highest rate over the lowest: below this a line through the samples tells nothing about other rates. */
const WANTED_SPREAD = 1.2;

const RESOURCES = {
  cpu: (sample: CapacitySample) => sample.cpuShare,
  'event-loop': (sample: CapacitySample) => sample.eventLoopShare,
  memory: (sample: CapacitySample) => sample.memoryShare,
} as const;
const FOLLOWED = {
  records: (sample: CapacitySample) => sample.rate.recordsPerSec,
  bytes: (sample: CapacitySample) => sample.rate.bytesPerSec,
} as const;

/** The capacity of a worker, or what is missing to state it. The mix of records and bytes is taken to stay as it was. */
export const capacityOf = (samples: readonly CapacitySample[]): Capacity | NotEnoughSamples => {
  const missing = (why: string): NotEnoughSamples => ({
    kind: 'not-enough-samples',
    samples: samples.length,
    wanted: WANTED_SAMPLES,
    why,
  });
  const busy = samples.filter((sample) => sample.rate.recordsPerSec > 0);
  if (busy.length < WANTED_SAMPLES) return missing(`${busy.length} samples under load, ${WANTED_SAMPLES} are wanted.`);
  const rates = busy.map((sample) => sample.rate.recordsPerSec);
  const [lowest, highest] = [Math.min(...rates), Math.max(...rates)];
  if (highest < WANTED_SPREAD * lowest)
    return missing(
      `The load only varied from ${Math.round(lowest)} to ${Math.round(highest)} records/s; a factor of ${WANTED_SPREAD} is wanted.`,
    );

  const candidates = (['cpu', 'event-loop', 'memory'] as const).flatMap((limit) => {
    const best = bestLine(busy, RESOURCES[limit]);
    return best === null ? [] : [{ limit, ...best, full: reaches(best.line, 1).at * best.recordsPerUnit }];
  });
  const [first, ...others] = candidates;
  if (first === undefined) return missing('No resource grows with the load, so that nothing says where it ends.');
  const { limit, follows, line, recordsPerUnit } = others.reduce((a, b) => (b.full < a.full ? b : a), first);
  const bytesPerRecord = busy.reduce((sum, { rate }) => sum + rate.bytesPerSec, 0) / rates.reduce((sum, rate) => sum + rate, 0);
  const rateAt = (x: number): Rate => ({ recordsPerSec: x * recordsPerUnit, bytesPerSec: x * recordsPerUnit * bytesPerRecord });
  const estimate = (level: number): Estimate => {
    const { at, low, high } = reaches(line, level);
    return { rate: rateAt(at), low: rateAt(low), high: rateAt(high) };
  };
  return { kind: 'capacity', limit, follows, at70: estimate(0.7), at100: estimate(1), r2: line.r2, samples: busy.length };
};

/** The line that explains a resource better, over records or over bytes; null when it rises with neither. */
const bestLine = (
  samples: readonly CapacitySample[],
  resource: (sample: CapacitySample) => number,
): { line: Line; follows: 'records' | 'bytes'; recordsPerUnit: number } | null => {
  const sum = (of: (sample: CapacitySample) => number) => samples.reduce((total, sample) => total + of(sample), 0);
  const lines = (['records', 'bytes'] as const).flatMap((follows) => {
    const line = fitLine(samples.map((sample) => ({ x: FOLLOWED[follows](sample), y: resource(sample) })));
    if (line === null || !rises(line)) return [];
    return [{ line, follows, recordsPerUnit: sum(FOLLOWED.records) / sum(FOLLOWED[follows]) }];
  });
  const [first, ...others] = lines;
  return first === undefined ? null : others.reduce((a, b) => (b.line.r2 > a.line.r2 ? b : a), first);
};
