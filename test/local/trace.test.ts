import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { endOf, parseTrace, perMinute, readTrace } from '../../local/trace.ts';

const traceOf = (text: string) => {
  const result = parseTrace(text, 'load.csv');
  if (result.kind === 'refused') throw new Error(result.message);
  return result.trace;
};
const messageOf = (text: string) => {
  const result = parseTrace(text, 'load.csv');
  return result.kind === 'refused' ? result.message : 'accepted';
};

describe('parseTrace', () => {
  it('reads one value per step and keeps an empty value as a gap', () => {
    const trace = traceOf('timestamp,value\n2026-01-01T00:00:00Z,5\n2026-01-01T00:01:00Z,\n2026-01-01T00:02:00Z,7.5\n');
    expect([...trace.total]).toEqual([5, Number.NaN, 7.5]);
    expect(trace.stepMs).toBe(60_000);
    expect(endOf(trace)).toBe(Date.UTC(2026, 0, 1, 0, 3));
    expect(trace.keys).toEqual([]);
  });

  it('takes a row that is missing as a gap when there are no keys and as a zero when there are', () => {
    const plain = traceOf('timestamp,value\n2026-01-01T00:00Z,1\n2026-01-01T00:01Z,2\n2026-01-01T00:03Z,4');
    expect([...plain.total]).toEqual([1, 2, Number.NaN, 4]);
    const keyed = traceOf(
      'timestamp,key,count\n2026-01-01T00:00Z,b,1\n2026-01-01T00:00Z,a,2\n2026-01-01T00:01Z,a,3\n2026-01-01T00:03Z,a,4',
    );
    expect([...keyed.total]).toEqual([3, 3, 0, 4]);
    expect(keyed.keys.map(({ key, counts }) => [key, ...counts])).toEqual([
      ['a', 2, 3, 0, 4],
      ['b', 1, 0, 0, 0],
    ]);
  });

  it('reads a time without a zone as UTC and columns in any order', () => {
    const trace = traceOf('value,timestamp\r\n1,2026-01-01 00:00:00\r\n2,2026-01-01 00:05:00\r\n');
    expect(trace.startMs).toBe(Date.UTC(2026, 0, 1));
    expect(trace.stepMs).toBe(300_000);
  });

  it.each([
    [
      'a file that is no text',
      '\u0000\u001b[2J,value\n1\n2\n',
      'load.csv:1: is no text; expected the columns timestamp,value or timestamp,key,count',
    ],
    ['an empty file', '', 'load.csv: is empty; expected the columns timestamp,value or timestamp,key,count'],
    [
      'a missing column',
      'timestamp,load\n2026-01-01T00:00Z,1\n',
      'load.csv:1: column value is missing; got timestamp,load, expected timestamp,value or timestamp,key,count',
    ],
    [
      'a missing count',
      'timestamp,key\n2026-01-01T00:00Z,a\n',
      'load.csv:1: column count is missing; got timestamp,key, expected timestamp,value or timestamp,key,count',
    ],
    ['no rows', 'timestamp,value\n', 'load.csv:1: has fewer than two rows of data'],
    [
      'a time that is none',
      'timestamp,value\n2026-01-01T00:00Z,1\nyesterday,2\n',
      'load.csv:3: timestamp is not an ISO 8601 time, got "yesterday"',
    ],
    [
      'unsorted time',
      'timestamp,value\n2026-01-01T00:01Z,1\n2026-01-01T00:00Z,2\n',
      'load.csv:3: time is not sorted: 2026-01-01T00:00Z comes before the row above',
    ],
    [
      'a repeated time',
      'timestamp,value\n2026-01-01T00:01Z,1\n2026-01-01T00:01Z,2\n',
      'load.csv:3: time is not sorted: 2026-01-01T00:01Z repeats the row before',
    ],
    ['a negative value', 'timestamp,value\n2026-01-01T00:00Z,1\n2026-01-01T00:01Z,-2\n', 'load.csv:3: value is negative, got -2'],
    [
      'a value that is no number',
      'timestamp,value\n2026-01-01T00:00Z,1\n2026-01-01T00:01Z,many\n',
      'load.csv:3: value is not a number, got "many"',
    ],
    [
      'an infinite value',
      'timestamp,value\n2026-01-01T00:00Z,1\n2026-01-01T00:01Z,Infinity\n',
      'load.csv:3: value is not a number, got "Infinity"',
    ],
    [
      'an empty count',
      'timestamp,key,count\n2026-01-01T00:00Z,a,1\n2026-01-01T00:01Z,a,\n',
      'load.csv:3: count is not a number, got ""',
    ],
    [
      'a row with a column too many',
      'timestamp,value\n2026-01-01T00:00Z,1,2\n2026-01-01T00:01Z,2\n',
      'load.csv:2: has 3 columns, expected 2 (timestamp,value)',
    ],
    [
      'uneven steps',
      'timestamp,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,1\n2026-01-01T00:02:30Z,2\n',
      'load.csv:4: time is not on the even grid of 60 s that starts at 2026-01-01T00:00:00.000Z',
    ],
    ['nothing above zero', 'timestamp,value\n2026-01-01T00:00Z,0\n2026-01-01T00:01Z,0\n', 'load.csv: has no value above zero'],
  ])('fails on %s with one line that says where and what', (_, text, message) => {
    expect(messageOf(text)).toBe(message);
  });
});

describe('readTrace', () => {
  it('fails on a file that is not there', async () => {
    expect(await readTrace('/no/such/trace.csv')).toEqual({ kind: 'refused', message: '/no/such/trace.csv: no such file' });
  });

  const folder = join(import.meta.dirname, '../../../shared/traces');
  it.skipIf(!existsSync(folder))('reads every trace of the shared folder', async () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.csv'));
    expect(files.length).toBeGreaterThan(0);
    const results = await Promise.all(files.map((name) => readTrace(join(folder, name))));
    expect(results.filter((result) => result.kind === 'refused')).toEqual([]);
  });
});

describe('perMinute', () => {
  it('keeps the rate of a step of one minute', () => {
    expect([...perMinute(Float64Array.of(60, 120), 60_000)]).toEqual([1, 2]);
  });

  it('adds up steps finer than a minute', () => {
    expect([...perMinute(new Float64Array(120).fill(3), 1000)]).toEqual([3, 3]);
  });

  it('interpolates steps coarser than a minute between their centres and keeps their level', () => {
    const minutes = perMinute(Float64Array.of(300, 600, 300), 300_000);
    expect(minutes).toHaveLength(15);
    expect(minutes[2]).toBe(1);
    expect(minutes[7]).toBe(2);
    expect(minutes[4]).toBeCloseTo(1.4);
  });

  it('makes the minutes of a gap gaps', () => {
    expect(perMinute(Float64Array.of(60, Number.NaN, 60), 60_000)[1]).toBeNaN();
  });
});
