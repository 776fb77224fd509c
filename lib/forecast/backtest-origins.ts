// lib/forecast: from where models are judged.
// in: how long a series is · out: the rolling origins of its back-test, and the fewer ones of a costly model
import { rollingOrigins } from './backtest.ts';

/** The back-test looks at this much of the past, from this many origins. */
const BACKTEST_SEC = 2 * 86_400;
const BACKTEST_ORIGINS = 24;
/** Models that must be fitted anew at each origin are judged at every fourth only. */
export const COSTLY_THINNING = 4;

/** The origins of the choice of a model. */
export const choiceOrigins = (length: number, longestHorizon: number, stepSec: number): number[] =>
  rollingOrigins(length, longestHorizon, BACKTEST_SEC / stepSec, BACKTEST_ORIGINS);

/** Those at which a costly model is judged, and the end of the series, from which it forecasts. */
export const costlyOrigins = (length: number, longestHorizon: number, stepSec: number): number[] => [
  ...choiceOrigins(length, longestHorizon, stepSec).filter((_, i) => i % COSTLY_THINNING === COSTLY_THINNING - 1),
  length,
];
