import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { importPast } from '../../bin/import.ts';
import { parsePast } from '../../bin/import-csv.ts';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { projectSeries } from '../../lib/history/project-series.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';

const NOW = Date.UTC(2026, 10, 20, 12);
const DAY_MS = 86_400_000;
const parsed = (text: string, bytesPerRecord: number | null = null) => {
  const past = parsePast(text, 'past.csv', bytesPerRecord, NOW);
  if (past.kind === 'refused') throw new Error(past.message);
  return past;
};
const history = () => memoryPorts(scriptedClock(NOW)).history;
const fromMs = Date.UTC(2026, 10, 18);

describe('parsePast', () => {
  it.each([
    ['an empty file', '', 'past.csv: is empty'],
    ['a file that is no text', '\u0000\u001b[2J,records\n', 'past.csv:1: is no text; expected the columns timestamp,records'],
    ['a day that no month has', 'timestamp,records\n2026-02-30T00:00Z,5', 'got "2026-02-30T00:00Z"'],
    ['a column that is missing', 'timestamp,value\n', 'past.csv:1: column "value" is not known'],
    ['records that are missing', 'timestamp,bytes\n2026-11-18T00:00Z,1', 'past.csv:1: column records is missing'],
    [
      'half a range',
      'timestamp,records,startingHashKey\n2026-11-18T00:00Z,1,0',
      'past.csv:1: startingHashKey and endingHashKey go together',
    ],
    ['no rows', 'timestamp,records\n', 'past.csv:1: no row of data follows'],
    ['a row that is short', 'timestamp,records\n2026-11-18T00:00Z', 'past.csv:2: has 1 columns, expected 2'],
    [
      'a time that is none',
      'timestamp,records\n2026-11-18T00:00Z,1\nnoon,2',
      'past.csv:3: timestamp must be an ISO 8601 time, got "noon"',
    ],
    ['the future', 'timestamp,records\n2026-11-20T12:00Z,1', 'past.csv:2: timestamp must lie in the past, got 2026-11-20T12:00Z'],
    [
      'a negative count',
      'timestamp,records\n2026-11-18T00:00Z,-1',
      'past.csv:2: records must be a number >= 0 or empty, got "-1"',
    ],
    [
      'bytes that are none',
      'timestamp,records,bytes\n2026-11-18T00:00Z,1,x',
      'past.csv:2: bytes must be a number >= 0 or empty, got "x"',
    ],
    ['a range upside down', 'timestamp,records,startingHashKey,endingHashKey\n2026-11-18T00:00Z,1,5,4', 'got 5 and 4'],
    [
      'a time twice',
      'timestamp,records\n2026-11-18T00:00Z,1\n2026-11-18T00:00Z,2',
      'past.csv:3: repeats the time and range of line 2',
    ],
    [
      'uneven steps',
      'timestamp,records\n2026-11-18T00:00Z,1\n2026-11-18T00:02Z,1\n2026-11-18T00:05Z,2',
      'past.csv:4: timestamp is not on the grid of 120 s',
    ],
    ['steps that do not fit minutes', 'timestamp,records\n2026-11-18T00:00:00Z,1\n2026-11-18T00:01:30Z,1', 'rows lie 90 s apart'],
  ])('fails on %s, and names the line', (_, text, message) => {
    expect(parsePast(text, 'past.csv', null, NOW)).toEqual({ kind: 'refused', message: expect.stringContaining(message) });
  });
});

