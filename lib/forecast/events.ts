// lib/forecast: known events, taken out of what is learnt and put onto what is foreseen.
// in: a series or a forecast, events · out: the same without or with their effect
//
// Models learn what is usual. Minutes of an event that is over are a gap for them (a stated factor is never exact, and would leave its error in the profile), minutes of
// one that still runs are divided by its factor: forecasts made meanwhile start from them, and are multiplied again. The newest half hour is never a gap, since a
// forecast must start from something. A day that is like others has no one factor: models follow its level by themselves, and what is put onto the forecast is how
// differently from a usual day it goes on from now.
import type { DemandMetric, DemandSeries } from '../model/demand.ts';
import { type Forecast, QUANTILES } from '../model/forecast.ts';
import { type HashKeyRange, shareWithin, WHOLE_RANGE } from '../model/hash-key-range.ts';
import { effectText, type KnownEvent } from '../model/known-event.ts';
import { changeOf, likenessOf, type Moment } from './like-days.ts';
import { mappedMean } from './model.ts';
import { type Occurrence, occurrencesOf } from './occurrences.ts';

const NEWEST_MS = 30 * 60_000;
/** Minutes are kept for so long: no event before that is learnt from. */
const REMEMBERED_MS = 15 * 86_400_000;

/** What an event does to a series at a moment: y becomes y × factor + addition. */
interface Effect {
  readonly factor: number;
  readonly addition: number;
}
/** Begins what is said of an event, and is where a reason that is carried on from the forecast before ends. */
const ASIDE = '; known event ';
const MEDIAN = QUANTILES.indexOf(0.5);
const NONE: Effect = { factor: 1, addition: 0 };

interface Active {
  readonly event: KnownEvent;
  readonly occurrences: readonly Occurrence[];
  /** `levelOverForecast`: the level of now over what is foreseen without events. */
  readonly effectAt: (atMs: number, levelOverForecast?: number) => Effect | null;
}

/** Events of a range and metric that overlap a window, with what they do to it. `course` is a past from which the course of like days is read, where it is asked for. */
const activeIn = (
  events: readonly KnownEvent[],
  range: HashKeyRange,
  metric: DemandMetric,
  course: DemandSeries | null,
  fromMs: number,
  untilMs: number,
): Active[] =>
  events.flatMap((event) => {
    const where = event.hashKeyRange ?? WHOLE_RANGE;
    const [share, part] = [shareWithin(range, where), shareWithin(where, range)];
    const occurrences = share === 0 ? [] : occurrencesOf(event.when, fromMs, untilMs);
    return occurrences.length === 0
      ? []
      : [{ event, occurrences, effectAt: effectOf(event, metric, course, share, part, fromMs) }];
  });

/** `share`: how much of the series' keys the event touches; `part`: how much of the event's keys are the series'. */
const effectOf = (
  event: KnownEvent,
  metric: DemandMetric,
  course: DemandSeries | null,
  share: number,
  part: number,
  nowMs: number,
): Active['effectAt'] => {
  const { when, effect } = event;
  const touched = (factor: number): Effect => ({ factor: 1 + (factor - 1) * share, addition: 0 });
  switch (effect.kind) {
    case 'factor':
      return () => touched(effect.factor);
    case 'addition':
      return () => ({ factor: 1, addition: part * (metric === 'records' ? effect.recordsPerSec : effect.bytesPerSec) });
    case 'do-not-learn':
      return () => NONE;
    default: {
      if (when.kind !== 'days' || course === null) return () => null;
      const like = sharedLikeness(course, event, () => likenessOf(course, when, effect));
      const isLike = (atMs: number): boolean => occurrencesOf(when, atMs, atMs + 1).length > 0;
      const momentOf = (atMs: number): Moment | null => {
        const likeness = like(atMs);
        return likeness && { isLike: isLike(atMs), likeness };
      };
      const now = momentOf(nowMs);
      return (atMs, levelOverForecast = 1) => {
        const then = momentOf(atMs);
        return then === null || now === null ? null : touched(changeOf(now, then, levelOverForecast));
      };
    }
  }
};

