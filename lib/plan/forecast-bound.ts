// lib/plan: what a forecast says about the next minutes.
// in: one forecast · out: the acted-on quantile of the highest load within a time, and when it first passes a limit
import { type Forecast, QUANTILES } from '../model/forecast.ts';
import type { Policy } from '../model/policy.ts';

const NO_BOUNDS: readonly number[] = [];
const boundsOf = (forecast: Forecast, quantile: (typeof QUANTILES)[number]): readonly number[] =>
  forecast.windowMaxQuantiles[QUANTILES.indexOf(quantile)] ?? NO_BOUNDS;

/**
 * The quantile of the highest rate from now until `leadTimeSec` from now, per second. The forecast may be some time old: its windows begin at
 * `observedUntilMs`. Between two horizons it is interpolated; past the last one it is the last one's.
 */
export const windowMaxWithin = (
  forecast: Forecast,
  quantile: Policy['actOnQuantile'],
  leadTimeSec: number,
  nowMs: number,
): number => windowMaxAt(forecast, quantile, leadTimeSec, nowMs);

const windowMaxAt = (forecast: Forecast, quantile: (typeof QUANTILES)[number], leadTimeSec: number, nowMs: number): number => {
  const bounds = boundsOf(forecast, quantile);
  const { horizonsSec } = forecast;
  const untilSec = leadTimeSec + Math.max(nowMs - forecast.observedUntilMs, 0) / 1000;
  let i = 0;
  while (i < horizonsSec.length - 1 && horizonsSec[i]! < untilSec) i++;
  const upper = bounds[i] ?? 0;
  if (i === 0 || untilSec >= horizonsSec[i]!) return upper;
  const share = (untilSec - horizonsSec[i - 1]!) / (horizonsSec[i]! - horizonsSec[i - 1]!);
  return bounds[i - 1]! + share * (upper - bounds[i - 1]!);
};

/** The quantiles (as in `QUANTILES`) of the highest rate from now until `leadTimeSec` from now, per second. */
export const windowMaxQuantilesWithin = (forecast: Forecast, leadTimeSec: number, nowMs: number): number[] =>
  QUANTILES.map((quantile) => windowMaxAt(forecast, quantile, leadTimeSec, nowMs));

/** The end of the first window in which the quantile of the highest rate passes `limit`; undefined when none does. Never in the past. */
export const firstBreachMs = (
  forecast: Forecast,
  quantile: Policy['actOnQuantile'],
  limit: number,
  nowMs: number,
): number | undefined => {
  const bounds = boundsOf(forecast, quantile);
  const index = bounds.findIndex((bound) => bound > limit);
  return index === -1 ? undefined : Math.max(forecast.observedUntilMs + forecast.horizonsSec[index]! * 1000, nowMs);
};

/** Whether the planner may act on it: ready, stated for every horizon, and not older than the policy's limit. */
export const isUsable = (forecast: Forecast, policy: Policy, nowMs: number): boolean =>
  forecast.status === 'ready' &&
  forecast.horizonsSec.length > 0 &&
  boundsOf(forecast, policy.actOnQuantile).length === forecast.horizonsSec.length &&
  nowMs - forecast.observedUntilMs <= policy.staleAfterSec * 1000;
