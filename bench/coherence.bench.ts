// bench/coherence: forecasts of shards and of their stream, before and after they are made to agree; and what a child of a split had best begin from.
// in: --traces DIR [--shards N] [--quick] · out: a table on stderr, one line of JSON
//
// Of each trace with keys: the keys spread over shards by MD5, as Kinesis does it; the incremental model from cold at each origin, 7 days before, 60 minutes ahead. Errors are
// mean absolute ones. `split`: a child's past is either what its parent's past says of its keys hour by hour, or the parent's forecast scaled by the child's share of the last hour.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { coherent } from '../lib/forecast/coherent.ts';
import { incremental } from '../lib/forecast/incremental.ts';
import { reconcile } from '../lib/forecast/reconcile.ts';
import { type Forecast, QUANTILES } from '../lib/model/forecast.ts';
import { type HashKeyRange, sliceIndexOf, slicesOf, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import { textAfter, wholeNumber } from './options.ts';
import { printReport } from './report.ts';

const DAY_SEC = 86_400;
const HISTORY_DAYS = 7;
const HORIZONS_MIN = [15, 30, 60] as const;
const [MEDIAN, UPPER] = [QUANTILES.indexOf(0.5), QUANTILES.indexOf(0.95)];

interface Keyed {
  readonly name: string;
  readonly startMs: number;
  readonly stepSec: number;
  /** Load of each shard, step by step. */
  readonly shards: readonly Float64Array[];
}

/** A trace of `timestamp,key,count`, its keys spread over shards; null when it has no keys. */
const readKeyed = (path: string, name: string, ranges: readonly HashKeyRange[]): Keyed | null => {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  if (!lines[0]?.startsWith('timestamp,key,')) return null;
  const rows = lines.slice(1).map((line) => line.split(',') as [string, string, string]);
  const times = [...new Set(rows.map(([time]) => Date.parse(time)))].sort((a, b) => a - b);
  const stepMs = times.slice(1).reduce((least, time, i) => Math.min(least, time - times[i]!), Number.POSITIVE_INFINITY);
  const [startMs, endMs] = [times[0]!, times.at(-1)!];
  const shards = ranges.map(() => new Float64Array((endMs - startMs) / stepMs + 1));
  const shardOf = new Map<string, number>();
  for (const [time, key, count] of rows) {
    const shard =
      shardOf.get(key) ?? sliceIndexOf(WHOLE_RANGE, BigInt(`0x${createHash('md5').update(key).digest('hex')}`), ranges.length);
    shardOf.set(key, shard);
    shards[shard]![(Date.parse(time) - startMs) / stepMs]! += Number(count);
  }
  return { name, startMs, stepSec: stepMs / 1000, shards };
};

const summed = (all: readonly Float64Array[]): Float64Array =>
  all[0]!.map((_, i) => all.reduce((sum, values) => sum + values[i]!, 0));

/** A mean that is fed one value at a time. */
class Mean {
  sum = 0;
  count = 0;
  add(value: number): void {
    this.sum += value;
    this.count++;
  }
  get value(): number {
    return this.sum / Math.max(this.count, 1);
  }
}

const NAMES = [
  'shardsBefore',
  'shardsAfter',
  'streamBefore',
  'streamAfter',
  'shardBoundBefore',
  'shardBoundAfter',
  'apart',
  'hottestForeseen',
  'hottestAsNow',
  'splitByPast',
  'splitByState',
] as const;
type Measured = Record<(typeof NAMES)[number], number>;

const measure = (trace: Keyed, ranges: readonly HashKeyRange[], origins: number): Measured => {
  const { stepSec, startMs, shards } = trace;
  const stream = summed(shards);
  const horizonSteps = HORIZONS_MIN.map((minutes) => (minutes * 60) / stepSec);
  const longest = horizonSteps.at(-1)!;
  const history = (HISTORY_DAYS * DAY_SEC) / stepSec;
  const spacing = Math.floor((stream.length - longest - history) / origins);
  const means = Object.fromEntries(NAMES.map((name) => [name, new Mean()])) as Record<(typeof NAMES)[number], Mean>;
  const pastOf = (values: Float64Array, origin: number) => ({
    values: values.subarray(origin - history, origin),
    startMs: startMs + (origin - history) * stepSec * 1000,
    stepSec,
  });
  const made = (values: Float64Array, origin: number, hashKeyRange: HashKeyRange, scope: Forecast['scope']): Forecast => ({
    streamName: trace.name,
    scope,
    hashKeyRange,
    metric: 'records',
    issuedAtMs: 0,
    observedUntilMs: 0,
    lastObserved: values[origin - 1]!,
    horizonsSec: HORIZONS_MIN.map((minutes) => minutes * 60),
    ...coherent(incremental.forecastAt(pastOf(values, origin), [history], horizonSteps)[0]!),
    model: 'incremental',
    reason: '',
    scores: [],
    status: 'ready',
    historyMinutes: (history * stepSec) / 60,
  });
  const maximum = (values: Float64Array, origin: number, steps: number) =>
    values.subarray(origin, origin + steps).reduce((a, b) => Math.max(a, b), 0);
  const hottestOf = (at: number): number => shards.reduce((best, values, i) => (values[at]! > shards[best]![at]! ? i : best), 0);
  for (let k = 0; k < origins; k++) {
    const origin = history + k * spacing;
    const parts = shards.map((values, i) => made(values, origin, ranges[i]!, 'shard'));
    const whole = made(stream, origin, WHOLE_RANGE, 'stream');
    const result = reconcile(whole, parts);
    if (result.kind === 'apart') throw new Error(result.reason);
    horizonSteps.forEach((steps, h) => {
      const at = origin + steps - 1;
      const miss = (forecast: Forecast, came: number) => Math.abs(forecast.quantiles[MEDIAN]![h]! - came);
      shards.forEach((values, i) => {
        const highest = maximum(values, origin, steps);
        means.shardsBefore.add(miss(parts[i]!, values[at]!));
        means.shardsAfter.add(miss(result.shards[i]!, values[at]!));
        means.shardBoundBefore.add(highest <= parts[i]!.windowMaxQuantiles[UPPER]![h]! ? 1 : 0);
        means.shardBoundAfter.add(highest <= result.shards[i]!.windowMaxQuantiles[UPPER]![h]! ? 1 : 0);
      });
      means.streamBefore.add(miss(whole, stream[at]!));
      means.streamAfter.add(miss(result.stream, stream[at]!));
      const sum = parts.reduce((total, part) => total + part.quantiles[MEDIAN]![h]!, 0);
      means.apart.add(Math.abs(sum - whole.quantiles[MEDIAN]![h]!) / Math.max(whole.quantiles[MEDIAN]![h]!, 1));
      if (stream[at]! > 0) {
        const came = shards[hottestOf(at)]![at]! / stream[at]!;
        means.hottestForeseen.add(Math.abs(result.stream.skew!.shares[h]! - came));
        means.hottestAsNow.add(Math.abs(shards[hottestOf(origin - 1)]![origin - 1]! / Math.max(stream[origin - 1]!, 1) - came));
      }
    });
    const half = summed(shards.slice(0, Math.ceil(shards.length / 2)));
    const hour = Math.round(3600 / stepSec);
    const shareAt = (until: number): number => {
      const of = (values: Float64Array) => values.subarray(Math.max(0, until - hour), until).reduce((a, b) => a + b, 0);
      return of(stream) > 0 ? of(half) / of(stream) : 0.5;
    };
    const shares = Float64Array.from({ length: Math.ceil(stream.length / hour) }, (_, i) => shareAt((i + 1) * hour));
    const projected = stream.map((value, i) => value * shares[Math.floor(i / hour)]!);
    const byPast = made(projected, origin, ranges[0]!, 'shard');
    horizonSteps.forEach((steps, h) => {
      const came = half[origin + steps - 1]!;
      means.splitByPast.add(Math.abs(byPast.quantiles[MEDIAN]![h]! - came));
      means.splitByState.add(Math.abs(whole.quantiles[MEDIAN]![h]! * shareAt(origin) - came));
    });
  }
  return Object.fromEntries(NAMES.map((name) => [name, Number(means[name].value.toPrecision(4))])) as Measured;
};

/** Runs the bench; answers its exit code. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const folder = textAfter(options, '--traces') ?? '';
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    process.stderr.write(`--traces must name a directory of CSV traces, got ${folder === '' ? 'nothing' : folder}\n`);
    return 2;
  }
  const ranges = slicesOf(WHOLE_RANGE, wholeNumber(options, '--shards', 8, 2));
  const origins = options.includes('--quick') ? 20 : 60;
  const traces: Record<string, Measured> = {};
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.csv'))) {
    const trace = readKeyed(join(folder, file), file.slice(0, -4), ranges);
    if (trace === null) continue;
    traces[trace.name] = measure(trace, ranges, origins);
    process.stderr.write(
      `${trace.name}\n${NAMES.map((name) => `  ${name.padEnd(18)} ${traces[trace.name]![name]}`).join('\n')}\n`,
    );
  }
  printReport('coherence', { shards: ranges.length, origins, traces });
  return 0;
};
