// functions: the step that changes the stream.
// in: the action · out: changed, or refused by Kinesis with its words; a repeated step finds its own change
import { TransientError } from '../lib/errors.ts';
import { ReshardInput } from '../lib/model/reshard.ts';
import type { ChangeResult, StreamControl } from '../lib/ports.ts';
import { changeIsDone, type Reshard } from './reshard-shards.ts';
import { type Task, task } from './shell.ts';

type Changed = { readonly kind: 'changed'; readonly changedAtMs: number } | { readonly kind: 'refused'; readonly detail: string };

const subjectOf = (action: Reshard): string => (action.kind === 'resize' ? 'a shard' : `shard ${action.shardId}`);

const carryOut = (action: Reshard, streamName: string, control: StreamControl, signal: AbortSignal): Promise<ChangeResult> => {
  switch (action.kind) {
    case 'split':
      return control.split(streamName, action.shardId, action.newStartingHashKey, signal);
    case 'merge':
      return control.merge(streamName, action.shardId, action.adjacentShardId, signal);
    case 'resize':
      return control.resize(streamName, action.targetCount, signal);
  }
};

export const reshardChange = {
  name: 'reshard-change',
  input: ReshardInput,
  run: async ({ action, streamName }, { ports, nowMs, signal }): Promise<Changed> => {
    const stream = await ports.control.describe(streamName, signal);
    if (stream === null) return { kind: 'refused', detail: `stream ${streamName} does not exist` };
    // In the midst of a resize the layout is neither the old one nor the wanted one.
    if (action.kind === 'resize' && stream.status === 'UPDATING')
      throw new TransientError(`stream ${streamName} is UPDATING, must be ACTIVE`);
    const state = changeIsDone(action, stream);
    if (state === 'done') return { kind: 'changed', changedAtMs: nowMs };
    if (state === 'otherwise') return { kind: 'refused', detail: `${subjectOf(action)} was closed by someone else's change` };
    const result = await carryOut(action, streamName, ports.control, signal);
    if (result.kind === 'changed') return { kind: 'changed', changedAtMs: nowMs };
    if (result.kind === 'refused') return { kind: 'refused', detail: result.detail };
    // Perhaps by our own change, whose answer got lost: the machine looks again.
    throw new TransientError(`stream ${streamName} is busy: ${result.detail}`);
  },
} satisfies Task<typeof ReshardInput, Changed>;

export const handler = task(reshardChange);