describe('importPast', () => {
  it('gives a stream its past: minutes, gaps as gaps, bytes by size, longer steps spread and shorter ones added up', async () => {
    const store = history();
    const minutes = await importPast(
      store,
      parsed('timestamp,records\n2026-11-18T00:00Z,60\n2026-11-18T00:01Z,\n2026-11-18T00:03Z,120', 100),
      'orders',
      false,
      NOW,
    );
    expect(minutes).toMatchObject({ minutes: 2, bytesMinutes: 2, gaps: 2, blocks: 1, ranges: 1, written: true });
    const blocks = await store.read('orders', fromMs, fromMs + DAY_MS);
    const series = (metric: 'records' | 'bytes') => [
      ...projectSeries(blocks, WHOLE_RANGE, metric, fromMs, fromMs + 4 * 60_000).values,
    ];
    expect(series('records')).toEqual([1, Number.NaN, Number.NaN, 2]);
    expect(series('bytes')).toEqual([100, Number.NaN, Number.NaN, 200]);

    const coarse = history();
    await importPast(coarse, parsed('timestamp,records\n2026-11-18T00:00Z,600\n2026-11-18T00:05Z,300'), 'orders', false, NOW);
    expect([
      ...projectSeries(await coarse.read('orders', fromMs, fromMs + DAY_MS), WHOLE_RANGE, 'records', fromMs, fromMs + 600_000)
        .values,
    ]).toEqual([2, 2, 2, 2, 2, 1, 1, 1, 1, 1]);
    const fine = history();
    await importPast(fine, parsed('timestamp,records\n2026-11-18T00:00:00Z,60\n2026-11-18T00:00:30Z,60'), 'orders', false, NOW);
    expect([
      ...projectSeries(await fine.read('orders', fromMs, fromMs + DAY_MS), WHOLE_RANGE, 'records', fromMs, fromMs + 60_000)
        .values,
    ]).toEqual([2]);
  });

  it('never changes anything when it is repeated, and keeps what an earlier file knew', async () => {
    const store = history();
    const first = parsed('timestamp,records\n2026-11-18T00:00Z,60\n2026-11-18T00:01Z,60');
    await importPast(store, first, 'orders', false, NOW);
    const once = await store.read('orders', fromMs, fromMs + DAY_MS);
    await importPast(store, first, 'orders', false, NOW);
    expect(await store.read('orders', fromMs, fromMs + DAY_MS)).toEqual(once);
    await importPast(store, parsed('timestamp,records\n2026-11-18T00:01Z,90\n2026-11-18T00:02Z,30'), 'orders', false, NOW);
    const blocks = await store.read('orders', fromMs, fromMs + DAY_MS);
    expect(blocks.map(({ records }) => records.slice(0, 4))).toEqual([[60, 90, 30, null]]);
  });

  it('puts ranges of their own, over midnight', async () => {
    const store = history();
    const half = 2n ** 127n;
    const rows = ['2026-11-18T23:59Z', '2026-11-19T00:00Z'].flatMap((time) => [
      `${time},60,0,${half - 1n}`,
      `${time},180,${half},${2n ** 128n - 1n}`,
    ]);
    const imported = await importPast(
      store,
      parsed(`timestamp,records,startingHashKey,endingHashKey\n${rows.join('\n')}`),
      'orders',
      false,
      NOW,
    );
    expect(imported).toMatchObject({ ranges: 2, blocks: 4, minutes: 4, gaps: 0 });
    const blocks = await store.read('orders', fromMs, fromMs + 2 * DAY_MS);
    expect([...projectSeries(blocks, WHOLE_RANGE, 'records', fromMs + DAY_MS - 60_000, fromMs + DAY_MS + 60_000).values]).toEqual(
      [4, 4],
    );
  });

  it('tells how much of it is too old for models, or for anything', async () => {
    const rows = ['2026-06-01T00:00Z', '2026-06-02T00:00Z', '2026-09-25T00:00Z', '2026-11-18T00:00Z'];
    const past = parsed(`timestamp,records\n${rows.map((time) => `${time},60`).join('\n')}`);
    const imported = await importPast(history(), past, 'orders', true, NOW);
    expect(imported).toMatchObject({ minutes: 4 * 1440, tooOld: 2 * 1440, forHolidaysOnly: 1440 });
  });

  it('writes nothing on a dry run', async () => {
    const store = history();
    expect(await importPast(store, parsed('timestamp,records\n2026-11-18T00:00Z,60'), 'orders', true, NOW)).toMatchObject({
      written: false,
      minutes: 1,
    });
    expect(await store.read('orders', 0, NOW)).toEqual([]);
  });
});

describe('penumbra import', () => {
  const folder = mkdtempSync(join(tmpdir(), 'penumbra-import-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  it('fails on a wrong line with one line and exit code 2, before anything is written', () => {
    writeFileSync(join(folder, 'past.csv'), 'timestamp,records\n2020-01-01T00:00Z,1\n2020-01-01T00:01Z,many\n');
    const program = resolve(import.meta.dirname, '../../bin/penumbra.ts');
    const args = [program, 'import', 'past.csv', '--stream', 'orders', '--demand-table', 'none'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    });
    expect([status, stdout, stderr]).toEqual([2, '', 'past.csv:3: records must be a number >= 0 or empty, got "many"\n']);
  });
});
