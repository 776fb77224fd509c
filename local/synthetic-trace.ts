// local/synthetic-trace: load of our own making, for a start without a trace file. It says that it is synthetic.
// in: a seed · out: three days and a half of a daily shape with a jump at the same time each day
import type { Trace } from './trace.ts';

const MINUTE_MS = 60_000;
const DAY_MIN = 1440;
/** Mid-morning of every day: opening time. */
const JUMP_AT_MIN = 540;

/** A small seeded generator of uniform numbers in [0, 1): mulberry32. The same seed gives the same numbers everywhere. */
export const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

/** The generated trace. Every day the load nearly doubles within five minutes at 09:00; the last day's jump is a little larger. */
export const syntheticTrace = (seed = 7): Trace => {
  const chance = seeded(seed);
  const days = 3;
  const length = days * DAY_MIN + JUMP_AT_MIN + 180;
  let drift = 0;
  const total = Float64Array.from({ length }, (_, minute) => {
    const inDay = minute % DAY_MIN;
    const day = Math.floor(minute / DAY_MIN);
    const tide = 1 + 0.35 * Math.sin((2 * Math.PI * (inDay - 420)) / DAY_MIN);
    const opening = Math.min(Math.max((inDay - JUMP_AT_MIN) / 5, 0), 1) * Math.exp(-Math.max(inDay - JUMP_AT_MIN - 5, 0) / 240);
    drift = drift * 0.97 + (chance() - 0.5) * 0.01;
    return 6000 * (tide + (0.95 + day * 0.02) * opening) * (1 + drift + (chance() - 0.5) * 0.03);
  });
  // The days end on a fixed date: nothing here reads the clock.
  return { name: 'synthetic', synthetic: true, startMs: Date.UTC(2026, 0, 5), stepMs: MINUTE_MS, total, keys: [] };
};
