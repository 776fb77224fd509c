// functions: what a container remembers of the models between two invocations, and when it is laid down for others.
// in: states, the newest minutes · out: the state to go on from, or none; the states whose checkpoint is due
//
// The last minutes of history still change (a flush comes late). So three states of a series are kept: the live one, which has learnt everything; a settled
// one, which ends before what may change; and the next settled one. Each knows its last minutes as it learnt them. When history says otherwise by now,
// the live one is dropped and the settled one goes on; when that does not fit either, the series is learnt anew.
import type { IncrementalForecaster } from '../lib/forecast/incremental-forecaster.ts';
import { freeze } from '../lib/forecast/incremental-state.ts';
import { type DemandSeries, MINUTE_MS } from '../lib/model/demand.ts';
import type { ModelState } from '../lib/model/model-state.ts';
import type { Ports } from '../lib/ports.ts';
import { type Job, seriesOf } from './forecast-jobs.ts';

/** Collect counts the last ten minutes anew at each tick. */
export const RECENT_MINUTES = 15;
const SETTLED_AFTER_MS = RECENT_MINUTES * MINUTE_MS;
/** Checkpoints come once an hour, each series at a minute of its own; one that was left out is made up for. */
const CHECKPOINT_MS = 60 * MINUTE_MS;
const LATEST_CHECKPOINT_MS = 90 * MINUTE_MS;
/** A state older than this has forgotten too much: learning anew costs about as much as catching up. */
export const OLDEST_STATE_MS = 24 * 60 * MINUTE_MS;
/** Values are stored as 32-bit floats, and sums of shards may be added in another order. */
const EQUAL = 1e-6;

/** Of each three snapshots of some 25 KB; whole series have 170 KB. */
const STATES_KEPT = 1500;
const PASTS_KEPT = 200;

type Recent = ModelState['recent'];

/** What was learnt at one moment. */
export interface Snapshot {
  /** The model as it runs, or frozen. */
  readonly body: Uint8Array | IncrementalForecaster;
  readonly learntUntilMs: number;
  readonly recent: Recent;
}

/** What is remembered of one series. */
export interface Warm {
  readonly live: Snapshot;
  readonly settled: Snapshot | null;
  readonly next: Snapshot | null;
  readonly learntAnewAtMs: number;
  readonly chosenAtMs: number;
  readonly savedAtMs: number;
  readonly basis: string;
}

/** What a container remembers: states, and whole series of those models that keep no state. */
export interface Memory {
  readonly states: Map<string, Warm>;
  readonly pasts: Map<string, DemandSeries>;
}

const memories = new WeakMap<Ports, Map<string, Memory>>();

/** The memory of one stream in this container. */
export const memoryOf = (ports: Ports, streamName: string): Memory => {
  const streams = memories.get(ports) ?? new Map<string, Memory>();
  memories.set(ports, streams);
  const memory = streams.get(streamName) ?? { states: new Map(), pasts: new Map() };
  streams.set(streamName, memory);
  return memory;
};

/** The last known minutes of a series up to a moment. */
const recentOf = ({ values, startMs }: DemandSeries, untilMs: number): Recent => {
  const end = Math.min(Math.round((untilMs - startMs) / MINUTE_MS), values.length);
  const recent: (number | null)[] = [];
  for (let i = Math.max(0, end - RECENT_MINUTES); i < end; i++) recent.push(Number.isNaN(values[i]!) ? null : values[i]!);
  return recent;
};

/** A snapshot of what was learnt from a series. */
export const snapshotOf = (body: Snapshot['body'], series: DemandSeries, learntUntilMs: number): Snapshot => ({
  body,
  learntUntilMs,
  recent: recentOf(series, learntUntilMs),
});

/** The same, and what is learnt from now on does not change it. */
const frozen = (snapshot: Snapshot): Snapshot & { readonly body: Uint8Array } => {
  const { body } = snapshot;
  return { ...snapshot, body: body instanceof Uint8Array ? body : freeze(body) };
};

const same = (a: number | null, b: number | null): boolean =>
  a === null || b === null ? a === b : Math.abs(a - b) <= EQUAL * Math.max(Math.abs(a), Math.abs(b));

