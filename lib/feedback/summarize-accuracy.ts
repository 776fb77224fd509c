// lib/feedback: how good the forecasts are.
// in: forecast outcomes · out: error, bias and coverage per model and horizon
import type { ForecastOutcome } from '../model/operation.ts';

/** How one model did at one horizon. */
export interface Accuracy {
  readonly model: string;
  readonly horizonSec: number;
  readonly count: number;
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

/** One line for each model and horizon, in order of both. */
export const summarizeAccuracy = (outcomes: readonly ForecastOutcome[]): Accuracy[] => {
  const groups = new Map<string, ForecastOutcome[]>();
  for (const outcome of outcomes) {
    const key = `${outcome.model}@${outcome.horizonSec}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [outcome]);
    else group.push(outcome);
  }
  return [...groups.values()]
    .map((group) => {
      const first = group[0]!;
      const mean = (value: (outcome: ForecastOutcome) => number) =>
        group.reduce((sum, outcome) => sum + value(outcome), 0) / group.length;
      const meanAbsoluteError = mean((o) => Math.abs(o.median - o.observed));
      const meanObserved = mean((o) => o.observed);
      return {
        model: first.model,
        horizonSec: first.horizonSec,
        count: group.length,
        meanAbsoluteError,
        relativeError: meanObserved === 0 ? null : meanAbsoluteError / meanObserved,
        bias: mean((o) => o.median - o.observed),
        coverage95: mean((o) => (o.observed <= o.upper95 ? 1 : 0)),
        maxCoverage95: mean((o) => (o.observedMax <= o.windowMax95 ? 1 : 0)),
      };
    })
    .sort((a, b) => (a.model === b.model ? a.horizonSec - b.horizonSec : a.model < b.model ? -1 : 1));
};
