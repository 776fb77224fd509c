import { describe, expect, it } from 'vitest';
import type { LegWindow, ProfilingLeg, ProfilingWindow } from '../../lib/model/profiling.ts';
import { compareLegs } from '../../lib/profile/compare-legs.ts';

const legOf = (leg: ProfilingLeg, records: number, msPerRecord: number, failed = 0): LegWindow => ({
  leg,
  records,
  bytes: records * 100,
  failed,
  errors: {},
  calls: 1,
  callMs: records * msPerRecord,
  callRecords: records,
  callRecordsSquared: records ** 2,
  callRecordsMs: records ** 2 * msPerRecord,
  turnMs: records * msPerRecord,
  cpuMs: records * msPerRecord * 0.5,
  loopBusyMs: 0,
  ioWaitMs: 0,
  lanes: 1,
  maxBatchRecords: 500,
  stages: { sink: { calls: records, errors: 0, totalMs: records * msPerRecord * 0.8, syncMs: 0 } },
});
const windowOf = (index: number, legs: LegWindow[]): ProfilingWindow => ({
  profileId: 'p',
  index,
  startMs: index * 5000,
  durationMs: 5000,
  phase: 'observing',
  share: 0.1,
  shardRecords: 1000,
  shardBytes: 1e5,
  sampledRecords: 100,
  lagMs: 0,
  ownRecords: 0,
  process: {
    userMs: 0,
    systemMs: 0,
    loopBusyMs: 0,
    gcMs: 0,
    gcCount: 0,
    heapLowBytes: 0,
    heapLimitBytes: 0,
    rssBytes: 0,
    externalBytes: 0,
    blockIoMs: null,
    readBytes: null,
    writtenBytes: null,
  },
  idle: { ms: 0, cpuMs: 0, loopBusyMs: 0 },
  legs,
});

/** The same numbers in each run. */
const chanceFrom = (seed: number) => {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
};
const noisy = (chance: () => number, noise: number) => 2 * (1 + noise * (chance() + chance() + chance() - 1.5));

/** Runs with `factor` between the legs, under load that swings, and noise of each leg's own. */
const runOf = (seed: number, factor: number, noise: number, count = 24): ProfilingWindow[] => {
  const chance = chanceFrom(seed);
  return Array.from({ length: count }, (_, i) => {
    const records = 50 + Math.round(100 * chance());
    const swing = 1 + chance();
    return windowOf(i, [
      legOf('a', records, swing * noisy(chance, noise)),
      legOf('aa', records, swing * noisy(chance, noise)),
      legOf('b', records, swing * noisy(chance, noise) * factor),
    ]);
  });
};

describe('compareLegs', () => {
  it('finds a leg that is a tenth slower, by call, CPU and stage, though the load swings by twice', () => {
    const found = compareLegs(runOf(1, 1.1, 0.05), 'b');
    expect(found.map(({ measure }) => measure)).toEqual([
      'turn ms/record',
      'call ms/record',
      'cpu ms/record',
      'stage sink ms/call',
    ]);
    for (const { factor, kind, low, high, floor, windows } of found) {
      expect(kind).toBe('worse');
      expect(factor).toBeCloseTo(1.1, 1);
      expect(low).toBeLessThan(1.1);
      expect(high).toBeGreaterThan(1.1);
      expect(low).toBeGreaterThan(floor);
      expect(windows).toBe(24);
    }
    expect(compareLegs(runOf(2, 0.9, 0.05), 'b').map(({ kind }) => kind)).toEqual(['better', 'better', 'better', 'better']);
  });

  it('reports a difference between equal legs in at most 3 of 100 runs', () => {
    let reported = 0;
    for (let seed = 1; seed <= 300; seed += 1)
      if (compareLegs(runOf(seed * 7919, 1, 0.1), 'b').some(({ kind }) => kind !== 'within-noise')) reported += 1;
    expect(reported).toBeLessThanOrEqual(9);
  });

  it('does not report what is within the floor that two equal legs set', () => {
    const found = compareLegs(runOf(5, 1.02, 0.3), 'b');
    expect(found.every(({ kind }) => kind === 'within-noise')).toBe(true);
    expect(found[0]?.floor).toBeGreaterThan(1.02);
  });

  it('says nothing with fewer than four windows, and nothing of the base load', () => {
    expect(compareLegs(runOf(1, 1.5, 0, 3), 'b')).toEqual([]);
    expect(
      compareLegs(
        runOf(1, 1.5, 0).map((window) => ({ ...window, phase: 'warming' as const })),
        'b',
      ),
    ).toEqual([]);
  });

  it('compares leg aa, too, against no floor', () => {
    expect(compareLegs(runOf(3, 1, 0.1), 'aa')[0]).toMatchObject({ floor: 1, windows: 24 });
  });

  it('tells a higher share of failures from chance', () => {
    const failing = (a: number, b: number) =>
      compareLegs(
        Array.from({ length: 10 }, (_, i) => windowOf(i, [legOf('a', 100, 1, a), legOf('b', 100, 1, b)])),
        'b',
      ).find(({ measure }) => measure === 'failed share');
    expect(failing(0, 0)).toBeUndefined();
    expect(failing(0, 3)).toMatchObject({ kind: 'worse', a: 0, b: 0.03 });
    expect(failing(3, 3)).toMatchObject({ kind: 'within-noise' });
    expect(failing(10, 1)).toMatchObject({ kind: 'better' });
  });
});
