// lib/forecast: a model that does worse live than its back-test promised.
// in: a back-test's score, the model's track record · out: by how much its loss counts more
import type { ModelScore } from '../model/forecast.ts';
import type { TrackMark } from '../model/track-record.ts';

const MINUTE_SEC = 60;
/** As many windows of its own as make the record count half. */
const HALF_BELIEVED_WINDOWS = 24;
const LARGEST = 3;

/** The live error of a model over that of the last value, over all horizons, and how many windows that do not overlap it rests on; null without a record. */
export const liveErrorOf = (model: string, marks: readonly TrackMark[]): { relativeError: number; windows: number } | null => {
  const own = marks.filter((mark) => mark.model === model);
  const sum = (of: (mark: TrackMark) => number): number => own.reduce((total, mark) => total + of(mark), 0);
  const naive = sum((mark) => mark.naiveError);
  if (naive === 0) return null;
  return {
    relativeError: sum((mark) => mark.absoluteError) / naive,
    windows: sum((mark) => (mark.weight * MINUTE_SEC) / mark.horizonSec),
  };
};

/** The factor on a model's back-test losses, from 1 (as promised, better, or unknown) to 3. Believed the more the longer it was watched. */
export const livePenalty = (score: Pick<ModelScore, 'model' | 'relativeError'>, marks: readonly TrackMark[]): number => {
  const live = liveErrorOf(score.model, marks);
  if (live === null || score.relativeError <= 0) return 1;
  const belief = live.windows / (live.windows + HALF_BELIEVED_WINDOWS);
  return Math.min(Math.max((live.relativeError / score.relativeError) ** belief, 1), LARGEST);
};
