import { describe, expect, it } from 'vitest';
import { LATENCY_LEVELS, type Latency } from '../../lib/model/profiling.ts';
import { compareTails } from '../../lib/profile/compare-tails.ts';
import { judgeShadow } from '../../lib/profile/judge-shadow.ts';
import { judgeWatch } from '../../lib/profile/judge-watch.ts';
import { boundsOfAll, settingsInForce } from '../../lib/profile/settings-in-force.ts';
import { sampleOf, seenOf } from '../../lib/profile/work-samples.ts';
import { difference, MINUTE, own, sample, samples, seen, totals, wide } from './tuning-world.ts';

const noise = [{ measure: 'turn ms/record', a: 10, b: 10, floor: 1.05 }];
const detail = 'there was little.';

describe('judgeShadow', () => {
  it('takes what works off more in the same time, where nothing is worse', () => {
    const verdict = judgeShadow({ differences: [difference('turn ms/record', 0.5, 'better')], noise, detail });
    expect(verdict).toMatchObject({
      kind: 'better',
      reason: expect.stringContaining('turn ms/record 5.00 instead of 10.0 (0.500 times, 0.490 to 0.510'),
    });
  });

  it.each(['cpu ms/record', 'loop ms/record', 'failed share', 'latency p99 ms'])(
    'does not take it where %s is worse',
    (measure) => {
      const differences = [difference('turn ms/record', 0.5, 'better'), difference(measure, 1.4, 'worse')];
      const { kind, reason } = judgeShadow({ differences, noise, detail });
      expect(kind).toBe('notBetter');
      expect(reason).toContain(`Worse in the shadow: ${measure} 14.0 instead of 10.0`);
      expect(reason).toContain('Better was turn ms/record');
    },
  );

  it('lets a call of several lanes take longer: lanes are no cost', () => {
    const differences = [difference('turn ms/record', 0.5, 'better'), difference('call ms/record', 1.4, 'worse')];
    expect(judgeShadow({ differences, noise, detail }).kind).toBe('better');
  });

  it.each([
    ['nothing stands out', [], noise, /changed by no more than two equal legs differ, up to 1\.05 times/],
    ['it takes longer', [difference('turn ms/record', 1.5, 'worse')], noise, /Worse in the shadow: turn ms\/record 15\.0/],
    ['too little was seen', [], [], /told too little of turn ms\/record: there was little\./],
  ])('does not take it where %s', (_, differences, floor, reason) => {
    const verdict = judgeShadow({ differences, noise: floor, detail });
    expect(verdict.kind).toBe('notBetter');
    expect(verdict.reason).toMatch(reason);
  });
});

describe('compareTails', () => {
  const took = (p99: number, count = 1000): Latency => ({
    count,
    totalMs: 1,
    maxMs: p99,
    quantilesMs: LATENCY_LEVELS.map((level) => (level === 0.99 ? p99 : 1)),
  });
  const of = (a: number, aa: number, b: number, count?: number) =>
    compareTails({
      legs: [a, aa, b].map((p99, i) => ({
        leg: (['a', 'aa', 'b'] as const)[i]!,
        took: took(p99, count),
        calls: took(1),
        waits: took(1),
        stages: {},
        errorSamples: [],
      })),
    });

  it.each([
    [100, 101, 120, 'worse'],
    [100, 101, 85, 'better'],
    [100, 101, 108, 'within-noise'],
    [100, 120, 140, 'within-noise'],
    [100, 83, 140, 'within-noise'],
    [100, 120, 150, 'worse'],
  ])('of %d, %d and %d ms is %s', (a, aa, b, kind) => {
    expect(of(a, aa, b)?.kind).toBe(kind);
  });

  it('says nothing of few records', () => {
    expect(of(100, 100, 500, 299)).toBeNull();
    expect(of(100, 100, 500, 300)).not.toBeNull();
  });
});

