// lib/forecast: the workhorse as a model.
// in: a history · out: a forecaster that has learnt it, or forecasts from any origin in it
import type { ForecastScale } from '../model/forecast.ts';
import { IncrementalForecaster } from './incremental-forecaster.ts';
import { meanDemandOf } from './log-scale.ts';
import type { EvenSeries, Model } from './model.ts';
import { slotGridOf } from './slot-grid.ts';
import { passThrough } from './stepwise.ts';

/**
 * From cold all that is judged is learnt from the newest days; of those before, only what was usual and what was. Of these, the newest is learnt from at every slot,
 * those before at every fourth. Where a slot has several steps each is dearer, and more of them told nothing more.
 */
const BY_SLOTS = { judgedSec: 4 * 86_400, closelySec: 86_400 } as const;
const BY_STEPS = { judgedSec: 3 * 86_400, closelySec: 43_200 } as const;
const SPARSE = 4;
const lookedAt = (stepSec: number): typeof BY_SLOTS | typeof BY_STEPS =>
  slotGridOf(stepSec).stepsPerSlot > 1 ? BY_STEPS : BY_SLOTS;
/** Rises and falls count neither by their amount nor by their factor but in between: right for most, and never far off. */
export const USUAL_SCALE: ForecastScale = 'between';

/** The incremental model on a scale: one pass over the series answers all origins. */
export const incrementalOn = (scale: ForecastScale): Model => ({
  name: 'incremental',
  scale,
  minimumDays: 1,
  incremental: true,
  forecastAt: (series, origins, horizonSteps) =>
    passThrough(series, origins, (until) => {
      const { forecaster, learnt } = skimmed(series, until, horizonSteps, scale);
      const closely = until - lookedAt(series.stepSec).closelySec / series.stepSec;
      let step = learnt;
      return {
        learnt,
        learn: (demand, censored) => forecaster.learn(demand, censored, step++ < closely ? SPARSE : 1),
        forecast: () => forecaster.forecast(),
      };
    }),
});

/** The incremental model on the usual scale. */
export const incremental: Model = incrementalOn(USUAL_SCALE);

/** A forecaster that has learnt a whole series. */
export const learnSeries = (
  series: EvenSeries,
  horizonSteps: readonly number[],
  scale: ForecastScale = USUAL_SCALE,
): IncrementalForecaster => {
  const { forecaster, learnt } = skimmed(series, series.values.length, horizonSteps, scale);
  const closely = series.values.length - lookedAt(series.stepSec).closelySec / series.stepSec;
  for (let i = learnt; i < series.values.length; i++)
    forecaster.learn(series.values[i]!, series.censored?.[i] === 1, i < closely ? SPARSE : 1);
  return forecaster;
};

/** A forecaster that has skimmed what lies long before the first origin, and how many steps those are. */
const skimmed = (
  { values, startMs, stepSec }: EvenSeries,
  origin: number,
  horizonSteps: readonly number[],
  scale: ForecastScale,
): { forecaster: IncrementalForecaster; learnt: number } => {
  const meanDemand = meanDemandOf(values, origin);
  const forecaster = new IncrementalForecaster({ horizonSteps, stepSec, startMs, meanDemand, scale });
  const learnt = Math.max(0, origin - Math.round(lookedAt(stepSec).judgedSec / stepSec));
  forecaster.skim(values.subarray(0, learnt));
  return { forecaster, learnt };
};
