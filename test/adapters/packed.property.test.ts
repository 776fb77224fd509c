import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packFlags, packFloats, packNumbers, unpackFlags, unpackFloats, unpackNumbers } from '../../lib/adapters/aws/packed.ts';

const demand = fc.option(fc.double({ min: 0, max: 1e12, noNaN: true }), { nil: null });

describe('packFloats', () => {
  test('never loses more than 2^-24 of a value, and keeps every gap', () => {
    fc.assert(
      fc.property(fc.array(demand, { maxLength: 200 }), (values) => {
        const back = unpackFloats(packFloats(values));
        expect(back).toHaveLength(values.length);
        values.forEach((value, i) => {
          if (value === null) expect(back[i]).toBeNull();
          else expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(value * 2 ** -24 + 2 ** -149);
        });
      }),
    );
  });

  test('never grows a day of steady minutes past a tenth of its plain size', () => {
    expect(packFloats(Array.from({ length: 1440 }, () => 1200)).length).toBeLessThan((1440 * 4) / 10);
  });
});

describe('packNumbers', () => {
  test('gives every number back exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, noNaN: true })), (values) => {
        expect(unpackNumbers(packNumbers(values))).toEqual(values);
      }),
    );
  });
});

describe('packFlags', () => {
  test('gives every flag back', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), (flags) => {
        expect(unpackFlags(packFlags(flags))).toEqual(flags);
      }),
    );
  });
});
