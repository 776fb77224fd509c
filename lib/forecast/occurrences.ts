// lib/forecast: when a known event is.
// in: an event, a window · out: its occurrences in the window; days of a calendar in their time zone
import { Cron } from 'croner';
import type { EventTime } from '../model/known-event.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;

/** From inclusive, until exclusive. */
export interface Occurrence {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The occurrences that overlap fromMs..untilMs, in order. Throws what croner throws on a pattern that has five fields and yet none of a cron. */
export const occurrencesOf = (when: EventTime, fromMs: number, untilMs: number): Occurrence[] => {
  const overlapping = (all: readonly Occurrence[]): Occurrence[] =>
    all.filter((each) => each.fromMs < untilMs && each.untilMs > fromMs).sort((a, b) => a.fromMs - b.fromMs);
  if (when.kind === 'once') return overlapping([{ fromMs: when.fromMs, untilMs: when.untilMs }]);
  if (when.kind === 'days') return overlapping(daysOf(when));
  const durationMs = when.durationMin * MINUTE_MS;
  const cron = new Cron(when.cron, { timezone: when.timeZone, paused: true, mode: '5-part' });
  const found: Occurrence[] = [];
  let next = cron.nextRun(new Date(fromMs - durationMs - 1));
  while (next !== null && next.getTime() < untilMs) {
    found.push({ fromMs: next.getTime(), untilMs: next.getTime() + durationMs });
    next = cron.nextRun(next);
  }
  return overlapping(found);
};

/** All series of a run ask for the same calendar, minute by minute; what a time zone's clocks say is dear to ask. */
const calendars = new WeakMap<EventTime, readonly Occurrence[]>();
const daysOf = (when: Extract<EventTime, { kind: 'days' }>): readonly Occurrence[] => {
  const days =
    calendars.get(when) ??
    when.dates.map((date) => ({ fromMs: startOfDay(date, when.timeZone), untilMs: startOfDay(dayAfter(date), when.timeZone) }));
  calendars.set(when, days);
  return days;
};

const dayAfter = (date: string): string => new Date(Date.parse(`${date}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);

/** Midnight of a date (YYYY-MM-DD) in a time zone. */
export const startOfDay = (date: string, timeZone: string): number => momentIn(timeZone, Date.parse(`${date}T00:00:00Z`));

/** The moment at which the clocks of a time zone show what those of UTC show at `asUtc`. */
export const momentIn = (timeZone: string, asUtc: number): number => {
  // The offset at the guess may be that of the other side of a change of clocks.
  const first = asUtc - offsetMs(asUtc, timeZone);
  return asUtc - offsetMs(first, timeZone);
};

const formats = new Map<string, Intl.DateTimeFormat>();

/** How far the clocks of a time zone are ahead of UTC. */
export const offsetMs = (atMs: number, timeZone: string): number => {
  if (timeZone === 'UTC') return 0;
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
  formats.set(timeZone, format);
  const part = Object.fromEntries(format.formatToParts(new Date(atMs)).map(({ type, value }) => [type, Number(value)]));
  const shown = Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!);
  return shown - Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
};
