// lib/forecast: how sure one may be of a series of which little is known.
// in: a forecast, how much is known, the forecasts of its siblings · out: the forecast with bounds as wide as is honest
import { type Forecast, QUANTILES } from '../model/forecast.ts';
import { coherent } from './coherent.ts';
import { type ModelForecast, mappedMean } from './model.ts';

const MEDIAN = QUANTILES.indexOf(0.5);
/** Fewer siblings tell too little. */
const FEWEST_SIBLINGS = 2;

/**
 * A young series has few residuals and no day to compare with: the distance of each quantile to the median grows by a factor that falls with the square root of the
 * known hours (2 after an hour, 1.2 after a day), and the upper ones keep at least a margin over the median that falls likewise (half of it after an hour).
 */
export const widened = (raw: ModelForecast, knownDays: number): ModelForecast => {
  const doubt = 1 / Math.sqrt(Math.max(knownDays * 24, 1 / 60));
  const widen = (rows: readonly (readonly number[])[]): number[][] => {
    const median = rows[MEDIAN]!;
    return rows.map((row, q) =>
      row.map((value, h) => {
        const level = QUANTILES[q]!;
        const margin = (level - 0.5) * doubt * median[h]!;
        const wide = median[h]! + (value - median[h]!) * (1 + doubt);
        return level > 0.5 ? Math.max(wide, median[h]! + margin) : level < 0.5 ? Math.min(wide, median[h]! + margin) : value;
      }),
    );
  };
  return {
    quantiles: widen(raw.quantiles),
    windowMaxQuantiles: widen(raw.windowMaxQuantiles),
    ...mappedMean(raw, (value) => value),
  };
};

/**
 * A young series' forecast with bounds at least as far from its median, in proportion, as those of its siblings are: of the forecasts of other ranges of the stream that have
 * history enough, the middle one by each quantile and horizon. What lies ahead of the siblings (the morning's rise) is in their maxima, so the young one's may not rise
 * less. Series that are ready, or have fewer than two siblings that are, stay as they are. Pure.
 */
export const siblingBand = (forecast: Forecast, all: readonly Forecast[]): Forecast => {
  if (forecast.status === 'ready') return forecast;
  const siblings = all.filter(
    (each) =>
      each.status === 'ready' &&
      each.scope === 'shard' &&
      each.metric === forecast.metric &&
      each.lastObserved > 0 &&
      each.horizonsSec.length === forecast.horizonsSec.length &&
      each.horizonsSec.every((horizon, h) => horizon === forecast.horizonsSec[h]),
  );
  if (siblings.length < FEWEST_SIBLINGS) return forecast;
  const rows = (of: (each: Forecast) => readonly (readonly number[])[]): number[][] =>
    of(forecast).map((row, q) =>
      row.map((value, h) => {
        const typical = middle(siblings.map((each) => of(each)[q]![h]! / each.lastObserved)) * forecast.lastObserved;
        return q < MEDIAN ? Math.min(value, typical) : q === MEDIAN ? value : Math.max(value, typical);
      }),
    );
  return {
    ...forecast,
    ...coherent({ quantiles: rows((each) => each.quantiles), windowMaxQuantiles: rows((each) => each.windowMaxQuantiles) }),
    reason: `${forecast.reason}; bounds at least as wide as those of ${siblings.length} other shards`,
  };
};

const middle = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.floor(half)]! + sorted[Math.ceil(half) - 1]!) / 2;
};
