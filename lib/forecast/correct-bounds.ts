// lib/forecast: bounds that missed more (or less) than their share lately are moved.
// in: a forecast, the corrections that feedback follows · out: the forecast with its bounds wider or narrower around the median
import { type Forecast, QUANTILES } from '../model/forecast.ts';
import type { BoundCorrection } from '../model/track-record.ts';
import { coherent } from './coherent.ts';

const MEDIAN = QUANTILES.indexOf(0.5);

/** Factors between two scored horizons are interpolated; outside of them the nearest one's. The lower bound stays: nothing was missed there. */
export const correctBounds = (forecast: Forecast, corrections: readonly BoundCorrection[]): Forecast => {
  const { boundFactors: _, ...bare } = forecast;
  if (corrections.every(({ logFactor }) => logFactor === 0)) return bare;
  const sorted = [...corrections].sort((a, b) => a.horizonSec - b.horizonSec);
  const boundFactors = forecast.horizonsSec.map((horizonSec) => Math.exp(logFactorAt(sorted, horizonSec)));
  const moved = (rows: readonly (readonly number[])[]): number[][] =>
    rows.map((row, q) =>
      row.map((value, h) => {
        const median = rows[MEDIAN]![h]!;
        return q <= MEDIAN ? value : median + (value - median) * boundFactors[h]!;
      }),
    );
  return {
    ...bare,
    ...coherent({ quantiles: moved(forecast.quantiles), windowMaxQuantiles: moved(forecast.windowMaxQuantiles) }),
    boundFactors,
  };
};

const logFactorAt = (sorted: readonly BoundCorrection[], horizonSec: number): number => {
  const above = sorted.findIndex((each) => each.horizonSec >= horizonSec);
  if (above === -1) return sorted.at(-1)!.logFactor;
  const [low, high] = [sorted[Math.max(above - 1, 0)]!, sorted[above]!];
  if (low === high) return high.logFactor;
  const share = (horizonSec - low.horizonSec) / (high.horizonSec - low.horizonSec);
  return low.logFactor + share * (high.logFactor - low.logFactor);
};
