// lib/forecast: how the course of one kind of day differs from another's.
// in: a series, a calendar of days that are like another weekday or like each other · out: a factor for each moment of such a day
import { type EventEffect, type EventTime, WEEKDAYS } from '../model/known-event.ts';
import type { EvenSeries } from './model.ts';
import { offsetMs } from './occurrences.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Courses are compared over five minutes to each side: a day's steep hour must not begin earlier by the smoothing. */
const HALF_WIDTH_MS = 5 * MINUTE_MS;
/** What ten minutes of few records say about a factor is not believed beyond these. */
const [SMALLEST, LARGEST] = [0.1, 10];

type CalendarTime = Extract<EventTime, { kind: 'days' }>;
type LikeEffect = Extract<EventEffect, { kind: 'like-weekday' | 'like-each-other' }>;

/** A local day, counted from 1970. */
const localDayOf = (atMs: number, timeZone: string): number => Math.floor((atMs + offsetMs(atMs, timeZone)) / DAY_MS);
const weekdayOf = (localDay: number): (typeof WEEKDAYS)[number] => WEEKDAYS[(localDay + 4) % 7]!;
const dayNumber = (date: string): number => Date.parse(`${date}T00:00:00Z`) / DAY_MS;

/**
 * The factor at a moment: the mean of the model days at that time of day over that of the usual days (the same weekday's, or any where that is unknown), seen in what came
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
  const meanOf = (days: readonly number[], localTimeMs: number): number | null => {
    let [sum, count] = [0, 0];
    for (const day of days) {
      const localMs = day * DAY_MS + localTimeMs;
      const centreMs = localMs - offsetMs(localMs - offsetMs(localMs, timeZone), timeZone);
      const from = Math.max(0, Math.ceil((centreMs - HALF_WIDTH_MS - series.startMs) / stepMs));
      const until = Math.min(series.values.length, Math.floor((centreMs + HALF_WIDTH_MS - series.startMs) / stepMs) + 1);
      for (let i = from; i < until; i++) {
        if (Number.isNaN(series.values[i]!)) continue;
        sum += series.values[i]!;
        count++;
      }
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
    const past = Array.from({ length: Math.max(0, Math.min(day - 1, lastDay) - firstDay + 1) }, (_, i) => firstDay + i);
    const ordinary = past.filter((each) => !calendar.has(each));
    const models =
      effect.kind === 'like-weekday'
        ? ordinary.filter((each) => weekdayOf(each) === effect.weekday)
        : past.filter((each) => calendar.has(each));
    const sameWeekday = ordinary.filter((each) => weekdayOf(each) === weekdayOf(day));
    const model = meanOf(models, localTimeMs);
    const usual = meanOf(sameWeekday, localTimeMs) ?? meanOf(ordinary, localTimeMs);
    const factor = model === null || !usual ? null : Math.min(Math.max(model / usual, SMALLEST), LARGEST);
    known.set(at, factor);
    return factor;
  };
};
