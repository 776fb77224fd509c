// functions: which series a stream has, and which of them one invocation takes.
// in: a stream, its newest forecasts · out: jobs, the longest waiting first; slices of them
import type { Forecast } from '../lib/model/forecast.ts';
import { type HashKeyRange, rangeText, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { StreamDescription } from '../lib/model/shard.ts';

/** To the longest lead time that a queue of reshards may need; closer together where it is near. */
export const HORIZONS_SEC = [60, 120, 180, 300, 420, 600, 900, 1200, 1500, 1800, 2700, 3600] as const;
export const METRICS = ['records', 'bytes'] as const;
/** More shards than this are forecast by several invocations side by side. */
export const SHARDS_PER_SLICE = 200;

/** One series to forecast, with its newest forecast. */
export interface Job {
  readonly scope: 'stream' | 'shard';
  readonly metric: 'records' | 'bytes';
  readonly hashKeyRange: HashKeyRange;
  readonly before: Forecast | null;
}

export const seriesOf = ({ scope, metric, hashKeyRange }: Pick<Forecast, 'scope' | 'metric' | 'hashKeyRange'>): string =>
  `${scope}/${metric}/${rangeText(hashKeyRange)}`;

/** The jobs of everything, of the stream's own series, or of the open shards that begin within a range; who waited longest comes first. */
export const jobsOf = (
  stream: StreamDescription,
  latest: readonly Forecast[],
  of: 'all' | 'stream' | HashKeyRange = 'all',
): Job[] => {
  const previous = new Map(latest.map((each) => [seriesOf(each), each]));
  const within = of === 'all' ? WHOLE_RANGE : of;
  const shards =
    within === 'stream'
      ? []
      : openShards(stream).filter(
          ({ startingHashKey }) => startingHashKey >= within.startingHashKey && startingHashKey <= within.endingHashKey,
        );
  return [
    ...(of === 'all' || of === 'stream' ? [{ scope: 'stream' as const, hashKeyRange: WHOLE_RANGE }] : []),
    ...shards.map((hashKeyRange) => ({ scope: 'shard' as const, hashKeyRange })),
  ]
    .flatMap((of) => METRICS.map((metric) => ({ ...of, metric })))
    .map((job) => ({ ...job, before: previous.get(seriesOf(job)) ?? null }))
    .sort((one, other) => (one.before?.issuedAtMs ?? 0) - (other.before?.issuedAtMs ?? 0));
};

const openShards = ({ shards }: StreamDescription): HashKeyRange[] =>
  shards
    .filter(({ closed }) => !closed)
    .map(({ hashKeyRange }) => hashKeyRange)
    .sort((a, b) => (a.startingHashKey < b.startingHashKey ? -1 : 1));

/** One part of a tick: the stream's own series, or those of the shards that begin within a range (hash keys as decimal strings, as they go over the wire). */
export type Slice =
  | { readonly kind: 'stream' }
  | { readonly kind: 'shards'; readonly startingHashKey: string; readonly endingHashKey: string };

/** The slices of a large stream, about equally many shards in each; none when one invocation does it all. */
export const slicesOf = (stream: StreamDescription): Slice[] => {
  const open = openShards(stream);
  if (open.length <= SHARDS_PER_SLICE) return [];
  const count = Math.ceil(open.length / SHARDS_PER_SLICE);
  const firsts = Array.from({ length: count }, (_, i) => open[Math.floor((i * open.length) / count)]!.startingHashKey);
  return [
    { kind: 'stream' },
    ...firsts.map((first, i) => ({
      kind: 'shards' as const,
      startingHashKey: (i === 0 ? WHOLE_RANGE.startingHashKey : first).toString(),
      endingHashKey: ((firsts[i + 1] ?? WHOLE_RANGE.endingHashKey + 1n) - 1n).toString(),
    })),
  ];
};

/** Whether two ranges share a key. */
export const overlap = (a: HashKeyRange, b: HashKeyRange): boolean =>
  a.startingHashKey <= b.endingHashKey && b.startingHashKey <= a.endingHashKey;

/** The smallest range that holds all keys of the jobs. */
export const hullOf = (jobs: readonly Pick<Job, 'hashKeyRange'>[]): HashKeyRange =>
  jobs.reduce(
    (hull, { hashKeyRange: { startingHashKey, endingHashKey } }) => ({
      startingHashKey: startingHashKey < hull.startingHashKey ? startingHashKey : hull.startingHashKey,
      endingHashKey: endingHashKey > hull.endingHashKey ? endingHashKey : hull.endingHashKey,
    }),
    { startingHashKey: WHOLE_RANGE.endingHashKey, endingHashKey: 0n },
  );
