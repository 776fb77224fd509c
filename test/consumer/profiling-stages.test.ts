import { describe, expect, it } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { LatencySketch } from '../../lib/consumer/latency-sketch.ts';
import { plainResults, plainStage } from '../../lib/consumer/plain-context.ts';
import { StageTimes } from '../../lib/consumer/profiling-stages.ts';
import { LATENCY_LEVELS } from '../../lib/model/profiling.ts';

const timed = () => {
  const clock = scriptedClock(0);
  return { clock, stages: new StageTimes(() => clock.monotonicMs()) };
};

describe('stage', () => {
  it('returns what the work returns, at once where that is no promise', async () => {
    const { stages } = timed();
    expect(stages.stage('a', () => 5)).toBe(5);
    expect(await stages.stage('a', async () => 6)).toBe(6);
    expect(stages.takeWindow().a).toMatchObject({ calls: 2, errors: 0 });
    expect(stages.takeWindow()).toEqual({});
  });

  it('throws and rejects as the work does, and counts it', async () => {
    const { stages } = timed();
    expect(() =>
      stages.stage('a', () => {
        throw new TypeError('now');
      }),
    ).toThrow('now');
    await expect(stages.stage('a', () => Promise.reject(new Error('later')))).rejects.toThrow('later');
    expect(stages.takeWindow().a).toMatchObject({ calls: 2, errors: 2 });
    expect(stages.totals().a).toMatchObject({ count: 2, errors: 2 });
  });

  it('knows what is nested in what, also side by side', async () => {
    const { stages, clock } = timed();
    const both = Promise.all([
      stages.stage('enrich', async () => {
        await clock.sleep(5);
        await stages.stage('lookup', () => clock.sleep(10));
      }),
      stages.stage('write', async () => {
        await clock.sleep(7);
        await stages.stage('lookup', () => clock.sleep(1));
      }),
    ]);
    await clock.advance(100);
    await both;
    const window = stages.takeWindow();
    expect(Object.fromEntries(Object.entries(window).map(([name, { totalMs }]) => [name, totalMs]))).toEqual({
      enrich: 15,
      'enrich/lookup': 10,
      write: 8,
      'write/lookup': 1,
    });
  });

  it('tells what kept the event loop from what waited', async () => {
    const { stages, clock } = timed();
    let nowMs = 0;
    const busy = new StageTimes(() => nowMs + clock.monotonicMs());
    const work = busy.stage('a', () => {
      nowMs += 30;
      return clock.sleep(70);
    });
    await clock.advance(70);
    await work;
    expect(busy.takeWindow().a).toEqual({ calls: 1, errors: 0, totalMs: 100, syncMs: 30 });
    expect(stages.takeWindow()).toEqual({});
  });

  it('counts names without end together', () => {
    const { stages } = timed();
    for (let i = 0; i < 200; i += 1) stages.stage(`order ${i}`, () => {});
    const totals = stages.totals();
    expect(Object.keys(totals)).toHaveLength(65);
    expect(totals['(others)']?.count).toBe(136);
  });
});

describe('plainStage', () => {
  it('is the bare call', () => {
    const promise = Promise.resolve(1);
    expect(plainStage('a', () => promise)).toBe(promise);
  });
});

describe('plainResults', () => {
  it('fails to stand in for the sinks of a primary, and says what to do', async () => {
    await expect(plainResults.put('k', 1)).rejects.toThrow('context.results.put is for profiling copies');
    await expect(plainResults.get('k')).rejects.toThrow(TypeError);
  });
});

describe('LatencySketch', () => {
  it('knows quantiles to 1 %, and the largest exactly', () => {
    const sketch = new LatencySketch();
    for (let i = 1; i <= 1000; i += 1) sketch.record(i / 10);
    const { count, totalMs, maxMs, quantilesMs } = sketch.latency();
    expect({ count, totalMs: Math.round(totalMs), maxMs }).toEqual({ count: 1000, totalMs: 50_050, maxMs: 100 });
    for (const [i, level] of LATENCY_LEVELS.entries()) expect((quantilesMs[i] ?? 0) / (100 * level)).toBeCloseTo(1, 1);
  });

  it('is all zero before the first', () => {
    expect(new LatencySketch().latency()).toEqual({ count: 0, totalMs: 0, maxMs: 0, quantilesMs: LATENCY_LEVELS.map(() => 0) });
  });
});
