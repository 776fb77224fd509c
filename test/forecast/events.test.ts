import { describe, expect, it } from 'vitest';
import { eventsFingerprint, withEvents, withoutEvents } from '../../lib/forecast/events.ts';
import { forecastSeries } from '../../lib/forecast/forecast-series.ts';
import { incremental } from '../../lib/forecast/incremental.ts';
import { changeOf, type Likeness, likenessOf, recalledFor } from '../../lib/forecast/like-days.ts';
import { occurrencesOf, startOfDay } from '../../lib/forecast/occurrences.ts';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { EventRequest, type EventTime, type KnownEvent } from '../../lib/model/known-event.ts';
import { dailyJump, HORIZONS_SEC, MIDNIGHT, MINUTES_PER_DAY, noise, series } from './series.ts';

const MINUTE_MS = 60_000;
const DAY_MS = MINUTES_PER_DAY * MINUTE_MS;
const event = (effect: KnownEvent['effect'], when: EventTime, changes: Partial<KnownEvent> = {}): KnownEvent => ({
  application: 'shop',
  streamName: 'orders',
  eventId: 'sale',
  effect,
  when,
  createdAtMs: MIDNIGHT,
  ...changes,
});
const once = (fromMs: number, untilMs: number): EventTime => ({ kind: 'once', fromMs, untilMs });
const factor = (by: number) => ({ kind: 'factor', factor: by }) as const;
const flat = (minutes: number, value = 100) => new Float64Array(minutes).fill(value);
/** A flat series is foreseen flat: what an event does to it can be read off. */
const forecastOf = (minutes: number, events: KnownEvent[], change = (values: Float64Array) => values) => {
  const original = series(change(flat(minutes)));
  const nowMs = MIDNIGHT + minutes * MINUTE_MS;
  const plain = forecastSeries(withoutEvents(original, events), 'stream', HORIZONS_SEC, [incremental], null, nowMs);
  return { plain, made: withEvents(plain, original, events), nowMs };
};
const NOON = 4 * MINUTES_PER_DAY + 720;
const noonMs = MIDNIGHT + NOON * MINUTE_MS;

describe('occurrencesOf', () => {
  it('finds cron occurrences that began before the window and still hold, in their time zone', () => {
    const friday: EventTime = { kind: 'cron', cron: '0 20 * * 5', timeZone: 'Europe/Berlin', durationMin: 120 };
    const at = Date.UTC(2026, 6, 17, 18);
    expect(occurrencesOf(friday, at + 60 * MINUTE_MS, at + 8 * DAY_MS)).toEqual([
      { fromMs: at, untilMs: at + 120 * MINUTE_MS },
      { fromMs: at + 7 * DAY_MS, untilMs: at + 7 * DAY_MS + 120 * MINUTE_MS },
    ]);
  });

  it('takes days from midnight to midnight of their time zone, also when clocks change', () => {
    expect(startOfDay('2026-03-29', 'Europe/Berlin')).toBe(Date.UTC(2026, 2, 28, 23));
    const days: EventTime = { kind: 'days', dates: ['2026-03-29', '2026-01-01'], timeZone: 'Europe/Berlin' };
    const [day] = occurrencesOf(days, Date.UTC(2026, 2, 1), Date.UTC(2026, 3, 1));
    expect(day!.untilMs - day!.fromMs).toBe(23 * 3_600_000);
    expect(startOfDay('2026-11-01', 'America/New_York')).toBe(Date.UTC(2026, 10, 1, 4));
  });
});

