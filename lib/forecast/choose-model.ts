// lib/forecast: which model forecasts a series.
// in: the history, the models at hand, what was chosen before, how the models did live · out: a model with its forecast, the scores of all, and the reason
//
// The incremental model is taken unless another one is clearly better; once it is, it stays until it is no longer better. Where another model does nearly as well as the
// incremental one (or better), their mean is a candidate too. From the second choice on the incremental model is also tried on its other scales.
import { type Forecast, ForecastScale, type ModelName, type ModelScore } from '../model/forecast.ts';
import type { TrackMark } from '../model/track-record.ts';
import { backtest } from './backtest.ts';
import { COSTLY_THINNING, choiceOrigins } from './backtest-origins.ts';
import { combinationOf } from './combination.ts';
import { incrementalOn, USUAL_SCALE } from './incremental.ts';
import { lastValue } from './last-value.ts';
import { livePenalty } from './live-standing.ts';
import type { EvenSeries, Model, ModelForecast } from './model.ts';

/** Below this a back-test has not seen any season come back twice: it would praise the model that is right at night. */
export const DAYS_TO_CHOOSE = 3;
/** The model that is taken unless another one is clearly better: it has the others' simple rules inside. */
export const DEFAULT: ModelName = 'incremental';
/** A model that loses by more than this factor makes no mean better. */
const WORTH_COMBINING = 1.15;
/** Another scale must lose less by this share. */
const SCALE_LEAD = 0.05;

export interface Choice {
  readonly model: Model;
  readonly now: ModelForecast;
  readonly scores: readonly ModelScore[];
  readonly reason: string;
  /** The scale of the incremental model. */
  readonly scale: ForecastScale;
  /** Of a combination: its models. */
  readonly parts?: readonly ModelName[];
}

interface Candidate {
  readonly model: Model;
  readonly score: ModelScore;
  readonly now: ModelForecast;
  readonly parts?: readonly ModelName[];
}

/** The forecast from the end of the series of one model. */
const madeBy = (model: Model, series: EvenSeries, horizonSteps: readonly number[]): ModelForecast | null =>
  model.forecastAt(series, [series.values.length], horizonSteps)[0] ?? null;

/** The previous choice, made anew from the end of the series; null where it cannot be. */
export const keepChoice = (
  series: EvenSeries,
  horizonSteps: readonly number[],
  models: readonly Model[],
  previous: Forecast,
): Choice | null => {
  const scale = previous.scale ?? USUAL_SCALE;
  const named = (name: ModelName): Model | undefined =>
    name === DEFAULT && models.some((each) => each.name === DEFAULT)
      ? incrementalOn(scale)
      : models.find((each) => each.name === name);
  const [one, other] = (previous.parts ?? []).map(named);
  const model = previous.model === 'combination' ? one && other && combinationOf(one, other) : named(previous.model);
  const now = model ? madeBy(model, series, horizonSteps) : null;
  if (!model || now === null) return null;
  const reason = previous.reason.startsWith('kept: ') ? previous.reason : `kept: ${previous.reason}`;
  return { model, now, scores: previous.scores, reason, scale, ...(previous.parts ? { parts: previous.parts } : {}) };
};

