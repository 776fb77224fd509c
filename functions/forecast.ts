// functions: what is coming.
<<<<<<< HEAD
// in: a tick, the history · out: a forecast of the stream and of each open shard, for records and bytes; stored and published. Of a stream of many shards: an
// execution of the forecast machine, which calls forecast-slice for each part of the shards, and then forecast-settle

import { MINUTE_MS } from '../lib/model/demand.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import { type Job, jobsOf, seriesOf, slicesOf } from './forecast-jobs.ts';
import { allModels } from './forecast-models.ts';
import { foresee } from './foresee.ts';
import { settleForecasts } from './settle-forecasts.ts';
=======
// in: a tick, the history · out: a forecast of the stream and of each open shard, for records and bytes; stored and published
import { type SecondOpinions, secondOpinions } from '../lib/adapters/second-opinions.ts';
import { projectSeries } from '../lib/history/project-series.ts';
import { type DemandSeries, MINUTE_MS } from '../lib/model/demand.ts';
import { type Forecast, QUANTILES } from '../lib/model/forecast.ts';
import { rangeText, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { MetricPoint } from '../lib/ports.ts';
import { forecastWithOpinions } from './forecast-with-opinions.ts';
import { policyOf } from './policy-of.ts';
import { observedUntil } from './read-fleet.ts';
>>>>>>> e33d43262517cd17641f5761732031232f5b72dc
import { type Task, Tick, task } from './shell.ts';

/** What is left of the function's time is for storing. */
<<<<<<< HEAD
export const BUDGET_MS = 35_000;
=======
const BUDGET_MS = 35_000;
/** What of that the forecasting libraries may take. */
const LIBRARIES_MS = 12_000;
>>>>>>> e33d43262517cd17641f5761732031232f5b72dc

type Forecasted =
  | {
      readonly kind: 'forecasted';
      readonly series: number;
      /** Series whose turn comes with the next tick. */
      readonly left: number;
      readonly observedUntilMs: number;
      readonly models: Readonly<Record<string, number>>;
      readonly resumed: number;
      /** How many series were learnt from their whole history, by reason. */
      readonly learntAnew: Readonly<Record<string, number>>;
      readonly checkpoints: number;
      /** Why forecasts of stream and shards do not agree, by metric. */
      readonly apart: Partial<Record<Forecast['metric'], string>>;
    }
  | { readonly kind: 'sliced'; readonly slices: number; readonly executionArn: string }
  | { readonly kind: 'skipped'; readonly reason: string };

<<<<<<< HEAD
/** How many series each model forecasts. */
export const chosenOf = (forecasts: readonly Forecast[]): Record<string, number> => {
  const chosen: Record<string, number> = {};
  for (const { model } of forecasts) chosen[model] = (chosen[model] ?? 0) + 1;
  return chosen;
=======
let opinions: SecondOpinions | undefined;
/** Once per container; its thread starts with the first question. */
const libraries = (): SecondOpinions => {
  opinions ??= secondOpinions();
  return opinions;
>>>>>>> e33d43262517cd17641f5761732031232f5b72dc
};

/** The forecasts that stay as they are: of the jobs that got no new one. */
export const standingOf = (jobs: readonly Job[], made: readonly Forecast[]): Forecast[] => {
  const fresh = new Set(made.map(seriesOf));
  return jobs.flatMap((job) => (fresh.has(seriesOf(job)) ? [] : (job.before ?? [])));
};

export const forecast = {
  name: 'forecast',
  input: Tick,
  run: async ({ application, streamName }, { ports, nowMs, signal }): Promise<Forecasted> => {
<<<<<<< HEAD
    const stream = await ports.control.describe(streamName, signal);
    if (stream === null) return { kind: 'skipped', reason: `stream ${streamName} does not exist` };
    const slices = slicesOf(stream);
    if (slices.length > 0) {
      const tickMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
      const name = `${streamName.replace(/[^A-Za-z0-9-_]/g, '-').slice(0, 60)}-${tickMs}`;
      const input = { application, streamName, tickMs, slices };
      const { executionArn } = await ports.machines.start('forecast', name, input, signal);
      return { kind: 'sliced', slices: slices.length, executionArn };
=======
    const [stream, blocks, latest, policy] = await Promise.all([
      ports.control.describe(streamName, signal),
      ports.history.read(streamName, nowMs - HISTORY_MS, nowMs, signal),
      ports.forecasts.latest(streamName, signal),
      policyOf({ application, streamName }, ports, signal),
    ]);
    if (stream === null) return { kind: 'skipped', reason: `stream ${streamName} does not exist` };
    const untilMs = observedUntil(blocks);
    if (untilMs === null) return { kind: 'skipped', reason: `nothing of stream ${streamName} has been observed yet` };
    const fromMs = Math.floor((nowMs - HISTORY_MS) / MINUTE_MS) * MINUTE_MS;
    const previous = new Map(latest.map((each) => [keyOf(each), each]));
    const scopes = [
      { scope: 'stream' as const, range: WHOLE_RANGE },
      ...stream.shards.filter((shard) => !shard.closed).map((shard) => ({ scope: 'shard' as const, range: shard.hashKeyRange })),
    ];
    // The choice of a model costs seconds, and all of them may be due at once: who waited longest comes first, the rest keeps its forecast for a tick.
    const jobs = scopes
      .flatMap(({ scope, range }) => METRICS.map((metric) => ({ scope, metric, hashKeyRange: range })))
      .map((job) => ({ ...job, before: previous.get(keyOf(job)) ?? null }))
      .sort((one, other) => (one.before?.issuedAtMs ?? 0) - (other.before?.issuedAtMs ?? 0));
    const startedMs = ports.clock.monotonicMs();
    const [untilMonotonicMs, librariesUntilMs] = [startedMs + BUDGET_MS, startedMs + LIBRARIES_MS];
    const atHand = {
      libraries: libraries(),
      named: policy.forecastModels,
      leftMs: () => librariesUntilMs - ports.clock.monotonicMs(),
    };
    const made: Forecast[] = [];
    let left = jobs.length;
    for (const { scope, metric, hashKeyRange, before } of jobs) {
      if (ports.clock.monotonicMs() > untilMonotonicMs) break;
      left--;
      const series = sinceFirstKnown({ ...projectSeries(blocks, hashKeyRange, metric, fromMs, untilMs), streamName });
      if (series === null) continue;
      const { forecast } = await forecastWithOpinions(series, scope, HORIZONS_SEC, before, atHand, nowMs);
      made.push(forecast);
>>>>>>> e33d43262517cd17641f5761732031232f5b72dc
    }
    const [latest, tracks] = await Promise.all([
      ports.forecasts.latest(streamName, signal),
      ports.tracks.read(streamName, signal),
    ]);
    const jobs = jobsOf(stream, latest);
    const foreseen = await foresee(
      { streamName, jobs, models: allModels(), tracks, basis: '', budgetMs: BUDGET_MS },
      ports,
      nowMs,
      signal,
    );
    if (foreseen === null) return { kind: 'skipped', reason: `nothing of stream ${streamName} has been observed yet` };
    const { forecasts, observedUntilMs, resumed, learntAnew, left, checkpoints } = foreseen;
    const standing = standingOf(jobs, forecasts);
    const apart = await settleForecasts({ application, streamName }, forecasts, standing, tracks, ports, nowMs, signal);
    const models = chosenOf(forecasts);
    return {
      kind: 'forecasted',
      series: forecasts.length,
      left,
      observedUntilMs,
      models,
      resumed,
      learntAnew,
      checkpoints,
      apart,
    };
  },
} satisfies Task<typeof Tick, Forecasted>;

export const handler = task(forecast);