describe('withEvents', () => {
  it('multiplies the minutes of an event to come, and only those, and says so', () => {
    const { plain, made } = forecastOf(NOON, [event(factor(3), once(noonMs + 10 * MINUTE_MS, noonMs + 20 * MINUTE_MS))]);
    HORIZONS_SEC.forEach((horizon, h) => {
      const inside = horizon > 600 && horizon <= 1200;
      expect(made.quantiles[1]![h]! / plain.quantiles[1]![h]!).toBeCloseTo(inside ? 3 : 1, 9);
      expect(made.windowMaxQuantiles[3]![h]! / plain.windowMaxQuantiles[3]![h]!).toBeCloseTo(horizon > 600 ? 3 : 1, 2);
      expect(made.windowMaxMean![h]! / plain.windowMaxMean![h]!).toBeCloseTo(horizon > 600 ? 3 : 1, 2);
    });
    expect(made.reason).toBe(`${plain.reason}; known event sale: ×3, 2026-01-09T12:10Z to 2026-01-09T12:20Z`);
    expect(plain.reason).not.toContain('known event');
  });

  it('raises the highest of a window by an event that lies between two horizons', () => {
    const { plain, made } = forecastOf(NOON, [event(factor(2), once(noonMs + 6 * MINUTE_MS, noonMs + 8 * MINUTE_MS))]);
    const at = HORIZONS_SEC.indexOf(600);
    expect(made.quantiles[1]![at]).toBe(plain.quantiles[1]![at]);
    expect(made.windowMaxQuantiles[1]![at]! / plain.windowMaxQuantiles[1]![at]!).toBeCloseTo(2, 6);
  });

  it('adds to a shard its part of an addition, and lets a factor touch only the keys that it names', () => {
    const [left, right] = slicesOf(WHOLE_RANGE, 2) as [typeof WHOLE_RANGE, typeof WHOLE_RANGE];
    const whole = once(noonMs, noonMs + DAY_MS);
    const { plain, made } = forecastOf(NOON, []);
    expect(made.quantiles).toEqual(plain.quantiles);
    const added = withEvents({ ...plain, hashKeyRange: left }, series(flat(NOON)), [
      event({ kind: 'addition', recordsPerSec: 80, bytesPerSec: 0 }, whole),
    ]);
    expect(added.quantiles[1]![0]! - plain.quantiles[1]![0]!).toBeCloseTo(40, 9);
    expect(added.reason).toContain('known event sale: +80 records/s, ');
    const ofBytes = { ...plain, metric: 'bytes' as const };
    const onlyRecords = event({ kind: 'addition', recordsPerSec: 80, bytesPerSec: 0 }, whole);
    expect(withEvents(ofBytes, { ...series(flat(NOON)), metric: 'bytes' }, [onlyRecords])).toEqual(ofBytes);
    const half = withEvents(plain, series(flat(NOON)), [event(factor(3), whole, { hashKeyRange: left })]);
    expect(half.quantiles[1]![0]! / plain.quantiles[1]![0]!).toBeCloseTo(2, 6);
    const other = withEvents({ ...plain, hashKeyRange: right }, series(flat(NOON)), [
      event(factor(3), whole, { hashKeyRange: left }),
    ]);
    expect(other.quantiles).toEqual(plain.quantiles);
  });

  it('goes on from what an event has brought so far, and falls back at its end', () => {
    const began = NOON - 30;
    const running = event(factor(3), once(MIDNIGHT + began * MINUTE_MS, noonMs + 15 * MINUTE_MS));
    // It is only twice as much as usual: the forecast follows what came, not what was stated.
    const { made } = forecastOf(NOON, [running], (values) => values.map((value, i) => (i >= began ? 2 * value : value)));
    expect(made.lastObserved).toBe(200);
    expect(made.quantiles[1]![HORIZONS_SEC.indexOf(60)]!).toBeCloseTo(200, -1);
    expect(made.quantiles[1]![HORIZONS_SEC.indexOf(1800)]!).toBeLessThan(110);
  });

  it('never tells of an event twice when a reason is carried on', () => {
    const events = [event(factor(3), once(noonMs, noonMs + DAY_MS))];
    const { made } = forecastOf(NOON, events);
    const again = withEvents(made, series(flat(NOON)), events);
    expect(again.reason).toBe(made.reason);
    expect(withEvents(made, series(flat(NOON)), []).reason).not.toContain('known event');
  });

  /** A holiday like a Sunday, ten minutes before seven, when usual days begin to rise by six tenths; Sundays and this day are what `other` says. */
  const beforeSeven = (other: (usual: number, i: number) => number) => {
    const minutes = 15 * MINUTES_PER_DAY + 6 * 60 + 50;
    const calm = dailyJump(minutes, 0);
    const values = dailyJump(minutes).map((value, i) =>
      Math.floor(i / MINUTES_PER_DAY) % 7 === 6 || i >= 15 * MINUTES_PER_DAY ? other(calm[i]!, i) : value,
    );
    const holiday = new Date(MIDNIGHT + 15 * DAY_MS).toISOString().slice(0, 10);
    const like = event({ kind: 'like-weekday', weekday: 'sunday' }, { kind: 'days', dates: [holiday], timeZone: 'UTC' });
    const nowMs = MIDNIGHT + minutes * MINUTE_MS;
    const plain = forecastSeries(series(values), 'stream', HORIZONS_SEC, [incremental], null, nowMs);
    const newest = series(values.subarray(-60), nowMs - 60 * MINUTE_MS);
    const at = HORIZONS_SEC.indexOf(1800);
    return { plain, made: withEvents(plain, newest, [like], series(values)), short: withEvents(plain, newest, [like]), at };
  };

  it('lets a holiday go on as another weekday does, which the model cannot know at dawn', () => {
    const { plain, made, short, at } = beforeSeven((usual) => usual);
    expect(plain.quantiles[1]![at]! / plain.lastObserved).toBeGreaterThan(1.4);
    expect(made.quantiles[1]![at]! / plain.lastObserved).toBeCloseTo(1, 1);
    expect(made.quantiles[1]![0]! / plain.quantiles[1]![0]!).toBeCloseTo(1, 1);
    expect(made.reason).toContain('known event sale: like a sunday,');
    expect(short.quantiles).toEqual(plain.quantiles);
  });

  it('never goes beyond it where the model has found by itself that the day is none of the usual', () => {
    const { plain, made, at } = beforeSeven(() => 300);
    const usual = beforeSeven((value) => value).plain.quantiles[1]![at]!;
    expect(plain.quantiles[1]![at]!).toBeLessThan(0.75 * usual);
    expect(made.quantiles[1]![at]!).toBeGreaterThan(295);
    expect(made.quantiles[1]![at]!).toBeLessThanOrEqual(plain.quantiles[1]![at]!);
  });

  it('leaves a holiday as it is, and says why, when the history has no such day', () => {
    const { plain, made } = forecastOf(2 * MINUTES_PER_DAY, [
      event({ kind: 'like-each-other' }, { kind: 'days', dates: ['2026-01-07'], timeZone: 'UTC' }),
    ]);
    expect(made.quantiles).toEqual(plain.quantiles);
    expect(made.reason).toContain('of which the history has none yet');
  });
});

