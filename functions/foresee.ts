// functions: the forecasts of many series of one stream, from where the last run stopped wherever that can be.
// in: jobs, history, states · out: forecasts, as each series' own model makes them; what was learnt anew, and why
import { eventsFingerprint, withoutEvents } from '../lib/forecast/events.ts';
import { resumeForecast } from '../lib/forecast/resume-forecast.ts';
import { blocksByRange } from '../lib/history/blocks-by-range.ts';
import { projectSeries } from '../lib/history/project-series.ts';
import { type DemandSeries, type HistoryBlock, MINUTE_MS, MINUTE_TIER_DAYS } from '../lib/model/demand.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import { rangeText } from '../lib/model/hash-key-range.ts';
import type { KnownEvent } from '../lib/model/known-event.ts';
import type { Group } from '../lib/model/lease.ts';
import type { TrackRecord } from '../lib/model/track-record.ts';
import type { Ports } from '../lib/ports.ts';
import { dueChoice } from './choice-due.ts';
import { HORIZONS_SEC, hullOf, type Job, overlap, seriesOf } from './forecast-jobs.ts';
import { forecastWithOpinions, type OpinionsAtHand } from './forecast-with-opinions.ts';
import { observedUntil } from './read-fleet.ts';
import { recall } from './recall.ts';
import { prolonged, sinceFirstKnown } from './series-past.ts';
import { asMade } from './settle-forecasts.ts';
import {
  adopted,
  advanced,
  dueCheckpoints,
  fittingState,
  learntAnew,
  type Memory,
  memoryOf,
  OLDEST_STATE_MS,
  RECENT_MINUTES,
  snapshotOf,
  trim,
} from './warm-states.ts';
import { withWhatIsAhead } from './what-is-ahead.ts';

const HOUR_MS = 60 * MINUTE_MS;
/** What of the time the forecasting libraries may take. */
const LIBRARIES_MS = 12_000;
const HISTORY_MS = MINUTE_TIER_DAYS * 24 * HOUR_MS;
/** Choosing a model needs the whole history, which of many shards costs seconds and read units: there the choices of an hour are made together. */
const MANY_SERIES = 100;
const CHOICES_WAIT_MS = HOUR_MS;
/** A past that changes again and again is learnt anew once an hour. */
const ALTERED_REST_MS = HOUR_MS;

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

/** A series that needs its whole history. `sinceMs`: it has a forecast, and its choice has been due since then. */
interface Need {
  readonly job: Job;
  readonly reason: string;
  readonly sinceMs?: number;
}