describe('judgeWatch', () => {
  it('finds every cost that has grown by a half, and names it', () => {
    for (const [cost, name] of [
      ['latencyMs', 'latency ms/record'],
      ['laneMs', 'lane ms/record'],
      ['cpuMs', 'cpu ms/record'],
    ] as const) {
      const { kind, reason } = judgeWatch(samples(10, 1), samples(10, 2, { [cost]: 1.5 }), false);
      expect(kind).toBe('worse');
      expect(reason).toMatch(new RegExp(`^Worse on the primary: ${name} 1\\.[45]\\d times what it was`));
      expect(reason).not.toContain(';  ');
    }
  });

  it('holds of times that are alike, and of a cost that has fallen', () => {
    expect(judgeWatch(samples(10, 1), samples(10, 2), false)).toMatchObject({
      kind: 'holds',
      reason: expect.stringMatching(/^Not worse on the primary in 10 samples beside 10 before: latency ms\/record (0\.9|1\.0)/),
    });
    expect(judgeWatch(samples(10, 1), samples(10, 2, { latencyMs: 0.5, cpuMs: 0.5 }), false).kind).toBe('holds');
  });

  it('takes equal times for worse in at most 3 of 100', () => {
    let worse = 0;
    for (let i = 0; i < 200; i += 1)
      if (judgeWatch(samples(10, 3 * i + 1), samples(10, 7 * i + 2), false).kind === 'worse') worse += 1;
    expect(worse).toBeLessThanOrEqual(6);
  });

  it('does not blame the setting for a quiet hour, in which each record carries more of the base load', () => {
    const quiet = samples(10, 2, { cpuMs: 1.6, laneMs: 1.6 }, 0.5);
    expect(judgeWatch(samples(10, 1), quiet, false).kind).toBe('holds');
    expect(judgeWatch(samples(10, 1), samples(10, 2, { cpuMs: 1.6 }, 1), false).kind).toBe('worse');
  });

  it('measures a trend of the time before as a part of the floor', () => {
    const rising = samples(10, 1).map((one, i) => ({ ...one, latencyMs: one.latencyMs * (1 + i / 10) }));
    const on = samples(10, 2).map((one, i) => ({ ...one, latencyMs: one.latencyMs * (1.6 + i / 20) }));
    expect(judgeWatch(rising, on, false).kind).toBe('holds');
    expect(judgeWatch(samples(10, 1), on, false).kind).toBe('worse');
  });

  it('is slower to judge before the end, but sees what is plain', () => {
    const [before, slight] = [samples(10, 1), samples(4, 2, { latencyMs: 1.22 })];
    expect(judgeWatch(before, slight, false).kind).toBe('worse');
    expect(judgeWatch(before, slight, true).kind).toBe('holds');
    expect(judgeWatch(before, samples(4, 2, { latencyMs: 3 }), true).kind).toBe('worse');
  });

  it('finds calls that fail more often, in the first sample already', () => {
    const failing = [sample({ failedCalls: 30 })];
    expect(judgeWatch(samples(10, 1), failing, true)).toMatchObject({
      kind: 'worse',
      reason: expect.stringContaining('5.0 % of the calls fail'),
    });
    const before = samples(10, 1).map((one) => ({ ...one, failedCalls: 30 }));
    expect(judgeWatch(before, failing, true).kind).not.toBe('worse');
  });

  it('does not keep at the end what looks worse and cannot be told: figures that jump', () => {
    const wild = [1, 40, 2, 60].map((times) => sample({ latencyMs: 6000 * 40 * times }));
    const { kind, reason } = judgeWatch(samples(6, 1), wild, false);
    expect(kind).toBe('tooLittle');
    expect(reason).toMatch(/^It cannot be told from worse: latency ms\/record 8\.\d+ times what it was \(0\.\d+ to \d+/);
    expect(judgeWatch(samples(6, 1), wild, true).kind).toBe('holds');
    const better = [1, 0.02, 0.5, 0.01].map((times) => sample({ latencyMs: 6000 * 40 * times }));
    expect(judgeWatch(samples(6, 1), better, false).kind).toBe('holds');
  });

  it('says where too little was seen', () => {
    expect(judgeWatch(samples(10, 1), samples(3, 2), false).kind).toBe('tooLittle');
    expect(judgeWatch(samples(3, 1), samples(10, 2), false).kind).toBe('tooLittle');
    const idle = Array.from({ length: 10 }, () => sample({}, 0));
    expect(judgeWatch(samples(10, 1), idle, false)).toMatchObject({
      kind: 'tooLittle',
      reason: 'Too little was seen of the primary: 10 samples with records before and 0 since, 4 of each are needed.',
    });
  });
});

describe('sampleOf', () => {
  it('adds up what the workers did between two looks, their calls by lane', () => {
    const before = seenOf([seen(1, 4), seen(1, 4, 'b')]);
    expect(sampleOf([seen(3, 4), seen(2, 4, 'b')], before, 4)).toEqual({
      atMs: 3 * MINUTE,
      ms: 3 * MINUTE,
      records: 18_000,
      latencyMs: 18_000 * 40,
      calls: 1800,
      callMs: 90_000,
      failedCalls: 0,
      cpuMs: 18_000,
      laneMs: 22_500,
      memoryShare: 0.3,
    });
  });

  it.each([
    ['ran with another value before', seenOf([seen(1, 2)]), seen(3, 4)],
    ['runs with another value now', seenOf([seen(1, 4)]), seen(3, 8)],
    ['has begun anew', seenOf([seen(1, 4)]), { ...seen(3, 4), totals: totals(3, { sinceMs: 5 }) }],
    ['has not reported since', seenOf([seen(3, 4)]), seen(3, 4)],
    ['was not there before', {}, seen(3, 4)],
  ])('leaves out a worker that %s', (_, before, now) => {
    expect(sampleOf([now], before, 4)).toBeNull();
  });
});

describe('settingsInForce', () => {
  const tuning = { ...{ application: 'a', streamName: 's', revision: 3, outcomes: [] }, settings: { concurrencyPerShard: 8 } };
  const trial = {
    ...{ trialId: 't', setting: 'concurrencyPerShard' as const, from: 8, to: 12, trigger: 'request' as const, reason: '' },
    ...{ phase: 'watching' as const, startedAtMs: 0, deadlineMs: 1000, before: [], after: [], seen: {} },
  };

  it('is the worker’s own where nothing was tuned', () => {
    expect(settingsInForce(own, wide, null, 0)).toEqual(own);
  });

  it('is what was kept, and what is being watched until its deadline', () => {
    expect(settingsInForce(own, wide, tuning, 0)).toEqual({ ...own, concurrencyPerShard: 8 });
    expect(settingsInForce(own, wide, { ...tuning, trial }, 999).concurrencyPerShard).toBe(12);
    expect(settingsInForce(own, wide, { ...tuning, trial }, 1000).concurrencyPerShard).toBe(8);
    expect(settingsInForce(own, wide, { ...tuning, trial: { ...trial, phase: 'shadow' } }, 0).concurrencyPerShard).toBe(8);
  });

  it('is the worker’s own where its code does not allow the value', () => {
    expect(settingsInForce(own, { concurrencyPerShard: { from: 1, to: 7 } }, tuning, 0)).toEqual(own);
    expect(settingsInForce(own, {}, tuning, 0)).toEqual(own);
  });
});

describe('boundsOfAll', () => {
  it('is what all allow', () => {
    const one = { concurrencyPerShard: { from: 2, to: 32 }, checkpointMs: { from: 1, to: 2 } };
    expect(boundsOfAll([wide, one])).toEqual({ concurrencyPerShard: { from: 2, to: 16 } });
    expect(boundsOfAll([wide, { concurrencyPerShard: { from: 17, to: 32 } }])).toEqual({});
    expect(boundsOfAll([wide, {}])).toEqual({});
    expect(boundsOfAll([])).toEqual({});
  });
});
