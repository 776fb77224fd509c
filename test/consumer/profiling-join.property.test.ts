import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonOf, keyOfResult, ResultsJoin, type ToldResult } from '../../lib/consumer/profiling-join.ts';

const told = (n: number, value: unknown): ToldResult => ({
  sequenceNumber: String(n),
  partitionKey: 'k',
  name: '',
  json: jsonOf(value),
});

describe('ResultsJoin', () => {
  it('for every order in which two sides tell, pairs each result once and counts what only one side told', () => {
    const step = fc.record({
      side: fc.constantFrom<'left' | 'right'>('left', 'right'),
      n: fc.nat({ max: 15 }),
      value: fc.nat({ max: 1 }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(step, { maxLength: 40, selector: ({ side, n }) => `${side} ${n}` }), (steps) => {
        const join = new ResultsJoin('a', 'b', []);
        steps.forEach(({ side, n, value }, i) => {
          join.tell(side, told(n, { value }), i);
        });
        join.settle(200_000);
        const of = (side: string) => new Map(steps.filter((one) => one.side === side).map(({ n, value }) => [n, value]));
        const [left, right] = [of('left'), of('right')];
        const both = [...left.keys()].filter((n) => right.has(n));
        const different = both.filter((n) => left.get(n) !== right.get(n)).length;
        const { samples, fields, ...counts } = join.compared();
        expect(counts).toEqual({
          left: 'a',
          right: 'b',
          compared: both.length,
          equal: both.length - different,
          different,
          onlyLeft: left.size - both.length,
          onlyRight: right.size - both.length,
        });
        expect(fields).toEqual(different === 0 ? {} : { value: different });
        for (const { sequenceNumber, differences } of samples) {
          expect(differences[0]).toEqual({
            path: 'value',
            left: String(left.get(Number(sequenceNumber))),
            right: String(right.get(Number(sequenceNumber))),
          });
        }
      }),
    );
  });

  it('waits a minute for the other side, no longer', () => {
    const join = new ResultsJoin('a', 'primary', []);
    join.tell('left', told(1, 1), 0);
    join.tell('left', told(2, 1), 30_000);
    join.settle(59_999);
    expect(join.compared().onlyLeft).toBe(0);
    expect(join.waitingForRight(5).map(({ sequenceNumber }) => sequenceNumber)).toEqual(['1', '2']);
    expect(join.waitingForRight(1)).toHaveLength(1);
    join.settle(60_000);
    expect(join.compared().onlyLeft).toBe(1);
    join.tell('right', told(2, 1), 61_000);
    expect(join.compared()).toMatchObject({ compared: 1, equal: 1 });
  });

  it('keeps twenty samples, with long values cut', () => {
    const join = new ResultsJoin('a', 'b', []);
    for (let n = 0; n < 30; n += 1) {
      join.tell('left', told(n, 'x'.repeat(500)), 0);
      join.tell('right', told(n, null), 0);
    }
    expect(join.compared()).toMatchObject({ different: 30, fields: { '(value)': 30 } });
    expect(join.compared().samples).toHaveLength(20);
    expect(join.compared().samples[0]?.differences[0]?.left).toHaveLength(200);
  });

  it('keeps results of one record apart by their names', () => {
    const one = { ...told(1, 1), name: 'total' };
    expect(keyOfResult(one)).toBe('1.0:total');
    expect(keyOfResult({ ...one, subSequenceNumber: 3 })).toBe('1.3:total');
  });
});

describe('jsonOf', () => {
  it('takes large integers, bytes and nothing', () => {
    expect(jsonOf({ n: 12345678901234567890n, data: new Uint8Array([1, 2]) })).toBe(
      '{"n":"12345678901234567890n","data":"AQI="}',
    );
    expect(jsonOf(undefined)).toBe('null');
  });
});
