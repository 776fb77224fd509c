import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseCalendar } from '../../bin/calendar-file.ts';
import { requestOf } from '../../bin/event.ts';

const NOW = Date.UTC(2026, 10, 18, 12);
const folder = mkdtempSync(join(tmpdir(), 'penumbra-event-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const connection = { api: 'https://x.example', application: 'shop', stream: 'orders', timeZone: 'UTC' };
const asked = (given: object) => requestOf('sale', { ...connection, ...given }, NOW);

describe('requestOf', () => {
  it('reads ×3 on Friday 20:00 for 2 h, in its time zone', async () => {
    const fromMs = Date.UTC(2026, 10, 20, 19);
    expect(await asked({ at: 'Friday 20:00', for: '2h', factor: '3', timeZone: 'Europe/Berlin' })).toEqual({
      kind: 'ok',
      value: {
        eventId: 'sale',
        when: { kind: 'once', fromMs, untilMs: fromMs + 7_200_000 },
        effect: { kind: 'factor', factor: 3 },
      },
    });
  });

  it('reads cron patterns, additions, hash ranges, pasts to forget and calendars', async () => {
    expect(await asked({ cron: '0 20 * * 5', for: '90m', addRecords: '50', range: '0-99' })).toMatchObject({
      value: {
        when: { kind: 'cron', cron: '0 20 * * 5', timeZone: 'UTC', durationMin: 90 },
        effect: { kind: 'addition', recordsPerSec: 50, bytesPerSec: 0 },
        hashKeyRange: { startingHashKey: '0', endingHashKey: '99' },
      },
    });
    expect(await asked({ at: '2026-11-01T00:00Z', for: '1d', forget: true })).toMatchObject({
      value: { effect: { kind: 'do-not-learn' }, when: { fromMs: Date.UTC(2026, 10, 1) } },
    });
    expect(await asked({ at: '2026-11-01', for: '1d', forget: true, timeZone: 'Europe/Berlin' })).toMatchObject({
      value: { when: { fromMs: Date.UTC(2026, 9, 31, 23) } },
    });
    expect(await asked({ at: '2026-07-01 20:00', for: '2h', factor: '2', timeZone: 'Europe/Berlin' })).toMatchObject({
      value: { when: { fromMs: Date.UTC(2026, 6, 1, 18) } },
    });
    expect(await asked({ at: '2026-07-01T20:00+01:00', for: '2h', factor: '2', timeZone: 'Europe/Berlin' })).toMatchObject({
      value: { when: { fromMs: Date.UTC(2026, 6, 1, 19) } },
    });
    writeFileSync(join(folder, 'days.csv'), 'date,name\n2026-12-25,Christmas\n2026-12-26\n');
    expect(await asked({ holidays: join(folder, 'days.csv'), like: 'sunday' })).toMatchObject({
      value: {
        when: { kind: 'days', dates: ['2026-12-25', '2026-12-26'], timeZone: 'UTC' },
        effect: { kind: 'like-weekday', weekday: 'sunday' },
      },
    });
  });

  it.each([
    [
      'no effect',
      { at: 'friday 20:00', for: '2h' },
      'one of --factor, --add-records/--add-bytes, --like, --like-each-other, --forget must be given, got none',
    ],
    ['two effects', { at: 'friday 20:00', for: '2h', factor: '2', forget: true }, 'got 2'],
    ['no time', { factor: '2' }, 'one of --at, --cron, --holidays must be given, got none'],
    ['a time that is none', { at: 'someday', for: '2h', factor: '2' }, 'got someday'],
    ['a day that no month has', { at: '2026-02-30', for: '1d', forget: true }, 'got 2026-02-30'],
    [
      'a duration that is none',
      { at: 'friday 20:00', for: 'long', factor: '2' },
      '--for must be a duration like 90m, 2h or 3d, got long',
    ],
    [
      'an addition of nothing',
      { at: 'friday 20:00', for: '2h', addRecords: '0' },
      'effect: recordsPerSec or bytesPerSec must be above 0, got 0 and 0',
    ],
    ['a factor that is none', { at: 'friday 20:00', for: '2h', factor: 'x' }, '--factor must be a number >= 0, got x'],
    ['a weekday that is none', { holidays: 'none', like: 'noday' }, '--like must be one of sunday'],
    ['a calendar that is not there', { holidays: 'none.ics', like: 'sunday' }, 'none.ics: no such file'],
    ['hours like a Sunday', { at: 'friday 20:00', for: '2h', like: 'sunday' }, 'need whole days'],
    ['a time zone that is none', { cron: '0 0 * * *', for: '2h', factor: '2', timeZone: 'Mars' }, 'got Mars'],
    [
      'the time zone of a weekday that is none',
      { at: 'friday 20:00', for: '2h', factor: '2', timeZone: 'Mars' },
      '--time-zone must be',
    ],
    ['a cron pattern that is none', { cron: '0 25 * * 5', for: '2h', factor: '2' }, 'weekday, got 0 25 * * 5'],
    ['a range that ends before it starts', { at: 'friday 20:00', for: '2h', factor: '2', range: '9-1' }, 'got 9 to 1'],
    ['a range that is none', { at: 'friday 20:00', for: '2h', factor: '2', range: 'left' }, 'got left'],
  ])('fails on %s', async (_, given, message) => {
    expect(await asked(given)).toEqual({ kind: 'refused', message: expect.stringContaining(message) });
  });
});

describe('parseCalendar', () => {
  const ics = (...lines: string[]) => ['BEGIN:VCALENDAR', 'BEGIN:VEVENT', ...lines, 'END:VEVENT', 'END:VCALENDAR'].join('\r\n');

  it('reads whole days of an iCalendar file, up to before their end', () => {
    expect(
      parseCalendar(ics('DTSTART;VALUE=DATE:20261224', 'DTEND;VALUE=DATE:20261227', 'SUMMARY:Christmas: all of it'), 'x.ics'),
    ).toEqual({
      kind: 'days',
      dates: ['2026-12-24', '2026-12-25', '2026-12-26'],
    });
    expect(parseCalendar(ics('DTSTART;VALUE=DATE:20270101'), 'x.ics')).toEqual({ kind: 'days', dates: ['2027-01-01'] });
  });

  it.each([
    [
      'entries that repeat',
      ics('DTSTART;VALUE=DATE:20261224', 'RRULE:FREQ=YEARLY'),
      'x.ics:4: RRULE is not read; export the calendar with single days, got FREQ=YEARLY',
    ],
    ['a day that there is not', ics('DTSTART;VALUE=DATE:20260230'), 'x.ics:3: DTSTART must be a day YYYYMMDD, got "20260230"'],
    ['an event without its day', ics('SUMMARY:x'), 'x.ics:4: ends an event without DTSTART'],
    ['a line that is no date', '2026-12-25\nChristmas\n', 'x.ics:2: must begin with a date YYYY-MM-DD, got "Christmas"'],
    ['nothing', '', 'x.ics: has no day'],
  ])('fails on %s, and names the line', (_, text, message) => {
    expect(parseCalendar(text, 'x.ics')).toEqual({ kind: 'refused', message: expect.stringContaining(message) });
  });
});
