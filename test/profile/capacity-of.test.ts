import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CapacitySample, capacityOf } from '../../lib/profile/capacity-of.ts';

const BYTES = 500;
const sample = (recordsPerSec: number, shares: Partial<CapacitySample>): CapacitySample => ({
  rate: { recordsPerSec, bytesPerSec: recordsPerSec * BYTES },
  cpuShare: 0.1,
  eventLoopShare: 0.05,
  memoryShare: 0.2,
  ...shares,
});
const noise = (i: number) => Math.sin(i * 12.9898) * 0.01;
const rates = [50, 80, 100, 130, 160, 200, 220, 260, 280, 300];

describe('capacityOf', () => {
  it('finds the rate at which the CPU is full, within its interval', () => {
    const capacity = capacityOf(
      rates.map((rate, i) => sample(rate, { cpuShare: 0.05 + rate / 421 + noise(i), eventLoopShare: rate / 900 + noise(i + 3) })),
    );
    expect(capacity).toMatchObject({ kind: 'capacity', limit: 'cpu', follows: 'records' });
    if (capacity.kind !== 'capacity') throw new Error('no capacity');
    expect(capacity.at100.rate.recordsPerSec / 400).toBeCloseTo(1, 1);
    expect(capacity.at100.low.recordsPerSec).toBeLessThan(400);
    expect(capacity.at100.high.recordsPerSec).toBeGreaterThan(400);
    expect(capacity.at100.rate.bytesPerSec).toBeCloseTo(capacity.at100.rate.recordsPerSec * BYTES, 3);
    expect(capacity.at70.rate.recordsPerSec / 273.7).toBeCloseTo(1, 1);
  });

  it('names the event loop where that is full first', () => {
    const capacity = capacityOf(
      rates.map((rate, i) => sample(rate, { cpuShare: rate / 900 + noise(i), eventLoopShare: rate / 350 + noise(i) })),
    );
    expect(capacity).toMatchObject({ limit: 'event-loop' });
  });

  it('follows the bytes where they explain the load better', () => {
    const sizes = [100, 900, 200, 800, 300, 700, 400, 600, 500, 550];
    const samples = rates.map((rate, i) => ({
      rate: { recordsPerSec: rate, bytesPerSec: rate * sizes[i]! },
      cpuShare: (rate * sizes[i]!) / 400_000,
      eventLoopShare: 0.01,
      memoryShare: 0.1,
    }));
    expect(capacityOf(samples)).toMatchObject({ follows: 'bytes', at100: { rate: { bytesPerSec: expect.closeTo(400_000, 0) } } });
  });

  it('fails to state a capacity from too few samples, one load, or resources that do not grow', () => {
    expect(capacityOf([sample(100, {})])).toMatchObject({ kind: 'not-enough-samples', samples: 1, wanted: 6 });
    expect(capacityOf(rates.map((_, i) => sample(100 + i, { cpuShare: 0.5 })))).toMatchObject({
      kind: 'not-enough-samples',
      why: expect.stringContaining('varied'),
    });
    expect(capacityOf(rates.map((rate, i) => sample(rate, { cpuShare: 0.3 + noise(i) })))).toMatchObject({
      kind: 'not-enough-samples',
      why: expect.stringContaining('grows'),
    });
  });

  it('finds a known capacity within a tenth, for every capacity and idle share', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 5000 }),
        fc.double({ min: 0, max: 0.3, noNaN: true }),
        fc.integer(),
        (full, idle, seed) => {
          const samples = Array.from({ length: 12 }, (_, i) => {
            const rate = full * (0.2 + 0.05 * i);
            return sample(rate, { cpuShare: idle + ((1 - idle) * rate) / full + noise(i + seed) });
          });
          const capacity = capacityOf(samples);
          return capacity.kind === 'capacity' && Math.abs(capacity.at100.rate.recordsPerSec / full - 1) < 0.1;
        },
      ),
    );
  });
});
