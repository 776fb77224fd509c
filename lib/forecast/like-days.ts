// lib/forecast: how the course of one kind of day differs from another's.
// in: a series, a calendar of days that are like another weekday or like each other · out: a factor for each moment of such a day; the old days that must be recalled for it
//
// Holidays are weeks apart, and the load grows in between: an earlier one counts by its height over the week before it. Of what few records say of a course, much is
// chance: how much is told by how the usual days differ there, and a change of course counts only for what it exceeds chance by (James and Stein 1961).
import { type EventEffect, type EventTime, type KnownEvent, WEEKDAYS } from '../model/known-event.ts';
import type { EvenSeries } from './model.ts';
import { type Occurrence, occurrencesOf, offsetMs } from './occurrences.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Courses are compared over five minutes to each side, since a day's steep hour must not begin earlier by the smoothing; where these tell it by no better than this share, over more. */
const HALF_WIDTHS_MS = [5 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS];
const WELL_TOLD = 0.05;
/** What is usual now is read from so many days. */
const USUAL_DAYS = 15;
/** The week before a day, all weekdays once, is the level that it stands on. */
const LEVEL_DAYS = 7;
/** What ten minutes of few records say about a factor is not believed beyond these. */
const [SMALLEST, LARGEST] = [0.1, 10];

type CalendarTime = Extract<EventTime, { kind: 'days' }>;
type LikeEffect = Extract<EventEffect, { kind: 'like-weekday' | 'like-each-other' }>;

/** A local day, counted from 1970. */
const localDayOf = (atMs: number, timeZone: string): number => Math.floor((atMs + offsetMs(atMs, timeZone)) / DAY_MS);
const weekdayOf = (localDay: number): (typeof WEEKDAYS)[number] => WEEKDAYS[(localDay + 4) % 7]!;
const dayNumber = (date: string): number => Date.parse(`${date}T00:00:00Z`) / DAY_MS;

/**
 * The stretches of the past, in order, before `minutesFromMs` that the days of events that are like each other need: of those within `fromMs`..`untilMs`, each earlier
 * day of the event since `knownFromMs` and the week before it.
 */
export const recalledFor = (
  events: readonly KnownEvent[],
  [fromMs, untilMs]: readonly [number, number],
  knownFromMs: number,
  minutesFromMs: number,
): Occurrence[] => {
  const stretches = events
    .filter(({ effect, when }) => effect.kind === 'like-each-other' && occurrencesOf(when, fromMs, untilMs).length > 0)
    .flatMap(({ when }) => occurrencesOf(when, knownFromMs, fromMs))
    .map((day) => ({
      fromMs: Math.max(knownFromMs, day.fromMs - LEVEL_DAYS * DAY_MS),
      untilMs: Math.min(minutesFromMs, day.untilMs),
    }))
    .filter((stretch) => stretch.untilMs > stretch.fromMs)
    .sort((a, b) => a.fromMs - b.fromMs);
  const merged: { fromMs: number; untilMs: number }[] = [];
  for (const stretch of stretches) {
    const last = merged.at(-1);
    if (last !== undefined && stretch.fromMs <= last.untilMs) last.untilMs = Math.max(last.untilMs, stretch.untilMs);
    else merged.push(stretch);
  }
  return merged;
};

/** The course of such days and of usual ones at a moment, and the variance that chance gives the logarithm of their ratio. */
export interface Likeness {
  readonly course: number;
  readonly usual: number;
  readonly variance: number;
}

/** A moment within such a day, or outside. */
export interface Moment {
  readonly isLike: boolean;
  readonly likeness: Likeness;
}

/**
 * By what a forecast from one moment for another changes, as a factor: by how differently from usual such days go on, what may be chance counting for less, down to
 * nothing. A model that has found the day to be none of the usual has stopped to follow these: the forecast is moved towards what the course makes of the level of
 * now, never beyond it and never away from it.
 */
export const changeOf = (from: Moment, to: Moment, levelOverForecast: number): number => {
  const logOf = ({ isLike, likeness }: Moment): number => (isLike ? Math.log(likeness.course / likeness.usual) : 0);
  const heightOf = ({ isLike, likeness }: Moment): number => (isLike ? likeness.course : likeness.usual);
  const varianceOf = ({ isLike, likeness }: Moment): number => (isLike ? likeness.variance : 0);
  const change = logOf(to) - logOf(from);
  const ahead = Math.log((levelOverForecast * heightOf(to)) / heightOf(from));
  if (change * ahead <= 0) return 1;
  const believed = Math.max(0, 1 - (varianceOf(from) + varianceOf(to)) / change ** 2);
  return Math.exp(Math.sign(change) * Math.min(Math.abs(change) * believed, Math.abs(ahead)));
};

