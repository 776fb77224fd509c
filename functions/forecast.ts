// functions: what is coming.
// in: a tick, the history · out: a forecast of the stream and of each open shard, for records and bytes; stored and published. Of a stream of many shards: an
// execution of the forecast machine, which calls forecast-slice for each part of the shards, and then forecast-settle

import { MINUTE_MS } from '../lib/model/demand.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import type { Policy } from '../lib/model/policy.ts';
import { type Job, jobsOf, seriesOf, slicesOf } from './forecast-jobs.ts';
import { foresee } from './foresee.ts';
import { libraries } from './libraries.ts';
import { policyOf } from './policy-of.ts';
import { settleForecasts } from './settle-forecasts.ts';
import { type Task, Tick, task } from './shell.ts';
import { textHash } from './warm-states.ts';

/** What is left of the function's time is for storing. */
const BUDGET_MS = 35_000;

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

/** How many series each model forecasts. */
export const chosenOf = (forecasts: readonly Forecast[]): Record<string, number> => {
  const chosen: Record<string, number> = {};
  for (const { model } of forecasts) chosen[model] = (chosen[model] ?? 0) + 1;
  return chosen;
};

/** The forecasts that stay as they are: of the jobs that got no new one. */
export const standingOf = (jobs: readonly Job[], made: readonly Forecast[]): Forecast[] => {
  const fresh = new Set(made.map(seriesOf));
  return jobs.flatMap((job) => (fresh.has(seriesOf(job)) ? [] : (job.before ?? [])));
};

/** Foresees these series of a stream: by what is known of its past forecasts, its policy and its events. Null: nothing of it has been observed yet. */
export const foreseeJobs = (
  streamName: string,
  jobs: readonly Job[],
  known: Pick<Parameters<typeof foresee>[0], 'tracks' | 'events' | 'streams'> & {
    readonly policy: Policy;
    /** The newest forecasts, the stream's own among them. */
    readonly latest: readonly Forecast[];
  },
  ports: Parameters<typeof foresee>[1],
  nowMs: number,
  signal: AbortSignal,
) => {
  const { policy, latest, ...rest } = known;
  const opinions = { libraries: libraries(), named: policy.forecastModels };
  const streamBefore = latest.find(({ scope, metric }) => scope === 'stream' && metric === 'records') ?? null;
  return foresee({ ...rest, streamName, jobs, opinions, streamBefore, budgetMs: BUDGET_MS }, ports, nowMs, signal);
};

export const forecast = {
  name: 'forecast',
  input: Tick,
  run: async ({ application, streamName }, { ports, streams, nowMs, signal }): Promise<Forecasted> => {
    const stream = await ports.control.describe(streamName, signal);
    if (stream === null) return { kind: 'skipped', reason: `stream ${streamName} does not exist` };
    const slices = slicesOf(stream);
    if (slices.length > 0) {
      const tickMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
      // A tick that is delivered twice starts one execution.
      const own = textHash(`${application}/${streamName}`).toString(16);
      const name = `${streamName.replace(/[^A-Za-z0-9-_]/g, '-').slice(0, 50)}-${own}-${tickMs}`;
      const input = { application, streamName, tickMs, slices };
      const { executionArn } = await ports.machines.start('forecast', name, input, signal);
      return { kind: 'sliced', slices: slices.length, executionArn };
    }
    const [latest, tracks, policy, events] = await Promise.all([
      ports.forecasts.latest(streamName, signal),
      ports.tracks.read(streamName, signal),
      policyOf({ application, streamName }, ports, signal),
      ports.events.list({ application, streamName }, signal),
    ]);
    const jobs = jobsOf(stream, latest);
    const known = { tracks, events, streams, policy, latest };
    const foreseen = await foreseeJobs(streamName, jobs, known, ports, nowMs, signal);
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
