// lib/adapters: ARIMA of the library `arima` behind the one model interface.
// in: a series · out: a model that answers null where a fit gives no numbers; after a trap it throws, and so does every call after it
//
// The library passes data through a stack of 64 kB: 8,500 values trap, and after a trap the module is dead. Its default exact likelihood diverges without an
// error, so it is asked for the conditional sum of squares, on values in standard deviations; a season of a day's length traps, so the day's profile is taken out before.
import ARIMA from 'arima';
import type { Model } from '../forecast/model.ts';
import { type AskLibrary, libraryModel } from './forecast-libraries.ts';
import { pastOf, quantilesOf, STEPS_PER_DAY, stepsAhead } from './library-series.ts';

/** A week: longer ones cost more and say no more about the next hour. Far below the 8,000 values that the library takes. */
const HISTORY = 7 * STEPS_PER_DAY;
const ORDER = { p: 2, d: 1, q: 2 } as const;
const CONDITIONAL_SUM_OF_SQUARES = 1;
/** The profile of the day is smoothed over so many steps to each side. */
const SMOOTHING = 3;

/** ARIMA(2,1,2) on what remains of a week without its daily profile. */
export const arimaModel = (): Model => libraryModel('arima', 1, fitOnce);

const fitOnce: AskLibrary = (series, origin, horizonSteps) => {
  const past = pastOf(series, origin, HISTORY);
  if (past === null || past.means.length < 2 * STEPS_PER_DAY) return null;
  const profile = dailyProfile(past.means);
  const rest = past.means.map((value, i) => value - profile[i % STEPS_PER_DAY]!);
  const mean = rest.reduce((sum, value) => sum + value, 0) / rest.length;
  const deviation = Math.sqrt(rest.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rest.length) || 1;
  const model = new ARIMA({ ...ORDER, method: CONDITIONAL_SUM_OF_SQUARES, verbose: false });
  try {
    model.train(Array.from(rest, (value) => (value - mean) / deviation));
    const [points, variances] = model.predict(stepsAhead(past, horizonSteps));
    return quantilesOf(
      past,
      horizonSteps,
      points.map((point, i) => mean + deviation * point + profile[(past.means.length + i) % STEPS_PER_DAY]!),
      variances.map((variance) => deviation * Math.sqrt(variance)),
    );
  } finally {
    model.destroy();
  }
};

/** The smoothed mean of each step of the day, counted from the first value. */
const dailyProfile = (values: Float64Array): Float64Array => {
  const sums = new Float64Array(STEPS_PER_DAY);
  const counts = new Float64Array(STEPS_PER_DAY);
  values.forEach((value, i) => {
    sums[i % STEPS_PER_DAY]! += value;
    counts[i % STEPS_PER_DAY]!++;
  });
  return sums.map((_, step) => {
    let [sum, count] = [0, 0];
    for (let by = -SMOOTHING; by <= SMOOTHING; by++) {
      const at = (step + by + STEPS_PER_DAY) % STEPS_PER_DAY;
      sum += sums[at]!;
      count += counts[at]!;
    }
    return sum / count;
  });
};
