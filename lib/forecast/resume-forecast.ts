// lib/forecast: the forecast of one series from where the last run stopped.
// in: a frozen state, the minutes since, the previous forecast, now · out: a forecast and the new state, or why the whole history is needed
import type { DemandSeries } from '../model/demand.ts';
import type { Forecast } from '../model/forecast.ts';
import { coherent } from './coherent.ts';
import { horizonStepsOf, keepsChoice } from './forecast-series.ts';
import type { IncrementalForecaster } from './incremental-forecaster.ts';
import { freeze, thaw } from './incremental-state.ts';

export interface Resumption {
  /** The newest minutes; those before the end of the state are skipped. */
  readonly tail: DemandSeries;
  readonly scope: 'stream' | 'shard';
  readonly horizonsSec: readonly number[];
  readonly previous: Forecast | null;
  /** Frozen, or the model itself, which then learns on. */
  readonly state: Uint8Array | IncrementalForecaster | null;
  /** The caller looks after when the model is chosen again, and that is not now. */
  readonly choiceStands?: boolean;
}

export type Resumed =
  /** `state` is frozen when it is read. */
  | {
      readonly kind: 'forecasted';
      readonly forecast: Forecast;
      readonly forecaster: IncrementalForecaster;
      readonly state: Uint8Array;
    }
  | { readonly kind: 'needs-history'; readonly reason: string };

/** Learns what came since the state and forecasts; `needs-history` when that cannot be done from the state alone. Fails as `forecastSeries` does on wrong horizons. */
export const resumeForecast = (
  { tail, scope, horizonsSec, previous, state, choiceStands = false }: Resumption,
  nowMs: number,
): Resumed => {
  const needsHistory = (reason: string): Resumed => ({ kind: 'needs-history', reason });
  const horizonSteps = horizonStepsOf(horizonsSec, tail.stepSec);
  if (previous === null || state === null) return needsHistory('nothing was learnt of this series yet');
  if (previous.status !== 'ready') return needsHistory('less than a day of history was known');
  if (previous.model !== 'incremental') return needsHistory(`the chosen model ${previous.model} keeps no state`);
  if (!choiceStands && !keepsChoice(tail, previous, nowMs)) return needsHistory('the model is to be chosen again');
  const thawed =
    state instanceof Uint8Array ? thaw(state, horizonSteps, tail.stepSec) : { kind: 'thawed' as const, forecaster: state };
  if (thawed.kind === 'unusable') return needsHistory(thawed.reason);
  const { forecaster } = thawed;
  const skipped = (forecaster.learntUntilMs - tail.startMs) / (tail.stepSec * 1000);
  if (!(skipped >= 0)) return needsHistory(`the state ends ${-skipped} steps before the newest minutes begin`);
  if (!Number.isInteger(skipped)) return needsHistory('the steps of the state and those of the newest minutes lie apart');
  const until = tail.values.findLastIndex((value) => !Number.isNaN(value)) + 1;
  let known = 0;
  for (let i = skipped; i < until; i++) {
    forecaster.learn(tail.values[i]!, tail.censored[i] === 1);
    if (!Number.isNaN(tail.values[i]!)) known++;
  }
  const forecast: Forecast = {
    ...previous,
    streamName: tail.streamName,
    scope,
    issuedAtMs: nowMs,
    observedUntilMs: forecaster.learntUntilMs,
    lastObserved: forecaster.lastObserved,
    horizonsSec: [...horizonsSec],
    ...coherent(forecaster.forecast()),
    ...(forecaster.changedAtMs === null ? {} : { changedAtMs: forecaster.changedAtMs }),
    reason: previous.reason.startsWith('kept: ') ? previous.reason : `kept: ${previous.reason}`,
    historyMinutes: previous.historyMinutes + Math.round((known * tail.stepSec) / 60),
  };
  return {
    kind: 'forecasted',
    forecast,
    forecaster,
    get state() {
      return freeze(forecaster);
    },
  };
};
