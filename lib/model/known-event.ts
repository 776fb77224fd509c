// lib/model: the nouns. A known event: what somebody knows of the demand to come, or of the past, that no history tells.
import { z } from 'zod';
import { HashKeyRange } from './hash-key-range.ts';

const DAY_MIN = 1440;
const TimeZone = z
  .string()
  .refine(
    (name) => {
      try {
        return new Intl.DateTimeFormat('en', { timeZone: name }) !== null;
      } catch {
        return false;
      }
    },
    { error: ({ input }) => `must be a time zone by its IANA name, got ${String(input)}` },
  )
  .default('UTC');

export const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

const isDate = (text: string): boolean => {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
};

/** When it is: once, by a cron pattern (minute hour day month weekday) for so many minutes, or on whole days of a calendar. */
export const EventTime = z.discriminatedUnion('kind', [
  z
    .strictObject({ kind: z.literal('once'), fromMs: z.number().int().min(0), untilMs: z.number().int() })
    .refine(({ fromMs, untilMs }) => untilMs > fromMs, {
      error: ({ input }) => `must end after it starts, got ${JSON.stringify(input)}`,
    }),
  z.strictObject({
    kind: z.literal('cron'),
    cron: z.string().regex(/^(\S+\s+){4}\S+$/, 'a cron pattern has five fields: minute hour day month weekday'),
    timeZone: TimeZone,
    durationMin: z
      .number()
      .int()
      .min(1)
      .max(7 * DAY_MIN),
  }),
  z.strictObject({
    kind: z.literal('days'),
    dates: z
      .array(
        z
          .string()
          .regex(/^\d{4}-\d{2}-\d{2}$/, 'a date is YYYY-MM-DD')
          .refine(isDate, 'there is no such day'),
      )
      .min(1)
      .max(1000),
    timeZone: TimeZone,
  }),
]);
export type EventTime = z.output<typeof EventTime>;

/** What it does to demand. */
export const EventEffect = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('factor'), factor: z.number().positive().max(1000) }),
  z.strictObject({ kind: z.literal('addition'), recordsPerSec: z.number().min(0), bytesPerSec: z.number().min(0) }),
  /** Such a day has the course of another weekday. */
  z.strictObject({ kind: z.literal('like-weekday'), weekday: z.enum(WEEKDAYS) }),
  /** Such a day has the course of the earlier days of the same event. */
  z.strictObject({ kind: z.literal('like-each-other') }),
  /** Nothing is to be learnt from it. */
  z.strictObject({ kind: z.literal('do-not-learn') }),
]);
export type EventEffect = z.output<typeof EventEffect>;

/** Names an event within its stream; putting one again under its name replaces it. */
export const EventId = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 of a-z A-Z 0-9 . _ -');

const eventFields = {
  application: z.string().min(1).max(128),
  streamName: z.string().min(1).max(128),
  eventId: EventId,
  when: EventTime,
  effect: EventEffect,
  /** Left out: the whole stream. An addition then spreads over its keys. */
  hashKeyRange: HashKeyRange.optional(),
} as const;

const likeDays = {
  error: 'like-weekday and like-each-other need whole days: when.kind must be days',
  path: ['effect'],
};
const isLikeDays = ({ when, effect }: { when: EventTime; effect: EventEffect }): boolean =>
  (effect.kind !== 'like-weekday' && effect.kind !== 'like-each-other') || when.kind === 'days';

/** What a person states. */
export const EventRequest = z
  .strictObject(eventFields)
  .refine(isLikeDays, likeDays)
  .refine(({ effect }) => effect.kind !== 'addition' || effect.recordsPerSec + effect.bytesPerSec > 0, {
    error: 'recordsPerSec or bytesPerSec must be above 0, got 0 and 0',
    path: ['effect'],
  })
  .refine(({ hashKeyRange: range }) => range === undefined || range.startingHashKey <= range.endingHashKey, {
    error: ({ input }) => {
      const { startingHashKey, endingHashKey } = (input as { hashKeyRange: HashKeyRange }).hashKeyRange;
      return `must not end before it starts, got ${startingHashKey} to ${endingHashKey}`;
    },
    path: ['hashKeyRange'],
  });
export type EventRequest = z.output<typeof EventRequest>;

/** An event as it is kept. */
export const KnownEvent = z.strictObject({ ...eventFields, createdAtMs: z.number() }).refine(isLikeDays, likeDays);
export type KnownEvent = z.output<typeof KnownEvent>;

/** An event's effect in a few words. */
export const effectText = (effect: EventEffect): string => {
  switch (effect.kind) {
    case 'factor':
      return `×${effect.factor}`;
    case 'addition':
      return [
        ...(effect.recordsPerSec > 0 ? [`+${effect.recordsPerSec} records/s`] : []),
        ...(effect.bytesPerSec > 0 ? [`+${effect.bytesPerSec} bytes/s`] : []),
      ].join(', ');
    case 'like-weekday':
      return `like a ${effect.weekday}`;
    case 'like-each-other':
      return 'like the earlier ones';
    case 'do-not-learn':
      return 'not learnt from';
  }
};
