import { describe, expect, it } from 'vitest';
import { forecastWithOpinions } from '../../functions/forecast-with-opinions.ts';
import { costlyOrigins } from '../../lib/forecast/backtest-origins.ts';
import { forecastSeries } from '../../lib/forecast/forecast-series.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import type { EvenSeries, ModelForecast } from '../../lib/forecast/model.ts';
import { type Answer, askSecondOpinions, heard, opinionsDue, type SecondOpinion } from '../../lib/forecast/second-opinion.ts';
import { type Forecast, type ModelName, QUANTILES } from '../../lib/model/forecast.ts';
import { dailyJump, HORIZONS_SEC, MIDNIGHT, MINUTES_PER_DAY, noise, series } from './series.ts';

const HOUR_MS = 3_600_000;
const steps = HORIZONS_SEC.map((sec) => sec / 60);
const values = dailyJump(4 * MINUTES_PER_DAY);
const four = series(values);
const END_MS = MIDNIGHT + values.length * 60_000;

/** An opinion that knows the future of `values` where `knows`, and answers zero elsewhere. */
const oracle = (name: ModelName, of: Float64Array, asked: number[][] = []): SecondOpinion => ({
  name,
  minimumDays: 2,
  ask: async (_: EvenSeries, origins, horizonSteps): Promise<Answer> => {
    asked.push([...origins]);
    const at = (origin: number): ModelForecast => {
      const points = horizonSteps.map((step) => of[origin + step - 1] ?? of[of.length - 1]!);
      const peaks = horizonSteps.map((step) => Math.max(...of.slice(origin, origin + step), of.at(-1)!));
      return { quantiles: QUANTILES.map(() => points), windowMaxQuantiles: QUANTILES.map(() => peaks) };
    };
    return { kind: 'answered', forecasts: origins.map(at), tookMs: 1 };
  },
});
const failing: SecondOpinion = {
  name: 'prophet',
  minimumDays: 2,
  ask: async () => ({ kind: 'failed', reason: 'no answer within 5 ms' }),
};
const plenty = () => 10_000;

describe('heard', () => {
  it('answers at the origins that were asked for, and null elsewhere or for other horizons', () => {
    const said = { quantiles: QUANTILES.map(() => [1]), windowMaxQuantiles: QUANTILES.map(() => [2]) };
    const model = heard({ name: 'arima', minimumDays: 2 }, [10, 20], [5], [said, null]);
    const even = { values: new Float64Array(30), startMs: 0, stepSec: 60 };
    expect(model.forecastAt(even, [10, 20, 30], [5])).toEqual([said, null, null]);
    expect(model.forecastAt(even, [10], [6])).toEqual([null]);
  });
});

describe('askSecondOpinions', () => {
  it('asks where the choice judges, and from the end; of a judged model only from the end', async () => {
    const asked: number[][] = [];
    await askSecondOpinions(four, HORIZONS_SEC, [oracle('mstl', values, asked)], false, plenty);
    await askSecondOpinions(four, HORIZONS_SEC, [oracle('mstl', values, asked)], true, plenty);
    expect(asked).toEqual([costlyOrigins(values.length, 30, 60), [values.length]]);
    expect(asked[0]!.length).toBe(7);
  });

  it('tells failures, those for lack of time too, and does not ask a model of a series too young for it', async () => {
    const asked: number[][] = [];
    const young = series(dailyJump(MINUTES_PER_DAY + 60));
    expect(await askSecondOpinions(young, HORIZONS_SEC, [oracle('mstl', values, asked)], false, plenty)).toEqual({
      models: [],
      failures: [],
    });
    const { models, failures } = await askSecondOpinions(
      four,
      HORIZONS_SEC,
      [failing, oracle('mstl', values, asked)],
      false,
      () => (asked.length === 0 ? 5 : 0),
    );
    expect(models.map(({ name }) => name)).toEqual(['mstl']);
    expect(failures).toEqual([{ model: 'prophet', reason: 'no answer within 5 ms' }]);
    const late = await askSecondOpinions(four, HORIZONS_SEC, [oracle('arima', values)], false, () => 0.4);
    expect(late).toEqual({ models: [], failures: [{ model: 'arima', reason: 'no time was left to ask it' }] });
  });
});

