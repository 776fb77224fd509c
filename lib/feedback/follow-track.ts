// lib/feedback: each scored minute goes into the series' track record, and moves its bounds.
// in: a track record, outcomes of one series · out: the record after them
//
// The correction is an adaptive conformal one (Gibbs and Candès 2021), on the bound that is acted on, the window's maximum: a miss widens by much, a bound that
// held narrows by little, so that it rests where one in twenty misses. Windows of neighbouring minutes overlap: a minute counts as its part of a window.
import type { ForecastOutcome } from '../model/operation.ts';
import type { BoundCorrection, TrackMark, TrackRecord } from '../model/track-record.ts';

const DAY_MS = 86_400_000;
const MINUTE_SEC = 60;
const MISSES = 0.05;
/** By how much one whole window that missed widens, as a logarithm. */
const STEP = 0.2;
/** Bounds are never less than three quarters and never more than two and a half times as far from the median as the model said. */
export const LEAST_LOG_FACTOR = Math.log(0.75);
export const MOST_LOG_FACTOR = Math.log(2.5);

/** Follows the outcomes after `scoredUntilMs`, in order; older ones are in the record already. */
export const followTrack = (record: TrackRecord, outcomes: readonly ForecastOutcome[]): TrackRecord => {
  const due = outcomes.filter(({ atMs }) => atMs > record.scoredUntilMs).sort((a, b) => a.atMs - b.atMs);
  const last = due.at(-1);
  if (last === undefined) return record;
  const marks = new Map(record.marks.map((mark) => [keyOf(mark), faded(mark, last.atMs - record.scoredUntilMs)]));
  const corrections = new Map(record.corrections.map((each) => [each.horizonSec, each.logFactor]));
  for (const outcome of due) {
    const before = marks.get(keyOf(outcome)) ?? newMark(outcome);
    marks.set(keyOf(outcome), added(before, outcome, 0.5 ** ((last.atMs - outcome.atMs) / DAY_MS)));
    const missed = outcome.observedMax > outcome.windowMax95 ? 1 : 0;
    const moved = (corrections.get(outcome.horizonSec) ?? 0) + STEP * (MINUTE_SEC / outcome.horizonSec) * (missed - MISSES);
    corrections.set(outcome.horizonSec, Math.min(Math.max(moved, LEAST_LOG_FACTOR), MOST_LOG_FACTOR));
  }
  return {
    ...record,
    scoredUntilMs: last.atMs,
    // What has faded to less than a minute tells nothing any more.
    marks: [...marks.values()].filter(({ weight }) => weight >= 0.5),
    corrections: [...corrections].map(([horizonSec, logFactor]): BoundCorrection => ({ horizonSec, logFactor })),
  };
};

const keyOf = ({ model, horizonSec }: Pick<TrackMark, 'model' | 'horizonSec'>): string => `${model}@${horizonSec}`;

const newMark = ({ model, horizonSec }: ForecastOutcome): TrackMark => ({
  model,
  horizonSec,
  weight: 0,
  absoluteError: 0,
  error: 0,
  naiveError: 0,
  observed: 0,
  covered95: 0,
  maxCovered95: 0,
});

const faded = (mark: TrackMark, ms: number): TrackMark => scaled(mark, 0.5 ** (Math.max(ms, 0) / DAY_MS));

const scaled = ({ model, horizonSec, ...sums }: TrackMark, by: number): TrackMark => ({
  model,
  horizonSec,
  weight: sums.weight * by,
  absoluteError: sums.absoluteError * by,
  error: sums.error * by,
  naiveError: sums.naiveError * by,
  observed: sums.observed * by,
  covered95: sums.covered95 * by,
  maxCovered95: sums.maxCovered95 * by,
});

const added = (mark: TrackMark, of: ForecastOutcome, weight: number): TrackMark => ({
  ...mark,
  weight: mark.weight + weight,
  absoluteError: mark.absoluteError + weight * Math.abs(of.median - of.observed),
  error: mark.error + weight * (of.median - of.observed),
  naiveError: mark.naiveError + weight * Math.abs((of.lastObserved ?? of.observed) - of.observed),
  observed: mark.observed + weight * of.observed,
  covered95: mark.covered95 + (of.observed <= of.upper95 ? weight : 0),
  maxCovered95: mark.maxCovered95 + (of.observedMax <= of.windowMax95 ? weight : 0),
});