type LikenessAt = ReturnType<typeof likenessOf>;
/** All series of a run are moved by one course: it is compared once. */
const likenesses = new WeakMap<DemandSeries, WeakMap<KnownEvent, LikenessAt>>();
const sharedLikeness = (course: DemandSeries, event: KnownEvent, make: () => LikenessAt): LikenessAt => {
  const ofCourse = likenesses.get(course) ?? new WeakMap<KnownEvent, LikenessAt>();
  likenesses.set(course, ofCourse);
  const found = ofCourse.get(event) ?? make();
  ofCourse.set(event, found);
  return found;
};

const changesWhatComes = ({ effect }: KnownEvent, metric: DemandMetric): boolean =>
  effect.kind === 'addition'
    ? (metric === 'records' ? effect.recordsPerSec : effect.bytesPerSec) > 0
    : effect.kind !== 'do-not-learn';

const isLikeDays = ({ effect }: KnownEvent): boolean => effect.kind === 'like-weekday' || effect.kind === 'like-each-other';

const holds = ({ occurrences }: Active, atMs: number): Occurrence | undefined =>
  occurrences.find(({ fromMs, untilMs }) => atMs >= fromMs && atMs < untilMs);

/** The series as models are to learn it. The same series where no event touches it. */
export const withoutEvents = (series: DemandSeries, events: readonly KnownEvent[]): DemandSeries => {
  const stepMs = series.stepSec * 1000;
  const endMs = series.startMs + series.values.length * stepMs;
  const active = activeIn(events, series.hashKeyRange, series.metric, null, series.startMs, endMs);
  if (active.length === 0) return series;
  const values = series.values.map((value, i) => {
    const atMs = series.startMs + i * stepMs;
    let [left, isGap] = [value, false];
    for (const each of active) {
      const occurrence = holds(each, atMs);
      if (occurrence === undefined) continue;
      const runs = occurrence.untilMs > endMs && each.event.effect.kind !== 'do-not-learn';
      if (!runs) isGap = true;
      const { factor, addition } = each.effectAt(atMs) ?? NONE;
      left = Math.max(0, left - addition) / factor;
    }
    return isGap && atMs < endMs - NEWEST_MS ? Number.NaN : left;
  });
  return { ...series, values };
};

/** Whether an event of like days is near, so that `withEvents` needs to see a longer past. */
export const needsCourse = (events: readonly KnownEvent[], fromMs: number, untilMs: number): boolean =>
  events.some((event) => isLikeDays(event) && occurrencesOf(event.when, fromMs, untilMs).length > 0);

/**
 * The forecast with the events that fall into its horizon, and why. `series` is the past as it came, at least its newest value; the course of like days is read from
 * `course`, a past of two weeks of this series or of a larger one around it.
 */
