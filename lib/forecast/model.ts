// lib/forecast: what every model answers.
// in: an even series and the moments to forecast from · out: quantiles of the points and of the window's maximum per horizon, and the mean of that maximum
import type { ForecastScale, ModelName } from '../model/forecast.ts';
import type { LogScale } from './log-scale.ts';

/** An even series, NaN where unknown. `startMs` tells the time of day. */
export interface EvenSeries {
  readonly values: Float64Array;
  readonly startMs: number;
  readonly stepSec: number;
  /** 1 where demand was clipped, so that at least the value was asked for. */
  readonly censored?: Uint8Array;
}

/** Shapes as in `Forecast`: `quantiles[q][h]` goes with `QUANTILES[q]` and the h-th horizon. Raw: not yet made coherent. */
export interface ModelForecast {
  readonly quantiles: readonly (readonly number[])[];
  readonly windowMaxQuantiles: readonly (readonly number[])[];
  /** The mean of the window's maximum by each horizon, of models that learn it. */
  readonly windowMaxMean?: readonly number[] | undefined;
}

/** A forecast on a scale, as one in demand. */
export const inDemand = (forecast: ModelForecast, { toDemand }: LogScale): ModelForecast => ({
  quantiles: forecast.quantiles.map((row) => row.map(toDemand)),
  windowMaxQuantiles: forecast.windowMaxQuantiles.map((row) => row.map(toDemand)),
  ...mappedMean(forecast, toDemand),
});

/** The mean of the window's maximum with each horizon changed; nothing where there is none. */
export const mappedMean = (
  { windowMaxMean }: Pick<ModelForecast, 'windowMaxMean'>,
  change: (value: number, h: number) => number,
): { windowMaxMean?: number[] } => (windowMaxMean === undefined ? {} : { windowMaxMean: windowMaxMean.map(change) });

/** A way to forecast. It never looks at or after an origin, has no state between calls, and answers null where it cannot forecast. */
export interface Model {
  readonly name: ModelName;
  /** The scale of a model that can be on several. */
  readonly scale?: ForecastScale;
  /** Days of history from which its forecasts are worth comparing. */
  readonly minimumDays: number;
  /** Whether a back-test of many origins costs little more than one forecast. */
  readonly incremental: boolean;
  /**
   * One forecast for each origin, in order. An origin is a number of known values: the forecast from origin n sees `values[0..n)` and its horizon of one step is
   * `values[n]`. Horizons are in steps, increasing.
   */
  forecastAt(series: EvenSeries, origins: readonly number[], horizonSteps: readonly number[]): (ModelForecast | null)[];
}
