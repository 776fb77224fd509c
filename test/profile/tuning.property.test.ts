// For every sequence of ticks, people, workers, runs and gaps between them: what may be stored, and what workers go by.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tuning, type TuningBounds } from '../../lib/model/tuning.ts';
import { settingsInForce } from '../../lib/profile/settings-in-force.ts';
import { startTrial, stepTuning, stopTuning, type TrialRun } from '../../lib/profile/tuning.ts';
import { difference, group, MINUTE, own, type sample, samples, seen, wide } from './tuning-world.ts';

const runArb = fc.constantFrom('underWay', 'better', 'worse', 'lost');
const boundsArb = fc.constantFrom<TuningBounds>(wide, wide, wide, {}, { concurrencyPerShard: { from: 2, to: 6 } });
const eventArb = fc.record({
  kind: fc.constantFrom('tick', 'tick', 'tick', 'ask', 'stop', 'reset'),
  afterMin: fc.integer({ min: 0, max: 12 }),
  value: fc.integer({ min: 1, max: 20 }),
  run: runArb,
  bounds: boundsArb,
  since: fc.constantFrom('alike', 'slow', 'none'),
});
const runOf = (kind: string): TrialRun => {
  if (kind === 'underWay') return { kind };
  if (kind === 'lost') return { kind, detail: 'gone' };
  const differences = [difference('turn ms/record', kind === 'better' ? 0.5 : 2, kind === 'better' ? 'better' : 'worse')];
  return { kind: 'analysed', findings: { differences, noise: [], detail: '' } };
};
const since: Record<string, ReturnType<typeof sample>[]> = {
  alike: samples(10, 2),
  slow: samples(10, 2, { latencyMs: 4 }),
  none: [],
};

describe('tuning, for every course of events', () => {
  it('never goes outside the bounds, never tries two at once, and taken back leaves exactly what was', () => {
    fc.assert(
      fc.property(fc.array(eventArb, { minLength: 1, maxLength: 40 }), (events) => {
        let nowMs = 1_800_000_000_000;
        let stored: Tuning | null = null;
        for (const [i, { kind, afterMin, value, run, bounds, since: came }] of events.entries()) {
          nowMs += afterMin * MINUTE;
          const before: Tuning | null = stored;
          const known = before?.trial;
          if (kind === 'ask') {
            const allowed = bounds.concurrencyPerShard;
            const isAllowed = allowed !== undefined && allowed.from <= value && value <= allowed.to;
            if (known === undefined && isAllowed) {
              const trial = {
                trialId: `t${i}`,
                setting: 'concurrencyPerShard' as const,
                from: 4,
                to: value,
                trigger: 'request' as const,
              };
              const shadow = { profileId: `t${i}`, shardId: 's', hostId: 'h' };
              stored = startTrial(group, stored, { ...trial, reason: '', forMin: 10, shadow }, nowMs);
            }
          } else if (kind === 'tick') {
            const measured: Tuning | null =
              before === null || known?.phase !== 'watching'
                ? before
                : { ...before, trial: { ...known, before: samples(10, 1), after: since[came] ?? [] } };
            const scene = { policyBounds: bounds, bounds, watchMin: 10, workers: [seen(i, 4)], run: runOf(run) };
            const step = stepTuning(measured, scene, nowMs);
            if (step.kind !== 'nothing') stored = step.tuning;
            // A tick that is repeated on what was read says the same.
            expect(stepTuning(measured, scene, nowMs)).toEqual(step);
            if (step.kind === 'ended' && step.outcome.result !== 'kept') expect(stored?.settings).toEqual(before?.settings);
            if (step.kind === 'ended' && step.outcome.result === 'kept')
              expect(stored?.settings).toEqual({ ...before?.settings, concurrencyPerShard: step.outcome.to });
            if (step.kind === 'applied') expect(run).toBe('better');
          } else stored = stopTuning(stored, kind === 'reset', nowMs) ?? stored;
          if (stored === null) continue;
          expect(Tuning.parse(stored)).toEqual(stored);
          if (stored !== before) expect(stored.revision).toBe((before?.revision ?? 0) + 1);
          // A worker that allows less goes by its own where it must; one whose code allows nothing always does.
          for (const code of [wide, { concurrencyPerShard: { from: 3, to: 5 } }, {}]) {
            const { concurrencyPerShard } = settingsInForce(own, code, stored, nowMs);
            const within = code.concurrencyPerShard;
            expect(
              concurrencyPerShard === own.concurrencyPerShard ||
                (within !== undefined && within.from <= concurrencyPerShard && concurrencyPerShard <= within.to),
            ).toBe(true);
          }
          // However long nobody looks: what is not kept is not in force.
          const later = settingsInForce(own, wide, stored, nowMs + 24 * 60 * MINUTE);
          expect(later).toEqual({ ...own, ...stored.settings });
        }
      }),
      { numRuns: 500 },
    );
  });
});