/** Chooses by back-test. */
export const chooseModel = (
  series: EvenSeries,
  horizonSteps: readonly number[],
  models: readonly Model[],
  knownDays: number,
  previous: Forecast | null,
  live: readonly TrackMark[],
): Choice => {
  const hours = (knownDays * 24).toFixed(1);
  if (knownDays < 1) {
    const model = models.find(({ name }) => name === DEFAULT) ?? lastValue;
    const reason = `${hours} h of history, a day is needed to compare models: ${model.name} with widened bounds`;
    const now = madeBy(model, series, horizonSteps) ?? madeBy(lastValue, series, horizonSteps)!;
    return { model, now, scores: [], reason, scale: USUAL_SCALE };
  }
  const origins = choiceOrigins(series.values.length, horizonSteps.at(-1)!, series.stepSec);
  const judged = (judgedModels: readonly Model[]): Candidate[] =>
    backtest(series, origins, horizonSteps, judgedModels, COSTLY_THINNING).flatMap(({ score, now }, i) =>
      score && now ? [{ model: judgedModels[i]!, score: asSeenLive(score, live), now }] : [],
    );
  const triesScales = knownDays >= DAYS_TO_CHOOSE && previous?.status === 'ready';
  const before = previous?.scale ?? USUAL_SCALE;
  const eligible = models.filter(({ minimumDays }) => minimumDays <= knownDays);
  const others = judged(eligible.filter(({ name }) => name !== DEFAULT));
  const hasDefault = eligible.some(({ name }) => name === DEFAULT);
  const scales = !hasDefault ? [] : triesScales ? ForecastScale.options : [before];
  const { usual, scale, why } = onBestScale(judged(scales.map(incrementalOn)), before);
  const combined = usual === undefined ? [] : combinedWith(usual, others, judged);
  const candidates = [...others, ...(usual === undefined ? [] : [usual]), ...combined];
  const scores = candidates.map(({ score }) => score);
  const chosen = (candidate: Candidate, reason: string): Choice => ({
    model: candidate.model,
    now: candidate.now,
    ...(candidate.parts ? { parts: candidate.parts } : {}),
    scores,
    scale,
    reason: `${reason}${why}`,
  });
  if (usual && knownDays < DAYS_TO_CHOOSE)
    return chosen(
      usual,
      `${hours} h of history: until ${DAYS_TO_CHOOSE} days are known no other model is preferred to ${DEFAULT}; ${figuresOf(usual.score)}`,
    );
  const best = candidates.toSorted((a, b) => lossOf(a.score) - lossOf(b.score))[0];
  if (best === undefined) {
    const reason = 'no model could be back-tested on this series: last value';
    return { model: lastValue, now: madeBy(lastValue, series, horizonSteps)!, scores, scale, reason };
  }
  const incumbent = candidates.find(({ model }) => model.name === previous?.model);
  if (incumbent && incumbent !== best && incumbent !== usual && !(usual && lossOf(usual.score) < lossOf(incumbent.score)))
    if (!isClearlyBetter(best.score, incumbent.score))
      return chosen(
        incumbent,
        `${nameOf(incumbent)} stays: still better than ${DEFAULT} by back-test; ${figuresOf(incumbent.score)}`,
      );
  if (usual && usual !== best && best !== incumbent && !isClearlyBetter(best.score, usual.score))
    return chosen(
      usual,
      `of ${scores.length} models by back-test ${nameOf(best)} did better than ${DEFAULT}, but not clearly; ${figuresOf(usual.score)}`,
    );
  return chosen(
    best,
    `${best.parts ? `${nameOf(best)}, ` : ''}best of ${scores.length} models by back-test; ${figuresOf(best.score)}`,
  );
};

/** The incremental model on the scale that it had, unless another one did better by some margin. */
const onBestScale = (
  variants: readonly Candidate[],
  before: ForecastScale,
): { usual: Candidate | undefined; scale: ForecastScale; why: string } => {
  const had = variants.find(({ model }) => model.scale === before);
  const best = variants.toSorted((a, b) => lossOf(a.score) - lossOf(b.score))[0];
  if (had === undefined || best === undefined || lossOf(best.score) > (1 - SCALE_LEAD) * lossOf(had.score))
    return { usual: had ?? best, scale: before, why: '' };
  const lead = Math.round(100 * (1 - lossOf(best.score) / lossOf(had.score)));
  return { usual: best, scale: best.model.scale ?? before, why: `; on a ${best.model.scale} scale, which loses ${lead} % less` };
};

/** The mean of the incremental model and the best other one, where that is nearly as good. */
const combinedWith = (
  usual: Candidate,
  others: readonly Candidate[],
  judged: (models: readonly Model[]) => Candidate[],
): Candidate[] => {
  const other = others.toSorted((a, b) => lossOf(a.score) - lossOf(b.score))[0];
  if (other === undefined || lossOf(other.score) > WORTH_COMBINING * lossOf(usual.score)) return [];
  // Who does worse live than promised makes a mean worse too.
  if (usual.score.livePenalty !== undefined || other.score.livePenalty !== undefined) return [];
  const parts = [usual.model.name, other.model.name];
  return judged([combinationOf(usual.model, other.model)]).map((candidate) => ({ ...candidate, parts }));
};

const nameOf = ({ model, parts }: Candidate): string => (parts ? `the mean of ${parts.join(' and ')}` : model.name);

/** A model that did worse live than its back-test promised is held to what it did. */
const asSeenLive = (score: ModelScore, live: readonly TrackMark[]): ModelScore => {
  const penalty = livePenalty(score, live);
  if (penalty === 1) return score;
  const { relativeError, relativePinball95 } = score;
  return {
    ...score,
    relativeError: relativeError * penalty,
    relativePinball95: relativePinball95 * penalty,
    livePenalty: penalty,
  };
};

/** What counts: the error of the points and of the bound on the maximum, in equal parts. */
const lossOf = (score: ModelScore): number => Math.sqrt(score.relativeError * score.relativePinball95);

/** Better at the points and at the bound, and together by a lead that must be the larger the fewer the origins: a single lucky origin is no reason. */
const isClearlyBetter = (other: ModelScore, usual: ModelScore): boolean =>
  other.relativeError <= usual.relativeError &&
  other.relativePinball95 <= usual.relativePinball95 &&
  lossOf(other) <= (1 - 1 / Math.sqrt(other.origins)) * lossOf(usual);

const figuresOf = (score: ModelScore): string => {
  const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;
  return `over ${score.origins} origins ${percent(score.relativeError)} of the last value's error, ${percent(score.relativePinball95)} of its loss at the 95 % bound, which held ${percent(score.coverage95)}`;
};
