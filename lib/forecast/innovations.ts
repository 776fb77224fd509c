// lib/forecast: what is new in each step of a series.
// in: an even series · out: its innovations: the day's course taken out, then all that its own past tells; standard deviation 1, zero where unknown
//
// Two streams with the same day are correlated at every lag, and so are two that only drift. What is left here is neither, so that a correlation means something.
import { logScaleOf, meanDemandOf, USUAL_UNIT_SHARE } from './log-scale.ts';
import type { EvenSeries } from './model.ts';

const DAY_SEC = 86_400;
/** Own past that is taken out, in steps. */
const ORDER = 12;
/** Half the width of the smoothing of the day's course. */
const SMOOTHING_SEC = 420;
/** One spike must not decide. */
const LARGEST = 4;

/** The innovations of a series of some days. */
export const innovationsOf = (series: EvenSeries): Float64Array => standardised(whitened(withoutDay(series)));

const withoutDay = ({ values, stepSec, startMs }: EvenSeries): Float64Array => {
  const scale = logScaleOf(meanDemandOf(values, values.length), USUAL_UNIT_SHARE);
  const logs = values.map((value) => (Number.isNaN(value) ? Number.NaN : scale.toScale(value)));
  const perDay = Math.round(DAY_SEC / stepSec);
  const first = Math.floor((startMs / 1000 / stepSec) % perDay);
  const sums = new Float64Array(perDay);
  const counts = new Float64Array(perDay);
  logs.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    sums[(first + i) % perDay]! += value;
    counts[(first + i) % perDay]!++;
  });
  const half = Math.max(1, Math.round(SMOOTHING_SEC / stepSec));
  const course = sums.map((_, step) => {
    let [sum, count] = [0, 0];
    for (let by = -half; by <= half; by++) {
      sum += sums[(step + by + perDay) % perDay]!;
      count += counts[(step + by + perDay) % perDay]!;
    }
    return count === 0 ? 0 : sum / count;
  });
  return logs.map((value, i) => value - course[(first + i) % perDay]!);
};

/** What the last steps do not tell (an autoregression by Levinson and Durbin). NaN where one of them is unknown. */
const whitened = (values: Float64Array): Float64Array => {
  const covariance = Array.from({ length: ORDER + 1 }, (_, lag) => {
    let [sum, count] = [0, 0];
    for (let i = lag; i < values.length; i++) {
      const product = values[i]! * values[i - lag]!;
      if (Number.isNaN(product)) continue;
      sum += product;
      count++;
    }
    return count === 0 ? 0 : sum / count;
  });
  let weights: number[] = [];
  let left = covariance[0]!;
  for (let order = 1; order <= ORDER && left > 1e-12; order++) {
    const told = weights.reduce((sum, weight, k) => sum + weight * covariance[order - 1 - k]!, 0);
    const reflection = (covariance[order]! - told) / left;
    weights = [...weights.map((weight, k) => weight - reflection * weights[order - 2 - k]!), reflection];
    left *= 1 - reflection ** 2;
  }
  return values.map((value, i) => {
    let rest = value;
    for (let k = 0; k < weights.length; k++) rest -= weights[k]! * (values[i - 1 - k] ?? Number.NaN);
    return rest;
  });
};

const standardised = (values: Float64Array): Float64Array => {
  const known = values.filter((value) => !Number.isNaN(value));
  const deviationOf = (of: Float64Array): number => Math.sqrt(of.reduce((sum, value) => sum + value * value, 0) / of.length) || 1;
  const rough = deviationOf(known);
  const clip = (value: number): number => Math.max(-LARGEST * rough, Math.min(LARGEST * rough, value));
  const fine = deviationOf(known.map(clip));
  return values.map((value) => (Number.isNaN(value) ? 0 : clip(value) / fine));
};