/** Whether history still says of a snapshot's last minutes what was learnt. Minutes before the series' start are not looked at. */
const fits = ({ recent, learntUntilMs }: Snapshot, { values, startMs }: DemandSeries): boolean =>
  recent.every((learnt, i) => {
    const at = Math.round((learntUntilMs - startMs) / MINUTE_MS) - recent.length + i;
    if (at < 0) return true;
    const now = values[at];
    return same(learnt, now === undefined || Number.isNaN(now) ? null : now);
  });

/** The newest state of a series that fits what history says now. */
export const fittingState = ({ live, settled, next }: Warm, tail: DemandSeries): Snapshot | null =>
  [live, next, settled].find((snapshot) => snapshot !== null && fits(snapshot, tail)) ?? null;

/** The state after a tick that went on from one of its snapshots. */
export const advanced = (warm: Warm, live: Snapshot, from: Snapshot): Warm => {
  // What was dropped is not to come back.
  const [next, settled] = [warm.next, warm.settled].map((each) =>
    each !== null && each.learntUntilMs <= from.learntUntilMs ? each : null,
  ) as [Snapshot | null, Snapshot | null];
  const isSettled = next !== null && next.learntUntilMs <= live.learntUntilMs - SETTLED_AFTER_MS;
  return { ...warm, live, settled: isSettled ? next : settled, next: next === null || isSettled ? frozen(live) : next };
};

/** A series that was just learnt from its whole history. */
export const learntAnew = (live: Snapshot, basis: string, chosenAtMs: number, nowMs: number): Warm => ({
  live,
  settled: null,
  next: null,
  learntAnewAtMs: nowMs,
  chosenAtMs,
  savedAtMs: 0,
  basis,
});

/** A stored state in a container that did not know the series. */
export const adopted = (state: ModelState, savedAtMs: number): Warm => {
  const { body, learntUntilMs, recent, learntAnewAtMs, chosenAtMs, basis } = state;
  const live = { body, learntUntilMs, recent };
  return { live, settled: live, next: null, learntAnewAtMs, chosenAtMs, savedAtMs, basis };
};

/** Bounds what a container keeps: the series that were looked at longest ago go. */
export const trim = ({ states, pasts }: Memory): void => {
  if (states.size > STATES_KEPT) {
    const oldest = [...states].sort(([, a], [, b]) => a.live.learntUntilMs - b.live.learntUntilMs);
    for (const [series] of oldest.slice(0, states.size - STATES_KEPT)) states.delete(series);
  }
  for (const series of [...pasts.keys()].slice(0, Math.max(0, pasts.size - PASTS_KEPT))) pasts.delete(series);
};

/** A number of 32 bits that a text always has. */
export const textHash = (text: string): number => {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (hash * 31 + text.charCodeAt(i)) >>> 0;
  return hash;
};

/** The states to lay down now: of series that were learnt anew, and once an hour of each, at its own minute; what is settled rather than what may change. */
export const dueCheckpoints = (jobs: readonly Job[], memory: Memory, streamName: string, nowMs: number): ModelState[] =>
  jobs.flatMap((job) => {
    const series = seriesOf(job);
    const warm = memory.states.get(series);
    if (warm === undefined) return [];
    const ageMs = nowMs - warm.savedAtMs;
    const isOwnMinute = (): boolean => Math.floor(nowMs / MINUTE_MS) % 60 === textHash(series) % 60;
    const isDue = warm.savedAtMs === 0 || ageMs >= LATEST_CHECKPOINT_MS || (ageMs >= CHECKPOINT_MS / 2 && isOwnMinute());
    if (!isDue) return [];
    memory.states.set(series, { ...warm, savedAtMs: nowMs });
    const { scope, metric, hashKeyRange } = job;
    const { learntAnewAtMs, chosenAtMs, basis } = warm;
    return [{ streamName, scope, metric, hashKeyRange, learntAnewAtMs, chosenAtMs, basis, ...frozen(warm.settled ?? warm.live) }];
  });
