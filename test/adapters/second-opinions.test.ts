import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { bundleForecastThread } from '../../infra/function-code.ts';
import { type SecondOpinions, secondOpinions } from '../../lib/adapters/second-opinions.ts';
import type { SecondOpinion } from '../../lib/forecast/second-opinion.ts';
import type { ModelName } from '../../lib/model/forecast.ts';
import { dailyJump, MIDNIGHT, MINUTES_PER_DAY } from '../forecast/series.ts';

const folder = mkdtempSync(join(tmpdir(), 'penumbra-thread-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let opened: SecondOpinions | undefined;
afterEach(() => opened?.close());

const open = (file?: URL): Record<ModelName, SecondOpinion> => {
  opened = file === undefined ? secondOpinions() : secondOpinions(file);
  return Object.fromEntries(opened.models.map((model) => [model.name, model])) as Record<ModelName, SecondOpinion>;
};
const failingThread = new URL('./failing-thread.ts', import.meta.url);
const week = dailyJump(4 * MINUTES_PER_DAY);
const even = { values: week, startMs: MIDNIGHT, stepSec: 60 };
const ORIGIN = 3 * MINUTES_PER_DAY + 6 * 60 + 50;
const LONG_MS = 60_000;

describe('secondOpinions', () => {
  it('foresee a jump that came at the same time of each day before, all but the one without a season', async () => {
    const models = open();
    for (const name of ['mstl', 'arima', 'prophet', 'exponential-smoothing'] as const) {
      const answer = await models[name].ask(even, [ORIGIN], [5, 30], LONG_MS);
      if (answer.kind === 'failed') throw new Error(`${name}: ${answer.reason}`);
      const median = answer.forecasts[0]!.quantiles[1]!;
      if (name === 'exponential-smoothing') expect(median[1]! / week[ORIGIN - 1]!).toBeCloseTo(1, 0);
      else expect(median[1]!).toBeGreaterThan(1.25 * week[ORIGIN - 1]!);
      expect(answer.forecasts[0]!.windowMaxQuantiles[3]![1]).toBeGreaterThan(median[1]!);
    }
  }, 60_000);

  it('answer the same from the bundle that the functions are deployed with', async () => {
    bundleForecastThread(folder);
    const asked = async (models: Record<ModelName, SecondOpinion>) => {
      const answers = [];
      for (const model of Object.values(models)) {
        const answer = await model.ask(even, [ORIGIN], [5, 30], LONG_MS);
        answers.push(answer.kind === 'answered' ? answer.forecasts : answer);
      }
      return answers;
    };
    const bundled = await asked(open(pathToFileURL(join(folder, 'forecast-worker.mjs'))));
    await opened?.close();
    expect(bundled).toEqual(await asked(open()));
    expect(bundled.every((each) => Array.isArray(each))).toBe(true);
  }, 60_000);

  it('never look at or after the last origin', async () => {
    const { mstl } = open();
    const altered = week.map((value, i) => (i >= ORIGIN ? 9 * value : value));
    const [one, other] = [
      await mstl.ask(even, [ORIGIN], [30], LONG_MS),
      await mstl.ask({ ...even, values: altered }, [ORIGIN], [30], LONG_MS),
    ];
    expect(other).toEqual({ ...one, tookMs: expect.any(Number) });
  }, 60_000);

  it('are never above twice the highest five minutes, whatever trend they extrapolate', async () => {
    const { arima, mstl } = open();
    const wild = Float64Array.from({ length: 3 * MINUTES_PER_DAY }, (_, i) => (i < 4000 ? 1 + (i % 7) : (i - 4000) ** 2));
    for (const model of [arima, mstl]) {
      const answer = await model.ask({ ...even, values: wild }, [wild.length], [30], LONG_MS);
      if (answer.kind === 'failed') throw new Error(answer.reason);
      for (const value of answer.forecasts[0]!.quantiles.flat()) expect(value).toBeLessThanOrEqual(2 * Math.max(...wild));
    }
  }, 60_000);

  it('say so when a series cannot be fitted', async () => {
    const { mstl } = open();
    const answer = await mstl.ask({ ...even, values: week.slice(0, 30) }, [30], [5], LONG_MS);
    expect(answer).toEqual({ kind: 'failed', reason: 'could not be fitted to this series' });
  }, 60_000);

  it.each([
    ['traps', 'arima', /^RuntimeError: |^RangeError: /],
    ['hangs', 'mstl', /no answer within 300 ms/],
    ['ends its thread', 'prophet', /ended with code 3/],
    ['says numbers that are none', 'exponential-smoothing', /a number that is none/],
  ] as const)(
    'fail with a reason when a library %s, and answer the next question',
    async (_, name, reason) => {
      const models = open(failingThread);
      expect(await models[name].ask(even, [10, 20], [1], 300)).toEqual({ kind: 'failed', reason: expect.stringMatching(reason) });
      expect(await models[name].ask(even, [10], [1], 5_000)).toMatchObject({ kind: 'answered' });
    },
    60_000,
  );

  it('fail questions that come after their end', async () => {
    const { mstl } = open();
    await opened?.close();
    expect(await mstl.ask(even, [ORIGIN], [30], LONG_MS)).toEqual({ kind: 'failed', reason: 'the libraries were closed' });
  });
});
