// lib/feedback: how good the forecasts of a stream are, over all its series.
// in: track records · out: error, bias and coverage per model and horizon
import type { TrackMark, TrackRecord } from '../model/track-record.ts';

/** How one model did at one horizon. */
export interface Accuracy {
  readonly model: string;
  readonly horizonSec: number;
  /** Scored minutes; each day fades by half. */
  readonly count: number;
  /** Mean of what came, per second. */
  readonly meanObserved: number;
  /** Mean absolute error, per second. */
  readonly meanAbsoluteError: number;
  /** Sum of absolute errors over the sum of what came; null when nothing came. */
  readonly relativeError: number | null;
  /** Mean of forecast minus observed, per second: positive means too high. */
  readonly bias: number;
  /** Share of minutes at or below the 95 % bound; 0.95 is right. */
  readonly coverage95: number;
  /** Share of windows whose maximum stayed at or below its 95 % bound; 0.95 is right. */
  readonly maxCoverage95: number;
}

/** One line for each model and horizon of the records of one metric, in order of both. */
export const summarizeTracks = (records: readonly TrackRecord[]): Accuracy[] => {
  const groups = Map.groupBy(
    records.flatMap(({ marks }) => marks),
    ({ model, horizonSec }) => `${model}@${horizonSec}`,
  );
  return [...groups.values()]
    .map(lineOf)
    .sort((a, b) => (a.model === b.model ? a.horizonSec - b.horizonSec : a.model < b.model ? -1 : 1));
};

const lineOf = (marks: readonly TrackMark[]): Accuracy => {
  const sum = (of: (mark: TrackMark) => number): number => marks.reduce((total, mark) => total + of(mark), 0);
  const [weight, observed] = [sum((mark) => mark.weight), sum((mark) => mark.observed)];
  const absoluteError = sum((mark) => mark.absoluteError);
  const { model, horizonSec } = marks[0]!;
  return {
    model,
    horizonSec,
    count: weight,
    meanObserved: observed / weight,
    meanAbsoluteError: absoluteError / weight,
    relativeError: observed === 0 ? null : absoluteError / observed,
    bias: sum((mark) => mark.error) / weight,
    coverage95: sum((mark) => mark.covered95) / weight,
    maxCoverage95: sum((mark) => mark.maxCovered95) / weight,
  };
};
