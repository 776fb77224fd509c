// bench/forecast-one-pass: the incremental model in one pass over each series.
// in: series · out: per series its error, and how often its bounds held, over thousands of origins, so that a share is told to a percent
import { outcomesAt } from '../lib/forecast/backtest.ts';
import { coherent } from '../lib/forecast/coherent.ts';
import { incremental } from '../lib/forecast/incremental.ts';
import type { EvenSeries } from '../lib/forecast/model.ts';

/** The highest load of one window as it was foreseen (median, mean, 95 % bound), and as it came. */
interface Peak {
  readonly median: number;
  readonly mean: number;
  readonly bound: number;
  readonly came: number;
}

export interface OnePassRow {
  readonly origins: number;
  readonly rmae: number;
  readonly cover95: number;
  readonly maxCover95: number;
  /** Whether the median of the maximum is one. */
  readonly maxCover50: number;
  readonly peakBiasPct: number;
  readonly peakMedianBiasPct: number;
  /** The tenth of the hours of which most was foreseen. (Of those in which most came any honest forecast said too little.) */
  readonly topDecile: Pick<OnePassRow, 'maxCover95' | 'maxCover50' | 'peakBiasPct' | 'peakMedianBiasPct'>;
}

/** One row per series, from `from` on with a forecast every `every` steps; null without a series. */
export const onePass = (
  all: readonly (EvenSeries & { readonly name: string })[],
  horizons: readonly number[],
  from: number,
  every: number,
): Record<string, OnePassRow> | null =>
  all.length === 0 ? null : Object.fromEntries(all.map((series) => [series.name, rowOf(series, horizons, from, every)]));

/** The lowest and the highest share over all series, the worst error, and the mean bias. */
export const onePassTotal = (rows: Readonly<Record<string, OnePassRow>>) => {
  const of = (field: 'rmae' | 'cover95' | 'maxCover95' | 'peakBiasPct' | 'peakMedianBiasPct'): number[] =>
    Object.values(rows).map((row) => row[field]);
  const range = (values: readonly number[]): [number, number] => [Math.min(...values), Math.max(...values)];
  const mean = (values: readonly number[]): number =>
    Number((values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(1));
  return {
    worstRmae: Math.max(...of('rmae')),
    cover95: range(of('cover95')),
    maxCover95: range(of('maxCover95')),
    peakBiasPct: mean(of('peakBiasPct')),
    peakMedianBiasPct: mean(of('peakMedianBiasPct')),
  };
};

/** The rows as lines to read. */
export const onePassLines = (title: string, rows: Readonly<Record<string, OnePassRow>>): string[] => [
  `in one pass, ${title}:`,
  ...Object.entries(rows).map(([name, { topDecile, ...row }]) => {
    const text = Object.entries(row).map(([field, value]) => `${field} ${String(value).padEnd(6)}`);
    return `${name.padEnd(40)} ${text.join(' ')} top decile ${Object.values(topDecile).join(', ')}`;
  }),
  `${'all'.padEnd(40)} ${Object.entries(onePassTotal(rows))
    .map(([field, value]) => `${field} ${Array.isArray(value) ? value.join(' to ') : value}`)
    .join(', ')}`,
];

const rowOf = (series: EvenSeries, horizons: readonly number[], from: number, every: number): OnePassRow => {
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
    const { windowMaxQuantiles, windowMaxMean } = said;
    const median = windowMaxQuantiles[1]!.at(-1)!;
    peaks.push({ median, mean: windowMaxMean?.at(-1) ?? median, bound: windowMaxQuantiles[3]!.at(-1)!, came: peak });
  });
  const highest = peaks.toSorted((a, b) => b.median - a.median).slice(0, Math.ceil(peaks.length / 10));
  return {
    origins: origins.length,
    rmae: Number((sums.error / sums.naive).toFixed(3)),
    cover95: Number((sums.covered / sums.points).toFixed(3)),
    ...atPeaks(peaks),
    topDecile: atPeaks(highest),
  };
};

const atPeaks = (peaks: readonly Peak[]): OnePassRow['topDecile'] => ({
  maxCover95: share(peaks, ({ bound, came }) => bound >= came),
  maxCover50: share(peaks, ({ median, came }) => median >= came),
  peakBiasPct: biasOf(peaks, ({ mean }) => mean),
  peakMedianBiasPct: biasOf(peaks, ({ median }) => median),
});

const share = (peaks: readonly Peak[], holds: (peak: Peak) => boolean): number =>
  Number((peaks.filter(holds).length / peaks.length).toFixed(3));

const biasOf = (peaks: readonly Peak[], said: (peak: Peak) => number): number => {
  const sum = (of: (peak: Peak) => number): number => peaks.reduce((total, peak) => total + of(peak), 0);
  return Number((100 * (sum(said) / sum(({ came }) => came) - 1)).toFixed(1));
};
