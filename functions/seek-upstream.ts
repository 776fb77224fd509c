// functions: the stream of this deployment that leads this one, sought once a day.
// in: the stream's own records, the other streams, what was found before · out: the link that holds, and the upstream's past where there is one
import { findLead } from '../lib/forecast/correlate.ts';
import { horizonStepsOf } from '../lib/forecast/forecast-series.ts';
import { incremental } from '../lib/forecast/incremental.ts';
import { learnUpstream } from '../lib/forecast/upstream.ts';
import { projectSeries } from '../lib/history/project-series.ts';
import type { DemandSeries } from '../lib/model/demand.ts';
import type { Forecast, UpstreamLink } from '../lib/model/forecast.ts';
import { WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { Group } from '../lib/model/lease.ts';
import type { Ports } from '../lib/ports.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A link is sought anew after a day: what led may have stopped to. */
const SOUGHT_EVERY_MS = DAY_MS;
/** Origins of the back-test: one in a quarter of an hour over two days. */
const ORIGINS = 192;
const ORIGIN_EVERY = 15;
/** A level, its lead and what was usual on three days before. */
const NEEDED_MS = 3 * DAY_MS + HOUR_MS;
/** A link is sought in so much of the past. */
const SOUGHT_IN_MS = 7 * DAY_MS;
/** Seeking takes a second a candidate. Those that are not reached in time are tried first on another day. */
const SEEK_MS = 8_000;

/** What is known of the stream that leads. */
export interface Upstream {
  /** To be stored with the stream's own forecast of records. */
  readonly sought: NonNullable<Forecast['upstream']>;
  /** The leading stream's records up to the own observed end; null without a link. */
  readonly series: DemandSeries | null;
}

const lastOf = (series: DemandSeries): DemandSeries => {
  const skipped = Math.max(0, series.values.length - SOUGHT_IN_MS / (series.stepSec * 1000));
  return {
    ...series,
    startMs: series.startMs + skipped * series.stepSec * 1000,
    values: series.values.subarray(skipped),
    censored: series.censored.subarray(skipped),
  };
};

const recordsOf = async (
  streamName: string,
  ports: Pick<Ports, 'history'>,
  fromMs: number,
  untilMs: number,
  signal?: AbortSignal,
): Promise<DemandSeries> =>
  projectSeries(await ports.history.read(streamName, fromMs, untilMs, signal), WHOLE_RANGE, 'records', fromMs, untilMs);

/** Who asks for an upstream. */
export interface Seeker {
  readonly streamName: string;
  /** The end of what was observed of it. */
  readonly untilMs: number;
  /** The streams of the deployment. */
  readonly streams: readonly Group[];
  /** What was found before: of the stream's own newest forecast of records. */
  readonly before: Forecast['upstream'];
  /** Its records of the last weeks without known events; only read when an upstream is sought. Null: others seek. */
  readonly readOwn: (() => Promise<DemandSeries>) | null;
}

/** The upstream of a stream. Once a day every other stream of the deployment is tried, and the one that helps most is kept. Null while nobody has sought one. */
export const upstreamOf = async (
  { streamName, untilMs, streams, before, readOwn }: Seeker,
  horizonsSec: readonly number[],
  ports: Pick<Ports, 'history' | 'clock'>,
  nowMs: number,
  signal?: AbortSignal,
): Promise<Upstream | null> => {
  const names = [...new Set(streams.map((each) => each.streamName))].filter((name) => name !== streamName);
  if (names.length === 0) return null;
  const isFresh = before !== undefined && nowMs - before.soughtAtMs < SOUGHT_EVERY_MS;
  const stillThere = before?.link === null || names.includes(before?.link?.streamName ?? '');
  if (readOwn === null || (isFresh && stillThere)) {
    if (before === undefined) return null;
    if (before.link === null || !stillThere) return { sought: before, series: null };
    return { sought: before, series: await recordsOf(before.link.streamName, ports, untilMs - NEEDED_MS, untilMs, signal) };
  }
  const own = lastOf(await readOwn());
  const stopAtMs = ports.clock.monotonicMs() + SEEK_MS;
  const turn = Math.floor(nowMs / SOUGHT_EVERY_MS) % names.length;
  let best: { link: UpstreamLink; series: DemandSeries } | null = null;
  for (const name of [...names.slice(turn), ...names.slice(0, turn)]) {
    if (ports.clock.monotonicMs() > stopAtMs) break;
    const series = await recordsOf(name, ports, own.startMs, untilMs, signal);
    const link = linkOf(series, own, name, names.length, horizonsSec);
    if (link !== null && link.errorRatio < (best?.link.errorRatio ?? 1)) best = { link, series };
  }
  return { sought: { soughtAtMs: nowMs, link: best?.link ?? null }, series: best?.series ?? null };
};

const linkOf = (
  upstream: DemandSeries,
  own: DemandSeries,
  streamName: string,
  candidates: number,
  horizonsSec: readonly number[],
): UpstreamLink | null => {
  const horizonSteps = horizonStepsOf(horizonsSec, own.stepSec);
  const longest = horizonSteps.at(-1)!;
  const lead = findLead(upstream, own, longest, candidates);
  if (lead.kind === 'none') return null;
  const { lagSteps, correlation, pValue } = lead;
  const last = own.values.length - longest;
  const origins = Array.from({ length: ORIGINS }, (_, i) => last - ORIGIN_EVERY * (ORIGINS - 1 - i)).filter(
    (origin) => origin > 0,
  );
  const forecasts = incremental.forecastAt(own, origins, horizonSteps);
  const learnt = learnUpstream(own, upstream, lagSteps, origins, horizonSteps, forecasts);
  if (learnt === null) return null;
  const { weights, errorRatio } = learnt;
  return { streamName, leadSec: lagSteps * own.stepSec, correlation, pValue, weights: [...weights], errorRatio };
};
