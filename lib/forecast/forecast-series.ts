// lib/forecast: the forecast of one series.
// in: an even series, the models at hand, the previous forecast, now · out: a forecast that says where it comes from and how far to trust it
import { PoisonError } from '../errors.ts';
import type { DemandSeries } from '../model/demand.ts';
import { type Forecast, type ModelScore, QUANTILES } from '../model/forecast.ts';
import type { TrackMark } from '../model/track-record.ts';
import { backtest } from './backtest.ts';
import { COSTLY_THINNING, choiceOrigins } from './backtest-origins.ts';
import { coherent } from './coherent.ts';
import { learnSeries } from './incremental.ts';
import { freeze } from './incremental-state.ts';
import { lastValue } from './last-value.ts';
import { livePenalty } from './live-standing.ts';
import type { EvenSeries, Model, ModelForecast } from './model.ts';

const HOUR_MS = 3_600_000;
/** A choice stands for a day; for six hours while so little is known that the next hours may change it. */
const CHOICE_MS = 24 * HOUR_MS;
const EARLY_CHOICE_MS = 6 * HOUR_MS;
const DAY_SEC = 86_400;
/** Below this a back-test has not seen any season come back twice: it would praise the model that is right at night. */
const DAYS_TO_CHOOSE = 3;
/** The model that is taken unless another one is clearly better: it has the others' simple rules inside. */
const DEFAULT = 'incremental';

/**
 * Forecasts one series. The model is chosen by back-test once a day (at a minute that differs from series to series; every six hours while young) and kept in between, with
 * its scores. A series with less than a day of known minutes is `not-enough-history`: its bounds are widened by how little is known.
 * `horizonsSec` must be increasing multiples of the series' step. Fails with PoisonError when nothing is known or something is not a number.
 */
export const forecastSeries = (
  series: DemandSeries,
  scope: 'stream' | 'shard',
  horizonsSec: readonly number[],
  models: readonly Model[],
  previous: Forecast | null,
  nowMs: number,
): Forecast => forecastFromHistory(series, scope, horizonsSec, models, previous, nowMs).forecast;

/** The forecast of one series as by `forecastSeries`, with how the models did live counted in the choice, and the state from which `resumeForecast` goes on; null where the incremental model is not among the models. */
export const forecastFromHistory = (
  series: DemandSeries,
  scope: 'stream' | 'shard',
  horizonsSec: readonly number[],
  models: readonly Model[],
  previous: Forecast | null,
  nowMs: number,
  live: readonly TrackMark[] = [],
): { forecast: Forecast; state: Uint8Array | null } => {
  const horizonSteps = horizonStepsOf(horizonsSec, series.stepSec);
  if (models.length === 0) throw new PoisonError('models must not be empty, got none');
  const even = untilLastKnown(series);
  const known = knownSteps(even.values);
  const knownDays = (known * series.stepSec) / DAY_SEC;
  const choice = choose(even, horizonSteps, models, knownDays, previous, keepsChoice(series, previous, nowMs), live);
  const observedUntilMs = series.startMs + even.values.length * series.stepSec * 1000;
  const young = knownDays < 1;
  const made = coherent(young ? widened(choice.now, knownDays) : choice.now);
  const forecast: Forecast = {
    streamName: series.streamName,
    scope,
    hashKeyRange: series.hashKeyRange,
    metric: series.metric,
    issuedAtMs: nowMs,
    observedUntilMs,
    lastObserved: even.values.at(-1)!,
    horizonsSec: [...horizonsSec],
    ...made,
    model: choice.model.name,
    reason: choice.reason,
    scores: [...choice.scores],
    status: young ? 'not-enough-history' : 'ready',
    historyMinutes: Math.round((known * series.stepSec) / 60),
  };
  const resumable = models.some(({ name }) => name === DEFAULT);
  return { forecast, state: resumable ? freeze(learnSeries(even, horizonSteps)) : null };
};

/** Horizons in steps of the series. Fails with PoisonError unless they are increasing multiples of the step. */
export const horizonStepsOf = (horizonsSec: readonly number[], stepSec: number): number[] => {
  if (horizonsSec.length === 0) throw new PoisonError('horizonsSec must not be empty, got []');
  return horizonsSec.map((horizon, i) => {
    const steps = horizon / stepSec;
    if (!Number.isInteger(steps) || steps < 1 || steps <= (horizonsSec[i - 1] ?? 0) / stepSec)
      throw new PoisonError(`horizonsSec must be increasing multiples of ${stepSec}, got ${JSON.stringify(horizonsSec)}`);
    return steps;
  });
};

/** Gaps at the end are no observation: the forecast starts after the last known value. */
export const untilLastKnown = (series: DemandSeries): EvenSeries => {
  const { values, startMs, stepSec } = series;
  values.forEach((value, i) => {
    if (value < 0 || value === Number.POSITIVE_INFINITY)
      throw new PoisonError(`values[${i}] must be a finite number >= 0 or NaN for a gap, got ${value}`);
  });
  const last = values.findLastIndex((value) => !Number.isNaN(value));
  if (last < 0)
    throw new PoisonError(
      `the series of ${series.streamName} has no known value in ${values.length} steps; at least one is needed`,
    );
  return { values: values.subarray(0, last + 1), startMs, stepSec };
};

