import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockFromItem, blockToItem } from '../../lib/adapters/aws/dynamodb-history.ts';
import { packNumbers, unpackNumbers } from '../../lib/adapters/aws/packed.ts';
import { packMinutes, unpackMinutes } from '../../lib/adapters/aws/packed-minutes.ts';
import { InvariantError } from '../../lib/errors.ts';
import { type HistoryBlock, SLICE_COUNT } from '../../lib/model/demand.ts';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';

const count = fc.option(
  fc.oneof(
    fc.nat(300),
    fc.maxSafeNat().map((of) => of % 2 ** 50),
  ),
  { nil: null },
);
const demand = fc.option(fc.double({ min: 0, max: 1e12, noNaN: true }), { nil: null });
const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: SLICE_COUNT, maxLength: SLICE_COUNT });
const minutesOf = (value: fc.Arbitrary<number | null>) =>
  fc.array(fc.tuple(value, value, fc.boolean()), { maxLength: 150 }).chain((entries) =>
    shares.map((sliceShares) => ({
      records: entries.map(([records]) => records),
      bytes: entries.map(([, bytes]) => bytes),
      censored: entries.map(([, , censored]) => censored),
      sliceShares,
    })),
  );
const EVEN = new Array<number>(SLICE_COUNT).fill(1 / SLICE_COUNT);

describe('packMinutes', () => {
  it('gives every count, gap and mark back exactly', () => {
    fc.assert(
      fc.property(minutesOf(count), (minutes) => {
        const { records, bytes, censored } = unpackMinutes(packMinutes(minutes), 'here');
        expect({ records, bytes, censored }).toEqual({
          records: minutes.records,
          bytes: minutes.bytes,
          censored: minutes.censored,
        });
      }),
    );
  });

  it('never loses more than 2^-24 of a fraction or of a share', () => {
    fc.assert(
      fc.property(minutesOf(demand), (minutes) => {
        const back = unpackMinutes(packMinutes(minutes), 'here');
        for (const of of ['records', 'bytes', 'sliceShares'] as const)
          minutes[of].forEach((value, i) => {
            if (value === null) expect(back[of][i]).toBeNull();
            else expect(Math.abs(back[of][i]! - value)).toBeLessThanOrEqual(value * 2 ** -24 + 2 ** -149);
          });
      }),
    );
  });

  it('takes two bytes for each steady minute', () => {
    const steady = new Array<number>(1440).fill(1200);
    const flags = steady.map(() => false);
    expect(packMinutes({ records: steady, bytes: steady, censored: flags, sliceShares: EVEN }).length).toBeLessThan(
      2 * 1440 + 10,
    );
  });
});

describe('unpackMinutes', () => {
  it('fails for every way of cutting bytes off or of adding some, and names where', () => {
    const packed = packMinutes({
      records: [600, null, 1e6],
      bytes: [0.5, 3, null],
      censored: [true, false, false],
      sliceShares: EVEN,
    });
    for (let length = 0; length < packed.length; length++)
      expect(() => unpackMinutes(packed.slice(0, length), 'history 7'), `${length} bytes`).toThrow(InvariantError);
    expect(() => unpackMinutes(Uint8Array.of(...packed, 0), 'history 7')).toThrow(
      'the minutes in history 7 must end with their last column, got 1 bytes more',
    );
  });

  it('fails on a number that no demand can be', () => {
    const ofMinute = (code: number) => Uint8Array.of(1, 0, 1, code, 1);
    expect(unpackMinutes(ofMinute(3), 'here').records).toEqual([1]);
    expect(() => unpackMinutes(ofMinute(2), 'history 7')).toThrow('the minutes in history 7 must be numbers >= 0 or gaps');
    const infinite = packMinutes({ records: [0.5], bytes: [1], censored: [false], sliceShares: EVEN });
    infinite.set(new Uint8Array(Float32Array.of(Number.POSITIVE_INFINITY).buffer), 3);
    expect(() => unpackMinutes(infinite, 'here')).toThrow(InvariantError);
  });

  it('fails on another format', () => {
    expect(() => unpackMinutes(Uint8Array.of(9, 0, 0), 'history 7')).toThrow(
      'the minutes in history 7 must be of format 1, got 9',
    );
  });
});

describe('blockFromItem', () => {
  const block: HistoryBlock = {
    streamName: 'orders#eu',
    hashKeyRange: slicesOf(WHOLE_RANGE, 3)[1]!,
    startMs: Date.UTC(2026, 10, 1, 7),
    records: [600, null, 0, 12.5],
    bytes: [540_000, null, 0, 11_250],
    censored: [false, false, false, true],
    sliceShares: [0.25, 0.25, 0.5, ...new Array<number>(13).fill(0)],
  };

  it('gives a block of minutes, an imported day and a coarse day back', () => {
    const day = {
      ...block,
      records: new Array(1440).fill(7),
      bytes: new Array(1440).fill(9),
      censored: new Array(1440).fill(false),
    };
    for (const each of [block, day, { ...block, stepSec: 900 }]) expect(blockFromItem(blockToItem(each))).toEqual(each);
  });

  it('reads what was written when each array was deflated by itself', () => {
    const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
    const { startingHashKey, endingHashKey } = block.hashKeyRange;
    const former = {
      ...blockToItem(block),
      minutes: undefined,
      streamName: block.streamName,
      hashKeyRange: { startingHashKey: startingHashKey.toString(), endingHashKey: endingHashKey.toString() },
      startMs: block.startMs,
      records: bytesOf('Y2AQc2FgOFDPAAYejgA='),
      bytes: bytesOf('Y7jG7MnAcKCeAQRO6LsBAA=='),
      censored: bytesOf('Y2BgYAQA'),
      sliceShares: packNumbers(block.sliceShares),
    };
    expect(blockFromItem(former)).toEqual(block);
  });
});

describe('packNumbers', () => {
  it('gives every number back exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, noNaN: true })), (values) => {
        expect(unpackNumbers(packNumbers(values))).toEqual(values);
      }),
    );
  });
});
