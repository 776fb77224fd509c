// functions: one series' forecast, with the libraries' opinions where they are due.
// in: the series' whole known past, its previous forecast, the policy's models, the time that is left · out: the forecast, and the state from which the next tick goes on
import type { SecondOpinions } from '../lib/adapters/second-opinions.ts';
import { forecastFromHistory } from '../lib/forecast/forecast-series.ts';
import { incremental } from '../lib/forecast/incremental.ts';
import { lastValue } from '../lib/forecast/last-value.ts';
import { seasonalNaive } from '../lib/forecast/seasonal-naive.ts';
import { askSecondOpinions, opinionsDue } from '../lib/forecast/second-opinion.ts';
import type { DemandSeries } from '../lib/model/demand.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import type { Policy } from '../lib/model/policy.ts';
import type { TrackMark } from '../lib/model/track-record.ts';

const OWN_MODELS = [lastValue, seasonalNaive, incremental];

/** What all series of a run share. */
export interface OpinionsAtHand {
  readonly libraries: Pick<SecondOpinions, 'models'>;
  readonly named: Policy['forecastModels'];
  /** Milliseconds that libraries may still take in this run. */
  readonly leftMs: () => number;
}

/**
 * Forecasts a series from its past: chooses the model where that is due, with the libraries that are due beside our own models. A library that fails is named
 * in `failures` and the choice is made without it. `previous` is null where a choice is due; `last` is then still the newest forecast. Fails as `forecastSeries` does.
 */
export const forecastWithOpinions = async (
  series: DemandSeries,
  scope: Forecast['scope'],
  horizonsSec: readonly number[],
  previous: Forecast | null,
  { libraries, named, leftMs }: OpinionsAtHand,
  nowMs: number,
  live: readonly TrackMark[] = [],
  last: Forecast | null = previous,
): Promise<{ forecast: Forecast; state: Uint8Array | null }> => {
  const due = previous === null ? true : undefined;
  const { opinions, isJudged } = opinionsDue(series, scope, last, named, libraries.models, nowMs, due);
  const { models, failures } = await askSecondOpinions(series, horizonsSec, opinions, isJudged, leftMs);
  const { forecast, state } = forecastFromHistory(series, scope, horizonsSec, [...OWN_MODELS, ...models], previous, nowMs, live);
  // While a choice is kept, so is what failed when it was made.
  const told = isJudged && opinions.length === 0 ? previous?.failures : failures;
  return { forecast: told === undefined || told.length === 0 ? forecast : { ...forecast, failures: [...told] }, state };
};
