// functions: what is coming.
// in: a tick, the history · out: a forecast of the stream and of each open shard, for records and bytes; stored and published
import { type SecondOpinions, secondOpinions } from '../lib/adapters/second-opinions.ts';
import { withEvents, withoutEvents } from '../lib/forecast/events.ts';
import { projectSeries } from '../lib/history/project-series.ts';
import { type DemandSeries, MINUTE_MS } from '../lib/model/demand.ts';
import { type Forecast, QUANTILES } from '../lib/model/forecast.ts';
import { rangeText, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { MetricPoint } from '../lib/ports.ts';
import { forecastWithOpinions } from './forecast-with-opinions.ts';
import { policyOf } from './policy-of.ts';
import { observedUntil } from './read-fleet.ts';
import { type Task, Tick, task } from './shell.ts';

/** A week, so that the day before and the same day of the last week are both known. */
const HISTORY_MS = 8 * 24 * 3_600_000;
/** To the longest lead time that a queue of reshards may need; closer together where it is near. */
export const HORIZONS_SEC = [60, 120, 180, 300, 420, 600, 900, 1200, 1500, 1800] as const;

const METRICS = ['records', 'bytes'] as const;
/** What is left of the function's time is for storing. */
const BUDGET_MS = 35_000;
/** What of that the forecasting libraries may take. */
const LIBRARIES_MS = 12_000;

type Forecasted =
  | {
      readonly kind: 'forecasted';
      readonly series: number;
      /** Series whose turn comes with the next tick. */
      readonly left: number;
      readonly observedUntilMs: number;
      readonly models: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'skipped'; readonly reason: string };

let opinions: SecondOpinions | undefined;
/** Once per container; its thread starts with the first question. */
const libraries = (): SecondOpinions => {
  opinions ??= secondOpinions();
  return opinions;
};

const keyOf = ({ scope, metric, hashKeyRange }: Pick<Forecast, 'scope' | 'metric' | 'hashKeyRange'>): string =>
  `${scope}/${metric}/${rangeText(hashKeyRange)}`;

/** A series begins where it is known: a young one is short, not a week of gaps. Null when nothing is known. */
const sinceFirstKnown = (series: DemandSeries): DemandSeries | null => {
  const first = series.values.findIndex((value) => !Number.isNaN(value));
  if (first < 0) return null;
  return {
    ...series,
    startMs: series.startMs + first * series.stepSec * 1000,
    values: series.values.subarray(first),
    censored: series.censored.subarray(first),
  };
};

/** What the dashboard shows of a stream's own forecast. Shards are many and their ids change: the highest of them stands for all. */
export const metricsOf = (
  forecasts: readonly Forecast[],
  dimensions: MetricPoint['dimensions'],
  nowMs: number,
): MetricPoint[] => {
  const upperOf = ({ windowMaxQuantiles }: Forecast) => windowMaxQuantiles[QUANTILES.indexOf(0.95)]?.at(-1) ?? 0;
  const units = { records: 'Count/Second', bytes: 'Bytes/Second' } as const;
  const points: MetricPoint[] = [];
  for (const metric of METRICS) {
    const unit = units[metric];
    const title = metric === 'records' ? 'Records' : 'Bytes';
    const stream = forecasts.find((each) => each.scope === 'stream' && each.metric === metric);
    const shards = forecasts.filter((each) => each.scope === 'shard' && each.metric === metric);
    if (stream !== undefined) {
      points.push({ name: `ForecastUpper${title}`, value: upperOf(stream), unit, dimensions, atMs: nowMs });
      points.push({ name: `Observed${title}`, value: stream.lastObserved, unit, dimensions, atMs: nowMs });
    }
    if (shards.length > 0)
      points.push({
        name: `ForecastUpperHottestShard${title}`,
        value: Math.max(...shards.map(upperOf)),
        unit,
        dimensions,
        atMs: nowMs,
      });
  }
  const oldestMs = Math.min(...forecasts.map((each) => each.observedUntilMs));
  if (forecasts.length > 0)
    points.push({ name: 'ForecastAge', value: Math.max(0, nowMs - oldestMs) / 1000, unit: 'Seconds', dimensions, atMs: nowMs });
  return points;
};

export const forecast = {
  name: 'forecast',
  input: Tick,
  run: async ({ application, streamName }, { ports, nowMs, signal }): Promise<Forecasted> => {
    const [stream, blocks, latest, policy, events] = await Promise.all([
      ports.control.describe(streamName, signal),
      ports.history.read(streamName, nowMs - HISTORY_MS, nowMs, signal),
      ports.forecasts.latest(streamName, signal),
      policyOf({ application, streamName }, ports, signal),
      ports.events.list({ application, streamName }, signal),
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
      const learnt = withoutEvents(series, events);
      const { forecast } = await forecastWithOpinions(learnt, scope, HORIZONS_SEC, before, atHand, nowMs);
      made.push(withEvents(forecast, series, events));
    }
    signal.throwIfAborted();
    await ports.forecasts.put(made, signal);
    const fresh = new Map(made.map((each) => [keyOf(each), each]));
    const standing = jobs.flatMap((job) => fresh.get(keyOf(job)) ?? job.before ?? []);
    await ports.metrics.publish(metricsOf(standing, { Application: application, StreamName: streamName }, nowMs), signal);
    const chosen: Record<string, number> = {};
    for (const { model } of made) chosen[model] = (chosen[model] ?? 0) + 1;
    return { kind: 'forecasted', series: made.length, left, observedUntilMs: untilMs, models: chosen };
  },
} satisfies Task<typeof Tick, Forecasted>;

export const handler = task(forecast);