describe('likenessOf', () => {
  const DATES = [10, 40].map((day) => new Date(MIDNIGHT + day * DAY_MS).toISOString().slice(0, 10));
  const when = { kind: 'days', dates: DATES, timeZone: 'UTC' } as const;
  const each = { kind: 'like-each-other' } as const;
  const nine = MIDNIGHT + 40 * DAY_MS + 9 * 60 * MINUTE_MS;
  const ratio = (likeness: Likeness | null) => likeness!.course / likeness!.usual;

  it('takes an earlier holiday by its height over its own week, however the load has grown since', () => {
    // The load is four times as high a month later; a holiday is half of usual, and three tenths of it from noon.
    const values = Float64Array.from({ length: 40 * MINUTES_PER_DAY }, (_, i) => {
      const day = Math.floor(i / MINUTES_PER_DAY);
      return (day < 25 ? 100 : 400) * (day === 10 ? (i % MINUTES_PER_DAY < 720 ? 0.5 : 0.3) : 1);
    });
    const at = likenessOf(series(values), when, each);
    expect(at(nine)).toEqual({ course: expect.closeTo(200, 9), usual: 400, variance: 0 });
    expect(ratio(at(nine + 6 * 60 * MINUTE_MS))).toBeCloseTo(0.3, 9);
    // Without the week before it, it counts as it was: an eighth, which is believed.
    const lonely = values.map((value, i) => (i >= 10 * MINUTES_PER_DAY || i < 3 * MINUTES_PER_DAY ? value : Number.NaN));
    expect(ratio(likenessOf(series(lonely), when, each)(nine))).toBeCloseTo(50 / 400, 9);
  });

  it('looks at a longer stretch where few records say little, and tells how much is chance', () => {
    const next = noise(5);
    const few = Float64Array.from({ length: 40 * MINUTES_PER_DAY }, () => (next() > 0.4 ? 1 : 0));
    const many = Float64Array.from({ length: 40 * MINUTES_PER_DAY }, () => 100 + next());
    const [sparse, dense] = [few, many].map((values) => likenessOf(series(values), when, each)(nine)!);
    expect(dense!.variance).toBeLessThan(1e-5);
    expect(sparse!.variance).toBeGreaterThan(0.01);
    expect(sparse!.variance).toBeLessThan(0.1);
  });
});

describe('changeOf', () => {
  const moment = (course: number, variance = 0) => ({ isLike: true, likeness: { course, usual: 100, variance } });

  it('goes as far as such days go on, and no further than their course makes of the level of now', () => {
    expect(changeOf(moment(100), moment(50), 1)).toBeCloseTo(0.5, 9);
    // The model has half of the fall in its forecast.
    expect(changeOf(moment(100), moment(50), 1.5)).toBeCloseTo(0.75, 9);
    // All of it, or more.
    expect(changeOf(moment(100), moment(50), 2)).toBe(1);
    expect(changeOf(moment(100), moment(50), 3)).toBe(1);
  });

  it('counts what chance explains for nothing, and outside of such days for what is usual', () => {
    expect(changeOf(moment(100, 0.3), moment(50, 0.3), 1)).toBe(1);
    expect(changeOf(moment(100, 0.1), moment(50, 0.1), 1)).toBeGreaterThan(0.5);
    expect(changeOf({ ...moment(7), isLike: false }, { ...moment(3), isLike: false }, 2)).toBe(1);
    expect(changeOf({ ...moment(7, 9), isLike: false }, moment(50), 1)).toBeCloseTo(0.5, 9);
  });
});

