// lib/history: the minutes of a day become quarters of an hour, before the minutes expire.
// in: the blocks of a day, the ranges of now · out: one coarse block per range
//
// A day is rolled up onto the ranges of now, through all splits and merges in between: the coarse blocks of a day never overlap, so that they need no
// rule for minutes that parent and child share.
import { COARSE_STEP_SEC, type DemandMetric, type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../model/demand.ts';
import { type HashKeyRange, slicesOf, widthOf } from '../model/hash-key-range.ts';
import { normalise } from './block-load.ts';
import { blocksByRange } from './blocks-by-range.ts';
import { projectSeries } from './project-series.ts';

export const DAY_MS = 1440 * MINUTE_MS;
const STEP_MINUTES = COARSE_STEP_SEC / 60;
/** A step of which less than this share of its minutes is known is a gap. */
const KNOWN_SHARE = 0.5;

/** The coarse blocks of the day that begins at `dayMs`, one for each range of which something is known. */
export const rollUp = (blocks: readonly HistoryBlock[], layout: readonly HashKeyRange[], dayMs: number): HistoryBlock[] => {
  const touching = blocksByRange(blocks);
  const streamName = blocks[0]?.streamName;
  if (streamName === undefined) return [];
  return layout.flatMap((range) => {
    const own = touching(range);
    const [records, bytes] = [stepsOf(own, range, 'records', dayMs), stepsOf(own, range, 'bytes', dayMs)];
    if (records.totals.every((total) => total === null)) return [];
    const slices = widthOf(range) < BigInt(SLICE_COUNT) ? [] : slicesOf(range, SLICE_COUNT);
    const masses = slices.map((slice) =>
      stepsOf(own, slice, 'records', dayMs).totals.reduce<number>((sum, total) => sum + (total ?? 0), 0),
    );
    return [
      {
        streamName,
        hashKeyRange: range,
        startMs: dayMs,
        stepSec: COARSE_STEP_SEC,
        records: records.totals,
        bytes: bytes.totals,
        censored: records.censored,
        sliceShares: normalise(masses.length > 0 ? masses : new Array<number>(SLICE_COUNT).fill(0)),
      },
    ];
  });
};

/** Totals per step: the mean of the known minutes times the step; a clipped minute clips its step. */
const stepsOf = (blocks: readonly HistoryBlock[], range: HashKeyRange, metric: DemandMetric, dayMs: number) => {
  const series = projectSeries(blocks, range, metric, dayMs, dayMs + DAY_MS);
  const totals: (number | null)[] = [];
  const censored: boolean[] = [];
  for (let from = 0; from < series.values.length; from += STEP_MINUTES) {
    let [sum, known, clipped] = [0, 0, 0];
    for (let minute = from; minute < from + STEP_MINUTES; minute++) {
      if (Number.isNaN(series.values[minute]!)) continue;
      sum += series.values[minute]!;
      known++;
      clipped += series.censored[minute]!;
    }
    totals.push(known < KNOWN_SHARE * STEP_MINUTES ? null : (sum / known) * COARSE_STEP_SEC);
    censored.push(clipped > 0);
  }
  return { totals, censored };
};
