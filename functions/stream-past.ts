// functions: what came to a stream, read once for all series of a run.
// in: history, the jobs, the events that nothing is to be learnt from · out: each series' newest minutes, and its whole past where somebody asks for it
import { withoutEvents } from '../lib/forecast/events.ts';
import type { Occurrence } from '../lib/forecast/occurrences.ts';
import { blocksByRange } from '../lib/history/blocks-by-range.ts';
import { projectSeries } from '../lib/history/project-series.ts';
import { type DemandSeries, type HistoryBlock, MINUTE_MS, MINUTE_TIER_DAYS } from '../lib/model/demand.ts';
import type { KnownEvent } from '../lib/model/known-event.ts';
import type { Ports } from '../lib/ports.ts';
import { hullOf, type Job, overlap } from './forecast-jobs.ts';
import { observedUntil } from './read-fleet.ts';
import { recall } from './recall.ts';

const HISTORY_MS = MINUTE_TIER_DAYS * 1440 * MINUTE_MS;

/** Any range's series of one reading. */
export type SeriesOf = (of: Pick<Job, 'hashKeyRange' | 'metric'>) => DemandSeries;

/** One run's view of the past. */
export interface StreamPast {
  /** The end of the newest minute that is known. */
  readonly untilMs: number;
  /** The first minute that is kept at one minute. */
  readonly earliestMs: number;
  /** The newest minutes as they came. */
  newestOf(job: Job): DemandSeries;
  /** The newest minutes as they are to be learnt. */
  tailOf(job: Job): DemandSeries;
  /** Whether somebody wrote into the series' past since then. */
  wasAltered(job: Job, sinceMs: number): boolean;
  /** The last weeks of these jobs as they are to be learnt. */
  readToLearn(jobs: readonly Job[]): Promise<SeriesOf>;
  /** The last weeks of all keys of the run as they came, and older stretches. */
  readWhole(recalled: readonly Occurrence[]): Promise<SeriesOf>;
}

/** Reads the newest minutes from `recentMs` on. Null when nothing of the stream was observed. */
export const openPast = async (
  { streamName, jobs, events }: { streamName: string; jobs: readonly Job[]; events: readonly KnownEvent[] },
  recentMs: number,
  alteredSinceMs: number,
  ports: Pick<Ports, 'history'>,
  nowMs: number,
  signal: AbortSignal,
): Promise<StreamPast | null> => {
  const { history } = ports;
  const earliestMs = Math.floor((nowMs - HISTORY_MS) / MINUTE_MS) * MINUTE_MS;
  const weeks = (of: readonly Job[]) => history.read(streamName, earliestMs, nowMs, signal, hullOf(of));
  const [recent, altered] = await Promise.all([
    history.read(streamName, recentMs, nowMs, signal, hullOf(jobs)),
    history.altered(streamName, alteredSinceMs, signal),
  ]);
  // After a long silence the last that came lies further back.
  const blocks = observedUntil(recent) === null ? await weeks(jobs) : recent;
  const untilMs = observedUntil(blocks);
  if (untilMs === null) return null;
  const cameIn = (all: readonly HistoryBlock[], fromMs: number): SeriesOf => {
    const touching = blocksByRange(all);
    return ({ hashKeyRange, metric }) => ({
      ...projectSeries(touching(hashKeyRange), hashKeyRange, metric, fromMs, untilMs),
      streamName,
    });
  };
  const newest = new Map<Job, DemandSeries>();
  const project = cameIn(blocks, recentMs);
  const newestOf = (job: Job): DemandSeries => {
    const series = newest.get(job) ?? project(job);
    newest.set(job, series);
    return series;
  };
  return {
    untilMs,
    earliestMs,
    newestOf,
    tailOf: (job) => withoutEvents(newestOf(job), events),
    wasAltered: ({ hashKeyRange }, sinceMs) =>
      altered.some((each) => each.writtenAtMs > sinceMs && overlap(each.hashKeyRange, hashKeyRange)),
    readToLearn: async (of) => {
      const came = cameIn(await weeks(of), earliestMs);
      return (job) => withoutEvents(came(job), events);
    },
    readWhole: async (recalled) => {
      const near = await weeks(jobs);
      const old = await recall(recalled, near, hullOf(jobs), streamName, ports, signal);
      return cameIn([...near, ...old], Math.min(earliestMs, ...recalled.map(({ fromMs }) => fromMs)));
    },
  };
};
