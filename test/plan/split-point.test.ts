import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareWithin, slicesOf, WHOLE_RANGE, widthOf } from '../../lib/model/hash-key-range.ts';
import { splitPointOf } from '../../lib/plan/split-point.ts';

const shares = (heavy: Record<number, number>, rest = 0) => Array.from({ length: 16 }, (_, i) => heavy[i] ?? rest);
const at = (sixteenths: number) => (2n ** 124n * BigInt(Math.round(sixteenths * 1000))) / 1000n;

describe('splitPointOf', () => {
  it('cuts in the very middle where that divides as well, so that equal ranges stay equal', () => {
    expect(splitPointOf(WHOLE_RANGE, shares({ 0: 0.08 }, 0.92 / 15))).toMatchObject({ newStartingHashKey: 2n ** 127n });
    const cut = splitPointOf(WHOLE_RANGE, shares({ 0: 0.12 }, 0.88 / 15));
    expect(cut.kind === 'cut' && cut.newStartingHashKey < 2n ** 127n).toBe(true);
    expect(cut).toMatchObject({ lowerShare: 0.5 });
  });

  it('halves an even load in the middle', () => {
    expect(splitPointOf(WHOLE_RANGE, shares({}, 1 / 16))).toEqual({
      kind: 'cut',
      newStartingHashKey: 2n ** 127n,
      lowerShare: 0.5,
    });
  });

  it('halves the range where nothing is known of the load', () => {
    expect(splitPointOf(WHOLE_RANGE, [])).toMatchObject({ kind: 'cut', newStartingHashKey: 2n ** 127n });
    expect(splitPointOf(WHOLE_RANGE, shares({}))).toMatchObject({ kind: 'cut', newStartingHashKey: 2n ** 127n });
  });

  it('cuts at the weighted median, within its slice', () => {
    expect(splitPointOf(WHOLE_RANGE, shares({ 0: 0.4, 1: 0.4, 15: 0.2 }))).toMatchObject({ newStartingHashKey: at(1.25) });
  });

  it('cuts beside a slice that may hold one key with more than half of the load', () => {
    expect(splitPointOf(WHOLE_RANGE, shares({ 2: 0.1, 8: 0.6, 12: 0.3 }))).toEqual({
      kind: 'cut',
      newStartingHashKey: at(9),
      lowerShare: 0.7,
    });
    expect(splitPointOf(WHOLE_RANGE, shares({ 2: 0.3, 8: 0.6, 12: 0.1 }))).toMatchObject({ newStartingHashKey: at(8) });
  });

  it('names a slice that carries nearly everything', () => {
    expect(splitPointOf(WHOLE_RANGE, shares({ 5: 0.95, 6: 0.05 }))).toEqual({
      kind: 'single-key',
      share: 0.95,
      slice: slicesOf(WHOLE_RANGE, 16)[5],
    });
  });

  it('refuses a range that has no keys to share out', () => {
    expect(splitPointOf({ startingHashKey: 7n, endingHashKey: 7n }, [])).toEqual({ kind: 'range-too-small', width: 1n });
  });

  it('never cuts outside the range, and says how the load divides, for every spread', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 }),
        fc.bigInt(0n, 2n ** 128n - 1n),
        fc.bigInt(2n ** 110n, 2n ** 128n - 1n),
        (sliceShares, start, width) => {
          const endingHashKey = start + width > 2n ** 128n - 1n ? 2n ** 128n - 1n : start + width;
          const range = { startingHashKey: start, endingHashKey };
          fc.pre(widthOf(range) >= 2n ** 109n);
          const point = splitPointOf(range, sliceShares);
          if (point.kind === 'single-key') return Math.max(...sliceShares) > 0;
          if (point.kind !== 'cut') return false;
          const { newStartingHashKey } = point;
          expect(newStartingHashKey).toBeGreaterThan(range.startingHashKey);
          expect(newStartingHashKey).toBeLessThanOrEqual(range.endingHashKey);
          const total = sliceShares.reduce((sum, share) => sum + share, 0);
          if (total > 0 && widthOf(range) > 2n ** 120n) {
            const lower = { startingHashKey: range.startingHashKey, endingHashKey: newStartingHashKey - 1n };
            const below = slicesOf(range, 16).reduce(
              (sum, slice, i) => sum + shareWithin(slice, lower) * (sliceShares[i]! / total),
              0,
            );
            expect(Math.abs(below - point.lowerShare)).toBeLessThan(0.02);
          }
          return true;
        },
      ),
      { numRuns: 300 },
    );
  });
});
