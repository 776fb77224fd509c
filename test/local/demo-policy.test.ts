import { describe, expect, it } from 'vitest';
import { SLICE_COUNT } from '../../lib/model/demand.ts';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { demoPolicy } from '../../local/demo-policy.ts';
import { firstMinuteOver, type Load, loadOf, rateWithin, replayRate } from '../../local/load.ts';
import { pastBlocks } from '../../local/seed-history.ts';
import { syntheticTrace } from '../../local/synthetic-trace.ts';
import type { Trace } from '../../local/trace.ts';

const GROUP = { application: 'demo', streamName: 'orders' };
const ranges = slicesOf(WHOLE_RANGE, 4);
const stepTrace = (before: number, after: number, length = 3000, jumpAt = 2000): Trace => ({
  name: 'step',
  synthetic: false,
  startMs: 0,
  stepMs: 60_000,
  total: new Float64Array(length).fill(before).fill(after, jumpAt),
  keys: [],
});

describe('loadOf', () => {
  it('scales the trace so that its highest minute has the wanted rate', () => {
    const load = loadOf(stepTrace(100, 400), 1990, 320);
    expect(load.minutes[load.now]).toBe(80);
    expect(Math.max(...load.minutes)).toBe(320);
  });

  it('keeps at most 15 days of the past', () => {
    const load = loadOf(stepTrace(1, 2, 30 * 1440, 29 * 1440), 28 * 1440, 300);
    expect(load.now).toBe(15 * 1440);
  });

  it('gives every range its keys’ share, and the ranges together the whole', () => {
    const load = loadOf(stepTrace(100, 400), 1990, 320);
    const rates = ranges.map((range) => rateWithin(load, range, load.now));
    expect(rates.reduce((a, b) => a + b, 0)).toBeCloseTo(80);
    expect(Math.min(...rates)).toBeGreaterThan(10);
  });

  it('takes the keys of a keyed trace with their shares of each minute', () => {
    const trace: Trace = {
      ...stepTrace(4, 4, 100, 50),
      keys: [
        { key: 'a', counts: new Float32Array(100).fill(3) },
        { key: 'b', counts: new Float32Array(100).fill(1) },
      ],
    };
    const load = loadOf(trace, 50, 100);
    expect(load.keys.map(({ key, share }) => [key, (share as Float32Array)[load.now]])).toEqual([
      ['a', 0.75],
      ['b', 0.25],
    ]);
  });
});

describe('replayRate', () => {
  it('holds the last known rate through a gap', () => {
    const load: Load = { ...loadOf(stepTrace(100, 100), 10, 100) };
    load.minutes.fill(Number.NaN, 11, 14);
    expect(replayRate(load, 13)).toBe(100);
  });
});

describe('demoPolicy', () => {
  const load = loadOf(stepTrace(100, 160), 1991, 320);
  const plan = demoPolicy(load, ranges, GROUP);

  it('puts the hottest shard just below the target now and over its capacity in the coming rise', () => {
    const hottest = Math.max(...ranges.map((range) => rateWithin(load, range, load.now)));
    const { shardCapacity, targetUtilization } = plan.policy;
    const now = hottest / shardCapacity.recordsPerSec;
    expect(now).toBeLessThan(targetUtilization);
    expect(now).toBeGreaterThan(targetUtilization - 0.1);
    expect((hottest * 1.6) / shardCapacity.recordsPerSec).toBeGreaterThan(1);
    expect(plan.overCapacityAfterMin).toBe(9);
  });

  it('lets two shards fill a worker to below its target now and above it in the rise, and the third worker take the rest', () => {
    const [a, b, c, d] = ranges.map((range) => rateWithin(load, range, load.now));
    const turns = [a! + c!, b! + d!];
    const hottestPair = Math.max(...turns);
    const coolestPair = Math.min(...turns);
    const capacity = plan.workerCapacity.recordsPerSec;
    expect(hottestPair / capacity).toBeLessThan(plan.policy.workerTargetUtilization);
    expect((coolestPair * 1.6) / capacity).toBeGreaterThan(plan.policy.workerTargetUtilization);
    expect((hottestPair + coolestPair) * 1.6).toBeLessThan(3 * capacity * plan.policy.workerTargetUtilization * 1.1);
  });

  it('acts, keeps its first shards and looks a quarter of an hour ahead', () => {
    expect(plan.policy).toMatchObject({ ...GROUP, mode: 'act', minShards: 4, minLeadTimeSec: 900 });
  });

  it('takes nothing from the future but the height of the next 20 minutes', () => {
    const other = loadOf(
      { ...stepTrace(100, 160), total: stepTrace(100, 160).total.map((value, i) => (i > 2020 ? 20 : value)) },
      1991,
      320,
    );
    const same = demoPolicy(other, ranges, GROUP);
    expect(same.policy).toEqual(plan.policy);
    expect(same.workerCapacity).toEqual(plan.workerCapacity);
  });

  it('says how each size came about', () => {
    expect(plan.explanation).toEqual([
      expect.stringContaining('known here only to choose the sizes below'),
      expect.stringContaining(`a shard takes ${plan.policy.shardCapacity.recordsPerSec} records/s`),
      expect.stringContaining(`a worker takes ${plan.workerCapacity.recordsPerSec} records/s`),
      'without a change a shard would be over its capacity in minute 9 from now',
    ]);
  });
});

describe('firstMinuteOver', () => {
  it('is null when no range ever gets so much', () => {
    expect(firstMinuteOver(loadOf(stepTrace(100, 160), 1991, 320), ranges, 1000)).toBeNull();
  });
});

describe('pastBlocks', () => {
  const nowMs = Date.UTC(2026, 10, 21, 12, 0);
  const trace = syntheticTrace();
  const load = loadOf(trace, 3 * 1440 + 100, 320);
  const blocks = pastBlocks(load, ranges, 'orders', 100, nowMs);

  it('ends at now, holds the whole past and nothing of what comes', () => {
    const ends = blocks.map((block) => block.startMs + block.records.length * 60_000);
    expect(Math.max(...ends)).toBe(nowMs);
    expect(Math.min(...blocks.map((block) => block.startMs))).toBe(nowMs - load.now * 60_000);
    expect(blocks.filter((block) => block.startMs >= nowMs)).toEqual([]);
  });

  it('has for every minute the trace’s records over all ranges', () => {
    const last = blocks.filter((block) => block.startMs + block.records.length * 60_000 === nowMs);
    expect(last).toHaveLength(4);
    const sum = last.reduce((total, block) => total + (block.records.at(-1) ?? 0), 0);
    expect(sum).toBeCloseTo(load.minutes[load.now - 1]! * 60, 3);
  });

  it('has blocks of a day at most, with shares that sum to one', () => {
    for (const block of blocks) {
      expect(block.records.length).toBeLessThanOrEqual(1440);
      expect(block.sliceShares).toHaveLength(SLICE_COUNT);
      expect(block.sliceShares.reduce((a, b) => a + b, 0)).toBeCloseTo(1);
    }
  });

  it('keeps gaps as gaps', () => {
    const gapped: Load = { ...load, minutes: load.minutes.map((value, i) => (i === load.now - 2 ? Number.NaN : value)) };
    const last = pastBlocks(gapped, ranges, 'orders', 100, nowMs).at(-1);
    expect(last?.records.at(-2)).toBeNull();
    expect(last?.bytes.at(-2)).toBeNull();
  });
});
