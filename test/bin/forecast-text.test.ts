import { describe, expect, it } from 'vitest';
import { forecastText } from '../../bin/forecast-text.ts';
import type { PredictionsResponse } from '../../lib/model/api.ts';

const AT = Date.UTC(2026, 0, 8, 12);
const point = (minutes: number, median: number) => ({
  ...{ atMs: AT + minutes * 60_000, lower05: 0, median, upper90: median, upper95: median, windowMax95: 2 * median },
});
const series: PredictionsResponse['series'][number] = {
  ...{ scope: 'shard', shardId: 'shardId-000000000007', metric: 'records', capacity: 1000 },
  ...{
    model: 'incremental',
    status: 'ready',
    reason: 'It erred least.',
    failures: [{ model: 'prophet', reason: 'took too long' }],
  },
  ...{ issuedAtMs: AT, ageSec: 20, boundFactor: 1.25 },
  accuracy: [
    { model: 'incremental', horizonSec: 900, minutes: 60, relativeError: 0.1, bias: 0, coverage95: 0.95, maxCoverage95: 0.93 },
  ],
  points: [point(5, 100), point(15, 110), point(60, 140)],
  observed: [
    { atMs: AT - 120_000, value: 90 },
    { atMs: AT - 60_000, value: null },
  ],
};
const body = (more: Partial<PredictionsResponse> = {}): PredictionsResponse => ({
  atMs: AT,
  events: [],
  series: [series],
  ...more,
});

describe('forecastText', () => {
  it('shows the newest known value, medians and bounds ahead, the model and how often the bound held', () => {
    const [header, row] = forecastText(body(), false).split('\n');
    expect(header).toMatch(/^SERIES +A SECOND +NOW +IN 5 MIN +IN 15 MIN +IN 30 MIN +IN 60 MIN +MODEL +BOUND HELD$/);
    expect(row).toMatch(
      /^shardId-000000000007 +records +90\.0 +100\.0 ≤ 200\.0 +110\.0 ≤ 220\.0 +– +140\.0 ≤ 280\.0 +incremental +93 %$/,
    );
  });

  it('says why with the reason, the width of the bounds and what failed', () => {
    expect(forecastText(body(), true).split('\n').slice(-3)).toEqual([
      'shardId-000000000007, records: It erred least.',
      '  Its bounds are 1.25 times as wide as its model says, by what they held lately.',
      '  prophet failed: took too long',
    ]);
  });

  it('says with the reason how high the highest is in the mean, where the model tells it', () => {
    const points = [point(5, 100), { ...point(60, 140), windowMaxMean: 199.96 }];
    expect(forecastText(body({ series: [{ ...series, points }] }), true)).toContain(
      'It erred least.\n  The highest until 2026-01-08T13:00Z is 200.0 in the mean, at most 280.0 with 95 %.\n',
    );
  });

  it('says that a series has too little history instead of a model, and bytes in kilobytes and megabytes', () => {
    const [, row] = forecastText(
      body({
        series: [{ ...series, status: 'not-enough-history', metric: 'bytes', accuracy: [], points: [point(5, 1_500_000)] }],
      }),
      false,
    ).split('\n');
    expect(row).toMatch(/bytes +0\.1 kB +1\.50 MB ≤ 3\.00 MB .*not-enough-history +–$/);
  });

  it('names known events, and says when there is no forecast yet', () => {
    const event = { eventId: 'sale', effect: '×3', fromMs: AT, untilMs: AT + 3_600_000 };
    expect(forecastText(body({ events: [event], series: [] }), false)).toBe(
      'event sale (×3): 2026-01-08T12:00Z to 2026-01-08T13:00Z\nno forecast yet',
    );
  });
});
