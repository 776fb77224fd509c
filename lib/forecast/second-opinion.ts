// lib/forecast: models of forecasting libraries, which may be slow, wrong, or bring their own process down.
// in: a question, asked aside · out: what they said, as a model that the choice compares with the others
import type { ModelName } from '../model/forecast.ts';
import type { EvenSeries, Model, ModelForecast } from './model.ts';

/** What a library said: one forecast per origin (null where it could not), or why it said nothing. */
export type Answer =
  | { readonly kind: 'answered'; readonly forecasts: readonly (ModelForecast | null)[]; readonly tookMs: number }
  | { readonly kind: 'failed'; readonly reason: string };

/** A library's model. It is asked outside of the thread that asks, and answers by the deadline, come what may. */
export interface SecondOpinion {
  readonly name: ModelName;
  readonly minimumDays: number;
  /** As `Model.forecastAt`; `withinMs` counts from the moment at which the library begins. */
  ask(series: EvenSeries, origins: readonly number[], horizonSteps: readonly number[], withinMs: number): Promise<Answer>;
}

/**
 * What was heard, as a model: it answers at the origins at which the library was asked, for the same horizons, and null elsewhere. So the choice needs to
 * know nothing of threads and deadlines.
 */
export const heard = (
  { name, minimumDays }: Pick<SecondOpinion, 'name' | 'minimumDays'>,
  askedAt: readonly number[],
  askedSteps: readonly number[],
  forecasts: readonly (ModelForecast | null)[],
): Model => {
  const byOrigin = new Map(askedAt.map((origin, i) => [origin, forecasts[i] ?? null]));
  const sameSteps = (steps: readonly number[]): boolean =>
    steps.length === askedSteps.length && steps.every((step, i) => step === askedSteps[i]);
  return {
    name,
    minimumDays,
    incremental: false,
    forecastAt: (_, origins, horizonSteps) =>
      origins.map((origin) => (sameSteps(horizonSteps) ? (byOrigin.get(origin) ?? null) : null)),
  };
};
