// bench/forecast-series: what the forecast bench forecasts.
// in: a directory of traces · out: their loads as even series, in means of five minutes, with origins
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readTrace } from '../local/trace.ts';

export const STEP_SEC = 300;
export const DAY = 288;
export const HISTORY = 7 * DAY;
export const STEPS = 12;
export const HORIZONS = Array.from({ length: STEPS }, (_, i) => i + 1);
const BUSIEST_KEYS = 8;

/** A load in even steps. */
export interface Series {
  readonly name: string;
  readonly startMs: number;
  readonly stepSec: number;
  readonly values: Float64Array;
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.csv'))
    .sort();

/** The loads of a directory's traces, and why those left out do not fit. */
export const seriesIn = async (folder: string): Promise<{ series: Series[]; skipped: Record<string, string> }> => {
  const skipped: Record<string, string> = {};
  const series: Series[] = [];
  for (const file of filesIn(folder)) {
    const read = await readTrace(join(folder, file));
    const name = file.slice(0, -'.csv'.length);
    if (read.kind === 'refused') skipped[name] = read.message;
    else if (!fits(read.trace.stepMs, read.trace.total.length))
      skipped[name] = 'needs 7 days and 2 hours in steps of at most 5 minutes';
    else series.push({ name, startMs: read.trace.startMs, stepSec: read.trace.stepMs / 1000, values: read.trace.total });
  }
  return { series, skipped };
};

/** Series that no total shows: the busiest keys of each keyed trace, one by one. */
export const keySeries = async (folder: string): Promise<Series[]> => {
  const found: Series[] = [];
  for (const file of filesIn(folder)) {
    const read = await readTrace(join(folder, file));
    if (read.kind === 'refused' || !fits(read.trace.stepMs, read.trace.total.length)) continue;
    const { trace } = read;
    const sums = trace.keys.map(({ counts }) => counts.reduce((sum, count) => sum + count, 0));
    const busiest = [...sums.keys()].sort((a, b) => sums[b]! - sums[a]!).slice(0, BUSIEST_KEYS);
    for (const i of busiest) {
      const { key, counts } = trace.keys[i]!;
      const values = Float64Array.from(counts);
      found.push({ name: `${file} ${key}`, startMs: trace.startMs, stepSec: trace.stepMs / 1000, values });
    }
  }
  return found;
};

const fits = (stepMs: number, length: number): boolean =>
  stepMs <= STEP_SEC * 1000 && (STEP_SEC * 1000) % stepMs === 0 && (length * stepMs) / 1000 >= (HISTORY + 2 * STEPS) * STEP_SEC;

/** The series in means of so long a step. */
export const means = (series: Series, stepSec: number): Series => {
  const per = stepSec / series.stepSec;
  const values = Float64Array.from({ length: Math.floor(series.values.length / per) }, (_, i) => {
    const known = series.values.subarray(i * per, (i + 1) * per).filter((value) => !Number.isNaN(value));
    return known.length === 0 ? Number.NaN : known.reduce((sum, value) => sum + value, 0) / known.length;
  });
  return { ...series, stepSec, values };
};

/** A trace in so many equal stretches; from each the origin at `at` of its length. */
export const originsOf = (length: number, count: number, at: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.floor(HISTORY + ((length - STEPS - HISTORY) * (i + at)) / count));