describe('opinionsDue', () => {
  const all = [oracle('mstl', values), oracle('arima', values)];
  const namesOf = (previous: Forecast | null, scope: 'stream' | 'shard', named?: ModelName[], nowMs = END_MS) =>
    opinionsDue(four, scope, previous, named, all, nowMs).opinions.map(({ name }) => name);
  const chosen = forecastSeries(four, 'stream', HORIZONS_SEC, [incremental], null, END_MS);
  const dayLater = END_MS + 25 * HOUR_MS;
  const scored = (loss: number): Forecast => ({
    ...chosen,
    scores: [{ ...chosen.scores[0]!, model: 'incremental', relativeError: loss, relativePinball95: loss }],
  });

  it('asks all models that the policy names at every choice, and no other', () => {
    expect(namesOf(null, 'shard', ['arima'])).toEqual(['arima']);
    expect(namesOf(chosen, 'shard', ['arima'], dayLater)).toEqual(['arima']);
    expect(namesOf(chosen, 'stream', [], dayLater)).toEqual([]);
  });

  it('asks unnamed ones once a day, of the stream and of shards that are foreseen badly, never at the first choice', () => {
    expect(namesOf(null, 'stream')).toEqual([]);
    expect(namesOf(scored(0.5), 'stream', undefined, END_MS + 60_000)).toEqual([]);
    expect(namesOf(scored(0.5), 'stream', undefined, dayLater)).toEqual(['mstl', 'arima']);
    expect(namesOf(scored(0.5), 'shard', undefined, dayLater)).toEqual([]);
    expect(namesOf(scored(0.95), 'shard', undefined, dayLater)).toEqual(['mstl', 'arima']);
  });

  it('asks a chosen library at every tick', () => {
    const due = opinionsDue(four, 'shard', { ...chosen, model: 'mstl' }, undefined, all, END_MS + 60_000);
    expect([due.opinions.map(({ name }) => name), due.isJudged]).toEqual([['mstl'], true]);
  });
});

describe('forecastWithOpinions', () => {
  const next = noise(5);
  const wild = Float64Array.from({ length: 4 * MINUTES_PER_DAY }, () => 1000 + 900 * next());
  const atHand = (models: SecondOpinion[]) => ({ libraries: { models }, named: ['mstl', 'prophet'] as const, leftMs: plenty });
  const forecast = async (models: SecondOpinion[], previous: Forecast | null, nowMs = END_MS) => {
    const { named, ...rest } = atHand(models);
    return (await forecastWithOpinions(series(wild), 'stream', HORIZONS_SEC, previous, { ...rest, named: [...named] }, nowMs))
      .forecast;
  };

  it('takes a library where the back-test says so, keeps it, and lets it go when it fails', async () => {
    const first = await forecast([oracle('mstl', wild), failing], null);
    expect(first.model).toBe('mstl');
    expect(first.reason).toContain('best of');
    expect(first.failures).toEqual([{ model: 'prophet', reason: 'no answer within 5 ms' }]);
    const kept = await forecast([oracle('mstl', wild)], first, END_MS + 60_000);
    expect([kept.model, kept.reason.startsWith('kept: ')]).toEqual(['mstl', true]);
    const fallen = await forecast([{ ...failing, name: 'mstl' }], kept, END_MS + 120_000);
    expect(fallen.model).not.toBe('mstl');
    expect(fallen.failures).toEqual([{ model: 'mstl', reason: 'no answer within 5 ms' }]);
    expect(fallen.quantiles[1]!.every((value) => value > 0)).toBe(true);
  });

  it('asks at a choice that the caller holds due, by the scores of the newest forecast', async () => {
    const asked: number[][] = [];
    const at = { libraries: { models: [oracle('mstl', wild, asked)] }, named: undefined, leftMs: plenty };
    const run = (last: Forecast | null) => forecastWithOpinions(series(wild), 'stream', HORIZONS_SEC, null, at, END_MS, [], last);
    const first = (await run(null)).forecast;
    expect(asked).toEqual([]);
    expect((await run(first)).forecast.model).toBe('mstl');
    expect(asked).toHaveLength(1);
  });

  it('is the forecast of our own models where no library is due', async () => {
    const { forecast: made } = await forecastWithOpinions(
      four,
      'stream',
      HORIZONS_SEC,
      null,
      { libraries: { models: [oracle('mstl', values)] }, named: undefined, leftMs: plenty },
      END_MS,
    );
    expect(made.scores.map(({ model }) => model).sort()).toEqual(['incremental', 'last-value', 'seasonal-naive']);
    expect(made).not.toHaveProperty('failures');
    expect(steps.length).toBe(made.quantiles[1]!.length);
  });
});