export const withEvents = (
  forecast: Forecast,
  series: DemandSeries,
  events: readonly KnownEvent[],
  course: DemandSeries = series,
): Forecast => {
  const { observedUntilMs, horizonsSec, hashKeyRange, metric } = forecast;
  const untilMs = observedUntilMs + 1000 * (horizonsSec.at(-1) ?? 0);
  const active = activeIn(events, hashKeyRange, metric, course, observedUntilMs, untilMs).filter(({ event }) =>
    changesWhatComes(event, metric),
  );
  const plain = { ...forecast, lastObserved: observedIn(series, forecast), reason: forecast.reason.split(ASIDE)[0]! };
  if (active.length === 0) return plain;
  const stepMs = series.stepSec * 1000;
  const level = levelOf(series, observedUntilMs);
  const levelOver = forecast.quantiles[MEDIAN]!.map((median) => (median > 0 ? level / median : 1));
  /** Of the step that ends so long after the last observed one, before or at the h-th horizon. */
  const effectAt = (endMs: number, h: number): Effect =>
    active.reduce<Effect>((all, each) => {
      // A like day that ends within the horizon leaves its mark on the level from which the rest is foreseen.
      const touches = holds(each, endMs - stepMs) !== undefined || isLikeDays(each.event);
      const effect = touches ? each.effectAt(endMs - stepMs, levelOver[h]) : null;
      return effect === null ? all : { factor: all.factor * effect.factor, addition: all.addition + effect.addition };
    }, NONE);
  const at = horizonsSec.map((horizon, h) => effectAt(observedUntilMs + horizon * 1000, h));
  const highestUntil = horizonsSec.map((horizon, h) => {
    const effects: Effect[] = [];
    for (
      let ms = observedUntilMs + 1000 * (horizonsSec[h - 1] ?? 0) + stepMs;
      ms <= observedUntilMs + horizon * 1000;
      ms += stepMs
    )
      effects.push(effectAt(ms, h));
    return effects;
  });
  const quantiles = forecast.quantiles.map((row) => row.map((value, h) => changed(value, at[h]!)));
  const windowMaxQuantiles = forecast.windowMaxQuantiles.map((row, q) => {
    const highest = highestUnder(highestUntil);
    return row.map((value, h) => highest(value, h, quantiles[q]![h]!));
  });
  const highest = highestUnder(highestUntil);
  const mean = mappedMean(forecast, (value, h) => highest(value, h, 0));
  return { ...plain, quantiles, windowMaxQuantiles, ...mean, reason: plain.reason + active.map(tell).join('') };
};

/** The highest of a window, horizon by horizon, where each stretch between two is changed by its effects. */
const highestUnder = (effects: readonly (readonly Effect[])[]): ((value: number, h: number, least: number) => number) => {
  let highest = 0;
  return (value, h, least) => {
    // What the window's maximum may be within this stretch is at most its maximum so far.
    for (const effect of effects[h]!) highest = Math.max(highest, changed(value, effect));
    highest = Math.max(highest, least);
    return highest;
  };
};

/** The mean of the last half hour that was observed. */
const levelOf = ({ values, startMs, stepSec }: DemandSeries, untilMs: number): number => {
  const end = Math.round((untilMs - startMs) / (stepSec * 1000));
  const known = values.subarray(Math.max(0, end - NEWEST_MS / (stepSec * 1000)), end).filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / Math.max(1, known.length);
};

/** The newest value as it came, where the models saw it without an event. */
const observedIn = (series: DemandSeries, { observedUntilMs, lastObserved }: Forecast): number => {
  const came = series.values[Math.round((observedUntilMs - series.startMs) / (series.stepSec * 1000)) - 1];
  return came === undefined || Number.isNaN(came) ? lastObserved : came;
};

const changed = (value: number, { factor, addition }: Effect): number => value * factor + addition;

const tell = ({ event, occurrences, effectAt }: Active): string => {
  const { fromMs, untilMs } = occurrences[0]!;
  const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;
  const known = effectAt(fromMs) === null ? ', of which the history has none yet' : '';
  return `${ASIDE}${event.eventId}: ${effectText(event.effect)}${known}, ${time(fromMs)} to ${time(untilMs)}`;
};

/** Changes when what was learnt before is not what would be learnt now: an event was added, changed or removed that lies in the past of the moment at which it was stated. */
export const eventsFingerprint = (events: readonly KnownEvent[]): string => {
  const retroactive = events
    .filter(({ when, createdAtMs }) => occurrencesOf(when, createdAtMs - REMEMBERED_MS, createdAtMs).length > 0)
    .map((event) => JSON.stringify(event, (_, value) => (typeof value === 'bigint' ? value.toString() : value)))
    .sort();
  // FNV-1a: a name for the set, no proof.
  let hash = 0xcbf29ce484222325n;
  for (const character of retroactive.join('\n'))
    hash = BigInt.asUintN(64, (hash ^ BigInt(character.codePointAt(0)!)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
};
