import { describe, expect, it } from 'vitest';
import { spreadOf } from '../../lib/history/spread.ts';
import { SLICE_COUNT } from '../../lib/model/demand.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { at, block, even, LOWER, UPPER } from './blocks.ts';

describe('spreadOf', () => {
  it('gives the measured share of each slice and the rate of the recent minutes', () => {
    const shares = Array.from({ length: SLICE_COUNT }, (_, i) => (i === 3 ? 0.7 : 0.02));
    const { sliceShares, current } = spreadOf([block(LOWER, 0, [6000, 60, 180], shares)], LOWER, at(1), at(3));
    expect(sliceShares[3]).toBeCloseTo(0.7);
    expect(sliceShares.reduce((a, b) => a + b)).toBeCloseTo(1);
    expect(current).toEqual({ recordsPerSec: 2, bytesPerSec: 200 });
  });

  it('sees through a merge which of the parents is the hot one', () => {
    const { sliceShares } = spreadOf([block(LOWER, 0, [300]), block(UPPER, 0, [100])], WHOLE_RANGE, at(0), at(1));
    expect(sliceShares[0]).toBeCloseTo(0.75 / 8);
    expect(sliceShares[15]).toBeCloseTo(0.25 / 8);
  });

  it('is even and idle where nothing is known', () => {
    expect(spreadOf([], LOWER, at(0), at(5))).toEqual({ sliceShares: even(), current: { recordsPerSec: 0, bytesPerSec: 0 } });
  });
});
