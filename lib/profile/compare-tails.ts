// lib/profile: the slowest hundredth of the records in leg b beside that in leg a.
// in: distributions of the whole run · out: the change of the 99th percentile, with the floor that a and aa give
import { LATENCY_LEVELS, type ProfilingTotals } from '../model/profiling.ts';
import type { LegDifference } from './compare-legs.ts';

/** Fewer records say nothing of their slowest hundredth. */
const WANTED_RECORDS = 300;
/** A percentile of a whole run has no interval of its own: the sketch keeps 1 %, chance makes more of it. */
const LEAST_FLOOR = 1.1;

/** From the beginning of a record's turn until it was processed. Null: too little was seen, or nobody measured it. */
export const compareTails = ({ legs }: Pick<ProfilingTotals, 'legs'>): LegDifference | null => {
  const p99Of = (leg: 'a' | 'aa' | 'b'): number | null => {
    const took = legs.find((each) => each.leg === leg)?.took;
    const value = took?.quantilesMs[LATENCY_LEVELS.indexOf(0.99)];
    return took === undefined || took.count < WANTED_RECORDS || value === undefined || value <= 0 ? null : value;
  };
  const [a, aa, b] = [p99Of('a'), p99Of('aa'), p99Of('b')];
  if (a === null || b === null) return null;
  // What two equal legs differ by once, two others may differ by twice.
  const floor = Math.max(LEAST_FLOOR, aa === null ? 1 : Math.max(aa / a, a / aa) ** 2);
  const factor = b / a;
  return {
    measure: 'latency p99 ms',
    a,
    b,
    factor,
    low: factor,
    high: factor,
    floor,
    windows: 0,
    kind: factor > floor ? 'worse' : factor < 1 / floor ? 'better' : 'within-noise',
  };
};
