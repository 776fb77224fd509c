// lib/forecast: how the course of one kind of day differs from another's.
// in: a series, a calendar of days that are like another weekday or like each other · out: a factor for each moment of such a day; the old days that must be recalled for it
//
// Holidays are weeks apart, and the load grows in between: an earlier one counts by its height over the week before it.
import { type EventEffect, type EventTime, type KnownEvent, WEEKDAYS } from '../model/known-event.ts';
import type { EvenSeries } from './model.ts';
import { type Occurrence, occurrencesOf, offsetMs } from './occurrences.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Courses are compared over five minutes to each side: a day's steep hour must not begin earlier by the smoothing. */
const HALF_WIDTH_MS = 5 * MINUTE_MS;
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

/**
 * The factor at a moment: what the model days are at that time of day over what usual days are (the same weekday's, or any where that is unknown), seen in what came
 * before the moment's day. Null where either is not in the series yet.
 */
export const likeFactor = (
  series: EvenSeries,
  { dates, timeZone }: CalendarTime,
  effect: LikeEffect,
): ((atMs: number) => number | null) => {
  const calendar = new Set(dates.map(dayNumber));
  const stepMs = series.stepSec * 1000;
  const endMs = series.startMs + series.values.length * stepMs;
  const firstDay = localDayOf(series.startMs, timeZone);
  const lastDay = localDayOf(endMs - 1, timeZone);
  /** The mean of what is known around a time of the days. */
  const meanOf = (days: readonly number[], localTimeMs: number, halfWidthMs = HALF_WIDTH_MS): number | null => {
    let [sum, count] = [0, 0];
    for (const day of days) {
      const localMs = day * DAY_MS + localTimeMs;
      const centreMs = localMs - offsetMs(localMs - offsetMs(localMs, timeZone), timeZone);
      const from = Math.max(0, Math.ceil((centreMs - halfWidthMs - series.startMs) / stepMs));
      const until = Math.min(series.values.length, Math.floor((centreMs + halfWidthMs - series.startMs) / stepMs) + 1);
      for (let i = from; i < until; i++) {
        if (Number.isNaN(series.values[i]!)) continue;
        sum += series.values[i]!;
        count++;
      }
    }
    return count === 0 ? null : sum / count;
  };
  const wholeMeanOf = (days: readonly number[]): number | null => meanOf(days, DAY_MS / 2, (DAY_MS - MINUTE_MS) / 2);
  const isOrdinary = (day: number): boolean => !calendar.has(day);
  const daysBefore = (day: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => day - count + i).filter((each) => each >= firstDay && each <= lastDay);
  const levels = new Map<number, number | null>();
  const levelBefore = (day: number): number | null => {
    const found = levels.get(day) ?? wholeMeanOf(daysBefore(day, LEVEL_DAYS).filter(isOrdinary));
    levels.set(day, found);
    return found;
  };
  /** The mean of earlier days of the calendar, each as high as it would be on the level of now. */
  const likeEarlierOnes = (day: number, localTimeMs: number): number | null => {
    const now = levelBefore(day);
    let [sum, count] = [0, 0];
    for (const each of calendar) {
      const course = each < day && each >= firstDay ? meanOf([each], localTimeMs) : null;
      if (course === null) continue;
      const then = levelBefore(each);
      sum += now && then ? (course * now) / then : course;
      count++;
    }
    return count === 0 ? null : sum / count;
  };
  const known = new Map<number, number | null>();
  return (atMs) => {
    const at = Math.floor(atMs / MINUTE_MS);
    const before = known.get(at);
    if (before !== undefined) return before;
    const day = localDayOf(atMs, timeZone);
    const localTimeMs = atMs + offsetMs(atMs, timeZone) - day * DAY_MS;
    const ordinary = daysBefore(day, USUAL_DAYS).filter(isOrdinary);
    const on = (weekday: string): number[] => ordinary.filter((each) => weekdayOf(each) === weekday);
    const model = effect.kind === 'like-weekday' ? meanOf(on(effect.weekday), localTimeMs) : likeEarlierOnes(day, localTimeMs);
    const usual = meanOf(on(weekdayOf(day)), localTimeMs) ?? meanOf(ordinary, localTimeMs);
    const factor = model === null || !usual ? null : Math.min(Math.max(model / usual, SMALLEST), LARGEST);
    known.set(at, factor);
    return factor;
  };
};
