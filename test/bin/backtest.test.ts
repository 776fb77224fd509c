import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backtestPage } from '../../bin/backtest-page.ts';
import { runModels, sceneOf } from '../../bin/backtest-run.ts';
import type { SecondOpinion } from '../../lib/forecast/second-opinion.ts';
import { QUANTILES } from '../../lib/model/forecast.ts';
import type { Trace } from '../../local/trace.ts';
import { noise } from '../forecast/series.ts';

const project = resolve(import.meta.dirname, '../..');
const DAY = 288;
const START_MS = Date.UTC(2026, 0, 5);
const next = noise(3);
const total = Float64Array.from({ length: 5 * DAY }, (_, i) => 1000 + 500 * Math.sin((2 * Math.PI * i) / DAY) + 30 * next());
const trace = (changes: Partial<Trace> = {}): Trace => ({
  name: 'steps.csv',
  synthetic: false,
  startMs: START_MS,
  stepMs: 300_000,
  total,
  keys: [],
  ...changes,
});
const sceneFrom = (given: Trace, count = 20) => {
  const made = sceneOf(given, 60, count);
  if (made.kind === 'refused') throw new Error(made.message);
  return made.scene;
};
const quiet = () => {};

/** Knows what comes, and fails at every second origin. */
const halfOracle: SecondOpinion = {
  name: 'arima',
  minimumDays: 1,
  ask: async (_, [origin], horizonSteps) => {
    if (origin! % 2 === 1) return { kind: 'failed', reason: 'RuntimeError: unreachable' };
    const points = horizonSteps.map((step) => total[origin! + step - 1]!);
    const peaks = horizonSteps.map((step) => Math.max(...total.subarray(origin!, origin! + step)));
    return {
      kind: 'answered',
      tookMs: 2,
      forecasts: [{ quantiles: QUANTILES.map(() => points), windowMaxQuantiles: QUANTILES.map(() => peaks) }],
    };
  },
};

