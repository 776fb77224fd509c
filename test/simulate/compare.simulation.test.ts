import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare } from '../../lib/simulate/compare.ts';
import type { Demand } from '../../lib/simulate/demand.ts';
import { leanPolicy } from '../../lib/simulate/lean-policy.ts';
import { htmlReport } from '../../lib/simulate/report.ts';

const DAY = 1440;
const START = Date.UTC(2026, 0, 5);
const wave = (t: number) => (1 - Math.cos((2 * Math.PI * (t % DAY)) / DAY)) / 2;
const demand: Demand = { startMs: START, minutes: Float64Array.from({ length: 4 * DAY }, (_, t) => 2 + 8 * wave(t) ** 2) };
const question = { policy: leanPolicy(30), fromMinute: 3 * DAY, operationSec: 30 };
const limited = ['tracking-ranges', 'tracking-splits', 'kas-ranges', 'substation-ranges', 'scaling-utils-ranges'];
const all = ['tracking', 'kas', 'substation', 'scaling-utils', ...limited, 'on-demand', 'static', 'oracle'];

describe('compare', () => {
  it('runs Penumbra and every rival on the same minutes, and says which is running', () => {
    const heard: string[] = [];
    const runs = compare({ ...question, demand, keys: [] }, (name) => heard.push(name));
    expect(runs.map(({ name }) => name)).toEqual(['penumbra', 'penumbra-ranges', ...all]);
    expect(heard).toEqual(runs.map(({ name }) => name));
    for (const { outcome, capacity, throttled } of runs) {
      expect(capacity).toHaveLength(DAY);
      expect(capacity.reduce((sum, value) => sum + value, 0) / DAY).toBeCloseTo(outcome.meanShards, 6);
      expect(throttled.filter((value) => value > 1e-12)).toHaveLength(outcome.throttledMinutes);
    }
    const score = (name: string) => runs.find((run) => run.name === name)!.outcome.score;
    expect(score('penumbra')).toBeLessThan(0.8 * score('tracking'));
    expect(score('penumbra-ranges')).toBeLessThan(Math.min(...limited.map(score)));
  });

  it('makes whole-stream rivals live with the hot shard of a keyed stream', () => {
    // Twenty keys; the first one takes a third of a load that ten equal shards would carry easily.
    const keys = Array.from({ length: 20 }, (_, i) => ({
      hashKey: (2n ** 128n / 20n) * BigInt(i) + 5n,
      minutes: demand.minutes.map((value) => (i === 0 ? value / 3 : (value * 2) / 57)),
    }));
    const runs = compare({ ...question, demand, keys });
    expect(runs.map(({ name }) => name)).toEqual(['penumbra', ...all]);
    const throttled = (name: string) => runs.find((run) => run.name === name)!.outcome.throttledShare;
    expect(throttled('static')).toBeGreaterThan(0.05);
    expect(throttled('on-demand')).toBe(0);
  });
});

describe('htmlReport', () => {
  it('draws a picture for each policy, and lets no name of a file become markup', () => {
    const runs = compare({ ...question, demand, keys: [] });
    const page = htmlReport('<b>&.csv', 'one & two', demand, question.fromMinute, runs);
    expect(page.match(/<svg /g)).toHaveLength(runs.length);
    expect(page).not.toContain('<b>');
    expect(page).toContain('one &#38; two');
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('penumbra simulate', () => {
  const project = resolve(import.meta.dirname, '../..');
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'penumbra-simulate-'));
    const rows = (minutes: number) =>
      Array.from({ length: minutes / 5 }, (_, i) => `${new Date(START + i * 300_000).toISOString()},${2 + 8 * wave(i * 5)}`);
    await writeFile(join(folder, 'good.csv'), `timestamp,value\n${rows(4 * DAY).join('\n')}\n`);
    await writeFile(join(folder, 'short.csv'), `timestamp,value\n${rows(DAY).join('\n')}\n`);
    await writeFile(join(folder, 'column.csv'), 'timestamp,load\n2026-01-01T00:00Z,1\n2026-01-01T00:01Z,1\n');
    await writeFile(join(folder, 'policy.json'), '{"minShards":9,"maxShards":2,"targetUtilization":1.5}');
    const crons = [
      { cron: '99 * * * *', durationMin: 10, reason: 'none' },
      { cron: '0 2 * * *', durationMin: 120, reason: 'backup' },
      { cron: '0 3 * * *', durationMin: 10, reason: 'release' },
    ];
    await writeFile(join(folder, 'calendar.json'), JSON.stringify({ blackoutCrons: crons, budgetUsdPerMonth: 1 }));
    await writeFile(join(folder, 'list.json'), '[]');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const simulate = async (...args: string[]) => {
    const child = spawn(process.execPath, [join(project, 'bin/penumbra.ts'), 'simulate', ...args], { cwd: folder });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const code = await new Promise<number | null>((done) => child.once('close', done));
    return { code, stdout, stderr };
  };

  it('prints a table, tells its progress on stderr and writes the report', async () => {
    const { code, stdout, stderr } = await simulate('--trace', 'good.csv', '--html', 'report.html');
    expect(code).toBe(0);
    expect(stdout).toContain('1.0 days counted after 3.0 days of history');
    for (const name of ['penumbra', ...all]) {
      expect(stdout).toMatch(new RegExp(`^${name} +\\d`, 'm'));
      expect(stderr).toContain(`${name} …\n`);
    }
    expect(await readFile(join(folder, 'report.html'), 'utf8')).toContain('Penumbra on good.csv');
  });

  it('prints JSON and nothing else on stdout', async () => {
    const { stdout } = await simulate('--trace', 'good.csv', '--json', '--days', '0.5');
    const { policies, ...rest } = JSON.parse(stdout) as { policies: Record<string, { score: number }> };
    expect(rest).toEqual({ trace: 'good.csv', minutes: 720, operationSec: 30 });
    expect(policies.penumbra?.score).toBeGreaterThan(0);
  });

  const literal = (text: string) => new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));

  it.each<[string, string[], string | RegExp]>([
    ['a file that is not there', ['--trace', 'none.csv'], 'none.csv: no such file'],
    ['a missing column', ['--trace', 'column.csv'], 'column.csv:1: column value is missing'],
    ['a short trace', ['--trace', 'short.csv'], 'short.csv: is 1.0 days long; at least 3 days of history and an hour'],
    ['no trace', [], "required option '--trace <file>' not specified"],
    [
      'a policy with contradictions, all of them',
      ['--trace', 'good.csv', '--policy', 'policy.json'],
      'policy.json: targetUtilization: must be in (0, 1), got 1.5; minShards: must not exceed maxShards, got minShards 9 and maxShards 2',
    ],
    [
      'a policy whose calendar and money cannot be kept',
      ['--trace', 'good.csv', '--policy', 'calendar.json'],
      /got 99 \* \* \* \*: .*; blackoutCrons\.2: must not overlap blackoutCrons\.1, got .*; budgetUsdPerMonth: must be enough for minShards/,
    ],
    ['a policy that is no object', ['--trace', 'good.csv', '--policy', 'list.json'], 'list.json: must be a JSON object'],
    [
      'an operation of no time',
      ['--trace', 'good.csv', '--operation-sec', '0'],
      '--operation-sec must be a number above 0, got 0',
    ],
  ])('fails on %s with one line and exit 2', async (_, args, line) => {
    const { code, stdout, stderr } = await simulate(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(typeof line === 'string' ? literal(line) : line);
  });
});
