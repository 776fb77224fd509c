// bin/event: the sub-commands by which a person tells what no history can: sales, holidays, times that nothing is to be learnt from.
// in: words · out: an event in the deployed control plane, or the list of them; one line and exit 2 for what cannot be understood
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Cron } from 'croner';
import { momentIn } from '../lib/forecast/occurrences.ts';
import { type EventEffect, EventRequest, effectText, type KnownEvent, WEEKDAYS } from '../lib/model/known-event.ts';
import { isoTimeMs } from '../local/iso-time.ts';
import { asked, type Connection, print, refuse } from './ask.ts';
import { parseCalendar } from './calendar-file.ts';
import { type Checked, ok, refused } from './checked.ts';
import { minutesOf } from './duration.ts';
import { columns } from './tables.ts';

interface Given extends Connection {
  readonly at?: string;
  readonly cron?: string;
  readonly holidays?: string;
  readonly for?: string;
  readonly timeZone: string;
  readonly factor?: string;
  readonly addRecords?: string;
  readonly addBytes?: string;
  readonly like?: string;
  readonly likeEachOther?: true;
  readonly forget?: true;
  readonly range?: string;
}

/** As the API tells an event: hash keys are strings. */
type EventView = Omit<KnownEvent, 'hashKeyRange'> & { hashKeyRange?: { startingHashKey: string; endingHashKey: string } };

/** Adds `event add|list|remove`. `connected` makes a command that speaks to the deployed API. */
export const addEvents = (program: Command, connected: (parent: Command, name: string, description: string) => Command): void => {
  const event = program.command('event').description('what is known of the demand to come, or of the past');
  connected(event, 'add <eventId>', 'state an event; one of the same name is replaced')
    .option('--at <time>', 'begins at an ISO 8601 time or date, or at "friday 20:00": the next one')
    .option('--cron <pattern>', 'begins by a cron pattern: minute hour day month weekday')
    .option('--holidays <file>', 'whole days: .ics, or one date per line')
    .option('--for <duration>', 'lasts so long: 90m, 2h, 3d')
    .option('--time-zone <name>', 'of times without a zone, of the cron pattern and of days', 'UTC')
    .option('--factor <number>', 'demand is so many times what it would be')
    .option('--add-records <perSec>', 'so many records a second come on top (bytes stay as they are without --add-bytes)')
    .option('--add-bytes <perSec>', 'so many bytes a second come on top')
    .option('--like <weekday>', 'days have the course of this weekday')
    .option('--like-each-other', 'days have the course of the earlier ones of this event')
    .option('--forget', 'nothing is to be learnt from it')
    .option('--range <start-end>', 'only these hash keys, in decimal (default: the whole stream)')
    .action(async (eventId: string, given: Given) => {
      const request = await requestOf(eventId, given, Date.now());
      if (request.kind === 'refused') return refuse(request.message);
      const body = { ...request.value, application: given.application, streamName: given.stream };
      const stated = await asked<EventView>(given, 'PUT', `/events/${encodeURIComponent(eventId)}`, { body });
      print(given, stated, (view) => listText({ events: [view] }));
    });
  connected(event, 'list', 'the events of the stream').action(async (given: Connection) =>
    print(given, await asked<{ events: EventView[] }>(given, 'GET', '/events'), listText),
  );
  connected(event, 'remove <eventId>', 'take an event back').action(async (eventId: string, given: Connection) =>
    print(
      given,
      await asked<{ eventId: string }>(given, 'DELETE', `/events/${encodeURIComponent(eventId)}`),
      (body) => `removed ${body.eventId}`,
    ),
  );
};

/** The request that the words mean, without its names. */
export const requestOf = async (eventId: string, given: Given, nowMs: number): Promise<Checked<object>> => {
  const effect = effectOf(given);
  if (effect.kind === 'refused') return effect;
  const when = await whenOf(given, nowMs);
  if (when.kind === 'refused') return when;
  const range = given.range === undefined ? null : /^(\d+)-(\d+)$/.exec(given.range);
  if (given.range !== undefined && range === null)
    return refused(`--range must be two decimal hash keys start-end, got ${given.range}`);
  const request = {
    eventId,
    when: when.value,
    effect: effect.value,
    ...(range !== null && { hashKeyRange: { startingHashKey: range[1], endingHashKey: range[2] } }),
  };
  const read = EventRequest.safeParse({ ...request, application: given.application, streamName: given.stream });
  if (!read.success)
    return refused(read.error.issues.map((issue) => `${issue.path.join('.') || 'event'}: ${issue.message}`).join('; '));
  return ok(request);
};