describe('recalledFor', () => {
  const days = (offsets: number[]): EventTime => ({
    kind: 'days',
    dates: offsets.map((day) => new Date(MIDNIGHT + day * DAY_MS).toISOString().slice(0, 10)),
    timeZone: 'UTC',
  });
  const at = (day: number) => MIDNIGHT + day * DAY_MS;
  const near = [at(80), at(80) + 60 * MINUTE_MS] as const;

  it('names the earlier days of what is near with the week before each, once where they overlap, and not what minutes tell', () => {
    const holidays = event({ kind: 'like-each-other' }, days([-20, 3, 30, 33, 68, 80]));
    expect(recalledFor([holidays], near, at(-10), at(65))).toEqual([
      { fromMs: at(-4), untilMs: at(4) },
      { fromMs: at(23), untilMs: at(34) },
      { fromMs: at(61), untilMs: at(65) },
    ]);
  });

  it('names nothing for days that are not near, and for those that are like a weekday', () => {
    const later = event({ kind: 'like-each-other' }, days([30, 82]));
    const sundays = event({ kind: 'like-weekday', weekday: 'sunday' }, days([30, 80]));
    expect(recalledFor([later, sundays], near, at(-10), at(65))).toEqual([]);
  });
});

describe('withoutEvents', () => {
  const window = once(MIDNIGHT + 60 * MINUTE_MS, MIDNIGHT + 120 * MINUTE_MS);

  it('leaves gaps where an event was, and where nothing is to be learnt', () => {
    for (const effect of [factor(3), { kind: 'do-not-learn' } as const]) {
      const { values } = withoutEvents(series(flat(300)), [event(effect, window)]);
      expect([...values.keys()].filter((i) => Number.isNaN(values[i]!))).toEqual(Array.from({ length: 60 }, (_, i) => 60 + i));
    }
  });

  it('divides what still runs, and keeps the newest half hour of what has just ended', () => {
    const running = withoutEvents(series(flat(100)), [event(factor(4), window)]);
    expect([running.values[59], running.values[60], running.values[99]]).toEqual([100, 25, 25]);
    const ended = withoutEvents(series(flat(120)), [event(factor(4), window)]);
    expect([Number.isNaN(ended.values[89]!), ended.values[90], ended.values[119]]).toEqual([true, 25, 25]);
  });

  it('never changes a series that no event touches', () => {
    const given = series(flat(60));
    expect(withoutEvents(given, [event(factor(4), window)])).toBe(given);
    expect(withoutEvents(given, [])).toBe(given);
  });
});

describe('eventsFingerprint', () => {
  it('changes with what lies in the past when it is stated, not with what is to come', () => {
    const past = event({ kind: 'do-not-learn' }, once(MIDNIGHT - DAY_MS, MIDNIGHT));
    const coming = event(factor(3), once(MIDNIGHT + DAY_MS, MIDNIGHT + 2 * DAY_MS), { eventId: 'next' });
    const none = eventsFingerprint([]);
    expect(eventsFingerprint([coming])).toBe(none);
    expect(eventsFingerprint([past])).not.toBe(none);
    expect(eventsFingerprint([coming, past])).toBe(eventsFingerprint([past]));
    expect(eventsFingerprint([{ ...past, createdAtMs: MIDNIGHT + 1 }])).not.toBe(eventsFingerprint([past]));
  });
});

describe('EventRequest', () => {
  const given = { application: 'shop', streamName: 'orders', eventId: 'sale', when: once(1, 2), effect: factor(2) };
  it.each([
    ['a time that ends before it starts', { when: once(2, 1) }, 'must end after it starts'],
    ['a time zone that is none', { when: { kind: 'days', dates: ['2026-01-01'], timeZone: 'Mars' } }, 'got Mars'],
    ['a day that there is not', { when: { kind: 'days', dates: ['2026-02-30'] } }, 'there is no such day'],
    ['a factor of nothing', { effect: factor(0) }, 'expected number to be >0'],
    ['a name that is none', { eventId: 'a b' }, 'must be 1 to 64'],
    ['keys that end before they start', { hashKeyRange: { startingHashKey: '9', endingHashKey: '1' } }, 'got 9 to 1'],
    ['hours that are like a Sunday', { effect: { kind: 'like-weekday', weekday: 'sunday' } }, 'need whole days'],
  ])('fails on %s', (_, change, message) => {
    const { error } = EventRequest.safeParse({ ...given, ...change });
    expect(error?.issues.map((issue) => issue.message).join()).toContain(message);
  });
});