interface Level {
  readonly mean: number;
  /** The variance of single values over the square of their mean. */
  readonly spread: number;
  readonly count: number;
}

/**
 * The likeness at a moment: what the model days are at that time of day over what usual days are (the same weekday's, or any where that is unknown), seen in what came
 * before the moment's day. Null where either is not in the series yet.
 */
export const likenessOf = (
  series: EvenSeries,
  { dates, timeZone }: CalendarTime,
  effect: LikeEffect,
): ((atMs: number) => Likeness | null) => {
  const calendar = new Set(dates.map(dayNumber));
  const stepMs = series.stepSec * 1000;
  const endMs = series.startMs + series.values.length * stepMs;
  const firstDay = localDayOf(series.startMs, timeZone);
  const lastDay = localDayOf(endMs - 1, timeZone);
  /** What is known around a time of the days. */
  const levelOf = (days: readonly number[], localTimeMs: number, halfWidthMs: number): Level | null => {
    let [sum, squares, count] = [0, 0, 0];
    for (const day of days) {
      const localMs = day * DAY_MS + localTimeMs;
      const centreMs = localMs - offsetMs(localMs - offsetMs(localMs, timeZone), timeZone);
      const from = Math.max(0, Math.ceil((centreMs - halfWidthMs - series.startMs) / stepMs));
      const until = Math.min(series.values.length, Math.floor((centreMs + halfWidthMs - series.startMs) / stepMs) + 1);
      for (let i = from; i < until; i++) {
        const value = series.values[i]!;
        if (Number.isNaN(value)) continue;
        sum += value;
        squares += value * value;
        count++;
      }
    }
    if (count === 0) return null;
    const mean = sum / count;
    const spread = count > 1 && mean > 0 ? Math.max(0, (squares - sum * mean) / (count - 1)) / (mean * mean) : 1;
    return { mean, spread, count };
  };
  const isOrdinary = (day: number): boolean => !calendar.has(day);
  const daysBefore = (day: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => day - count + i).filter((each) => each >= firstDay && each <= lastDay);
  const weeks = new Map<number, number | undefined>();
  const levelBefore = (day: number): number | undefined => {
    if (!weeks.has(day)) {
      const week = daysBefore(day, LEVEL_DAYS).filter(isOrdinary);
      weeks.set(day, levelOf(week, DAY_MS / 2, (DAY_MS - MINUTE_MS) / 2)?.mean);
    }
    return weeks.get(day);
  };
  /** The earlier days of the calendar, each as high as it would be on the level of now. */
  const earlierOnes = (day: number, localTimeMs: number, halfWidthMs: number): Omit<Level, 'spread'> | null => {
    const now = levelBefore(day);
    let [sum, days, count] = [0, 0, 0];
    for (const each of calendar) {
      const level = each < day && each >= firstDay ? levelOf([each], localTimeMs, halfWidthMs) : null;
      if (level === null) continue;
      const then = levelBefore(each);
      sum += now && then ? (level.mean * now) / then : level.mean;
      count += level.count;
      days++;
    }
    return days === 0 ? null : { mean: sum / days, count };
  };
  const within = (day: number, localTimeMs: number, halfWidthMs: number): Likeness | null => {
    const ordinary = daysBefore(day, USUAL_DAYS).filter(isOrdinary);
    const on = (weekday: string): number[] => ordinary.filter((each) => weekdayOf(each) === weekday);
    const model =
      effect.kind === 'like-weekday'
        ? levelOf(on(effect.weekday), localTimeMs, halfWidthMs)
        : earlierOnes(day, localTimeMs, halfWidthMs);
    const usual = levelOf(on(weekdayOf(day)), localTimeMs, halfWidthMs) ?? levelOf(ordinary, localTimeMs, halfWidthMs);
    if (model === null || usual === null || usual.mean === 0) return null;
    const course = usual.mean * Math.min(Math.max(model.mean / usual.mean, SMALLEST), LARGEST);
    // Quarters of an hour hide how minutes differ: usual days, of which minutes are known, tell it for both.
    return { course, usual: usual.mean, variance: usual.spread * (1 / usual.count + 1 / model.count) };
  };
  const known = new Map<number, Likeness | null>();
  return (atMs) => {
    const at = Math.floor(atMs / MINUTE_MS);
    const before = known.get(at);
    if (before !== undefined) return before;
    const day = localDayOf(atMs, timeZone);
    const localTimeMs = atMs + offsetMs(atMs, timeZone) - day * DAY_MS;
    let found: Likeness | null = null;
    for (const halfWidthMs of HALF_WIDTHS_MS) {
      found = within(day, localTimeMs, halfWidthMs) ?? found;
      if (found !== null && found.variance <= WELL_TOLD ** 2) break;
    }
    known.set(at, found);
    return found;
  };
};
