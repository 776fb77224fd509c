// lib/forecast: a simple rule as a model.
// in: a rule that says what comes · out: a model with bounds from the rule's own residuals
import type { ModelName } from '../model/forecast.ts';
import { BoundsTracker } from './bounds-tracker.ts';
import { logScaleOf, meanDemandOf, USUAL_UNIT_SHARE } from './log-scale.ts';
import { inDemand, type Model } from './model.ts';
import { horizonSlotsOf, slotGridOf } from './slot-grid.ts';
import { StateParts } from './state-parts.ts';
import { passThrough } from './stepwise.ts';

/** What comes `ahead` steps after the newest value; `past(back)` is the known value so many steps before the newest, or NaN. */
export type Rule = (past: (back: number) => number, ahead: number, stepsPerDay: number) => number;

/** A model that follows one rule. */
export const trackedBaseline = (name: ModelName, minimumDays: number, rule: Rule): Model => ({
  name,
  minimumDays,
  incremental: true,
  forecastAt: (series, origins, horizonSteps) =>
    passThrough(series, origins, (until) => {
      const grid = slotGridOf(series.stepSec);
      const { stepsPerDay, stepsPerSlot, slotsPerDay } = grid;
      const scale = logScaleOf(meanDemandOf(series.values, until), USUAL_UNIT_SHARE);
      const bounds = new BoundsTracker(horizonSlotsOf(horizonSteps, grid), grid, false, new StateParts());
      const kept = new Float64Array(stepsPerDay + (horizonSteps.at(-1) ?? 0) + 1).fill(Number.NaN);
      const points = new Float64Array(horizonSteps.length);
      const firstStep = Math.floor(series.startMs / 1000 / series.stepSec);
      let newest = Number.NaN;
      let steps = 0;
      const past = (back: number): number =>
        back === 0 ? newest : back < kept.length && back < steps ? kept[(steps - 1 - back) % kept.length]! : Number.NaN;
      const issue = (fromEndOfSlot: boolean): void => {
        for (let j = 0; j < points.length; j++) points[j] = scale.toScale(rule(past, horizonSteps[j]!, stepsPerDay));
        bounds.issue(points, Math.floor((firstStep + steps - 1) / stepsPerSlot) % slotsPerDay, fromEndOfSlot);
      };
      return {
        learnt: 0,
        learn: (demand) => {
          const step = firstStep + steps;
          const place = step % stepsPerSlot;
          bounds.take(scale.toScale(demand), place);
          if (!Number.isNaN(demand)) newest = demand;
          kept[steps++ % kept.length] = demand;
          if (place < stepsPerSlot - 1) return;
          bounds.judge(Math.floor(step / stepsPerSlot) % slotsPerDay);
          issue(true);
        },
        forecast: () => {
          issue(false);
          return inDemand(bounds.forecast(), scale);
        },
      };
    }),
});
