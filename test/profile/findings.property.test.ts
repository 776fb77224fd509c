import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findingsOf } from '../../lib/profile/findings-of.ts';
import { plainTruth, sceneOf, type Truth, targets } from './measured-run.ts';

/** What a processor of known costs can really do, by the laws that every queue obeys. */
const capacityOf = (truth: Truth): { limit: string; recordsPerSec: number }[] => {
  const lane = truth.cpuMs + truth.waitMs + truth.waitMsPerCall / truth.maxBatchRecords;
  const hottest = Math.max(0, ...Object.values(truth.keys));
  return [
    { limit: 'cpu', recordsPerSec: (1000 * (1 - truth.baseCpuShare)) / truth.cpuMs },
    { limit: 'wait', recordsPerSec: (1000 * truth.lanes) / lane },
    { limit: 'hot-key', recordsPerSec: hottest > 0 ? 1000 / lane / hottest : Number.POSITIVE_INFINITY },
    { limit: 'nothing', recordsPerSec: 1000 },
  ].sort((a, b) => a.recordsPerSec - b.recordsPerSec);
};

const truths = fc
  .record({
    cpuMs: fc.double({ min: 0.05, max: 5, noNaN: true }),
    waitMs: fc.double({ min: 0, max: 40, noNaN: true }),
    lanes: fc.integer({ min: 1, max: 16 }),
    hottest: fc.double({ min: 0, max: 0.9, noNaN: true }),
    baseCpuShare: fc.double({ min: 0, max: 0.3, noNaN: true }),
    stolenShare: fc.double({ min: 0, max: 0.6, noNaN: true }),
    shardRecordsPerSec: fc.integer({ min: 50, max: 900 }),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
  })
  .map(({ hottest, ...rest }): Truth => ({ ...plainTruth, ...rest, keys: hottest > 0.01 ? { hot: hottest } : {} }));

describe('findingsOf', () => {
  it('finds for every processor of known costs its capacity within a tenth, and its limit where one is clearly the first', () => {
    fc.assert(
      fc.property(truths, (truth) => {
        const [first, second] = capacityOf(truth);
        fc.pre(second!.recordsPerSec > first!.recordsPerSec * 1.4);
        const findings = findingsOf(sceneOf(truth), targets);
        expect(findings.capacity!.at.recordsPerSec / first!.recordsPerSec).toBeGreaterThan(0.9);
        expect(findings.capacity!.at.recordsPerSec / first!.recordsPerSec).toBeLessThan(1.1);
        expect(findings.limit).toBe(first!.limit);
      }),
      { numRuns: 150 },
    );
  });

  it('never states an interval that does not hold its estimate, and never a confidence outside [0, 1]', () => {
    fc.assert(
      fc.property(
        truths,
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.integer({ min: 0, max: 30 }),
        (truth, noise, windows) => {
          const findings = findingsOf(sceneOf({ ...truth, noise, windows }), targets);
          for (const { capacity } of findings.resources) {
            expect(capacity.low.recordsPerSec).toBeLessThanOrEqual(capacity.at.recordsPerSec + 1e-6);
            if (capacity.high !== null)
              expect(capacity.high.recordsPerSec).toBeGreaterThanOrEqual(capacity.at.recordsPerSec - 1e-6);
          }
          for (const { confidence } of findings.recommendations) {
            expect(confidence).toBeGreaterThanOrEqual(0);
            expect(confidence).toBeLessThanOrEqual(1);
          }
          expect(findings.state === 'measured').toBe(findings.capacity !== null);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('never takes the sawtooth of a collector for a leak', () => {
    let leaks = 0;
    for (let seed = 1; seed <= 1000; seed++)
      if (findingsOf(sceneOf({ seed, shardRecordsPerSec: 50 }), targets).memory.bytesPerRecord !== null) leaks++;
    expect(leaks).toBeLessThanOrEqual(3);
  });

  it('never takes fewer errors than allowed for a limit, nor misses many more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (seed) => {
        expect(findingsOf(sceneOf({ seed, errorShare: 0.003 }), targets).limit).not.toBe('errors');
        expect(findingsOf(sceneOf({ seed, errorShare: 0.06 }), targets).limit).toBe('errors');
      }),
      { numRuns: 40 },
    );
  });
});
