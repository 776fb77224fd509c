// functions: the first stage of the loop.
// in: a tick, the workers' counters and CloudWatch's samples of the last minutes · out: history blocks by hash range
import { admitCounters, CLOCK_SKEW_MS, COUNTERS_LIVE_MS, type Refusal } from '../lib/history/admit-counters.ts';
import { mergeCounters } from '../lib/history/merge-counters.ts';
import { type DemandSample, MINUTE_MS } from '../lib/model/demand.ts';
import { rangeText } from '../lib/model/hash-key-range.ts';
import type { StreamDescription } from '../lib/model/shard.ts';
import type { Ports } from '../lib/ports.ts';
import { type Task, Tick, task } from './shell.ts';

/** Counters come late after a worker's pause, CloudWatch's points by a few minutes: every tick counts these minutes anew. */
const WINDOW_MIN = 10;
/** Workers flush a minute two to four seconds after its end: one that has only just ended would look empty where a flush is still to come. */
const FLUSHED_AFTER_MS = 5000;
const HOUR_MS = 60 * MINUTE_MS;
/** Notices of late minutes are looked at for so long: a tick may be left out, and counting a minute anew changes nothing. */
const NOTICED_MS = 3 * MINUTE_MS;
/** A worker that works off a backlog tells of many late minutes at once; the newest so many are counted anew in one tick. */
const LATE_MINUTES = 240;
const SHOWN_REFUSALS = 5;

type Collected =
  | {
      readonly kind: 'collected';
      readonly counters: number;
      readonly samples: number;
      readonly blocks: number;
      /** Minutes before the usual window that were counted anew, since something was told of them late. */
      readonly lateMinutes: number;
      /** What does not become history, and why; the first few. */
      readonly refused: { readonly count: number; readonly reasons: readonly Refusal[] };
    }
  | { readonly kind: 'skipped'; readonly reason: string };

type Window = readonly [fromMs: number, untilMs: number];

/** Whether CloudWatch has what history needs of each shard. */
const hasShardMetrics = ({ shardLevelMetrics = [] }: StreamDescription): boolean =>
  shardLevelMetrics.includes('ALL') ||
  (['IncomingRecords', 'IncomingBytes'] as const).every((name) => shardLevelMetrics.includes(name));

/** Counts one window anew. Shards of which a worker tells are known by its counters; CloudWatch is asked, and paid, only for the others. */
const countAnew = async (
  stream: StreamDescription,
  [fromMs, untilMs]: Window,
  { counters, history, metrics }: Pick<Ports, 'counters' | 'history' | 'metrics'>,
  nowMs: number,
  signal: AbortSignal,
): Promise<{ counters: number; samples: number; blocks: number; refused: Refusal[] }> => {
  const { streamName } = stream;
  const [existing, told, ofStream] = await Promise.all([
    // Whole blocks of an hour are put, and the hour before tells how a sample of the whole stream is divided.
    history.read(streamName, Math.floor(fromMs / HOUR_MS) * HOUR_MS - HOUR_MS, untilMs, signal),
    counters.read(streamName, fromMs, untilMs, signal),
    metrics.streamDemand(streamName, fromMs, untilMs, signal),
  ]);
  const { admitted, refused } = admitCounters(told, nowMs);
  const open = stream.shards.filter((shard) => !shard.closed);
  const counted = new Set(admitted.map(({ hashKeyRange }) => rangeText(hashKeyRange)));
  const silent = hasShardMetrics(stream) ? open.filter(({ hashKeyRange }) => !counted.has(rangeText(hashKeyRange))) : [];
  const ofShards: DemandSample[] =
    silent.length === 0 ? [] : await metrics.shardDemand(streamName, silent, fromMs, untilMs, signal);
  const samples = [...ofStream, ...ofShards];
  const blocks = mergeCounters(
    existing,
    admitted,
    samples,
    open.map(({ hashKeyRange }) => hashKeyRange),
    fromMs,
    untilMs,
  );
  await history.put(blocks, signal);
  return { counters: admitted.length, samples: samples.length, blocks: blocks.length, refused };
};

/** Minutes that follow each other are one window. */
const windowsOf = (minutes: readonly number[]): Window[] => {
  const windows: [number, number][] = [];
  for (const minuteMs of minutes) {
    const last = windows.at(-1);
    if (last?.[1] === minuteMs) last[1] = minuteMs + MINUTE_MS;
    else windows.push([minuteMs, minuteMs + MINUTE_MS]);
  }
  return windows;
};

export const collect = {
  name: 'collect',
  input: Tick,
  run: async ({ streamName }, { ports, nowMs, signal }): Promise<Collected> => {
    const untilMs = Math.floor((nowMs - FLUSHED_AFTER_MS) / MINUTE_MS) * MINUTE_MS;
    const fromMs = untilMs - WINDOW_MIN * MINUTE_MS;
    const stream = await ports.control.describe(streamName, signal);
    if (stream === null) return { kind: 'skipped', reason: `stream ${streamName} does not exist` };
    const [ahead, lateMinutes] = await Promise.all([
      ports.counters.read(streamName, nowMs + CLOCK_SKEW_MS + 1, nowMs + COUNTERS_LIVE_MS, signal),
      ports.counters.late(streamName, nowMs - NOTICED_MS, signal),
    ]);
    const before = lateMinutes
      .filter((minuteMs) => minuteMs < fromMs && minuteMs >= nowMs - COUNTERS_LIVE_MS)
      .slice(-LATE_MINUTES);
    const done = [await countAnew(stream, [fromMs, untilMs], ports, nowMs, signal)];
    for (const window of windowsOf(before)) done.push(await countAnew(stream, window, ports, nowMs, signal));
    const refused = [...admitCounters(ahead, nowMs).refused, ...done.flatMap((each) => each.refused)];
    const total = (of: 'counters' | 'samples' | 'blocks') => done.reduce((sum, each) => sum + each[of], 0);
    return {
      kind: 'collected',
      counters: total('counters'),
      samples: total('samples'),
      blocks: total('blocks'),
      lateMinutes: before.length,
      refused: { count: refused.length, reasons: refused.slice(0, SHOWN_REFUSALS) },
    };
  },
} satisfies Task<typeof Tick, Collected>;

export const handler = task(collect);
