import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differencesBetween, isIgnored } from '../../lib/shadow/compare-results.ts';

const json = fc.jsonValue();

describe('differencesBetween', () => {
  it('for every value, finds no difference to itself, as JSON brings it back', () => {
    fc.assert(
      fc.property(
        json,
        (value) => differencesBetween(JSON.parse(JSON.stringify(value)), JSON.parse(JSON.stringify(value))).length === 0,
      ),
    );
  });

  it('for every two values, finds a difference just where their JSON differs, whatever the order of fields', () => {
    const canonical = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(canonical)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .map(([k, v]) => [k, canonical(v)])
                .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
            )
          : value;
    fc.assert(
      fc.property(json, json, (a, b) => {
        const [left, right] = [a, b].map((value) => JSON.parse(JSON.stringify(value)) as unknown);
        const same = JSON.stringify(canonical(left)) === JSON.stringify(canonical(right));
        return same === (differencesBetween(left, right).length === 0);
      }),
    );
  });

  it('for every two values, differs the same way from either side', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        const [left, right] = [a, b].map((value) => JSON.parse(JSON.stringify(value)) as unknown);
        const paths = (x: unknown, y: unknown) => differencesBetween(x, y).map(({ path }) => path).length;
        return paths(left, right) === paths(right, left);
      }),
    );
  });

  it('names the field, and both values', () => {
    const left = {
      id: 7,
      lines: [
        { sku: 'a', n: 1 },
        { sku: 'b', n: 2 },
      ],
      at: 5,
    };
    const right = {
      id: 7,
      lines: [
        { sku: 'a', n: 1 },
        { sku: 'b', n: 3 },
      ],
      note: null,
    };
    expect(differencesBetween(left, right)).toEqual([
      { path: 'lines.1.n', left: 2, right: 3 },
      { path: 'at', left: 5, right: undefined },
      { path: 'note', left: undefined, right: null },
    ]);
    expect(differencesBetween(left, right, ['at', 'note', 'lines.*.n'])).toEqual([]);
    expect(differencesBetween(1, 2)).toEqual([{ path: '(value)', left: 1, right: 2 }]);
    expect(differencesBetween([1], { 0: 1 })).toHaveLength(1);
    expect(differencesBetween({ a: 1 }, null)).toHaveLength(1);
  });

  it('leaves off after twenty', () => {
    expect(
      differencesBetween(
        Array.from({ length: 50 }, (_, i) => i),
        Array.from({ length: 50 }, (_, i) => i + 1),
      ),
    ).toHaveLength(20);
  });
});

describe('isIgnored', () => {
  it.each([
    ['a.b', 'a.b', true],
    ['a.b', 'a', false],
    ['a', 'a.b', false],
    ['a.b.c', 'a.*.c', true],
    ['a.b.c', 'a.**', true],
    ['a', 'a.**', true],
    ['b', 'a.**', false],
    ['a.b', '*', false],
    ['a.b', '**', true],
  ])('%s by %s: %s', (path, pattern, expected) => {
    expect(isIgnored(path.split('.'), pattern)).toBe(expected);
  });
});
