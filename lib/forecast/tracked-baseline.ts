// lib/forecast: a simple rule as a model.
// in: a rule that says what comes · out: a model with bounds from the rule's own residuals
import type { ModelName } from '../model/forecast.ts';
import { BoundsTracker } from './bounds-tracker.ts';
import { logScaleOf, meanDemandOf, UNIT_SHARES } from './log-scale.ts';
import type { Model } from './model.ts';
import { StateParts } from './state-parts.ts';
import { passThrough } from './stepwise.ts';

/** What comes `ahead` steps after the newest value; `past(back)` is the known value so many steps before the newest, or NaN. */
export type Rule = (past: (back: number) => number, ahead: number, stepsPerDay: number) => number;

/** A model that follows one rule. */
export const trackedBaseline = (name: ModelName, minimumDays: number, rule: Rule): Model => ({
  name,
  minimumDays,
  incremental: true,
  forecastAt: (series, origins, horizonSteps) => {
    const stepsPerDay = Math.round(86_400 / series.stepSec);
    return passThrough(series, origins, (until) => {
      const bounds = new BoundsTracker(
        horizonSteps,
        series.stepSec,
        logScaleOf(meanDemandOf(series.values, until), UNIT_SHARES.residual),
        false,
        new StateParts(),
      );
      const kept = new Float64Array(stepsPerDay + (horizonSteps.at(-1) ?? 0) + 1).fill(Number.NaN);
      const points = new Float64Array(horizonSteps.length);
      let newest = Number.NaN;
      let steps = 0;
      const past = (back: number): number =>
        back === 0 ? newest : back < kept.length && back < steps ? kept[(steps - 1 - back) % kept.length]! : Number.NaN;
      return {
        learn: (demand, stepOfDay) => {
          bounds.judge(demand, stepOfDay);
          if (!Number.isNaN(demand)) newest = demand;
          kept[steps++ % kept.length] = demand;
          for (let j = 0; j < points.length; j++) points[j] = rule(past, horizonSteps[j]!, stepsPerDay);
          bounds.issue(points, stepOfDay);
        },
        forecast: () => bounds.forecast(),
      };
    });
  },
});
