// functions: what was foreseen beside what came.
// in: a tick, forecasts whose time has come · out: each series' track record, by which its bounds and its choice go; outcomes of the stream's own; metrics
import { followTrack } from '../lib/feedback/follow-track.ts';
import { scoreForecasts, seriesNameOf } from '../lib/feedback/score-forecasts.ts';
import { summarizeTracks } from '../lib/feedback/summarize-tracks.ts';
import { blocksByRange } from '../lib/history/blocks-by-range.ts';
import { projectSeries } from '../lib/history/project-series.ts';
import { MINUTE_MS } from '../lib/model/demand.ts';
import { type IssuedForecast, SCORED_SEC } from '../lib/model/forecast.ts';
import { rangeText, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { ForecastOutcome } from '../lib/model/operation.ts';
import type { TrackRecord } from '../lib/model/track-record.ts';
import type { MetricPoint } from '../lib/ports.ts';
import { observedUntil } from './read-fleet.ts';
import { type Task, Tick, task } from './shell.ts';

/** The horizon that the metrics speak of. */
const SHOWN_SEC = 900;
/** Minutes may be counted late: the last few are scored again, under the same keys. A track record takes each minute once, after these. */
const AGAIN_MS = 3 * MINUTE_MS;
/** After a pause of feedback it makes up for so much. */
const MADE_UP_FOR_MS = 20 * MINUTE_MS;
const LONGEST_MS = Math.max(...SCORED_SEC) * 1000;
/** A forecast may be this much older than its last observed minute. */
const LATE_MS = 15 * MINUTE_MS;
/** A series that is not scored any more (its shard is closed) is forgotten. */
const FORGOTTEN_MS = 24 * 60 * MINUTE_MS;

type Fed =
  | {
      readonly kind: 'scored';
      /** Outcomes of the stream's own series, which are kept one by one. */
      readonly outcomes: number;
      /** Forecasts of any series that went into a track record. */
      readonly tracked: number;
      readonly series: number;
    }
  | { readonly kind: 'skipped'; readonly reason: string };

/** A forecast reduced to the scored horizons that ended within fromMs..untilMs. */
export const due = (forecast: IssuedForecast, fromMs: number, untilMs: number): IssuedForecast => {
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

const isOfStream = ({ hashKeyRange }: Pick<IssuedForecast, 'hashKeyRange'>): boolean =>
  rangeText(hashKeyRange) === rangeText(WHOLE_RANGE);

/** A stream of one shard has two forecasts of the same series: one is scored. */
const oncePerSeries = (issued: readonly IssuedForecast[]): IssuedForecast[] => [
  ...new Map(issued.map((each) => [`${seriesNameOf(each)}@${each.issuedAtMs}`, each])).values(),
];

/** The records after the outcomes; a series that has none yet begins with the first. */
const tracksAfter = (
  before: readonly TrackRecord[],
  outcomes: readonly ForecastOutcome[],
  scored: readonly IssuedForecast[],
  sinceMs: number,
  nowMs: number,
): TrackRecord[] => {
  const records = new Map(before.map((record) => [seriesNameOf(record), record]));
  for (const { streamName, hashKeyRange, metric } of scored) {
    const name = seriesNameOf({ streamName, hashKeyRange, metric });
    if (!records.has(name))
      records.set(name, { streamName, hashKeyRange, metric, scoredUntilMs: sinceMs, marks: [], corrections: [] });
  }
  const bySeries = Map.groupBy(outcomes, ({ series }) => series);
  return [...records]
    .map(([name, record]) => followTrack(record, bySeries.get(name) ?? []))
    .filter(({ scoredUntilMs }) => nowMs - scoredUntilMs < FORGOTTEN_MS);
};

/** Error of the stream's own forecasts, and how surely bounds held: the stream's, and of all shards together. */
const accuracyPoints = (tracks: readonly TrackRecord[], dimensions: MetricPoint['dimensions'], nowMs: number): MetricPoint[] => {
  const point = (name: string, value: number): MetricPoint => ({ name, value, unit: 'None', dimensions, atMs: nowMs });
  const lineOf = (of: readonly TrackRecord[]) =>
    summarizeTracks(
      of
        .filter(({ metric }) => metric === 'records')
        .map((record) => ({ ...record, marks: record.marks.map((mark) => ({ ...mark, model: 'all' })) })),
    ).find(({ horizonSec }) => horizonSec === SHOWN_SEC);
  const [own, shards] = [lineOf(tracks.filter(isOfStream)), lineOf(tracks.filter((track) => !isOfStream(track)))];
  return [
    ...(own === undefined || own.relativeError === null ? [] : [point('ForecastError', own.relativeError)]),
    ...(own === undefined ? [] : [point('ForecastBoundHeld', own.maxCoverage95)]),
    ...(own === undefined || own.meanObserved === 0 ? [] : [point('ForecastBias', own.bias / own.meanObserved)]),
    ...(shards === undefined ? [] : [point('ForecastBoundHeldShards', shards.maxCoverage95)]),
  ];
};

export const feedback = {
  name: 'feedback',
  input: Tick,
  run: async ({ application, streamName }, { ports, nowMs, signal }): Promise<Fed> => {
    const fromMs = nowMs - LONGEST_MS - LATE_MS - MADE_UP_FOR_MS;
    const [issued, blocks, before] = await Promise.all([
      ports.forecasts.issued(streamName, fromMs, nowMs, signal),
      ports.history.read(streamName, fromMs, nowMs, signal),
      ports.tracks.read(streamName, signal),
    ]);
    const untilMs = observedUntil(blocks);
    if (untilMs === null) return { kind: 'skipped', reason: `nothing of stream ${streamName} has been observed lately` };
    if (issued.length === 0) return { kind: 'skipped', reason: `no forecast of stream ${streamName} is to be scored` };
    const settledMs = untilMs - AGAIN_MS;
    const lastScoredMs = before.reduce((last, { scoredUntilMs }) => Math.max(last, scoredUntilMs), 0);
    const trackedUntil = Math.min(Math.max(lastScoredMs, settledMs - MADE_UP_FOR_MS), settledMs);
    const scored = oncePerSeries(issued)
      .map((each) => due(each, trackedUntil, isOfStream(each) ? untilMs : settledMs))
      .filter((each) => each.horizonsSec.length > 0);
    const wanted = new Map(scored.map((each) => [seriesNameOf(each), each]));
    const startMs = Math.floor(fromMs / MINUTE_MS) * MINUTE_MS;
    const touching = blocksByRange(blocks);
    const series = [...wanted.values()].map(({ hashKeyRange, metric }) => ({
      ...projectSeries(touching(hashKeyRange), hashKeyRange, metric, startMs, untilMs),
      streamName,
    }));
    const all = scoreForecasts(scored, series, nowMs);
    const ofStream = new Set(scored.filter(isOfStream).map(seriesNameOf));
    const outcomes = all.filter((outcome) => ofStream.has(outcome.series));
    const tracked = all.filter(({ atMs }) => atMs <= settledMs);
    const tracks = tracksAfter(before, tracked, scored, trackedUntil, nowMs);
    await Promise.all([ports.outcomes.put(outcomes, signal), ports.tracks.put(streamName, tracks, signal)]);
    const dimensions = { Application: application, StreamName: streamName };
    await ports.metrics.publish(accuracyPoints(tracks, dimensions, nowMs), signal);
    return { kind: 'scored', outcomes: outcomes.length, tracked: tracked.length, series: tracks.length };
  },
} satisfies Task<typeof Tick, Fed>;

export const handler = task(feedback);
