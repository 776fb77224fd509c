// functions: what was foreseen beside what came.
// in: a tick, forecasts whose time has come · out: outcomes for the store, error and coverage as metrics
import { scoreForecasts, seriesNameOf } from '../lib/feedback/score-forecasts.ts';
import { summarizeAccuracy } from '../lib/feedback/summarize-accuracy.ts';
import { projectSeries } from '../lib/history/project-series.ts';
import { MINUTE_MS } from '../lib/model/demand.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import { rangeText, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { MetricPoint } from '../lib/ports.ts';
import { observedUntil } from './read-fleet.ts';
import { type Task, Tick, task } from './shell.ts';

/** Scored are these horizons; each costs one item a minute and series. */
const SCORED_SEC: readonly number[] = [300, 900, 1800];
/** The horizon that the metrics speak of. */
const SHOWN_SEC = 900;
/** Minutes may be counted late: the last few are scored again, under the same keys. */
const AGAIN_MS = 3 * MINUTE_MS;
const LONGEST_MS = 1800 * 1000;
/** A forecast may be this much older than its last observed minute. */
const LATE_MS = 15 * MINUTE_MS;
const SHOWN_OUTCOMES = 600;

interface Fed {
  readonly kind: 'scored' | 'skipped';
  readonly outcomes: number;
}

/** A forecast reduced to the scored horizons that ended within fromMs..untilMs. */
export const due = (forecast: Forecast, fromMs: number, untilMs: number): Forecast => {
  const kept = forecast.horizonsSec.flatMap((horizon, h) => {
    const atMs = forecast.observedUntilMs + horizon * 1000;
    return SCORED_SEC.includes(horizon) && atMs > fromMs && atMs <= untilMs ? [h] : [];
  });
  const pick = (row: readonly number[]) => kept.flatMap((h) => row[h] ?? []);
  return {
    ...forecast,
    horizonsSec: pick(forecast.horizonsSec),
    quantiles: forecast.quantiles.map(pick),
    windowMaxQuantiles: forecast.windowMaxQuantiles.map(pick),
  };
};

export const feedback = {
  name: 'feedback',
  input: Tick,
  run: async ({ application, streamName }, { ports, nowMs, signal }): Promise<Fed> => {
    const fromMs = nowMs - LONGEST_MS - LATE_MS;
    const [issued, blocks] = await Promise.all([
      ports.forecasts.issued(streamName, fromMs, nowMs, signal),
      ports.history.read(streamName, fromMs, nowMs, signal),
    ]);
    const untilMs = observedUntil(blocks);
    if (untilMs === null || issued.length === 0) return { kind: 'skipped', outcomes: 0 };
    const now = issued.map((each) => due(each, untilMs - AGAIN_MS, untilMs)).filter((each) => each.horizonsSec.length > 0);
    const wanted = new Map(now.map((each) => [`${each.metric}/${rangeText(each.hashKeyRange)}`, each]));
    const startMs = Math.floor(fromMs / MINUTE_MS) * MINUTE_MS;
    const series = [...wanted.values()].map(({ hashKeyRange, metric }) => ({
      ...projectSeries(blocks, hashKeyRange, metric, startMs, untilMs),
      streamName,
    }));
    const outcomes = scoreForecasts(now, series, nowMs);
    await ports.outcomes.put(outcomes, signal);
    const streamSeries = seriesNameOf({ streamName, metric: 'records', hashKeyRange: WHOLE_RANGE });
    const recent = (await ports.outcomes.recent(streamName, 'forecast', SHOWN_OUTCOMES, signal))
      .filter((outcome) => outcome.kind === 'forecast')
      .filter((outcome) => outcome.series === streamSeries && outcome.horizonSec === SHOWN_SEC);
    const dimensions = { Application: application, StreamName: streamName };
    const points = summarizeAccuracy(recent.map((outcome) => ({ ...outcome, model: 'all' }))).flatMap(
      (accuracy): MetricPoint[] => [
        ...(accuracy.relativeError === null
          ? []
          : [{ name: 'ForecastError', value: accuracy.relativeError, unit: 'None' as const, dimensions, atMs: nowMs }]),
        { name: 'ForecastBoundHeld', value: accuracy.maxCoverage95, unit: 'None', dimensions, atMs: nowMs },
      ],
    );
    await ports.metrics.publish(points, signal);
    return { kind: 'scored', outcomes: outcomes.length };
  },
} satisfies Task<typeof Tick, Fed>;

export const handler = task(feedback);
