// functions: the first stage of the loop.
// in: a tick, the workers' counters and CloudWatch's samples of the last minutes · out: history blocks by hash range
import { mergeCounters } from '../lib/history/merge-counters.ts';
import { MINUTE_MS } from '../lib/model/demand.ts';
import { type Task, Tick, task } from './shell.ts';

/** Counters come late after a worker's pause, CloudWatch's points by a few minutes: every tick counts these minutes anew. */
const WINDOW_MIN = 10;
/** Workers flush a minute two to four seconds after its end: one that has only just ended would look empty where a flush is still to come. */
const FLUSHED_AFTER_MS = 5000;
const HOUR_MS = 60 * MINUTE_MS;

type Collected =
  | { readonly kind: 'collected'; readonly counters: number; readonly samples: number; readonly blocks: number }
  | { readonly kind: 'skipped'; readonly reason: string };

export const collect = {
  name: 'collect',
  input: Tick,
  run: async ({ streamName }, { ports, nowMs, signal }): Promise<Collected> => {
    const untilMs = Math.floor((nowMs - FLUSHED_AFTER_MS) / MINUTE_MS) * MINUTE_MS;
    const fromMs = untilMs - WINDOW_MIN * MINUTE_MS;
    const stream = await ports.control.describe(streamName, signal);
    if (stream === null) return { kind: 'skipped', reason: `stream ${streamName} does not exist` };
    const [existing, counters, samples] = await Promise.all([
      // Whole blocks of an hour are put, and the hour before tells how a sample of the whole stream is divided.
      ports.history.read(streamName, Math.floor(fromMs / HOUR_MS) * HOUR_MS - HOUR_MS, untilMs, signal),
      ports.counters.read(streamName, fromMs, untilMs, signal),
      ports.metrics.streamDemand(streamName, fromMs, untilMs, signal),
    ]);
    const layout = stream.shards.filter((shard) => !shard.closed).map((shard) => shard.hashKeyRange);
    const blocks = mergeCounters(existing, counters, samples, layout, fromMs, untilMs);
    await ports.history.put(blocks, signal);
    return { kind: 'collected', counters: counters.length, samples: samples.length, blocks: blocks.length };
  },
} satisfies Task<typeof Tick, Collected>;

export const handler = task(collect);
