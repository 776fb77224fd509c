// lib/model: the nouns. A forecast: quantiles of demand of one hash range over the horizon, with where it came from.
import { z } from 'zod';
import { DemandMetric } from './demand.ts';
import { HashKeyRange } from './hash-key-range.ts';

/** The quantiles that every forecast states, in order. */
export const QUANTILES = [0.05, 0.5, 0.9, 0.95] as const;

export const ModelName = z.enum([
  'last-value',
  'seasonal-naive',
  'exponential-smoothing',
  'incremental',
  'arima',
  'mstl',
  'prophet',
  'combination',
]);
export type ModelName = z.output<typeof ModelName>;

/** The scale on which a model works: whether rises and falls count by their factor, by their amount, or in between. */
export const ForecastScale = z.enum(['logarithmic', 'between', 'linear']);
export type ForecastScale = z.output<typeof ForecastScale>;

/** How one model did on this series in the rolling back-test: mean absolute error and pinball loss at 0.95, both over those of the last value. */
export const ModelScore = z.object({
  model: ModelName,
  relativeError: z.number(),
  relativePinball95: z.number(),
  coverage95: z.number(),
  /** The factor by which the errors above were raised for doing worse live than back-tested. */
  livePenalty: z.number().optional(),
  origins: z.number().int(),
});
export type ModelScore = z.output<typeof ModelScore>;

/** A model of a forecasting library that was asked and gave no forecast: it trapped, hung, threw, or could not be fitted. */
export const ModelFailure = z.object({ model: ModelName, reason: z.string() });
export type ModelFailure = z.output<typeof ModelFailure>;

/** A stream that leads this one: by how much, how surely, and which part of its change arrives at each horizon. */
export const UpstreamLink = z.object({
  streamName: z.string(),
  leadSec: z.number().positive(),
  correlation: z.number(),
  pValue: z.number(),
  /** One per horizon; 0 beyond the lead. */
  weights: z.array(z.number().min(0)),
  /** Error with it over the error without it, where it was not learnt from. */
  errorRatio: z.number(),
});
export type UpstreamLink = z.output<typeof UpstreamLink>;

/** A forecast of one series. Rates are per second. Arrays over the horizon have one entry per `horizonsSec`; `quantiles[q][h]` goes with `QUANTILES[q]`. */
export const Forecast = z.object({
  streamName: z.string(),
  scope: z.enum(['stream', 'shard']),
  hashKeyRange: HashKeyRange,
  metric: DemandMetric,
  issuedAtMs: z.number(),
  /** The end of the last minute that was observed; its distance to `issuedAtMs` is the forecast's age at birth. */
  observedUntilMs: z.number(),
  lastObserved: z.number().min(0),
  horizonsSec: z.array(z.number().positive()),
  quantiles: z.array(z.array(z.number().min(0))),
  /** Quantiles of the *highest* rate in the window from now to each horizon, tracked directly; same shape as `quantiles`. */
  windowMaxQuantiles: z.array(z.array(z.number().min(0))),
  /** The mean of the highest rate in the window from now to each horizon, where the model learns it: bursts are in it that no median contains. */
  windowMaxMean: z.array(z.number().min(0)).optional(),
  model: ModelName,
  /** The scale of the incremental model, where it is chosen or part of the choice. */
  scale: ForecastScale.optional(),
  /** Of a combination: the models whose mean it is. */
  parts: z.array(ModelName).optional(),
  /** When the load last left what was usual and stayed away, as far as that is in the past that was learnt. */
  changedAtMs: z.number().optional(),
  /** One sentence: why this model. */
  reason: z.string(),
  scores: z.array(ModelScore),
  /** Models that failed when they were asked for this choice. */
  failures: z.array(ModelFailure).optional(),
  /** Of the stream's own series of records: when a stream that leads it was last sought, and which one was found. */
  upstream: z.object({ soughtAtMs: z.number(), link: UpstreamLink.nullable() }).optional(),
  status: z.enum(['ready', 'not-enough-history']),
  historyMinutes: z.number().int(),
  /** By which factor the bounds' distance from the median was widened for what they missed (or held too surely) lately; one per horizon. */
  boundFactors: z.array(z.number().positive()).optional(),
  /** Of a stream: its medians are the sums of so many shards' ones; `shift` is what that added to the median that was forecast first, per second. */
  reconciled: z.object({ shards: z.number().int(), shift: z.array(z.number()) }).optional(),
  /** Of a stream: its hottest shard over the horizon and that shard's share of the load, by medians; an even share would be 1 / shards. */
  skew: z.object({ hottest: HashKeyRange, shares: z.array(z.number()) }).optional(),
  /** Of a shard: its share of the stream's load, by medians. */
  streamShares: z.array(z.number()).optional(),
});
export type Forecast = z.output<typeof Forecast>;

/** The horizons that are scored when their time has come. */
export const SCORED_SEC: readonly number[] = [300, 900, 1800];

/** What is kept of a forecast until its time has come: the scored horizons. */
export const IssuedForecast = Forecast.pick({
  streamName: true,
  scope: true,
  hashKeyRange: true,
  metric: true,
  issuedAtMs: true,
  observedUntilMs: true,
  lastObserved: true,
  horizonsSec: true,
  quantiles: true,
  windowMaxQuantiles: true,
  model: true,
});
export type IssuedForecast = z.output<typeof IssuedForecast>;
