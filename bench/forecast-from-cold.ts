// bench/forecast-from-cold: what models, libraries and peers say from a week of history.
// in: a model, a series, origins · out: what it said at each
import { coherent } from '../lib/forecast/coherent.ts';
import type { EvenSeries, Model, ModelForecast } from '../lib/forecast/model.ts';
import type { SecondOpinion } from '../lib/forecast/second-opinion.ts';
import type { Said } from './forecast-score.ts';
import { DAY, HISTORY, HORIZONS, type Series, STEPS } from './forecast-series.ts';
import type { Peer, PeerModel } from './statsforecast-peer.ts';

const ANSWER_WITHIN_MS = 20_000;

const historyBefore = (origin: number, { values, startMs, stepSec }: Series): EvenSeries => {
  const from = origin - HISTORY;
  return { values: values.subarray(from, origin), startMs: startMs + from * stepSec * 1000, stepSec };
};

const saidBy = (raw: ModelForecast | null | undefined): Said | null => {
  if (!raw) return null;
  const { quantiles, windowMaxQuantiles, windowMaxMean } = coherent(raw);
  return {
    points: quantiles[1]!,
    upper: quantiles[3]!,
    peak: windowMaxQuantiles[1]!.at(-1)!,
    peakMean: windowMaxMean?.at(-1) ?? null,
    peakUpper: windowMaxQuantiles[3]!.at(-1)!,
  };
};

/** Asks a model of ours at each origin. */
export const fromCold = (model: Model, series: Series, origins: readonly number[]): (Said | null)[] =>
  origins.map((origin) => saidBy(model.forecastAt(historyBefore(origin, series), [HISTORY], HORIZONS)[0]));

/** Asks a library at each origin; counts in `failures` how often it could not answer, by reason. */
export const askedFromCold = async (
  library: SecondOpinion,
  series: Series,
  origins: readonly number[],
  failures: Record<string, number>,
): Promise<(Said | null)[]> => {
  const said: (Said | null)[] = [];
  for (const origin of origins) {
    const answer = await library.ask(historyBefore(origin, series), [HISTORY], HORIZONS, ANSWER_WITHIN_MS);
    if (answer.kind === 'failed') failures[answer.reason] = (failures[answer.reason] ?? 0) + 1;
    said.push(answer.kind === 'answered' ? saidBy(answer.forecasts[0]) : null);
  }
  return said;
};

/** Asks a model of statsforecast at each origin. */
export const peerAt = (
  peer: Extract<Peer, { kind: 'ready' }>,
  model: PeerModel,
  { values }: Series,
  origins: readonly number[],
): Said[] => {
  const histories = origins.map((origin) => carriedForward(values.subarray(origin - HISTORY, origin)));
  const { point, upper } = peer.forecast(model, histories, DAY, STEPS);
  return origins.map((_, i) => ({
    points: point[i]!,
    upper: upper[i]!,
    peak: Math.max(...point[i]!),
    peakMean: null,
    peakUpper: Math.max(...upper[i]!),
  }));
};

const carriedForward = (values: Float64Array): number[] => {
  let last = 0;
  return Array.from(values, (value) => {
    if (!Number.isNaN(value)) last = value;
    return last;
  });
};