const knownSteps = (values: Float64Array): number => values.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);

/** Whether the previous choice still stands. The time of a series' choice is its own, so that not all choose at once. */
export const keepsChoice = (series: DemandSeries, previous: Forecast | null, nowMs: number): boolean => {
  if (previous === null || previous.status !== 'ready' || previous.scores.length === 0) return false;
  const early = previous.historyMinutes < DAYS_TO_CHOOSE * 1440;
  const periodMs = early ? EARLY_CHOICE_MS : CHOICE_MS;
  const { startingHashKey, endingHashKey } = series.hashKeyRange;
  const minutes = BigInt(periodMs / 60_000);
  const own = Number(((startingHashKey >> 96n) ^ (endingHashKey >> 64n) ^ BigInt(series.metric.length)) % minutes) * 60_000;
  return Math.floor((nowMs + own) / periodMs) === Math.floor((previous.issuedAtMs + own) / periodMs);
};

interface Choice {
  readonly model: Model;
  readonly now: ModelForecast;
  readonly scores: readonly ModelScore[];
  readonly reason: string;
}

const choose = (
  series: EvenSeries,
  horizonSteps: readonly number[],
  models: readonly Model[],
  knownDays: number,
  previous: Forecast | null,
  keep: boolean,
  live: readonly TrackMark[],
): Choice => {
  const made = (model: Model): ModelForecast | null => model.forecastAt(series, [series.values.length], horizonSteps)[0] ?? null;
  const hours = (knownDays * 24).toFixed(1);
  if (knownDays < 1) {
    const model = models.find(({ name }) => name === DEFAULT) ?? lastValue;
    const reason = `${hours} h of history, a day is needed to compare models: ${model.name} with widened bounds`;
    return { model, now: made(model) ?? made(lastValue)!, scores: [], reason };
  }
  const kept = keep ? models.find(({ name }) => name === previous?.model) : undefined;
  const keptNow = kept ? made(kept) : null;
  if (kept && keptNow && previous) {
    const reason = previous.reason.startsWith('kept: ') ? previous.reason : `kept: ${previous.reason}`;
    return { model: kept, now: keptNow, scores: previous.scores, reason };
  }
  const eligible = models.filter(({ minimumDays }) => minimumDays <= knownDays);
  const longest = horizonSteps.at(-1)!;
  const origins = choiceOrigins(series.values.length, longest, series.stepSec);
  const results = backtest(series, origins, horizonSteps, eligible, COSTLY_THINNING);
  const candidates = eligible.flatMap((model, i) => {
    const { score, now } = results[i]!;
    return score && now ? [{ model, score: asSeenLive(score, live), now }] : [];
  });
  const scores = candidates.map(({ score }) => score);
  const usual = candidates.find(({ model }) => model.name === DEFAULT);
  if (usual && knownDays < DAYS_TO_CHOOSE) {
    const reason = `${hours} h of history: until ${DAYS_TO_CHOOSE} days are known no other model is preferred to ${DEFAULT}; ${figuresOf(usual.score)}`;
    return { ...usual, scores, reason };
  }
  const best = candidates.toSorted((a, b) => lossOf(a.score) - lossOf(b.score))[0];
  if (best === undefined)
    return {
      model: lastValue,
      now: made(lastValue)!,
      scores,
      reason: 'no model could be back-tested on this series: last value',
    };
  if (usual && usual !== best && !isClearlyBetter(best.score, usual.score)) {
    const reason = `of ${scores.length} models by back-test ${best.model.name} did better than ${DEFAULT}, but not clearly; ${figuresOf(usual.score)}`;
    return { ...usual, scores, reason };
  }
  return { ...best, scores, reason: `best of ${scores.length} models by back-test; ${figuresOf(best.score)}` };
};

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

/**
 * A young series has few residuals and no day to compare with: the distance of each quantile to the median grows by a factor that falls with the square root of the
 * known hours (2 after an hour, 1.2 after a day), and the upper ones keep at least a margin over the median that falls likewise (half of it after an hour).
 */
const widened = (raw: ModelForecast, knownDays: number): ModelForecast => {
  const doubt = 1 / Math.sqrt(Math.max(knownDays * 24, 1 / 60));
  const widen = (rows: readonly (readonly number[])[]): number[][] => {
    const median = rows[QUANTILES.indexOf(0.5)]!;
    return rows.map((row, q) =>
      row.map((value, h) => {
        const level = QUANTILES[q]!;
        const margin = (level - 0.5) * doubt * median[h]!;
        const wide = median[h]! + (value - median[h]!) * (1 + doubt);
        return level > 0.5 ? Math.max(wide, median[h]! + margin) : level < 0.5 ? Math.min(wide, median[h]! + margin) : value;
      }),
    );
  };
  return { quantiles: widen(raw.quantiles), windowMaxQuantiles: widen(raw.windowMaxQuantiles) };
};
