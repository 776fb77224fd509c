// functions: one series' forecast from where its model stopped, or from its whole past.
// in: a job, what the run knows · out: a forecast; what keeps it from going on, or is due besides
import { resumeForecast } from '../lib/forecast/resume-forecast.ts';
import { type DemandSeries, MINUTE_MS } from '../lib/model/demand.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import type { TrackMark } from '../lib/model/track-record.ts';
import { dueChoice } from './choice-due.ts';
import { HORIZONS_SEC, type Job, seriesOf } from './forecast-jobs.ts';
import { forecastWithOpinions, type OpinionsAtHand } from './forecast-with-opinions.ts';
import { asMade } from './settle-forecasts.ts';
import type { StreamPast } from './stream-past.ts';
import { advanced, fittingState, learntAnew, type Memory, snapshotOf } from './warm-states.ts';

/** A past that changes again and again is learnt anew once an hour. */
export const ALTERED_REST_MS = 60 * MINUTE_MS;

/** What all series of a run share. */
export interface SeriesRun {
  readonly past: Pick<StreamPast, 'tailOf' | 'wasAltered'>;
  readonly memory: Memory;
  /** What else learning depends on: another text than before asks for learning anew. */
  readonly basis: string;
  readonly marksOf: (job: Job) => readonly TrackMark[];
  readonly nowMs: number;
}

/** A series that needs its whole history. `sinceMs`: it has a forecast, and its choice has been due since then. */
export interface Need {
  readonly job: Job;
  readonly reason: string;
  readonly sinceMs?: number;
}

/** Goes on from a state. Without a forecast the need says why; with one it says that a choice is due. */
export const resumeSeries = (
  job: Job,
  { past, memory, basis, marksOf, nowMs }: SeriesRun,
): { readonly forecast: Forecast | null; readonly need: Need | null } => {
  const needs = (reason: string) => ({ forecast: null, need: { job, reason } });
  const series = seriesOf(job);
  const warm = memory.states.get(series);
  if (warm === undefined || job.before === null) return needs('nothing was learnt of this series yet');
  if (warm.basis !== basis) return needs('what is to be learnt has changed');
  const rested = nowMs - warm.learntAnewAtMs >= ALTERED_REST_MS;
  if (rested && past.wasAltered(job, warm.learntAnewAtMs)) {
    memory.pasts.delete(series);
    return needs('its past was altered');
  }
  const tail = past.tailOf(job);
  const state = fittingState(warm, tail);
  if (state === null) return needs('history says otherwise of the last minutes than was learnt');
  const due = dueChoice(job.before, marksOf(job), warm.chosenAtMs, nowMs);
  const resumption = { tail, scope: job.scope, horizonsSec: HORIZONS_SEC, previous: asMade(job.before), state: state.body };
  const answer = resumeForecast({ ...resumption, choiceStands: true }, nowMs);
  if (answer.kind === 'needs-history') return needs(answer.reason);
  const { forecast, forecaster } = answer;
  memory.states.set(series, advanced(warm, snapshotOf(forecaster, tail, forecast.observedUntilMs), state));
  return { forecast, need: due === null ? null : { job, ...due } };
};

/** Learns a series from its whole past, and chooses its model where that is due. */
export const learnSeries = async (
  { job, sinceMs }: Need,
  series: DemandSeries,
  { memory, basis, marksOf, nowMs }: SeriesRun,
  atHand: OpinionsAtHand,
): Promise<Forecast> => {
  const last = job.before && asMade(job.before);
  const before = sinceMs === undefined ? last : null;
  const { forecast, state } = await forecastWithOpinions(
    series,
    job.scope,
    HORIZONS_SEC,
    before,
    atHand,
    nowMs,
    marksOf(job),
    last,
  );
  const name = seriesOf(job);
  const chosenAtMs = before === null ? nowMs : (memory.states.get(name)?.chosenAtMs ?? nowMs);
  if (state !== null)
    memory.states.set(name, learntAnew(snapshotOf(state, series, forecast.observedUntilMs), basis, chosenAtMs, nowMs));
  // Whoever cannot go on from a state needs its whole series at the next tick too.
  if (forecast.model !== 'incremental' || forecast.status !== 'ready') memory.pasts.set(name, series);
  else memory.pasts.delete(name);
  return forecast;
};