/** Forecasts the jobs in order. Null when nothing of the stream was observed. */
export const foresee = async (
  { streamName, jobs, opinions, tracks, events, streams, streamBefore, budgetMs }: Foresight,
  ports: Ports,
  nowMs: number,
  signal: AbortSignal,
): Promise<Foreseen | null> => {
  const memory = memoryOf(ports, streamName);
  // What else learning depends on: another text than before asks for learning anew.
  const basis = events.length === 0 ? '' : eventsFingerprint(events);
  await adopt(jobs, memory, streamName, ports, nowMs, signal);
  const earliestMs = Math.floor((nowMs - HISTORY_MS) / MINUTE_MS) * MINUTE_MS;
  const whole = (of: readonly Job[]) => ports.history.read(streamName, earliestMs, nowMs, signal, hullOf(of));
  const recentMs = recentFrom(jobs, memory, nowMs);
  const [recent, altered] = await Promise.all([
    ports.history.read(streamName, recentMs, nowMs, signal, hullOf(jobs)),
    ports.history.altered(streamName, nowMs - 2 * ALTERED_REST_MS, signal),
  ]);
  // After a long silence the last that came lies further back.
  const blocks = observedUntil(recent) === null ? await whole(jobs) : recent;
  const untilMs = observedUntil(blocks);
  if (untilMs === null) return null;

  const marksOf = new Map(tracks.map((track) => [`${track.metric}/${rangeText(track.hashKeyRange)}`, track.marks]));
  const marks = ({ metric, hashKeyRange }: Job) => marksOf.get(`${metric}/${rangeText(hashKeyRange)}`) ?? [];
  const cameIn = (all: readonly HistoryBlock[], fromMs: number) => {
    const touching = blocksByRange(all);
    return ({ hashKeyRange, metric }: Pick<Job, 'hashKeyRange' | 'metric'>): DemandSeries => ({
      ...projectSeries(touching(hashKeyRange), hashKeyRange, metric, fromMs, untilMs),
      streamName,
    });
  };
  /** As it is to be learnt. */
  const seriesIn = (all: readonly HistoryBlock[], fromMs: number) => {
    const came = cameIn(all, fromMs);
    return (job: Job): DemandSeries => withoutEvents(came(job), events);
  };
  const newest = new Map<Job, DemandSeries>();
  const project = cameIn(blocks, recentMs);
  /** The newest minutes as they came: of every job once. */
  const newestOf = (job: Job): DemandSeries => {
    const series = newest.get(job) ?? project(job);
    newest.set(job, series);
    return series;
  };
  const tailOf = (job: Job): DemandSeries => withoutEvents(newestOf(job), events);
  const stopAtMs = ports.clock.monotonicMs() + budgetMs;
  const made = new Map<Job, Forecast>();

  /** Goes on from a state; where that cannot be, or a choice is due, the answer is the need. */
  const resume = (job: Job): Need | null => {
    const series = seriesOf(job);
    const warm = memory.states.get(series);
    if (warm === undefined || job.before === null) return { job, reason: 'nothing was learnt of this series yet' };
    if (warm.basis !== basis) return { job, reason: 'what is to be learnt has changed' };
    const rested = nowMs - warm.learntAnewAtMs >= ALTERED_REST_MS;
    if (
      rested &&
      altered.some((each) => each.writtenAtMs > warm.learntAnewAtMs && overlap(each.hashKeyRange, job.hashKeyRange))
    ) {
      memory.pasts.delete(series);
      return { job, reason: 'its past was altered' };
    }
    const tail = tailOf(job);
    const state = fittingState(warm, tail);
    if (state === null) return { job, reason: 'history says otherwise of the last minutes than was learnt' };
    const due = dueChoice(job.before, marks(job), warm.chosenAtMs, nowMs);
    const resumption = { tail, scope: job.scope, horizonsSec: HORIZONS_SEC, previous: asMade(job.before), state: state.body };
    const answer = resumeForecast({ ...resumption, choiceStands: true }, nowMs);
    if (answer.kind === 'needs-history') return { job, reason: answer.reason };
    memory.states.set(series, advanced(warm, snapshotOf(answer.forecaster, tail, answer.forecast.observedUntilMs), state));
    made.set(job, answer.forecast);
    return due === null ? null : { job, ...due };
  };
  const isOver = (): boolean => ports.clock.monotonicMs() > stopAtMs;
  const needs: Need[] = [];
  for (const job of jobs) {
    if (made.size > 0 && isOver()) break;
    const need = resume(job);
    if (need !== null) needs.push(need);
  }
  const resumed = made.size;

  const librariesUntilMs = stopAtMs - budgetMs + LIBRARIES_MS;
  const atHand = { ...opinions, leftMs: () => librariesUntilMs - ports.clock.monotonicMs() };
  const learn = async ({ job, reason, sinceMs }: Need, series: DemandSeries): Promise<void> => {
    const before = job.before === null || sinceMs !== undefined ? null : asMade(job.before);
    const { forecast, state } = await forecastWithOpinions(
      series,
      job.scope,
      HORIZONS_SEC,
      before,
      atHand,
      nowMs,
      marks(job),
      job.before && asMade(job.before),
    );
    made.set(job, forecast);
    learnt[reason] = (learnt[reason] ?? 0) + 1;
    const chosenAtMs = before === null ? nowMs : (memory.states.get(seriesOf(job))?.chosenAtMs ?? nowMs);
    if (state !== null)
      memory.states.set(seriesOf(job), learntAnew(snapshotOf(state, series, forecast.observedUntilMs), basis, chosenAtMs, nowMs));
    // Whoever cannot go on from a state needs its whole series at the next tick too.
    if (forecast.model !== 'incremental' || forecast.status !== 'ready') memory.pasts.set(seriesOf(job), series);
    else memory.pasts.delete(seriesOf(job));
  };
  const learnt: Record<string, number> = {};
  const rememberedOf = ({ job }: Need): DemandSeries | null => {
    const past = memory.pasts.get(seriesOf(job));
    return past === undefined ? null : prolonged(past, tailOf(job), earliestMs);
  };
  const canWait = ({ sinceMs }: Need): boolean =>
    sinceMs !== undefined && jobs.length > MANY_SERIES && nowMs - sinceMs < CHOICES_WAIT_MS;
  const unread = needs.filter(({ job }) => !memory.pasts.has(seriesOf(job)));
  const reads = !unread.every(canWait);
  const wholeOf = reads ? seriesIn(await whole(needs.map(({ job }) => job)), earliestMs) : null;
  for (const need of needs) {
    const series = rememberedOf(need) ?? (wholeOf && sinceFirstKnown(wholeOf(need.job)));
    if (series === null) continue;
    if (isOver()) break;
    await learn(need, series);
  }
  signal.throwIfAborted();
  const forecasts = await withWhatIsAhead(made, {
    known: {
      events,
      came: newestOf,
      hull: hullOf(jobs),
      wholeCame: async (recalled) => {
        const weeks = await whole(jobs);
        const old = await recall(recalled, weeks, hullOf(jobs), streamName, ports, signal);
        return cameIn([...weeks, ...old], Math.min(earliestMs, ...recalled.map(({ fromMs }) => fromMs)));
      },
    },
    seeker: { streamName, untilMs, streams, before: streamBefore?.upstream },
    ports,
    nowMs,
    signal,
  });
  trim(memory);
  const checkpoints = dueCheckpoints(jobs, memory, streamName, nowMs);
  await ports.states.put(checkpoints, signal);
  return {
    forecasts,
    observedUntilMs: untilMs,
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
