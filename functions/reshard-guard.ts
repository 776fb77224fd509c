// functions: the first step of a reshard: may it begin?
// in: the action · out: clear, with the parents' leases marked; or refused with the reason
import { markReshard } from '../lib/handover/control-writes.ts';
import { ReshardInput } from '../lib/model/reshard.ts';
import type { Shard, StreamDescription } from '../lib/model/shard.ts';
import { parentIdsOf, parentLeases } from './reshard-shards.ts';
import { markAll, resizeMisfit, whyUnmarked } from './resize-marks.ts';
import { type Task, task } from './shell.ts';

type Guarded =
  | { readonly kind: 'clear'; readonly startedAtMs: number }
  | { readonly kind: 'refused'; readonly detail: string; readonly startedAtMs: number };

/** Why the action does not fit the stream as it is now; null when it does. */
export const misfit = (action: ReshardInput['action'], stream: StreamDescription): string | null => {
  if (stream.mode === 'ON_DEMAND') return `stream ${stream.streamName} is ON_DEMAND: Kinesis chooses its shards`;
  if (stream.status !== 'ACTIVE') return `stream ${stream.streamName} is ${stream.status}, must be ACTIVE`;
  if (action.kind === 'resize') return resizeMisfit(action, stream);
  const parents: Shard[] = [];
  for (const shardId of parentIdsOf(action)) {
    const shard = stream.shards.find((each) => each.shardId === shardId);
    if (shard === undefined || shard.closed)
      return `shard ${shardId} is ${shard === undefined ? 'not there' : 'closed'}: someone else changed the stream`;
    parents.push(shard);
  }
  const [first, second] = parents;
  if (action.kind === 'split') {
    const { startingHashKey, endingHashKey } = first!.hashKeyRange;
    const key = action.newStartingHashKey;
    return key > startingHashKey && key <= endingHashKey
      ? null
      : `newStartingHashKey must be above ${startingHashKey} and at most ${endingHashKey}, got ${key}`;
  }
  const adjacent =
    first!.hashKeyRange.endingHashKey + 1n === second!.hashKeyRange.startingHashKey ||
    second!.hashKeyRange.endingHashKey + 1n === first!.hashKeyRange.startingHashKey;
  return adjacent ? null : `shards ${first!.shardId} and ${second!.shardId} are no neighbours`;
};

export const reshardGuard = {
  name: 'reshard-guard',
  input: ReshardInput,
  run: async (input, { ports, nowMs, signal }): Promise<Guarded> => {
    const { action, operationId, streamName } = input;
    const refused = (detail: string): Guarded => ({ kind: 'refused', detail, startedAtMs: nowMs });
    const stream = await ports.control.describe(streamName, signal);
    if (stream === null) return refused(`stream ${streamName} does not exist`);
    const leases = await parentLeases(input, operationId, action, ports, signal);
    // A repeated step finds its own mark, and perhaps its own change. A resize marks many, and goes on marking.
    if (action.kind !== 'resize' && leases.length > 0 && leases.every((lease) => lease.reshard?.operationId === operationId))
      return { kind: 'clear', startedAtMs: nowMs };
    const reason = misfit(action, stream);
    if (reason !== null) return refused(reason);
    if (action.kind === 'resize') {
      const obstacle = await markAll(input, operationId, action, stream, ports, signal);
      return obstacle === null ? { kind: 'clear', startedAtMs: nowMs } : refused(obstacle);
    }
    for (const shardId of parentIdsOf(action)) {
      const written = await ports.leases.write(input, shardId, markReshard(operationId, action.childOwners), signal);
      if (written.kind === 'written' || written.lease?.reshard?.operationId === operationId) continue;
      return refused(whyUnmarked(shardId, written.lease));
    }
    return { kind: 'clear', startedAtMs: nowMs };
  },
} satisfies Task<typeof ReshardInput, Guarded>;

export const handler = task(reshardGuard);
