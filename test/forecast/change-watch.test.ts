import { describe, expect, it } from 'vitest';
import { learnSeries } from '../../lib/forecast/incremental.ts';
import { dailyJump, MIDNIGHT, MINUTES_PER_DAY } from './series.ts';

const SHIFT = 6 * MINUTES_PER_DAY + 600;
const changedAt = (of: (value: number, i: number) => number, minutes = 7 * MINUTES_PER_DAY) =>
  learnSeries({ values: dailyJump(minutes, 0.3).map(of), startMs: MIDNIGHT, stepSec: 60 }, [5, 30]).changedAtMs;
const minuteOf = (atMs: number | null): number => (atMs! - MIDNIGHT) / 60_000;

describe('changedAtMs', () => {
  it('finds when the level shifted for good, up and down, within minutes, and knows it within two hours', () => {
    for (const factor of [0.4, 2])
      for (const minutes of [SHIFT + 120, 7 * MINUTES_PER_DAY]) {
        const at = minuteOf(changedAt((value, i) => (i < SHIFT ? value : factor * value), minutes));
        expect(Math.abs(at - SHIFT)).toBeLessThanOrEqual(15);
      }
  });

  it('is null where every day is like the others, and after a spike or an outage of half an hour', () => {
    expect(changedAt((value) => value)).toBeNull();
    expect(changedAt((value, i) => (i === SHIFT ? 30 * value : value))).toBeNull();
    expect(changedAt((value, i) => (i >= SHIFT && i < SHIFT + 30 ? 0 : value))).toBeNull();
  });
});
