import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSampled, KeyPlaces, placeOfKey } from '../../lib/shadow/sampling.ts';
import { loadHash64 } from '../../lib/shadow/xxhash.ts';

const hash = await loadHash64();
const share = fc.double({ min: 1e-6, max: 1, noNaN: true });

describe('isSampled', () => {
  it('for every pair of shares, the larger one takes every key that the smaller one takes', () => {
    fc.assert(
      fc.property(fc.string(), share, share, (key, one, other) => {
        const place = placeOfKey(key, hash);
        const [small, large] = [Math.min(one, other), Math.max(one, other)];
        return !isSampled(place, small) || isSampled(place, large);
      }),
    );
  });

  it('for every key, a share of 1 takes it', () => {
    fc.assert(fc.property(fc.string(), (key) => isSampled(placeOfKey(key, hash), 1)));
  });

  it('for every share, takes about that share of the keys', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1, noNaN: true }), fc.integer(), (of, salt) => {
        const keys = 2000;
        let taken = 0;
        for (let i = 0; i < keys; i += 1) if (isSampled(placeOfKey(`${salt}-${i}`, hash), of)) taken += 1;
        // Six standard deviations.
        return Math.abs(taken / keys - of) <= 6 * Math.sqrt((of * (1 - of)) / keys) + 1e-9;
      }),
      { numRuns: 40 },
    );
  });

  it('takes the same share of the keys in both halves of the hash range that Kinesis splits by', async () => {
    const { hashKeyOf } = await import('../../lib/consumer/demand-counter.ts');
    const taken = [0, 0];
    const seen = [0, 0];
    for (let i = 0; i < 20_000; i += 1) {
      const half = hashKeyOf(`user-${i}`) < 2n ** 127n ? 0 : 1;
      seen[half] = (seen[half] ?? 0) + 1;
      if (isSampled(placeOfKey(`user-${i}`, hash), 0.1)) taken[half] = (taken[half] ?? 0) + 1;
    }
    for (const half of [0, 1]) expect((taken[half] ?? 0) / (seen[half] ?? 1)).toBeCloseTo(0.1, 1.5);
  });
});

describe('placeOfKey', () => {
  it('never changes: another version of this code samples the same keys', () => {
    expect(['', 'a', 'customer-42', 'größer'].map((key) => placeOfKey(key, hash).position)).toEqual(
      ['', 'a', 'customer-42', 'größer'].map((key) => new KeyPlaces(hash).of(key).position),
    );
    expect(placeOfKey('customer-42', hash).hash64.toString(16)).toBe('67b3073155b8836f');
  });
});

describe('KeyPlaces', () => {
  it('for every sequence of keys, says what placeOfKey says, beyond what it remembers too', () => {
    const places = new KeyPlaces(hash);
    for (let i = 0; i < 25_000; i += 1) places.of(`k${i % 12_000}`);
    fc.assert(fc.property(fc.string(), (key) => places.of(key).position === placeOfKey(key, hash).position));
  });
});
