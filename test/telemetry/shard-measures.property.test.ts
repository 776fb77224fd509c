import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShardMeasures, samplesOf, together } from '../../lib/telemetry/shard-measures.ts';
import { callOf, recordAt, START_MS } from './scenes.ts';

const latencies = fc.array(fc.integer({ min: 1, max: 100_000_000 }), { minLength: 1, maxLength: 300 });
const isNear = (actual: number, exact: number) => Math.abs(actual - exact) <= Math.max(1, exact * 0.01);
const measured = (values: readonly number[]) => {
  const measures = new ShardMeasures();
  measures.add(callOf(values));
  return together(measures.take().values());
};

describe('ShardMeasures', () => {
  it('knows every quantile to one per cent, for every set of latencies', () => {
    fc.assert(
      fc.property(latencies, fc.double({ min: 0.5, max: 100, noNaN: true }), (values, percentile) => {
        const sorted = [...values].sort((a, b) => a - b);
        const rank = Math.min(sorted.length, Math.max(1, Math.round((percentile / 100) * sorted.length)));
        const near = [sorted[rank - 2], sorted[rank - 1], sorted[rank]].filter((value) => value !== undefined);
        const actual = measured(values).latencyMs.percentile(percentile);
        expect(near.some((exact) => isNear(actual, exact))).toBe(true);
      }),
    );
  });

  it('counts the same whether calls are added together or shard by shard', () => {
    fc.assert(
      fc.property(latencies, latencies, (a, b) => {
        const measures = new ShardMeasures();
        measures.add(callOf(a, { shardId: 'a' }));
        measures.add(callOf(b, { shardId: 'b' }));
        const { records, bytes, calls, latencyMs } = together(measures.take().values());
        const both = measured([...a, ...b]);
        expect({ records, bytes, calls }).toEqual({ records: both.records, bytes: both.bytes, calls: 2 });
        expect([50, 99, 100].map((p) => latencyMs.percentile(p))).toEqual([50, 99, 100].map((p) => both.latencyMs.percentile(p)));
      }),
    );
  });

  it('begins anew after take', () => {
    const measures = new ShardMeasures();
    measures.add(callOf([5]));
    expect(measures.take().size).toBe(1);
    expect(measures.take().size).toBe(0);
  });

  it('takes clocks that disagree and records from long ago', () => {
    const measures = new ShardMeasures();
    measures.add(callOf([], { processed: [recordAt(START_MS + 5_000), recordAt(0)] }));
    const { latencyMs } = together(measures.take().values());
    expect(latencyMs.count).toBe(2);
    expect(latencyMs.min).toBe(1);
    expect(isNear(latencyMs.max, 604_800_000)).toBe(true);
  });
});

describe('samplesOf', () => {
  it('gives every value where there are no more than asked for', () => {
    fc.assert(
      fc.property(latencies, (values) => {
        const sorted = [...values].sort((a, b) => a - b);
        const samples = samplesOf(measured(values).latencyMs, 300);
        expect(samples.map((sample, i) => isNear(sample, sorted[i]!)).every(Boolean) && samples.length === sorted.length).toBe(
          true,
        );
      }),
    );
  });

  it('gives at most so many, in order, the highest among them', () => {
    const samples = samplesOf(measured(Array.from({ length: 1000 }, (_, i) => i + 1)).latencyMs, 100);
    expect(samples).toHaveLength(100);
    expect(samples).toEqual([...samples].sort((a, b) => a - b));
    expect(isNear(samples[99]!, 1000)).toBe(true);
    expect(isNear(samples[49]!, 500)).toBe(true);
  });

  it('gives none of an empty one', () => expect(samplesOf(together([]).latencyMs, 100)).toEqual([]));
});
