import { describe, expect, it } from 'vitest';
import { forecastFromHistory } from '../../lib/forecast/forecast-series.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { lastValue } from '../../lib/forecast/last-value.ts';
import { livePenalty } from '../../lib/forecast/live-standing.ts';
import type { TrackMark } from '../../lib/model/track-record.ts';
import { dailyJump, HORIZONS_SEC, MIDNIGHT, series } from './series.ts';

const mark = (model: string, relativeError: number, minutes: number): TrackMark => ({
  model,
  horizonSec: 300,
  weight: minutes,
  absoluteError: relativeError * minutes,
  error: 0,
  naiveError: minutes,
  observed: 100 * minutes,
  covered95: minutes,
  maxCovered95: minutes,
});
const score = { model: 'incremental' as const, relativeError: 0.5 };

describe('livePenalty', () => {
  it('is none where a model does as promised, better, or was not watched', () => {
    for (const marks of [[], [mark('incremental', 0.5, 9999)], [mark('incremental', 0.2, 9999)], [mark('last-value', 3, 9999)]])
      expect(livePenalty(score, marks)).toBe(1);
  });

  it('grows with what was watched, up to three', () => {
    const penaltyAt = (minutes: number, relativeError = 1) => livePenalty(score, [mark('incremental', relativeError, minutes)]);
    expect(penaltyAt(120)).toBeCloseTo(Math.SQRT2);
    expect(penaltyAt(30)).toBeLessThan(penaltyAt(120));
    expect(penaltyAt(9999)).toBeCloseTo(2, 1);
    expect(penaltyAt(9999, 50)).toBe(3);
  });
});

describe('forecastFromHistory', () => {
  it('takes the place from a model that did far worse live than in the back-test', () => {
    const history = series(dailyJump(4 * 1440, 0), MIDNIGHT);
    const chosen = (live: readonly TrackMark[]) =>
      forecastFromHistory(history, 'shard', HORIZONS_SEC, [lastValue, incremental], null, MIDNIGHT, live).forecast;
    expect(chosen([]).model).toBe('incremental');
    const after = chosen([mark('incremental', 30, 9999)]);
    expect(after.model).toBe('last-value');
    expect(after.scores.find(({ model }) => model === 'incremental')?.livePenalty).toBe(3);
  });
});
