// bench/weeks: what a past beyond the 15 days of minutes is worth: for the season of the week, and for holidays.
// in: --traces DIR [--holidays DATE,DATE…] [--time-zone ZONE] · out: tables on stderr, one line of JSON
//
// `season`: traces of more than 30 days, five-minute means, 40 origins. `error` and `pinball95` of the incremental model with up to 45 days of history (quarters of an hour before the last 15 days,
// as the coarse tier keeps them) over those with 15 days. `weeklyNaive`: error over the last value's of the mean of so many weeks at the same time, on the level of the last half hour.
// `holidays`: on traces with all the dates, a forecast each quarter of an hour of the last of them: error with the dates stated as like each other over the error without,
// what is older than 15 days again in quarters of an hour; beside it as a Sunday.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { outcomesAt } from '../lib/forecast/backtest.ts';
import { coherent } from '../lib/forecast/coherent.ts';
import { withEvents } from '../lib/forecast/events.ts';
import { forecastSeries } from '../lib/forecast/forecast-series.ts';
import { incremental } from '../lib/forecast/incremental.ts';
import { recalledFor } from '../lib/forecast/like-days.ts';
import { startOfDay } from '../lib/forecast/occurrences.ts';
import { COARSE_TIER_DAYS, type DemandSeries, MINUTE_TIER_DAYS } from '../lib/model/demand.ts';
import { QUANTILES } from '../lib/model/forecast.ts';
import { WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import { EventRequest, type KnownEvent } from '../lib/model/known-event.ts';
import { readTrace } from '../local/trace.ts';
import { textAfter } from './options.ts';
import { printReport } from './report.ts';

const STEP_SEC = 300;
const DAY = 288;
const DAY_MS = 86_400_000;
const SHORT = MINUTE_TIER_DAYS * DAY;
const LONGEST = 45 * DAY;
const HORIZONS = [3, 6, 12];
const ORIGINS = 40;
const WEEKS = [1, 2, 3, 4, 5, 6];
const [MEDIAN, UPPER] = [QUANTILES.indexOf(0.5), QUANTILES.indexOf(0.95)];

const refuse = (message: string): number => {
  process.stderr.write(`${message}\n`);
  return 2;
};
const short = (value: number): number => Number(value.toFixed(3));
const meanOf = (values: ArrayLike<number>): number => {
  const known = Array.from(values).filter((value) => !Number.isNaN(value));
  return known.length === 0 ? Number.NaN : known.reduce((a, b) => a + b, 0) / known.length;
};
const meansOf = (values: Float64Array, per: number): Float64Array =>
  Float64Array.from({ length: Math.floor(values.length / per) }, (_, i) => meanOf(values.subarray(i * per, (i + 1) * per)));
/** Five-minute values as quarters of an hour tell them. */
const asQuarters = (values: Float64Array): Float64Array =>
  values.map((_, i) => meanOf(values.subarray(i - (i % 3), i - (i % 3) + 3)));

interface Load {
  readonly name: string;
  readonly startMs: number;
  readonly values: Float64Array;
}

const seasonOf = ({ startMs, values }: Load) => {
  const history = Math.min(LONGEST, values.length - 8 * DAY);
  const origins = Array.from({ length: ORIGINS }, (_, i) =>
    Math.floor(history + ((values.length - HORIZONS.at(-1)! - history) * (i + 0.5)) / ORIGINS),
  );
  const sums = { short: [0, 0], long: [0, 0] };
  const naive = new Map(WEEKS.filter((weeks) => weeks * 7 * DAY <= history).map((weeks) => [weeks, 0]));
  let last = 0;
  for (const origin of origins) {
    const came = outcomesAt(values, origin, HORIZONS).points;
    const newest = values.slice(origin - SHORT, origin);
    const all = Float64Array.from([...asQuarters(values.slice(origin - history, origin - SHORT)), ...newest]);
    for (const [sum, past] of [
      [sums.short, newest],
      [sums.long, all],
    ] as const) {
      const series = { values: past, startMs: startMs + (origin - past.length) * STEP_SEC * 1000, stepSec: STEP_SEC };
      const { quantiles } = coherent(incremental.forecastAt(series, [past.length], HORIZONS)[0]!);
      came.forEach((value, h) => {
        if (Number.isNaN(value)) return;
        const beyond = value - quantiles[UPPER]![h]!;
        sum[0]! += Math.abs(value - quantiles[MEDIAN]![h]!);
        sum[1]! += beyond > 0 ? 0.95 * beyond : -0.05 * beyond;
      });
    }
    const level = meanOf(values.subarray(origin - 6, origin));
    came.forEach((value, h) => {
      if (Number.isNaN(value) || Number.isNaN(values[origin - 1]!)) return;
      last += Math.abs(value - values[origin - 1]!);
      for (const weeks of naive.keys()) {
        const then = (at: number) => meanOf(Array.from({ length: weeks }, (_, w) => values[at - (w + 1) * 7 * DAY]!));
        const before = meanOf(Array.from({ length: 6 }, (_, i) => then(origin - 1 - i)));
        const said = before > 0 ? (then(origin + HORIZONS[h]! - 1) * level) / before : values[origin - 1]!;
        naive.set(weeks, naive.get(weeks)! + Math.abs(value - (Number.isNaN(said) ? values[origin - 1]! : said)));
      }
    });
  }
  return {
    historyDays: history / DAY,
    error: short(sums.long[0]! / sums.short[0]!),
    pinball95: short(sums.long[1]! / sums.short[1]!),
    incrementalRmae: short(sums.short[0]! / last),
    weeklyNaive: Object.fromEntries([...naive].map(([weeks, sum]) => [weeks, short(sum / last)])),
  };
};

const eventOf = (dates: readonly string[], timeZone: string, effect: KnownEvent['effect']): KnownEvent => ({
  ...EventRequest.parse({
    application: 'bench',
    streamName: 'bench',
    eventId: 'holidays',
    when: { kind: 'days', dates, timeZone },
    effect,
  }),
  createdAtMs: 0,
});

/** Null where the trace does not have all the dates. */
const holidaysOf = ({ startMs, values }: Load, dates: readonly string[], timeZone: string) => {
  const stepMs = STEP_SEC * 1000;
  const dayMs = startOfDay(dates.at(-1)!, timeZone);
  const first = Math.round((dayMs - startMs) / stepMs);
  if (startOfDay(dates[0]!, timeZone) < startMs || first + DAY + 12 > values.length || first < SHORT) return null;
  const likes = {
    eachOther: eventOf(dates, timeZone, { kind: 'like-each-other' }),
    sunday: eventOf(dates, timeZone, { kind: 'like-weekday', weekday: 'sunday' }),
  };
  const errors = { without: 0, eachOther: 0, sunday: 0 };
  for (let origin = first; origin < first + DAY; origin += 3) {
    const nowMs = startMs + origin * stepMs;
    const series = (from: number, of: Float64Array): DemandSeries => ({
      streamName: 'bench',
      hashKeyRange: WHOLE_RANGE,
      metric: 'records',
      startMs: startMs + from * stepMs,
      stepSec: STEP_SEC,
      values: of,
      censored: new Uint8Array(of.length),
    });
    const newest = series(origin - SHORT, values.slice(origin - SHORT, origin));
    const course = new Float64Array(origin).fill(Number.NaN);
    const near = [nowMs, nowMs + 3_600_000] as const;
    for (const { fromMs, untilMs } of recalledFor([likes.eachOther], near, nowMs - COARSE_TIER_DAYS * DAY_MS, newest.startMs)) {
      const [from, until] = [fromMs, untilMs].map((ms) => Math.max(0, Math.round((ms - startMs) / stepMs))) as [number, number];
      course.set(asQuarters(values.slice(from, until)), from);
    }
    course.set(newest.values, origin - SHORT);
    const horizonsSec = HORIZONS.map((steps) => steps * STEP_SEC);
    const plain = forecastSeries(newest, 'stream', horizonsSec, [incremental], null, nowMs);
    const came = outcomesAt(values, origin, HORIZONS).points;
    const errorOf = (forecast: typeof plain): number =>
      forecast.quantiles[MEDIAN]!.reduce((sum, value, h) => sum + (Number.isNaN(came[h]!) ? 0 : Math.abs(value - came[h]!)), 0);
    errors.without += errorOf(plain);
    errors.eachOther += errorOf(withEvents(plain, newest, [likes.eachOther], series(0, course)));
    errors.sunday += errorOf(withEvents(plain, newest, [likes.sunday], newest));
  }
  return { likeEachOther: short(errors.eachOther / errors.without), likeSunday: short(errors.sunday / errors.without) };
};

/** Runs the bench; answers its exit code. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const folder = textAfter(options, '--traces') ?? '';
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    return refuse(`--traces must name a directory of CSV traces, got ${folder === '' ? 'nothing' : folder}`);
  const dates = textAfter(options, '--holidays')?.split(',').sort() ?? [];
  const timeZone = textAfter(options, '--time-zone') ?? 'UTC';
  const season: Record<string, ReturnType<typeof seasonOf>> = {};
  const holidays: Record<string, NonNullable<ReturnType<typeof holidaysOf>>> = {};
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.csv'))
    .sort()) {
    const read = await readTrace(join(folder, file));
    if (read.kind === 'refused') return refuse(read.message);
    const { startMs, stepMs, total } = read.trace;
    const name = file.slice(0, -'.csv'.length);
    if ((STEP_SEC * 1000) % stepMs !== 0 || total.length * stepMs < 30 * DAY_MS) continue;
    const load = { name, startMs, values: meansOf(total, (STEP_SEC * 1000) / stepMs) };
    season[name] = seasonOf(load);
    const ofDates = dates.length < 2 ? null : holidaysOf(load, dates, timeZone);
    if (ofDates !== null) holidays[name] = ofDates;
    process.stderr.write(`${name} ${JSON.stringify(season[name])} ${ofDates === null ? '' : JSON.stringify(ofDates)}\n`);
  }
  const geometric = (of: 'error' | 'pinball95'): number =>
    short(Math.exp(meanOf(Object.values(season).map((each) => Math.log(each[of])))));
  printReport('weeks', { season, total: { error: geometric('error'), pinball95: geometric('pinball95') }, holidays });
  return 0;
};
