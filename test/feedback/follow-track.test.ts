import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { followTrack, LEAST_LOG_FACTOR, MOST_LOG_FACTOR } from '../../lib/feedback/follow-track.ts';
import { summarizeTracks } from '../../lib/feedback/summarize-tracks.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { ForecastOutcome } from '../../lib/model/operation.ts';
import type { TrackRecord } from '../../lib/model/track-record.ts';
import { noise } from '../forecast/series.ts';

const START = Date.UTC(2026, 10, 21);
const MINUTE_MS = 60_000;
const at = (minute: number): number => START + minute * MINUTE_MS;
const empty: TrackRecord = {
  streamName: 'orders',
  hashKeyRange: WHOLE_RANGE,
  metric: 'records',
  scoredUntilMs: START,
  marks: [],
  corrections: [],
};
const outcome = (change: Partial<ForecastOutcome>): ForecastOutcome => ({
  kind: 'forecast',
  streamName: 'orders',
  atMs: at(1),
  operationId: 'x',
  series: 's',
  model: 'incremental',
  horizonSec: 300,
  median: 10,
  upper95: 15,
  windowMax95: 20,
  observed: 10,
  observedMax: 10,
  lastObserved: 12,
  ...change,
});
const factorOf = (record: TrackRecord, horizonSec = 300): number =>
  Math.exp(record.corrections.find((each) => each.horizonSec === horizonSec)?.logFactor ?? 0);

/**
 * Two weeks of a loop: a bound of `width` times what would hold 95 % of the highest of a window, corrected by the record, scored when the window has passed.
 * Answers the share of the last week's windows that held.
 */
const coverageOf = (width: number, horizonMin: number): { held: number; record: TrackRecord } => {
  const next = noise(7);
  const minutes = 14 * 1440;
  /** Half-normal loads around 100: independent from window to window. */
  const loads = Array.from({ length: minutes + horizonMin }, () => 100 + 10 * (next() + next() + next()));
  const highest = (from: number) => Math.max(...loads.slice(from, from + horizonMin));
  const all = Array.from({ length: minutes }, (_, i) => highest(i));
  const right = [...all].sort((a, b) => a - b)[Math.floor(0.95 * all.length)]! - 100;
  let record = empty;
  const bounds: number[] = [];
  let [held, count] = [0, 0];
  for (let minute = 0; minute < minutes; minute++) {
    bounds.push(100 + right * width * factorOf(record, horizonMin * 60));
    const issued = minute - horizonMin;
    if (issued < 0) continue;
    const observedMax = all[issued]!;
    if (minute > minutes / 2) {
      held += observedMax <= bounds[issued]! ? 1 : 0;
      count++;
    }
    const scored = { atMs: at(minute + 1), horizonSec: horizonMin * 60, windowMax95: bounds[issued]!, observedMax };
    record = followTrack(record, [outcome(scored)]);
  }
  return { held: held / count, record };
};

describe('followTrack', () => {
  it.each([
    [0.6, 5],
    [0.8, 15],
    [1, 15],
    [1.25, 30],
  ])('brings a bound of %f times the right width to hold its share of windows of %d minutes', (width, horizonMin) => {
    const { held } = coverageOf(width, horizonMin);
    expect(held).toBeGreaterThan(0.93);
    expect(held).toBeLessThan(0.97);
  });

  it('gives up at its bound where the model is hopeless', () => {
    const { record, held } = coverageOf(0.2, 15);
    expect(factorOf(record, 900)).toBeCloseTo(2.5, 1);
    expect(held).toBeLessThan(0.9);
  });

  it('never takes a minute twice, in whatever order it is told', () => {
    const outcomes = Array.from({ length: 20 }, (_, i) => outcome({ atMs: at(i + 1), observed: i, observedMax: i + 8 }));
    const once = followTrack(empty, outcomes);
    expect(followTrack(once, outcomes)).toEqual(once);
    expect(followTrack(followTrack(empty, outcomes.slice(0, 12).toReversed()), outcomes).marks[0]!.weight).toBeCloseTo(
      once.marks[0]!.weight,
      9,
    );
    expect(once.scoredUntilMs).toBe(at(20));
  });

  it('fades by half in a day', () => {
    const first = followTrack(empty, [outcome({ atMs: at(1), observed: 4 })]);
    const later = followTrack(first, [outcome({ atMs: at(1 + 1440), observed: 10 })]);
    expect(later.marks[0]).toMatchObject({ weight: 1.5, absoluteError: 3, error: 3, naiveError: 0.5 * 8 + 2 });
  });

  it('never moves a bound beyond its limits', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 400 }), fc.constantFrom(60, 300, 1800), (misses, horizonSec) => {
        const outcomes = misses.map((missed, i) => outcome({ atMs: at(i + 1), horizonSec, observedMax: missed ? 99 : 1 }));
        for (const { logFactor } of followTrack(empty, outcomes).corrections) {
          expect(logFactor).toBeGreaterThanOrEqual(LEAST_LOG_FACTOR);
          expect(logFactor).toBeLessThanOrEqual(MOST_LOG_FACTOR);
        }
      }),
    );
  });
});

describe('summarizeTracks', () => {
  it('states error, bias and coverage for each model and horizon, over all series', () => {
    const track = (outcomes: Partial<ForecastOutcome>[]) => followTrack(empty, outcomes.map(outcome));
    const lines = summarizeTracks([
      track([{ observed: 14 }, { observed: 20, observedMax: 20 }, { model: 'arima', observed: 8 }]),
      track([{ observed: 6, observedMax: 21 }, { horizonSec: 900 }]),
    ]);
    expect(lines.map((line) => [line.model, line.horizonSec, line.count])).toEqual([
      ['arima', 300, 1],
      ['incremental', 300, 3],
      ['incremental', 900, 1],
    ]);
    expect(lines[1]).toMatchObject({
      meanAbsoluteError: 6,
      relativeError: expect.closeTo(18 / 40),
      coverage95: expect.closeTo(2 / 3),
      maxCoverage95: expect.closeTo(2 / 3),
      bias: expect.closeTo(-10 / 3),
    });
    expect(lines[0]?.bias).toBe(2);
    expect(summarizeTracks([track([{ observed: 0 }])])[0]?.relativeError).toBeNull();
  });
});
