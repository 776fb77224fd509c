import { describe, expect, it } from 'vitest';
import { PoisonError } from '../../lib/errors.ts';
import { forecastFromHistory } from '../../lib/forecast/forecast-series.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { lastValue } from '../../lib/forecast/last-value.ts';
import { resumeForecast } from '../../lib/forecast/resume-forecast.ts';
import type { DemandSeries } from '../../lib/model/demand.ts';
import { dailyJump, HORIZONS_SEC, MIDNIGHT, MINUTES_PER_DAY, series } from './series.ts';

const MODELS = [lastValue, incremental];
const values = dailyJump(4 * MINUTES_PER_DAY + 120);
const start = 4 * MINUTES_PER_DAY;
const atMinute = (minute: number): number => MIDNIGHT + minute * 60_000;
const first = forecastFromHistory(series(values.subarray(0, start)), 'shard', HORIZONS_SEC, MODELS, null, atMinute(start));
const tailOf = (from: number, until: number): DemandSeries => series(values.subarray(from, until), atMinute(from));
const resume = (
  tail: DemandSeries,
  previous = first.forecast,
  state = first.state,
  now = atMinute(start + 5),
  horizons = HORIZONS_SEC,
) => resumeForecast({ tail, scope: 'shard', horizonsSec: horizons, previous, state }, now);
const reasonOf = (...given: Parameters<typeof resume>): string => {
  const resumed = resume(...given);
  return resumed.kind === 'needs-history' ? resumed.reason : resumed.kind;
};

describe('resumeForecast', () => {
  it('gives the forecast that the whole history would have given, tick after tick', () => {
    let { forecast, state } = first;
    for (const minute of [1, 2, 5, 40]) {
      const resumed = resume(tailOf(start - 30, start + minute), forecast, state, atMinute(start + minute));
      if (resumed.kind !== 'forecasted') throw new Error(resumed.reason);
      ({ forecast, state } = resumed);
    }
    const whole = forecastFromHistory(
      series(values.subarray(0, start + 40)),
      'shard',
      HORIZONS_SEC,
      MODELS,
      first.forecast,
      atMinute(start + 40),
    );
    expect(forecast.observedUntilMs).toBe(whole.forecast.observedUntilMs);
    expect(forecast.historyMinutes).toBe(whole.forecast.historyMinutes);
    expect(forecast.lastObserved).toBeCloseTo(whole.forecast.lastObserved, 3);
    expect(forecast.reason).toBe(whole.forecast.reason);
    forecast.windowMaxQuantiles.forEach((row, q) => {
      row.forEach((value, h) => {
        expect(value / whole.forecast.windowMaxQuantiles[q]![h]!).toBeCloseTo(1, 1);
      });
    });
    forecast.windowMaxMean!.forEach((value, h) => {
      expect(value / whole.forecast.windowMaxMean![h]!).toBeCloseTo(1, 1);
    });
  });

  it('leaves gaps at the end for the next run, when they may be known', () => {
    const resumed = resume(series([...values.subarray(start - 5, start + 3), Number.NaN, Number.NaN], atMinute(start - 5)));
    expect(resumed).toMatchObject({ kind: 'forecasted', forecast: { observedUntilMs: atMinute(start + 3) } });
  });

  it('asks for the whole history where the state is not enough, with the reason', () => {
    const tail = tailOf(start - 10, start + 5);
    expect(reasonOf(tail, first.forecast, null)).toContain('nothing was learnt');
    expect(reasonOf(tailOf(start + 2, start + 5))).toBe('the state ends 2 steps before the newest minutes begin');
    expect(reasonOf(tail, { ...first.forecast, model: 'last-value' })).toContain('last-value keeps no state');
    expect(reasonOf(tail, { ...first.forecast, status: 'not-enough-history' })).toContain('less than a day');
    expect(reasonOf(tail, first.forecast, first.state, atMinute(start + MINUTES_PER_DAY + 1))).toContain('chosen again');
    expect(reasonOf(tail, first.forecast, first.state!.slice(8))).toContain('not the state of a forecaster');
    expect(reasonOf(tail, first.forecast, first.state, atMinute(start), [60, 120])).toContain('horizons');
  });

  it('fails on horizons that are no multiples of the step', () => {
    expect(() => resume(tailOf(start, start + 5), first.forecast, first.state, atMinute(start), [90])).toThrow(PoisonError);
  });
});
