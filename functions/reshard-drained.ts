// functions: the step that waits for the workers.
// in: the action, its children · out: waiting, or drained: every parent is processed to its end and every child has begun
import { z } from 'zod';
import { ReshardInput } from '../lib/model/reshard.ts';
import { parentIdsOf, parentLeases, waitSecAfter } from './reshard-shards.ts';
import { type Task, task } from './shell.ts';

const Input = ReshardInput.extend({
  activeAtMs: z.number(),
  childShardIds: z.array(z.string()).min(1),
  timeoutSec: z.number().positive(),
});
type Drained =
  | { readonly kind: 'waiting'; readonly waitSec: number }
  | { readonly kind: 'drained'; readonly drainedAtMs: number }
  | { readonly kind: 'timedOut'; readonly detail: string };

export const reshardDrained = {
  name: 'reshard-drained',
  input: Input,
  run: async (input, { ports, nowMs, signal }): Promise<Drained> => {
    const { action, childShardIds } = input;
    const [marked, children] = await Promise.all([
      parentLeases(input, input.operationId, action, ports, signal),
      ports.leases.get(input, childShardIds, signal),
    ]);
    const leases = [...marked, ...children];
    // A resize leaves a shard as it is where an old and a wanted range are the same.
    const parents =
      action.kind === 'resize'
        ? marked.map(({ shardId }) => shardId).filter((shardId) => !childShardIds.includes(shardId))
        : parentIdsOf(action);
    const stateOf = (shardId: string) => leases.find((lease) => lease.shardId === shardId)?.state;
    // A parent without a lease was retired after its end.
    const reading = parents.filter((shardId) => (stateOf(shardId) ?? 'ended') !== 'ended');
    const waiting = childShardIds.filter((shardId) => (stateOf(shardId) ?? 'pending') === 'pending');
    if (reading.length === 0 && waiting.length === 0) return { kind: 'drained', drainedAtMs: nowMs };
    const elapsedMs = nowMs - input.activeAtMs;
    if (elapsedMs < input.timeoutSec * 1000) return { kind: 'waiting', waitSec: waitSecAfter(elapsedMs) };
    return {
      kind: 'timedOut',
      detail: `${Math.round(elapsedMs / 1000)} s after the change (allowed are ${input.timeoutSec} s) still not at their end: ${reading.join(', ') || 'none'}; not begun: ${waiting.join(', ') || 'none'}`,
    };
  },
} satisfies Task<typeof Input, Drained>;

export const handler = task(reshardDrained);
