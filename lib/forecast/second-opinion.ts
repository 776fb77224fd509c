// lib/forecast: models of forecasting libraries, which may be slow, wrong, or bring their own process down.
// in: a question, asked aside · out: what they said, as a model that the choice compares with the others
import type { DemandSeries } from '../model/demand.ts';
import type { Forecast, ModelFailure, ModelName } from '../model/forecast.ts';
import { costlyOrigins } from './backtest-origins.ts';
import { horizonStepsOf, keepsChoice, untilLastKnown } from './forecast-series.ts';
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

/** A choice whose loss is above this share of the last value's is worth other opinions: no season was found, or the wrong one. */
const FORESEEN_BADLY = 0.9;

/** Which opinions to ask for, and whether the choice has judged them already. */
export interface OpinionsDue {
  readonly opinions: readonly SecondOpinion[];
  readonly isJudged: boolean;
}

/**
 * Libraries cost a thousand times what the incremental model costs, so few series get them. Models that the policy names: every series, whenever its model is
 * chosen. Where it names none: from the second choice on, the stream's own series, and shards whose model did hardly better than the last value. A
 * series whose chosen model is a library's needs that one at every tick.
 */
export const opinionsDue = (
  series: DemandSeries,
  scope: Forecast['scope'],
  previous: Forecast | null,
  named: readonly ModelName[] | undefined,
  all: readonly SecondOpinion[],
  nowMs: number,
  isChoiceDue = !keepsChoice(series, previous, nowMs),
): OpinionsDue => {
  if (!isChoiceDue)
    return { opinions: all.filter(({ name }) => name === previous?.model || previous?.parts?.includes(name)), isJudged: true };
  if (named !== undefined) return { opinions: all.filter(({ name }) => named.includes(name)), isJudged: false };
  const chosen = previous?.status === 'ready' ? previous.scores.find(({ model }) => model === previous.model) : undefined;
  if (chosen === undefined) return { opinions: [], isJudged: false };
  const badly = Math.sqrt(chosen.relativeError * chosen.relativePinball95) > FORESEEN_BADLY;
  return { opinions: scope === 'stream' || badly ? all : [], isJudged: false };
};

/** What the libraries said of a series: models that may be given to the choice beside the others, and the reasons of those that said nothing. */
export interface Opinions {
  readonly models: readonly Model[];
  readonly failures: readonly ModelFailure[];
}

/**
 * Asks every opinion about a series at the origins at which the choice would judge it, and from its end; of a model that is `judged` already only from its end.
 * Those for which too little is known are not asked. `leftMs` says how much time there is still; without any the rest is not asked, and that is a failure too.
 */
export const askSecondOpinions = async (
  series: DemandSeries,
  horizonsSec: readonly number[],
  opinions: readonly SecondOpinion[],
  isJudged: boolean,
  leftMs: () => number,
): Promise<Opinions> => {
  const even = untilLastKnown(series);
  const horizonSteps = horizonStepsOf(horizonsSec, series.stepSec);
  const { length } = even.values;
  const origins = isJudged ? [length] : costlyOrigins(length, horizonSteps.at(-1)!, series.stepSec);
  const knownDays = (even.values.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0) * series.stepSec) / 86_400;
  const models: Model[] = [];
  const failures: ModelFailure[] = [];
  for (const opinion of opinions) {
    if (opinion.minimumDays > knownDays) continue;
    const withinMs = Math.floor(leftMs());
    const answer: Answer =
      withinMs < 1
        ? { kind: 'failed', reason: 'no time was left to ask it' }
        : await opinion.ask(even, origins, horizonSteps, withinMs);
    if (answer.kind === 'failed') failures.push({ model: opinion.name, reason: answer.reason });
    else models.push(heard(opinion, origins, horizonSteps, answer.forecasts));
  }
  return { models, failures };
};
