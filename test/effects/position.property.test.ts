import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  comparePositions,
  formatPosition,
  type Position,
  parsePosition,
  positionOf,
  recordsAfter,
} from '../../lib/effects/position.ts';
import { InvariantError } from '../../lib/errors.ts';
import { recordsOf } from './scenes.ts';

const position: fc.Arbitrary<Position> = fc.record({
  sequenceNumber: fc.bigInt({ min: 1n, max: 10n ** 56n }).map(String),
  subSequenceNumber: fc.option(fc.nat(500), { nil: undefined }),
});
/** Few values, so that sequence numbers meet. */
const close: fc.Arbitrary<Position> = fc.record({
  sequenceNumber: fc.integer({ min: 8, max: 12 }).map(String),
  subSequenceNumber: fc.option(fc.nat(3), { nil: undefined }),
});

describe('formatPosition', () => {
  it('is read back by parsePosition for every position', () => {
    fc.assert(
      fc.property(position, (p) => {
        expect(parsePosition(formatPosition(p))).toEqual(p);
      }),
    );
  });
});

describe('parsePosition', () => {
  it.each(['', 'TRIM_HORIZON', '12/', '12/a', '12/3/4', ' 12'])('fails for %j', (text) => {
    expect(() => parsePosition(text)).toThrow(InvariantError);
  });
});

describe('comparePositions', () => {
  it('orders every two positions one way, and agrees with itself backwards', () => {
    fc.assert(
      fc.property(close, close, (a, b) => {
        expect(Math.sign(comparePositions(a, b))).toBe(0 - Math.sign(comparePositions(b, a)));
        expect(comparePositions(a, b) === 0).toBe(formatPosition(a) === formatPosition(b));
      }),
    );
  });

  it('puts a whole record after every record within it and before the next', () => {
    const ordered = ['9/0', '9/1', '9/10', '9', '10/0', '10'].map(parsePosition);
    for (const [i, a] of ordered.entries())
      for (const [j, b] of ordered.entries()) expect(Math.sign(comparePositions(a, b))).toBe(Math.sign(i - j));
  });
});

describe('recordsAfter', () => {
  it('leaves out what is at or before the position, within an aggregate too', () => {
    const records = recordsOf('7', '9/0', '9/1', '9/2', '11');
    expect(recordsAfter(records, parsePosition('9/1')).map(positionOf).map(formatPosition)).toEqual(['9/2', '11']);
    expect(recordsAfter(records, null)).toEqual(records);
  });
});
