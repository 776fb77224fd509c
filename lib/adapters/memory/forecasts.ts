// lib/adapters/memory: forecasts, what models have learnt, and how they did, in memory.
// in: the stores' calls · out: the same answers as a table's
import type { Forecast, IssuedForecast } from '../../model/forecast.ts';
import type { ModelState } from '../../model/model-state.ts';
import type { TrackRecord } from '../../model/track-record.ts';
import type { ForecastStore, ModelStateStore, TrackRecordStore } from '../../ports.ts';
import { isOf, seriesKey } from '../series-key.ts';

const sortable = (ms: number): string => Math.floor(ms).toString().padStart(15, '0');

/** Forecasts: the newest of each series, and what was issued. */
export const memoryForecasts = (): ForecastStore => {
  const issued = new Map<string, IssuedForecast>();
  const latest = new Map<string, Forecast>();
  const slices = new Map<string, Map<string, readonly Forecast[]>>();
  const sorted = <T extends { readonly streamName: string }>(all: Map<string, T>, streamName: string): T[] =>
    [...all]
      .filter(([, forecast]) => forecast.streamName === streamName)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, forecast]) => structuredClone(forecast));
  return {
    put: async (forecasts) => {
      for (const forecast of forecasts) {
        const series = `${forecast.streamName} ${seriesKey(forecast)}`;
        if ((latest.get(series)?.issuedAtMs ?? 0) <= forecast.issuedAtMs) latest.set(series, structuredClone(forecast));
      }
    },
    latest: async (streamName, _signal, of) =>
      sorted(latest, streamName).filter((forecast) => of === undefined || isOf(forecast, of)),
    issue: async (forecasts) => {
      for (const forecast of forecasts)
        issued.set(`${sortable(forecast.issuedAtMs)} ${forecast.streamName} ${seriesKey(forecast)}`, structuredClone(forecast));
    },
    issued: async (streamName, fromMs, untilMs) =>
      sorted(issued, streamName).filter((f) => f.issuedAtMs >= fromMs && f.issuedAtMs < untilMs),
    putSlice: async (streamName, tickMs, slice, forecasts) => {
      const key = `${streamName} ${sortable(tickMs)}`;
      slices.set(key, (slices.get(key) ?? new Map()).set(slice, structuredClone(forecasts)));
    },
    slices: async (streamName, tickMs) => {
      const all = [...(slices.get(`${streamName} ${sortable(tickMs)}`) ?? new Map<string, readonly Forecast[]>())];
      return structuredClone(all.sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, forecasts]) => forecasts));
    },
  };
};

/** What models have learnt, by series. */
export const memoryModelStates = (): ModelStateStore => {
  const stored = new Map<string, ModelState>();
  const keyOf = (of: Parameters<ModelStateStore['get']>[0][number]): string => `${of.streamName} ${seriesKey(of)}`;
  return {
    put: async (states) => {
      for (const state of states) stored.set(keyOf(state), structuredClone(state));
    },
    get: async (series) => series.flatMap((each) => structuredClone(stored.get(keyOf(each))) ?? []),
  };
};

/** Track records by stream. */
export const memoryTrackRecords = (): TrackRecordStore => {
  const stored = new Map<string, readonly TrackRecord[]>();
  return {
    put: async (streamName, records) => {
      stored.set(streamName, structuredClone(records));
    },
    read: async (streamName) => structuredClone([...(stored.get(streamName) ?? [])]),
  };
};
