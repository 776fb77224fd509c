// functions: what people and other streams know of the time ahead, put onto the forecasts.
// in: forecasts as the models made them, known events, the streams of the deployment · out: forecasts with both, and their reasons

import { needsCourse, withEvents, withoutEvents } from '../lib/forecast/events.ts';
import { recalledFor } from '../lib/forecast/like-days.ts';
import type { Occurrence } from '../lib/forecast/occurrences.ts';
import { withUpstream } from '../lib/forecast/upstream.ts';
import { COARSE_TIER_DAYS, type DemandSeries, MINUTE_TIER_DAYS } from '../lib/model/demand.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import { type HashKeyRange, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { KnownEvent } from '../lib/model/known-event.ts';
import type { Ports } from '../lib/ports.ts';
import { HORIZONS_SEC, type Job } from './forecast-jobs.ts';
import { type Seeker, upstreamOf } from './seek-upstream.ts';
import type { SeriesOf } from './stream-past.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const HORIZON_MS = 1000 * HORIZONS_SEC.at(-1)!;

/** What the forecasts of a run share. */
export interface Ahead {
  readonly known: {
    readonly events: readonly KnownEvent[];
    /** The newest minutes as they came. */
    readonly came: (of: Job) => DemandSeries;
    /** All keys of the run. */
    readonly hull: HashKeyRange;
    /** The last weeks as they came, and older stretches; read when an upstream is sought, and once an hour near a day that is like others. */
    readonly wholeCame: (recalled: readonly Occurrence[]) => Promise<SeriesOf>;
  };
  readonly seeker: Omit<Seeker, 'readOwn'>;
  readonly ports: Ports;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

type Courses = Readonly<Record<Job['metric'], DemandSeries>>;
/** The course of days changes slowly: a container reads it once an hour. */
const courses = new WeakMap<Ports, Map<string, { readonly readAtMs: number; readonly of: Courses }>>();

const courseOf = async ({ known, seeker, ports, nowMs }: Ahead): Promise<Courses | null> => {
  if (!needsCourse(known.events, seeker.untilMs, seeker.untilMs + HORIZON_MS)) return null;
  const read = courses.get(ports) ?? new Map();
  courses.set(ports, read);
  const key = `${seeker.streamName} ${known.hull.startingHashKey}`;
  const before = read.get(key);
  if (before !== undefined && nowMs - before.readAtMs < HOUR_MS) return before.of;
  const near = [seeker.untilMs, seeker.untilMs + HORIZON_MS] as const;
  const whole = await known.wholeCame(
    recalledFor(known.events, near, nowMs - COARSE_TIER_DAYS * DAY_MS, nowMs - MINUTE_TIER_DAYS * DAY_MS),
  );
  const of = {
    records: whole({ hashKeyRange: known.hull, metric: 'records' }),
    bytes: whole({ hashKeyRange: known.hull, metric: 'bytes' }),
  };
  read.set(key, { readAtMs: nowMs, of });
  return of;
};

/** The forecasts with a leading stream's change and known events put onto them. The one of the stream's own records remembers what was sought. */
export const withWhatIsAhead = async (made: ReadonlyMap<Job, Forecast>, ahead: Ahead): Promise<Forecast[]> => {
  const { known, seeker, ports, nowMs, signal } = ahead;
  const { events } = known;
  const isOwn = ({ scope, metric }: Pick<Job, 'scope' | 'metric'>): boolean => scope === 'stream' && metric === 'records';
  const seeks = [...made.keys()].some(isOwn);
  const readOwn = async () =>
    withoutEvents((await known.wholeCame([]))({ hashKeyRange: WHOLE_RANGE, metric: 'records' }), events);
  const upstream = await upstreamOf({ ...seeker, readOwn: seeks ? readOwn : null }, HORIZONS_SEC, ports, nowMs, signal);
  const course = await courseOf(ahead);
  return [...made].map(([job, forecast]) => {
    const led = withUpstream(forecast, upstream?.sought.link ?? null, upstream?.series ?? null);
    const foreseen = withEvents(led, known.came(job), events, course?.[job.metric]);
    return isOwn(job) && upstream !== null ? { ...foreseen, upstream: upstream.sought } : foreseen;
  });
};
