// functions: series of minutes, cut and joined.
// in: series · out: series
import { type DemandSeries, MINUTE_MS } from '../lib/model/demand.ts';

const cut = (series: DemandSeries, first: number): DemandSeries => ({
  ...series,
  startMs: series.startMs + first * MINUTE_MS,
  values: series.values.subarray(first),
  censored: series.censored.subarray(first),
});

/** A series begins where it is known: a young one is short, not weeks of gaps. Null when nothing is known. */
export const sinceFirstKnown = (series: DemandSeries): DemandSeries | null => {
  const first = series.values.findIndex((value) => !Number.isNaN(value));
  return first < 0 ? null : cut(series, first);
};

/** A remembered series with the newest minutes in the place of what it had there, from `earliestMs` on; null when minutes are missing in between. */
export const prolonged = (past: DemandSeries, tail: DemandSeries, earliestMs: number): DemandSeries | null => {
  const at = Math.round((tail.startMs - past.startMs) / MINUTE_MS);
  if (at < 0 || at > past.values.length) return null;
  const values = new Float64Array(at + tail.values.length);
  const censored = new Uint8Array(values.length);
  values.set(past.values.subarray(0, at));
  values.set(tail.values, at);
  censored.set(past.censored.subarray(0, at));
  censored.set(tail.censored, at);
  return cut({ ...past, values, censored }, Math.max(0, Math.round((earliestMs - past.startMs) / MINUTE_MS)));
};
