// functions: the step that changes the stream.
// in: the action · out: changed, or refused by Kinesis with its words; a repeated step finds its own change
import { TransientError } from '../lib/errors.ts';
import { ReshardInput } from '../lib/model/reshard.ts';
import { changeIsDone } from './reshard-shards.ts';
import { type Task, task } from './shell.ts';

type Changed = { readonly kind: 'changed'; readonly changedAtMs: number } | { readonly kind: 'refused'; readonly detail: string };

export const reshardChange = {
  name: 'reshard-change',
  input: ReshardInput,
  run: async ({ action, streamName }, { ports, nowMs, signal }): Promise<Changed> => {
    const stream = await ports.control.describe(streamName, signal);
    if (stream === null) return { kind: 'refused', detail: `stream ${streamName} does not exist` };
    const state = changeIsDone(action, stream.shards);
    if (state === 'done') return { kind: 'changed', changedAtMs: nowMs };
    if (state === 'otherwise') return { kind: 'refused', detail: `shard ${action.shardId} was closed by someone else's change` };
    const result =
      action.kind === 'split'
        ? await ports.control.split(streamName, action.shardId, action.newStartingHashKey, signal)
        : await ports.control.merge(streamName, action.shardId, action.adjacentShardId, signal);
    if (result.kind === 'changed') return { kind: 'changed', changedAtMs: nowMs };
    if (result.kind === 'refused') return { kind: 'refused', detail: result.detail };
    // Perhaps by our own change, whose answer got lost: the machine looks again.
    throw new TransientError(`stream ${streamName} is busy: ${result.detail}`);
  },
} satisfies Task<typeof ReshardInput, Changed>;

export const handler = task(reshardChange);
