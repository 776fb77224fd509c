// functions: one part of the series of a large stream.
// in: a tick and a slice of its shards · out: their forecasts, laid down until all slices are there
import { z } from 'zod';
import { HashKeyRange } from '../lib/model/hash-key-range.ts';
import { chosenOf, foreseeJobs, standingOf } from './forecast.ts';
import { jobsOf } from './forecast-jobs.ts';
import { policyOf } from './policy-of.ts';
import { type Task, Tick, task } from './shell.ts';

export const SliceInput = Tick.extend({
  tickMs: z.number().int(),
  slice: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('stream') }),
    z.object({ kind: z.literal('shards'), ...HashKeyRange.shape }),
  ]),
});

type Sliced =
  | {
      readonly kind: 'forecasted';
      readonly series: number;
      readonly left: number;
      readonly models: Readonly<Record<string, number>>;
      readonly resumed: number;
      readonly learntAnew: Readonly<Record<string, number>>;
      readonly checkpoints: number;
    }
  | { readonly kind: 'skipped'; readonly reason: string };

export const forecastSlice = {
  name: 'forecast-slice',
  input: SliceInput,
  run: async ({ application, streamName, tickMs, slice }, { ports, streams, nowMs, signal }): Promise<Sliced> => {
    const of = slice.kind === 'stream' ? slice.kind : slice;
    const [stream, latest, tracks, policy, events, ofStream] = await Promise.all([
      ports.control.describe(streamName, signal),
      ports.forecasts.latest(streamName, signal, of),
      ports.tracks.read(streamName, signal),
      policyOf({ application, streamName }, ports, signal),
      ports.events.list({ application, streamName }, signal),
      ports.forecasts.latest(streamName, signal, 'stream'),
    ]);
    if (stream === null) return { kind: 'skipped', reason: `stream ${streamName} does not exist` };
    const jobs = jobsOf(stream, latest, of);
    if (jobs.length === 0) return { kind: 'skipped', reason: 'no open shard begins within the slice any more' };
    const known = { tracks, events, streams, policy, latest: ofStream };
    const foreseen = await foreseeJobs(streamName, jobs, known, ports, nowMs, signal);
    if (foreseen === null) return { kind: 'skipped', reason: `nothing of stream ${streamName} has been observed yet` };
    const { forecasts, resumed, learntAnew, left, checkpoints } = foreseen;
    const name = of === 'stream' ? of : of.startingHashKey.toString(16).padStart(32, '0');
    await ports.forecasts.putSlice(streamName, tickMs, name, [...forecasts, ...standingOf(jobs, forecasts)], signal);
    const models = chosenOf(forecasts);
    return { kind: 'forecasted', series: forecasts.length, left, models, resumed, learntAnew, checkpoints };
  },
} satisfies Task<typeof SliceInput, Sliced>;

export const handler = task(forecastSlice);
