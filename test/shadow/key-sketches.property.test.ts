import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DistinctKeys } from '../../lib/shadow/distinct-keys.ts';
import { HeavyHitters } from '../../lib/shadow/heavy-hitters.ts';
import { placeOfKey } from '../../lib/shadow/sampling.ts';
import { loadHash64 } from '../../lib/shadow/xxhash.ts';

const hash = await loadHash64();
const keys = fc.array(
  fc.nat({ max: 60 }).map((n) => `k${Math.floor(n ** 2 / 60)}`),
  { minLength: 1, maxLength: 400 },
);

describe('HeavyHitters', () => {
  it('for every stream, counts lie between the truth and the truth plus the error, and the error is at most records / counters', () => {
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 12 }), (stream, counters) => {
        const sketch = new HeavyHitters(counters);
        const truth = new Map<string, number>();
        for (const key of stream) {
          sketch.add(key, 10);
          truth.set(key, (truth.get(key) ?? 0) + 1);
        }
        const top = sketch.top(100);
        expect(sketch.records).toBe(stream.length);
        expect(top.length).toBe(Math.min(counters, truth.size));
        expect(top.reduce((sum, { count }) => sum + count, 0)).toBe(stream.length);
        for (const { key, count, error } of top) {
          const real = truth.get(key) ?? 0;
          expect(real).toBeGreaterThanOrEqual(count - error);
          expect(real).toBeLessThanOrEqual(count);
          expect(error).toBeLessThanOrEqual(stream.length / counters);
        }
      }),
    );
  });

  it('never leaves out a key that came more often than records / counters', () => {
    fc.assert(
      fc.property(keys, fc.integer({ min: 2, max: 12 }), (stream, counters) => {
        const sketch = new HeavyHitters(counters);
        const truth = new Map<string, number>();
        for (const key of stream) {
          sketch.add(key, 1);
          truth.set(key, (truth.get(key) ?? 0) + 1);
        }
        const kept = new Set(sketch.top(counters).map(({ key }) => key));
        for (const [key, count] of truth) if (count > stream.length / counters) expect(kept).toContain(key);
      }),
    );
  });

  it('finds a key with 60 % of the records within a point, among ten thousand others', () => {
    const sketch = new HeavyHitters(512);
    for (let i = 0; i < 50_000; i += 1) sketch.add(i % 5 < 3 ? 'hot' : `k${(i * 7919) % 10_007}`, 100);
    expect(sketch.top(1)[0]).toMatchObject({ key: 'hot', bytes: 3_000_000 });
    expect(sketch.topShare(1)).toBeCloseTo(0.6, 2);
    expect(sketch.topShare(10)).toBeGreaterThanOrEqual(sketch.topShare(1));
  });

  it('has no share of nothing', () => expect(new HeavyHitters(4).topShare(1)).toBe(0));
});

describe('DistinctKeys', () => {
  it.each([1, 10, 100, 1000, 5_000, 20_000, 200_000])('estimates %i keys within 5 %, however often each comes', (count) => {
    const sketch = new DistinctKeys();
    for (let i = 0; i < count; i += 1) {
      const { hash64 } = placeOfKey(`key ${i}`, hash);
      sketch.add(hash64);
      if (i % 3 === 0) sketch.add(hash64);
    }
    expect(Math.abs(sketch.estimate - count)).toBeLessThanOrEqual(Math.max(0.05 * count, 0.5));
  });

  it('doubles its estimate with each leading zero more, through all 52 of them', () => {
    const estimates = Array.from({ length: 52 }, (_, zeros) => {
      const sketch = new DistinctKeys();
      const rest = 1n << BigInt(51 - zeros);
      for (let register = 0n; register < 4096n; register += 1n) sketch.add((rest << 12n) | register);
      return sketch.estimate;
    });
    // Up to there the registers that are empty are counted instead.
    for (let i = 3; i < estimates.length; i += 1) expect((estimates[i] ?? 0) / (estimates[i - 1] ?? 1)).toBeCloseTo(2, 9);
  });

  it('is 0 before the first', () => expect(new DistinctKeys().estimate).toBe(0));

  it('for every set of hashes, takes no notice of order and repetition', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 200 }), (hashes) => {
        const [one, other] = [new DistinctKeys(), new DistinctKeys()];
        for (const each of hashes) one.add(each);
        for (const each of [...hashes, ...hashes].reverse()) other.add(each);
        return one.estimate === other.estimate;
      }),
    );
  });
});
