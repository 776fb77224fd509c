import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withEvents, withoutEvents } from '../../lib/forecast/events.ts';
import { type Forecast, QUANTILES } from '../../lib/model/forecast.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { KnownEvent } from '../../lib/model/known-event.ts';
import { HORIZONS_SEC, MIDNIGHT, series } from './series.ts';

const MINUTE_MS = 60_000;
const MINUTES = 400;
const END_MS = MIDNIGHT + MINUTES * MINUTE_MS;

const effect: fc.Arbitrary<KnownEvent['effect']> = fc.oneof(
  fc.record({ kind: fc.constant('factor' as const), factor: fc.double({ min: 0.01, max: 20, noNaN: true }) }),
  fc.record({
    kind: fc.constant('addition' as const),
    recordsPerSec: fc.double({ min: 0, max: 500, noNaN: true }),
    bytesPerSec: fc.constant(0),
  }),
  fc.constant({ kind: 'do-not-learn' as const }),
);
const events: fc.Arbitrary<KnownEvent[]> = fc
  .array(fc.record({ effect, from: fc.integer({ min: -60, max: 460 }), minutes: fc.integer({ min: 1, max: 90 }) }), {
    maxLength: 4,
  })
  .map((all) =>
    all.map(({ effect: of, from, minutes }, i) => ({
      application: 'shop',
      streamName: 'orders',
      eventId: `event-${i}`,
      effect: of,
      when: { kind: 'once' as const, fromMs: MIDNIGHT + from * MINUTE_MS, untilMs: MIDNIGHT + (from + minutes) * MINUTE_MS },
      createdAtMs: MIDNIGHT,
    })),
  );
const values = fc.array(fc.oneof(fc.double({ min: 0, max: 1e4, noNaN: true }), fc.constant(Number.NaN)), {
  minLength: MINUTES,
  maxLength: MINUTES,
});

/** Coherent quantiles, as every forecast has. */
const forecast: fc.Arbitrary<Forecast> = fc
  .array(
    fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: HORIZONS_SEC.length, maxLength: HORIZONS_SEC.length }),
    {
      minLength: QUANTILES.length,
      maxLength: QUANTILES.length,
    },
  )
  .map((steps) => {
    const quantiles: number[][] = [];
    for (const row of steps) quantiles.push(row.map((step, h) => step + (quantiles.at(-1)?.[h] ?? 0)));
    const windowMaxQuantiles = quantiles.map((row) => row.map((_, h) => Math.max(...row.slice(0, h + 1)) + 1));
    return {
      streamName: 'orders',
      scope: 'stream',
      hashKeyRange: WHOLE_RANGE,
      metric: 'records',
      issuedAtMs: END_MS,
      observedUntilMs: END_MS,
      lastObserved: 1,
      horizonsSec: HORIZONS_SEC,
      quantiles,
      windowMaxQuantiles,
      model: 'incremental',
      reason: 'best',
      scores: [],
      status: 'ready',
      historyMinutes: MINUTES,
    };
  });

describe('withEvents', () => {
  it('never makes quantiles cross, fall below zero, or the highest of a window fall with the horizon or below its points', () => {
    fc.assert(
      fc.property(forecast, events, (given, known) => {
        const made = withEvents(given, series(new Float64Array(MINUTES).fill(1)), known);
        for (let q = 0; q < QUANTILES.length; q++)
          for (let h = 0; h < HORIZONS_SEC.length; h++) {
            const at = (rows: readonly (readonly number[])[], below: number, before: number) =>
              rows[q - below]?.[h - before] ?? 0;
            expect(at(made.quantiles, 0, 0)).toBeGreaterThanOrEqual(at(made.quantiles, 1, 0));
            const highest = at(made.windowMaxQuantiles, 0, 0);
            expect(highest).toBeGreaterThanOrEqual(at(made.windowMaxQuantiles, 1, 0));
            expect(highest).toBeGreaterThanOrEqual(Math.max(at(made.quantiles, 0, 0), at(made.windowMaxQuantiles, 0, 1)));
          }
      }),
      { numRuns: 200 },
    );
  });

  it('never changes the forecast of a series that no event to come touches', () => {
    fc.assert(
      fc.property(forecast, events, (given, known) => {
        const over = known.filter(({ when }) => when.kind === 'once' && when.untilMs <= END_MS);
        const { quantiles, windowMaxQuantiles, reason } = withEvents(given, series(new Float64Array(MINUTES).fill(1)), over);
        expect({ quantiles, windowMaxQuantiles, reason }).toEqual({
          quantiles: given.quantiles,
          windowMaxQuantiles: given.windowMaxQuantiles,
          reason: given.reason,
        });
      }),
      { numRuns: 50 },
    );
  });
});

describe('withoutEvents', () => {
  it('never makes a value negative or infinite, and never fills a gap', () => {
    fc.assert(
      fc.property(values, events, (given, known) => {
        const learnt = withoutEvents(series(given), known).values;
        given.forEach((value, i) => {
          if (Number.isNaN(value)) expect(learnt[i]).toBeNaN();
          else if (!Number.isNaN(learnt[i]!)) expect(learnt[i]! >= 0 && learnt[i]! < Number.POSITIVE_INFINITY).toBe(true);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('never leaves the newest half hour without what came, so that the forecast’s age stays', () => {
    fc.assert(
      fc.property(events, (known) => {
        const learnt = withoutEvents(series(new Float64Array(MINUTES).fill(5)), known).values;
        expect([...learnt.subarray(MINUTES - 30)].every((value) => !Number.isNaN(value))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
