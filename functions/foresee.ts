// functions: the forecasts of many series of one stream, from where the last run stopped wherever that can be.
// in: jobs, history, states · out: forecasts, as each series' own model makes them; what was learnt anew, and why
import { eventsFingerprint } from '../lib/forecast/events.ts';
import { type DemandSeries, MINUTE_MS } from '../lib/model/demand.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import { rangeText } from '../lib/model/hash-key-range.ts';
import type { KnownEvent } from '../lib/model/known-event.ts';
import type { Group } from '../lib/model/lease.ts';
import type { TrackRecord } from '../lib/model/track-record.ts';
import type { Ports } from '../lib/ports.ts';
import { hullOf, type Job, seriesOf } from './forecast-jobs.ts';
import type { OpinionsAtHand } from './forecast-with-opinions.ts';
import { ALTERED_REST_MS, learnSeries, type Need, resumeSeries } from './resume-series.ts';
import { prolonged, sinceFirstKnown } from './series-past.ts';
import { openPast } from './stream-past.ts';
import { adopted, dueCheckpoints, type Memory, memoryOf, OLDEST_STATE_MS, RECENT_MINUTES, trim } from './warm-states.ts';
import { withWhatIsAhead } from './what-is-ahead.ts';

const HOUR_MS = 60 * MINUTE_MS;
/** What of the time the forecasting libraries may take. */
const LIBRARIES_MS = 12_000;
/** Choosing a model needs the whole history, which of many shards costs seconds and read units: there the choices of an hour are made together. */
const MANY_SERIES = 100;
const CHOICES_WAIT_MS = HOUR_MS;

/** What is to be forecast, and how. */
export interface Foresight {
  readonly streamName: string;
  /** Who comes first when time is short. */
  readonly jobs: readonly Job[];
  readonly opinions: Pick<OpinionsAtHand, 'libraries' | 'named'>;
  readonly tracks: readonly TrackRecord[];
  readonly events: readonly KnownEvent[];
  /** The streams among which one may lead this one; and the stream's own newest forecast of records, which knows what was found. */
  readonly streams: readonly Group[];
  readonly streamBefore: Forecast | null;
  /** Milliseconds that may be computed for. */
  readonly budgetMs: number;
}

export interface Foreseen {
  readonly forecasts: readonly Forecast[];
  readonly observedUntilMs: number;
  /** Series that went on from a state. */
  readonly resumed: number;
  /** How many were learnt from their whole history, by reason. */
  readonly learntAnew: Readonly<Record<string, number>>;
  /** Series whose turn comes with the next tick. */
  readonly left: number;
  readonly checkpoints: number;
}

/** Forecasts the jobs in order. Null when nothing of the stream was observed. */
export const foresee = async (
  { streamName, jobs, opinions, tracks, events, streams, streamBefore, budgetMs }: Foresight,
  ports: Ports,
  nowMs: number,
  signal: AbortSignal,
): Promise<Foreseen | null> => {
  const memory = memoryOf(ports, streamName);
  await adopt(jobs, memory, streamName, ports, nowMs, signal);
  const recentMs = recentFrom(jobs, memory, nowMs);
  const past = await openPast({ streamName, jobs, events }, recentMs, nowMs - 2 * ALTERED_REST_MS, ports, nowMs, signal);
  if (past === null) return null;
  const marks = new Map(tracks.map((track) => [`${track.metric}/${rangeText(track.hashKeyRange)}`, track.marks]));
  const run = {
    past,
    memory,
    basis: events.length === 0 ? '' : eventsFingerprint(events),
    marksOf: ({ metric, hashKeyRange }: Job) => marks.get(`${metric}/${rangeText(hashKeyRange)}`) ?? [],
    nowMs,
  };
  const startAtMs = ports.clock.monotonicMs();
  const isOver = (): boolean => ports.clock.monotonicMs() > startAtMs + budgetMs;
  const made = new Map<Job, Forecast>();

  const needs: Need[] = [];
  for (const job of jobs) {
    if (made.size > 0 && isOver()) break;
    const { forecast, need } = resumeSeries(job, run);
    if (forecast !== null) made.set(job, forecast);
    if (need !== null) needs.push(need);
  }
  const resumed = made.size;

  const atHand = { ...opinions, leftMs: () => startAtMs + LIBRARIES_MS - ports.clock.monotonicMs() };
  const canWait = ({ sinceMs }: Need): boolean =>
    sinceMs !== undefined && jobs.length > MANY_SERIES && nowMs - sinceMs < CHOICES_WAIT_MS;
  const unread = needs.filter(({ job }) => !memory.pasts.has(seriesOf(job)));
  const toLearn = unread.every(canWait) ? null : await past.readToLearn(needs.map(({ job }) => job));
  const wholeOf = ({ job }: Need): DemandSeries | null => {
    const remembered = memory.pasts.get(seriesOf(job));
    const series = remembered === undefined ? null : prolonged(remembered, past.tailOf(job), past.earliestMs);
    return series ?? (toLearn && sinceFirstKnown(toLearn(job)));
  };
  const learnt: Record<string, number> = {};
  for (const need of needs) {
    const series = wholeOf(need);
    if (series === null) continue;
    if (isOver()) break;
    made.set(need.job, await learnSeries(need, series, run, atHand));
    learnt[need.reason] = (learnt[need.reason] ?? 0) + 1;
  }
  signal.throwIfAborted();

  const forecasts = await withWhatIsAhead(made, {
    known: { events, came: past.newestOf, hull: hullOf(jobs), wholeCame: past.readWhole },
    seeker: { streamName, untilMs: past.untilMs, streams, before: streamBefore?.upstream },
    ports,
    nowMs,
    signal,
  });
  trim(memory);
  const checkpoints = dueCheckpoints(jobs, memory, streamName, nowMs);
  await ports.states.put(checkpoints, signal);
  return {
    forecasts,
    observedUntilMs: past.untilMs,
    resumed,
    learntAnew: learnt,
    left: jobs.length - made.size,
    checkpoints: checkpoints.length,
  };
};

/** Takes up the stored states of the series that this container does not know, or knows only from long ago. */
const adopt = async (
  jobs: readonly Job[],
  { states }: Memory,
  streamName: string,
  ports: Pick<Ports, 'states'>,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> => {
  const isOld = (learntUntilMs: number): boolean => nowMs - learntUntilMs > OLDEST_STATE_MS;
  for (const job of jobs) {
    const warm = states.get(seriesOf(job));
    if (warm !== undefined && isOld(warm.live.learntUntilMs)) states.delete(seriesOf(job));
  }
  // A series without a forecast was never learnt: there is nothing to ask for.
  const lacking = jobs.filter((job) => job.before !== null && !states.has(seriesOf(job)));
  for (const state of await ports.states.get(
    lacking.map((job) => ({ ...job, streamName })),
    signal,
  ))
    if (!isOld(state.learntUntilMs)) states.set(seriesOf(state), adopted(state, nowMs));
};

/** From where history is needed to go on with every state, and to compare what each learnt last. */
const recentFrom = (jobs: readonly Job[], { states }: Memory, nowMs: number): number => {
  const ends = jobs.flatMap((job) => {
    const warm = states.get(seriesOf(job));
    return warm === undefined ? [] : [warm.live, warm.settled].flatMap((each) => each?.learntUntilMs ?? []);
  });
  const earliest = ends.reduce((a, b) => Math.min(a, b), nowMs - HOUR_MS);
  return Math.floor((earliest - RECENT_MINUTES * MINUTE_MS) / MINUTE_MS) * MINUTE_MS;
};
