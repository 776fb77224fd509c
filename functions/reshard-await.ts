// functions: the step that waits for Kinesis.
// in: the action, since when · out: waiting, or ACTIVE with the children; the time that it took is the next plan's lead time
import { z } from 'zod';
import { ReshardInput } from '../lib/model/reshard.ts';
import { changeIsDone, childrenOf, waitSecAfter } from './reshard-shards.ts';
import { type Task, task } from './shell.ts';

const Input = ReshardInput.extend({ changedAtMs: z.number(), timeoutSec: z.number().positive() });
type Awaited =
  | { readonly kind: 'waiting'; readonly waitSec: number }
  | { readonly kind: 'active'; readonly activeAtMs: number; readonly childShardIds: string[] }
  | { readonly kind: 'timedOut'; readonly detail: string };

export const reshardAwait = {
  name: 'reshard-await',
  input: Input,
  run: async ({ action, streamName, changedAtMs, timeoutSec }, { ports, nowMs, signal }): Promise<Awaited> => {
    const stream = await ports.control.describe(streamName, signal);
    if (stream?.status === 'ACTIVE' && changeIsDone(action, stream) === 'done')
      return {
        kind: 'active',
        activeAtMs: nowMs,
        childShardIds: childrenOf(action, stream.shards).map((shard) => shard.shardId),
      };
    const elapsedMs = nowMs - changedAtMs;
    if (elapsedMs < timeoutSec * 1000) return { kind: 'waiting', waitSec: waitSecAfter(elapsedMs) };
    return {
      kind: 'timedOut',
      detail: `stream ${streamName} is ${stream?.status ?? 'gone'} ${Math.round(elapsedMs / 1000)} s after the change, allowed are ${timeoutSec} s`,
    };
  },
} satisfies Task<typeof Input, Awaited>;

export const handler = task(reshardAwait);
