// lib/forecast: a stream that leads another tells what will come to it.
// in: both pasts, the own model's forecasts at past origins; then each forecast · out: how much of the upstream's change arrives, where a back-test says that it helps; the changed forecast
//
// What the upstream did between the moment that arrives now and the moment that arrives at a horizon, beyond what it usually does then, comes to the own stream in part. The
// part is learnt per horizon from the forecast's past errors, and used only when it made forecasts better that it was not learnt from.
import type { Forecast, UpstreamLink } from '../model/forecast.ts';
import { QUANTILES } from '../model/forecast.ts';
import { outcomesAt, pinball } from './backtest.ts';
import { coherent } from './coherent.ts';
import { logScaleOf, meanDemandOf } from './log-scale.ts';
import { type EvenSeries, type ModelForecast, mappedMean } from './model.ts';

const DAY_SEC = 86_400;
/** Changes count by their factor, from a twentieth of the mean demand on. */
const UNIT_SHARE = 0.05;
/** The upstream's level at a moment is the mean of so many steps up to it. */
const LEVEL_STEPS = 3;
/** What is usual is the mean of so many days before. */
const USUAL_DAYS = 3;
/** Shrinks what few origins say towards nothing, in origins. */
const DOUBT = 8;
/** Learnt from the first two thirds of the origins, judged on the rest. */
const LEARNT_SHARE = 2 / 3;
/** Worth it from a lead in error of a twentieth on, when the bound costs no more. */
const WORTH_IT = 0.95;
/** No upstream may more than triple or third what is foreseen. */
const LARGEST_FACTOR = 3;
const [MEDIAN, UPPER] = [QUANTILES.indexOf(0.5), QUANTILES.indexOf(0.95)];
/** Begins what is said of it, and is where a reason that is carried on from the forecast before ends. */
const ASIDE = '; upstream ';

/** The upstream's change, in logarithms, from `lagSteps` before `origin` to `lagSteps` before the horizon, beyond what is usual; NaN where it is unknown or still to come. */
export const upstreamChange = (upstream: EvenSeries, origin: number, lagSteps: number, horizon: number): number => {
  if (horizon > lagSteps) return Number.NaN;
  const { values, stepSec } = upstream;
  const perDay = Math.round(DAY_SEC / stepSec);
  const unit = (meanDemandOf(values, origin) || 1) * UNIT_SHARE;
  const level = (until: number): number => {
    let [sum, count] = [0, 0];
    for (let i = Math.max(0, until - LEVEL_STEPS); i < until; i++) {
      if (!(values[i]! >= 0)) continue;
      sum += Math.log1p(values[i]! / unit);
      count++;
    }
    return count === 0 ? Number.NaN : sum / count;
  };
  const change = (at: number): number => level(at - lagSteps + horizon) - level(at - lagSteps);
  const usual = Array.from({ length: USUAL_DAYS }, (_, day) => change(origin - (day + 1) * perDay)).filter(
    (each) => !Number.isNaN(each),
  );
  const expected = usual.length === 0 ? 0 : usual.reduce((sum, each) => sum + each, 0) / usual.length;
  return change(origin) - expected;
};

const factorOf = (weight: number, change: number): number =>
  Number.isNaN(change) ? 1 : Math.min(Math.max(Math.exp(weight * change), 1 / LARGEST_FACTOR), LARGEST_FACTOR);

/** A forecast with each horizon multiplied; what is highest at one is part of the windows of all later ones. */
const scaled = (forecast: ModelForecast, factors: readonly number[]): ReturnType<typeof coherent> => {
  let highest = 0;
  return coherent({
    quantiles: forecast.quantiles.map((row) => row.map((value, h) => value * factors[h]!)),
    windowMaxQuantiles: forecast.windowMaxQuantiles.map((row) => row.map((value, h) => value * factors[h]!)),
    ...mappedMean(forecast, (value, h) => {
      highest = Math.max(highest, value * factors[h]!);
      return highest;
    }),
  });
};

