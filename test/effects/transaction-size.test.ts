import { describe, expect, it } from 'vitest';
import { leastBytes, MAX_BYTES, MAX_ITEMS, misfitOf } from '../../lib/effects/transaction-size.ts';

const put = (item: Record<string, { S: string } | { B: Uint8Array }>) => ({ Put: { TableName: 't', Item: item } });

describe('leastBytes', () => {
  it('counts names and values of every kind as DynamoDB does', () => {
    const Item = {
      pk: { S: 'äö' },
      n: { N: '1234' },
      b: { B: new Uint8Array(10) },
      m: { M: { x: { S: 'y' } } },
      l: { L: [{ S: 'ab' }, { BOOL: true as const }] },
      ss: { SS: ['a', 'bc'] },
      ns: { NS: ['1', '2'] },
      bs: { BS: [new Uint8Array(3)] },
      z: { NULL: true as const },
    };
    // names 13 + text 4 + number 3 + bytes 10 + map (3 + 1 + 1 + 1) + list (3 + 3 + 2) + sets 3, 42, 3 + null 1
    expect(leastBytes([{ Put: { TableName: 't', Item } }])).toBe(13 + 4 + 3 + 10 + 6 + 8 + 3 + 42 + 3 + 1);
  });

  it('counts keys and values of updates, deletes and checks', () => {
    const keyed = {
      TableName: 't',
      Key: { pk: { S: 'abc' } },
      ConditionExpression: 'x = :v',
      ExpressionAttributeValues: { ':v': { S: '12' } },
    };
    expect(
      leastBytes([{ Update: { ...keyed, UpdateExpression: 'SET x = :v' } }, { Delete: keyed }, { ConditionCheck: keyed }]),
    ).toBe(27);
  });
});

describe('misfitOf', () => {
  it('takes 99 items', () =>
    expect(
      misfitOf(
        Array.from({ length: MAX_ITEMS }, () => put({ pk: { S: 'a' } })),
        99,
      ),
    ).toBeNull());

  it('fails for 100 items and says what to do', () => {
    expect(
      misfitOf(
        Array.from({ length: 100 }, () => put({ pk: { S: 'a' } })),
        500,
      ),
    ).toBe(
      'one transaction takes at most 99 items besides the lease, got 100 for 500 records; ' +
        'set maxBatchRecords lower than 500, or write a part of the records at a time, in order',
    );
  });

  it('fails for more than 4 MB and says what to do', () => {
    const items = Array.from({ length: 12 }, () => put({ pk: { B: new Uint8Array(380_000) } }));
    expect(misfitOf(items, 12)).toMatch(
      new RegExp(`at most ${MAX_BYTES} bytes, got 4560024 for 12 records; set maxBatchRecords lower than 12`),
    );
  });
});
