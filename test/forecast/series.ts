// test/forecast: makers of series. `noise` is a fixed sequence: no chance in tests.
import type { DemandSeries } from '../../lib/model/demand.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';

export const MIDNIGHT = Date.UTC(2026, 0, 5);
export const MINUTES_PER_DAY = 1440;
export const HORIZONS_SEC = [60, 120, 180, 300, 600, 900, 1200, 1500, 1800];

/** Numbers in [-1, 1) that look random and never change (a linear congruential generator). */
export const noise = (seed = 1): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
};

export const series = (values: ArrayLike<number>, startMs = MIDNIGHT): DemandSeries => ({
  streamName: 'orders',
  hashKeyRange: WHOLE_RANGE,
  metric: 'records',
  startMs,
  stepSec: 60,
  values: Float64Array.from(values),
  censored: new Uint8Array(values.length),
});

/** Minutes of a load that swings over the day and jumps by `jump` from 07:00 to 20:00, with a tenth of it as noise. */
export const dailyJump = (minutes: number, jump = 0.6, level = 1000): Float64Array => {
  const next = noise();
  return Float64Array.from({ length: minutes }, (_, i) => {
    const minuteOfDay = i % MINUTES_PER_DAY;
    const swing = 1 + 0.15 * Math.sin((2 * Math.PI * minuteOfDay) / MINUTES_PER_DAY);
    const high = minuteOfDay >= 7 * 60 && minuteOfDay < 20 * 60 ? 1 + jump : 1;
    return level * swing * high * (1 + 0.05 * next());
  });
};
