// lib/simulate: the demand of any hash range at any minute, and what the forecast room says of it.
// in: the demand of a stream, or of its keys · out: series, slices and forecasts per range
import { coherent } from '../forecast/coherent.ts';
import { incremental } from '../forecast/incremental.ts';
import type { ModelForecast } from '../forecast/model.ts';
import { SLICE_COUNT } from '../model/demand.ts';
import {
  contains,
  type HashKeyRange,
  rangeText,
  shareWithin,
  sliceIndexOf,
  WHOLE_RANGE,
  widthOf,
} from '../model/hash-key-range.ts';
import type { Demand } from './demand.ts';
import { foresee, HORIZONS_MIN } from './foresight.ts';

/** Demand by range, in shards' worth. */
export interface SimulatedLoad {
  readonly startMs: number;
  readonly minutes: number;
  demandOf(range: HashKeyRange, minute: number): number;
  /** How the last quarter of an hour's demand spreads over equal slices of the range. */
  slicesAt(range: HashKeyRange, minute: number): number[];
  /** The forecast at the start of a minute. Asked for in order of the minutes. */
  forecastAt(range: HashKeyRange, minute: number): ModelForecast;
}

const scaled = (forecast: ModelForecast, factor: number): ModelForecast => {
  const rows = (quantiles: readonly (readonly number[])[]) => quantiles.map((row) => row.map((value) => value * factor));
  return { quantiles: rows(forecast.quantiles), windowMaxQuantiles: rows(forecast.windowMaxQuantiles) };
};

/** Keys without number, spread evenly: a range has the share of the demand that it has of the key space, and (the models scale) of the forecast. */
export const evenLoad = (demand: Demand, fromMinute: number): SimulatedLoad => {
  const forecasts = foresee(demand, fromMinute);
  const shareOf = (range: HashKeyRange) => shareWithin(WHOLE_RANGE, range);
  return {
    startMs: demand.startMs,
    minutes: demand.minutes.length,
    demandOf: (range, minute) => (demand.minutes[minute] ?? 0) * shareOf(range),
    slicesAt: () => new Array<number>(SLICE_COUNT).fill(1 / SLICE_COUNT),
    forecastAt: (range, minute) => scaled(forecasts[minute - fromMinute]!, shareOf(range)),
  };
};

/** One key of a keyed demand. */
export interface KeyDemand {
  readonly hashKey: bigint;
  readonly minutes: Float64Array;
}

const SPREAD_MIN = 15;
/** History from which the forecaster of a new range learns. */
const LEARNT_MIN = 3 * 1440;
/** The planner looks back on a new range at most so far: the longest cold window. */
const LOOKED_BACK_MIN = 1440;
/** Forecasts are made for so many minutes at once: few for a new range, which may go again, four times as many each time that it stays. */
const FIRST_MIN = 180;
const LONGER = 4;

/** A few keys, each with its own demand: ranges get what their keys have, and each range its own forecast. */
export const keyedLoad = (keys: readonly KeyDemand[], startMs: number): SimulatedLoad => {
  const minutes = keys[0]?.minutes.length ?? 0;
  const series = new Map<string, Float64Array>();
  const made = new Map<string, { from: number; forecasts: ModelForecast[] }>();
  const within = (range: HashKeyRange) => keys.filter((key) => contains(range, key.hashKey));
  /** Nothing is asked of a range long before it was asked for first: what lies further back stays zero. */
  const seriesOf = (range: HashKeyRange, minute: number): Float64Array => {
    const name = rangeText(range);
    const known = series.get(name);
    if (known !== undefined) return known;
    const sum = new Float64Array(minutes);
    const from = Math.max(minute - LEARNT_MIN - LOOKED_BACK_MIN, 0);
    for (const key of within(range)) for (let t = from; t < minutes; t++) sum[t]! += key.minutes[t]!;
    series.set(name, sum);
    return sum;
  };
  return {
    startMs,
    minutes,
    demandOf: (range, minute) => seriesOf(range, minute)[minute] ?? 0,
    slicesAt: (range, minute) => {
      const slices = new Array<number>(SLICE_COUNT).fill(0);
      if (widthOf(range) < BigInt(SLICE_COUNT)) return slices;
      for (const key of within(range)) {
        const recent = key.minutes.subarray(Math.max(minute - SPREAD_MIN, 0), minute).reduce((sum, value) => sum + value, 0);
        slices[sliceIndexOf(range, key.hashKey, SLICE_COUNT)]! += recent;
      }
      const total = slices.reduce((sum, value) => sum + value, 0);
      return total === 0 ? slices : slices.map((value) => value / total);
    },
    forecastAt: (range, minute) => {
      const name = rangeText(range);
      const known = made.get(name);
      const ready = known?.forecasts[minute - known.from];
      if (ready !== undefined) return ready;
      const learntFrom = Math.max(minute - LEARNT_MIN, 0);
      const values = seriesOf(range, minute).subarray(learntFrom);
      const ahead = known === undefined ? FIRST_MIN : known.forecasts.length * LONGER;
      const origins = Array.from({ length: Math.min(ahead, minutes - minute) }, (_, i) => minute - learntFrom + i);
      const forecasts = incremental
        .forecastAt({ values, startMs: startMs + learntFrom * 60_000, stepSec: 60 }, origins, HORIZONS_MIN)
        .map((forecast) => coherent(forecast ?? { quantiles: [], windowMaxQuantiles: [] }));
      made.set(name, { from: minute, forecasts });
      return forecasts[0]!;
    },
  };
};
