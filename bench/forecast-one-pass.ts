// bench/forecast-one-pass: the incremental model in one pass over each series.
// in: series · out: per series its error, and how often its bounds held, over thousands of origins, so that a share is told to a percent
import { outcomesAt } from '../lib/forecast/backtest.ts';
import { coherent } from '../lib/forecast/coherent.ts';
import { incremental } from '../lib/forecast/incremental.ts';
import type { EvenSeries } from '../lib/forecast/model.ts';

/** The highest load of one window as it was foreseen, its 95 % bound, and as it came. */
interface Peak {
  readonly median: number;
  readonly bound: number;
  readonly came: number;
}

/** One row per series, from `from` on with a forecast every `every` steps; null without a series. */
export const onePass = (
  all: readonly (EvenSeries & { readonly name: string })[],
  horizons: readonly number[],
  from: number,
  every: number,
): Record<string, unknown> | null =>
  all.length === 0 ? null : Object.fromEntries(all.map((series) => [series.name, rowOf(series, horizons, from, every)]));

const rowOf = (series: EvenSeries, horizons: readonly number[], from: number, every: number): Record<string, unknown> => {
  const count = Math.max(0, Math.floor((series.values.length - horizons.at(-1)! - from) / every));
  const origins = Array.from({ length: count }, (_, i) => from + every * i);
  const sums = { covered: 0, points: 0, error: 0, naive: 0 };
  const peaks: Peak[] = [];
  incremental.forecastAt(series, origins, horizons).forEach((raw, i) => {
    const said = raw && coherent(raw);
    if (!said) return;
    const came = outcomesAt(series.values, origins[i]!, horizons);
    const last = series.values[origins[i]! - 1]!;
    came.points.forEach((point, h) => {
      if (Number.isNaN(point) || Number.isNaN(last)) return;
      sums.points++;
      sums.covered += said.quantiles[3]![h]! >= point ? 1 : 0;
      sums.error += Math.abs(said.quantiles[1]![h]! - point);
      sums.naive += Math.abs(last - point);
    });
    const peak = came.peaks.at(-1)!;
    if (Number.isNaN(peak)) return;
    peaks.push({ median: said.windowMaxQuantiles[1]!.at(-1)!, bound: said.windowMaxQuantiles[3]!.at(-1)!, came: peak });
  });
  const highest = peaks.toSorted((a, b) => b.median - a.median).slice(0, Math.ceil(peaks.length / 10));
  return {
    origins: origins.length,
    rmae: Number((sums.error / sums.naive).toFixed(3)),
    cover95: Number((sums.covered / sums.points).toFixed(3)),
    maxCover95: share(peaks, ({ bound, came }) => bound >= came),
    // Whether the median of the maximum is one.
    maxCover50: share(peaks, ({ median, came }) => median >= came),
    peakBiasPct: biasOf(peaks),
    // The tenth of the hours of which most was foreseen. (Of those in which most came any honest forecast said too little.)
    topDecile: {
      maxCover95: share(highest, ({ bound, came }) => bound >= came),
      maxCover50: share(highest, ({ median, came }) => median >= came),
      peakBiasPct: biasOf(highest),
    },
  };
};

const share = (peaks: readonly Peak[], holds: (peak: Peak) => boolean): number =>
  Number((peaks.filter(holds).length / peaks.length).toFixed(3));

const biasOf = (peaks: readonly Peak[]): number => {
  const sum = (of: (peak: Peak) => number): number => peaks.reduce((total, peak) => total + of(peak), 0);
  return Number((100 * (sum(({ median }) => median) / sum(({ came }) => came) - 1)).toFixed(1));
};
