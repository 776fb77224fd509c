// local/load: a trace made into records per second by key, around the moment that becomes now.
// in: a trace, a moment, records a second at the peak · out: rates by minute and key for the past and for the replay
import { createHash } from 'node:crypto';
import { contains, type HashKeyRange } from '../lib/model/hash-key-range.ts';
import { perMinute, type Trace } from './trace.ts';

const MINUTE_MS = 60_000;
const PAST_MIN = 15 * 1440;
const FUTURE_MIN = 1440;
const KEY_COUNT = 200;
/** How uneven the made-up keys are: the heaviest of 200 carries 3.7 %. */
const ZIPF_EXPONENT = 0.5;

/** Which of the made-up keys are heavy: so that of four equal ranges one carries 29 % and each of the others less, and every second two carry half. */
const rankOf = (i: number): number => (i * 19 + 192) % KEY_COUNT;

/** One partition key of the load. `share` is constant, or one number per minute of the load where the trace tells it. */
export interface LoadKey {
  readonly key: string;
  readonly hashKey: bigint;
  readonly share: number | Float32Array;
}

/** Records a second, minute by minute; `minutes[now]` is the first one that is replayed, those before it are the past. NaN is a gap. */
export interface Load {
  readonly traceName: string;
  readonly synthetic: boolean;
  readonly atMs: number;
  readonly minutes: Float64Array;
  readonly now: number;
  readonly keys: readonly LoadKey[];
}

/** The hash key of a partition key: MD5, as Kinesis does it. */
export const hashKeyOf = (partitionKey: string): bigint => BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`);

/** Scales a trace so that its highest minute has `peakRate` records a second, and keeps up to 15 days before and one day after `nowMinute`. */
export const loadOf = (trace: Trace, nowMinute: number, peakRate: number): Load => {
  const all = perMinute(trace.total, trace.stepMs);
  const peak = all.filter((value) => !Number.isNaN(value)).reduce((highest, value) => Math.max(highest, value), 0);
  const from = Math.max(nowMinute - PAST_MIN, 0);
  const until = Math.min(nowMinute + FUTURE_MIN, all.length);
  const minutes = all.slice(from, until).map((value) => (value * peakRate) / peak);
  const weights = Array.from({ length: KEY_COUNT }, (_, i) => 1 / (rankOf(i) + 1) ** ZIPF_EXPONENT);
  const sum = weights.reduce((a, b) => a + b, 0);
  const keys: LoadKey[] =
    trace.keys.length === 0
      ? weights.map((weight, i) => {
          const key = `key-${String(i).padStart(3, '0')}`;
          return { key, hashKey: hashKeyOf(key), share: weight / sum };
        })
      : trace.keys.map(({ key, counts }) => {
          const own = perMinute(counts, trace.stepMs);
          const share = Float32Array.from({ length: until - from }, (_, i) =>
            all[from + i]! > 0 ? own[from + i]! / all[from + i]! : 0,
          );
          return { key, hashKey: hashKeyOf(key), share };
        });
  return {
    traceName: trace.name,
    synthetic: trace.synthetic,
    atMs: trace.startMs + nowMinute * MINUTE_MS,
    minutes,
    now: nowMinute - from,
    keys,
  };
};

/** The share of one key in one minute of the load. */
export const shareAt = (key: LoadKey, minute: number): number =>
  typeof key.share === 'number' ? key.share : (key.share[minute] ?? 0);

/** Records a second of one hash range in one minute; NaN in a gap. */
export const rateWithin = (load: Load, range: HashKeyRange, minute: number): number =>
  load.keys.reduce((sum, key) => (contains(range, key.hashKey) ? sum + shareAt(key, minute) : sum), 0) *
  (load.minutes[minute] ?? Number.NaN);

/** What is replayed in a minute: its rate, and through a gap the last rate that was known. */
export const replayRate = (load: Load, minute: number): number => {
  for (let i = minute; i >= 0; i--) if (!Number.isNaN(load.minutes[i]!)) return load.minutes[i]!;
  return 0;
};

/** The first minute from now on (0 is now) in which one of these ranges gets more than `recordsPerSec`; null when none does within the load. */
export const firstMinuteOver = (load: Load, ranges: readonly HashKeyRange[], recordsPerSec: number): number | null => {
  for (let minute = load.now; minute < load.minutes.length; minute++) {
    if (ranges.some((range) => rateWithin(load, range, minute) > recordsPerSec)) return minute - load.now;
  }
  return null;
};