/** The weights per horizon (0 beyond the lead), and the error over the one without them; null when it does not help. `forecasts` are the own model's at `origins`. */
export const learnUpstream = (
  own: EvenSeries,
  upstream: EvenSeries,
  lagSteps: number,
  origins: readonly number[],
  horizonSteps: readonly number[],
  forecasts: readonly (ModelForecast | null)[],
): { readonly weights: readonly number[]; readonly errorRatio: number } | null => {
  const scale = logScaleOf(meanDemandOf(own.values, own.values.length), UNIT_SHARE);
  const cases = origins.flatMap((origin, i) => {
    const forecast = forecasts[i];
    if (!forecast) return [];
    const said = coherent(forecast);
    const came = outcomesAt(own.values, origin, horizonSteps);
    const changes = horizonSteps.map((horizon) => upstreamChange(upstream, origin, lagSteps, horizon));
    return [{ said, came, changes }];
  });
  const weightsFrom = (some: typeof cases): number[] =>
    horizonSteps.map((_, h) => {
      let [together, alone, count] = [0, 0, 0];
      for (const { said, came, changes } of some) {
        const miss = scale.toScale(came.points[h]!) - scale.toScale(said.quantiles[MEDIAN]![h]!);
        const product = miss * changes[h]!;
        if (Number.isNaN(product)) continue;
        together += product;
        alone += changes[h]! ** 2;
        count++;
      }
      if (count === 0 || alone === 0) return 0;
      return Math.min(Math.max((together / alone) * (count / (count + DOUBT)), 0), 2);
    });
  const split = Math.floor(cases.length * LEARNT_SHARE);
  const [learnt, judged] = [weightsFrom(cases.slice(0, split)), cases.slice(split)];
  let [withIt, without, boundWith, boundWithout] = [0, 0, 0, 0];
  for (const { said, came, changes } of judged) {
    const made = scaled(
      said,
      learnt.map((weight, h) => factorOf(weight, changes[h]!)),
    );
    horizonSteps.forEach((horizon, h) => {
      if (horizon > lagSteps || Number.isNaN(came.points[h]!)) return;
      withIt += Math.abs(made.quantiles[MEDIAN]![h]! - came.points[h]!);
      without += Math.abs(said.quantiles[MEDIAN]![h]! - came.points[h]!);
      boundWith += pinball(0.95, made.windowMaxQuantiles[UPPER]![h]!, came.peaks[h]!);
      boundWithout += pinball(0.95, said.windowMaxQuantiles[UPPER]![h]!, came.peaks[h]!);
    });
  }
  if (!(without > 0) || withIt > WORTH_IT * without || boundWith > boundWithout) return null;
  return { weights: weightsFrom(cases), errorRatio: withIt / without };
};

/** The forecast with what the upstream tells, and why; as it was, without a link or where the upstream is unknown. `upstream` ends where the forecast begins. */
export const withUpstream = (forecast: Forecast, link: UpstreamLink | null, upstream: EvenSeries | null): Forecast => {
  const plain = { ...forecast, reason: forecast.reason.split(ASIDE)[0]! };
  if (link === null || upstream === null) return plain;
  const { stepSec, startMs } = upstream;
  const origin = Math.round((forecast.observedUntilMs - startMs) / (stepSec * 1000));
  const factors = forecast.horizonsSec.map((horizon, h) =>
    factorOf(link.weights[h] ?? 0, upstreamChange(upstream, origin, link.leadSec / stepSec, horizon / stepSec)),
  );
  if (factors.every((factor) => factor === 1)) return plain;
  const made = scaled(forecast, factors);
  const most = factors.reduce((a, b) => (Math.abs(Math.log(b)) > Math.abs(Math.log(a)) ? b : a));
  return {
    ...plain,
    ...made,
    reason: `${plain.reason}${ASIDE}${link.streamName} leads by ${Math.round(link.leadSec / 60)} min: ×${most.toFixed(2)} at most`,
  };
};