const effectOf = (given: Given): Checked<EventEffect> => {
  const stated = [given.factor, given.addRecords ?? given.addBytes, given.like, given.likeEachOther, given.forget];
  const count = stated.filter((each) => each !== undefined).length;
  if (count !== 1)
    return refused(
      `one of --factor, --add-records/--add-bytes, --like, --like-each-other, --forget must be given, got ${count === 0 ? 'none' : count}`,
    );
  const numberOf = (name: string, text: string | undefined): Checked<number> => {
    const value = Number(text ?? 0);
    return Number.isFinite(value) && value >= 0 ? ok(value) : refused(`${name} must be a number >= 0, got ${text}`);
  };
  if (given.forget) return ok({ kind: 'do-not-learn' });
  if (given.likeEachOther) return ok({ kind: 'like-each-other' });
  if (given.like !== undefined) {
    const weekday = WEEKDAYS.find((name) => name === given.like?.toLowerCase());
    return weekday === undefined
      ? refused(`--like must be one of ${WEEKDAYS.join(', ')}, got ${given.like}`)
      : ok({ kind: 'like-weekday', weekday });
  }
  if (given.factor !== undefined) {
    const factor = numberOf('--factor', given.factor);
    return factor.kind === 'refused' ? factor : ok({ kind: 'factor', factor: factor.value });
  }
  const [records, bytes] = [numberOf('--add-records', given.addRecords), numberOf('--add-bytes', given.addBytes)];
  if (records.kind === 'refused') return records;
  if (bytes.kind === 'refused') return bytes;
  return ok({ kind: 'addition', recordsPerSec: records.value, bytesPerSec: bytes.value });
};

const whenOf = async (given: Given, nowMs: number): Promise<Checked<object>> => {
  const stated = [given.at, given.cron, given.holidays].filter((each) => each !== undefined).length;
  if (stated !== 1) return refused(`one of --at, --cron, --holidays must be given, got ${stated === 0 ? 'none' : stated}`);
  const { timeZone } = given;
  if (!isTimeZone(timeZone)) return refused(`--time-zone must be a time zone by its IANA name, got ${timeZone}`);
  if (given.holidays !== undefined) {
    if (given.for !== undefined) return refused('--for does not go with --holidays: they last whole days');
    let text: string;
    try {
      text = await readFile(given.holidays, 'utf8');
    } catch (error) {
      return refused(
        `${given.holidays}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : 'cannot be read'}`,
      );
    }
    const calendar = parseCalendar(text, given.holidays);
    return calendar.kind === 'refused' ? calendar : ok({ kind: 'days', dates: calendar.dates, timeZone });
  }
  const minutes = minutesOf(given.for);
  if (minutes === null) return refused(`--for must be a duration like 90m, 2h or 3d, got ${given.for ?? 'none'}`);
  if (given.cron !== undefined)
    return isCron(given.cron)
      ? ok({ kind: 'cron', cron: given.cron, timeZone, durationMin: minutes })
      : refused(`--cron must be a cron pattern: minute hour day month weekday, got ${given.cron}`);
  const fromMs = timeOf(given.at!, timeZone, nowMs);
  if (fromMs === null)
    return refused(`--at must be an ISO 8601 time or date, or a weekday with its time ("friday 20:00"), got ${given.at}`);
  return ok({ kind: 'once', fromMs, untilMs: fromMs + minutes * 60_000 });
};

const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== null;
  } catch {
    return false;
  }
};

const isCron = (pattern: string): boolean => {
  try {
    return new Cron(pattern, { paused: true, mode: '5-part' }) !== null;
  } catch {
    return false;
  }
};

/** A time without a zone is one of the time zone given; a date is its midnight. */
const timeOf = (text: string, timeZone: string, nowMs: number): number | null => {
  const words = /^([a-z]+) (\d{1,2}):(\d{2})$/.exec(text.trim().toLowerCase());
  const weekday = (WEEKDAYS as readonly string[]).indexOf(words?.[1] ?? '');
  if (words !== null && weekday >= 0) {
    try {
      const next = new Cron(`${Number(words[3])} ${Number(words[2])} * * ${weekday}`, {
        timezone: timeZone,
        paused: true,
        mode: '5-part',
      });
      return next.nextRun(new Date(nowMs))?.getTime() ?? null;
    } catch {
      return null;
    }
  }
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text;
  return isoTimeMs(time, (asUtc) => momentIn(timeZone, asUtc));
};

const whenText = (when: EventView['when']): string => {
  const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;
  if (when.kind === 'once') return `${time(when.fromMs)} to ${time(when.untilMs)}`;
  if (when.kind === 'cron') return `${when.cron} (${when.timeZone}), ${when.durationMin} min`;
  const more = when.dates.length > 3 ? ` and ${when.dates.length - 3} more` : '';
  return `${when.dates.slice(0, 3).join(', ')}${more} (${when.timeZone})`;
};

const listText = ({ events }: { readonly events: readonly EventView[] }): string =>
  events.length === 0
    ? 'no event is known'
    : columns(
        ['EVENT', 'EFFECT', 'WHEN', 'KEYS'],
        events.map(({ eventId, effect, when, hashKeyRange }) => [
          eventId,
          effectText(effect),
          whenText(when),
          hashKeyRange === undefined ? 'all' : `${hashKeyRange.startingHashKey}-${hashKeyRange.endingHashKey}`,
        ]),
      );