describe('sceneOf', () => {
  it('learns from a third at least, and ends a horizon before the end', () => {
    const { origins, horizonSteps } = sceneFrom(trace());
    expect(origins.length).toBe(20);
    expect(origins[0]).toBeGreaterThan((5 * DAY) / 3);
    expect(origins.at(-1)).toBe(5 * DAY - 12);
    expect(horizonSteps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('adds finer steps up to minutes, and a gap stays one', () => {
    const fine = new Float64Array(4 * 1440 * 6).fill(2);
    fine.fill(Number.NaN, 0, 6);
    fine[6] = Number.NaN;
    const { series } = sceneFrom(trace({ stepMs: 10_000, total: fine }));
    expect([series.stepSec, ...series.values.slice(0, 3)]).toEqual([60, Number.NaN, 12, 12]);
  });

  it('fails on a trace that is too short or whose steps do not fit, with what was received', () => {
    expect(sceneOf(trace({ total: total.subarray(0, 2 * DAY) }), 60, 5)).toEqual({
      kind: 'refused',
      message: 'is 2.0 days long; at least 3 days are needed, a third of it to learn from',
    });
    expect(sceneOf(trace({ stepMs: 420_000 }), 60, 5)).toMatchObject({ message: expect.stringContaining('step of 420 s') });
  });
});

describe('runModels', () => {
  it('scores the last value as 1, what knows the future as 0, and counts where a model failed', async () => {
    const scene = sceneFrom(trace());
    const { models } = await runModels(scene, ['last-value', 'arima'], [halfOracle], 0, quiet);
    expect(models[0]!.score).toMatchObject({ error: 1, pinball: 1, failed: 0 });
    const odd = scene.origins.filter((origin) => origin % 2 === 1).length;
    expect(odd).toBeGreaterThan(0);
    expect(models[1]!.score).toMatchObject({
      error: 0,
      pinball: 0,
      coverage: 1,
      biasAtPeak: 0,
      ms: 2,
      failed: odd,
      failure: 'RuntimeError: unreachable',
    });
  });

  it('says why a model has no score', async () => {
    const never: SecondOpinion = { ...halfOracle, ask: async () => ({ kind: 'failed', reason: 'no answer within 5 ms' }) };
    const { models } = await runModels(sceneFrom(trace(), 3), ['arima'], [never], 0, quiet);
    expect(models[0]).toMatchObject({ score: null, failure: 'no answer within 5 ms' });
  });

  it('lays the picture’s forecasts side by side up to the end', async () => {
    const { tiles, models } = await runModels(sceneFrom(trace()), ['incremental'], [], DAY, quiet);
    expect(tiles).toEqual(Array.from({ length: 23 }, (_, i) => 5 * DAY - 12 * (23 - i)));
    expect(models[0]!.tiled.every((each) => each !== null)).toBe(true);
  });
});

describe('backtestPage', () => {
  it('has a picture for each model, takes names as text, and needs nothing from elsewhere', async () => {
    const scene = { ...sceneFrom(trace(), 3), name: '<b>&"x"' };
    const page = backtestPage([await runModels(scene, ['incremental', 'last-value'], [], DAY, quiet)], 60);
    expect(page.match(/<svg/g)).toHaveLength(2);
    expect(page.match(/class="bound/g)).toHaveLength(46);
    expect(page).not.toMatch(/<b>|NaN|https?:|<script/);
  });
});

describe('penumbra backtest', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'penumbra-backtest-'));
    const rows = Array.from(total, (value, i) => `${new Date(START_MS + i * 300_000).toISOString()},${value.toFixed(1)}`);
    await writeFile(join(folder, 'good.csv'), `timestamp,value\n${rows.join('\n')}\n`);
    await writeFile(join(folder, 'bad.csv'), `timestamp,value\n${rows.slice(0, 50).join('\n')}\nnoon,7\n`);
    await writeFile(join(folder, 'short.csv'), `timestamp,value\n${rows.slice(0, 50).join('\n')}\n`);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const penumbra = async (...args: string[]) => {
    const child = spawn(process.execPath, [join(project, 'bin/penumbra.ts'), 'backtest', ...args], {
      cwd: folder,
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const code = await new Promise<number | null>((done) => child.once('close', done));
    return { code, stdout, stderr };
  };

  it('prints scores as JSON, writes the page, and tells what it does meanwhile', async () => {
    const args = ['--trace', 'good.csv', '--models', 'incremental,exponential-smoothing', '--origins', '5', '--json'];
    const { code, stdout, stderr } = await penumbra(...args, '--plot', 'page.html');
    expect(code).toBe(0);
    const { traces } = JSON.parse(stdout) as { traces: Record<string, { models: Record<string, { error: number }> }> };
    expect(Object.keys(traces['good.csv']!.models)).toEqual(['incremental', 'exponential-smoothing']);
    expect(traces['good.csv']!.models.incremental!.error).toBeLessThan(0.8);
    expect(stderr).toContain('good.csv: 2 models at 5 origins');
    expect(await readFile(join(folder, 'page.html'), 'utf8')).toContain('<svg');
  }, 60_000);

  it.each([
    ['a line that is wrong', ['--trace', 'good.csv', 'bad.csv'], 'bad.csv:52: timestamp is not an ISO 8601 time, got "noon"'],
    ['a file that is not there', ['--trace', 'none.csv'], 'none.csv: no such file'],
    [
      'a trace that is too short',
      ['--trace', 'short.csv'],
      'short.csv: is 0.2 days long; at least 3 days are needed, a third of it to learn from',
    ],
    [
      'a page that cannot be written',
      ['--trace', 'good.csv', '--plot', 'none/page.html'],
      '--plot none/page.html: cannot be written',
    ],
    ['a model that is none', ['--trace', 'good.csv', '--models', 'arima,magic'], 'got magic'],
    ['origins that are none', ['--trace', 'good.csv', '--origins', '0'], 'must be a whole number from 1 to 2000, got 0'],
  ])('fails on %s with one line and exit code 2, before anything runs', async (_, args, line) => {
    const { code, stdout, stderr } = await penumbra(...args);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toContain(line);
    expect([code, stdout]).toEqual([2, '']);
  });
});
