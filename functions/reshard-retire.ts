// functions: the last step of every reshard, however it went.
// in: the action, its end and its times · out: marks taken back, outcome recorded, operation ended
import { z } from 'zod';
import { clearReshard } from '../lib/handover/control-writes.ts';
import type { ReshardOutcome } from '../lib/model/operation.ts';
import { ReshardInput } from '../lib/model/reshard.ts';
import type { MetricPoint } from '../lib/ports.ts';
import { forEach, parentIdsOf, parentLeases } from './reshard-shards.ts';
import { type Task, task } from './shell.ts';

const Input = ReshardInput.extend({
  end: z.enum(['done', 'refused', 'failed']),
  detail: z.string().optional(),
  startedAtMs: z.number().optional(),
  changedAtMs: z.number().optional(),
  activeAtMs: z.number().optional(),
  drainedAtMs: z.number().optional(),
  childShardIds: z.array(z.string()).default([]),
});
type Retired = { readonly kind: 'retired'; readonly result: ReshardOutcome['result'] };

const described = ({ action, childShardIds }: z.output<typeof Input>): string =>
  action.kind === 'resize'
    ? `resize of ${action.fromCount} shards to ${action.targetCount}`
    : `${action.kind} of ${parentIdsOf(action).join(' and ')} into ${childShardIds.join(' and ')}`;

export const reshardRetire = {
  name: 'reshard-retire',
  input: Input,
  run: async (input, { ports, nowMs, signal }): Promise<Retired> => {
    const { action, operationId, end, application, streamName, changedAtMs, activeAtMs, drainedAtMs } = input;
    const between = (from: number | undefined, until: number | undefined) =>
      from === undefined || until === undefined ? 0 : Math.max(0, until - from);
    const updatingMs = between(changedAtMs, activeAtMs);
    const drainMs = between(activeAtMs, drainedAtMs);
    const shardIds =
      action.kind === 'resize'
        ? (await parentLeases(input, operationId, action, ports, signal)).map(({ shardId }) => shardId)
        : parentIdsOf(action);
    const detail = input.detail ?? `${described(input)}: ${updatingMs} ms until ACTIVE, ${drainMs} ms to drain`;
    const outcome: ReshardOutcome = {
      kind: 'reshard',
      streamName,
      atMs: drainedAtMs ?? nowMs,
      operationId,
      result: end,
      change: action.kind,
      shardIds,
      childShardIds: input.childShardIds,
      trigger: action.trigger,
      updatingMs,
      drainMs,
      startedAtMs: input.startedAtMs ?? nowMs,
      ...(action.expected.breachAtMs !== undefined && { breachAtMs: action.expected.breachAtMs }),
      detail,
    };
    await forEach(shardIds, async (shardId) => {
      await ports.leases.write(input, shardId, clearReshard(operationId), signal);
    });
    await ports.outcomes.put([outcome], signal);
    const dimensions = { Application: application, StreamName: streamName };
    const count = (name: string, value: number): MetricPoint => ({ name, value, unit: 'Count', dimensions, atMs: nowMs });
    const took = (name: string, value: number): MetricPoint => ({ name, value, unit: 'Milliseconds', dimensions, atMs: nowMs });
    await ports.metrics.publish(
      [
        count('ReshardFailed', end === 'failed' ? 1 : 0),
        count('ReshardRefused', end === 'refused' ? 1 : 0),
        ...(end === 'done'
          ? [count('Reshards', 1), took('ReshardUpdatingTime', updatingMs), took('ReshardDrainTime', drainMs)]
          : []),
      ],
      signal,
    );
    if ((await ports.operations.get(input, operationId, signal)) !== null) {
      const status = end === 'done' ? 'succeeded' : 'failed';
      await ports.operations.update(input, operationId, { status, result: detail, endedAtMs: nowMs }, signal);
    }
    return { kind: 'retired', result: end };
  },
} satisfies Task<typeof Input, Retired>;

export const handler = task(reshardRetire);
