// functions: what is left behind gets cleared up.
// in: a slow tick · out: fan-out consumers that nobody uses are deregistered (they bill for every shard); operations that were lost are sent again or ended, and
// profiling runs whose host is lost are ended
import { isOurConsumer, profilingConsumerNameOf } from '../lib/model/consumer-name.ts';
import type { Lease } from '../lib/model/lease.ts';
import type { Operation } from '../lib/model/operation.ts';
import { hostLost, isHostLost, mayUseConsumer } from '../lib/model/profiling.ts';
import type { Worker } from '../lib/model/worker.ts';
import { commandOf } from './accept-operation.ts';
import { STALE_AFTER_MS } from './dispatch-command.ts';
import { liveWorkers } from './live-workers.ts';
import { type Task, Tick, task } from './shell.ts';

/** A consumer is kept for so long after it was registered or a shadow was last asked for: the next move may want it. */
const IDLE_MS = 15 * 60_000;
/** The queue takes seconds. */
const LOST_AFTER_MS = 90_000;
/** Longer than any execution lasts. */
const SILENT_AFTER_MS = 3 * 3_600_000;
const OPERATIONS = 200;

interface Reaped {
  readonly kind: 'reaped';
  readonly consumers: string[];
  readonly sentAgain: string[];
  readonly ended: string[];
}

/** Whether our consumers of this stream may go: no shadow stands or is wanted, and no living owner reads by them. A worker that does not say how it reads may. */
export const consumersAreIdle = (
  leases: readonly Lease[],
  operations: readonly Operation[],
  workers: readonly Worker[],
  nowMs: number,
): boolean =>
  leases.every((lease) => lease.shadow === undefined && lease.handover === undefined) &&
  workers.every(({ retrieval }) => retrieval === 'polling' || retrieval === 'fan-out-for-shadows') &&
  operations.every(
    ({ kind, status, endedAtMs, acceptedAtMs }) =>
      (kind !== 'create-shadow' && kind !== 'handover') ||
      (status !== 'accepted' && status !== 'running' && nowMs - (endedAtMs ?? acceptedAtMs) > IDLE_MS),
  );

/** What to do with an operation that nobody has heard of: nothing, send its command again, or end it with the reason. */
export const overdue = (
  operation: Operation,
  nowMs: number,
): { kind: 'wait' } | { kind: 'send' } | { kind: 'end'; reason: string } => {
  const { status, acceptedAtMs, startedAtMs = acceptedAtMs } = operation;
  if (status === 'accepted' && nowMs - acceptedAtMs > STALE_AFTER_MS)
    return { kind: 'end', reason: `its command was not carried out within ${STALE_AFTER_MS / 60_000} minutes` };
  if (status === 'accepted' && nowMs - acceptedAtMs > LOST_AFTER_MS) return { kind: 'send' };
  if (status === 'running' && nowMs - startedAtMs > SILENT_AFTER_MS)
    return { kind: 'end', reason: `its execution reported no end within ${SILENT_AFTER_MS / 3_600_000} hours` };
  return { kind: 'wait' };
};

export const reap = {
  name: 'reap',
  input: Tick,
  run: async (group, { ports, nowMs, signal }): Promise<Reaped> => {
    const [stream, leases, operations, workers, runs] = await Promise.all([
      ports.control.describe(group.streamName, signal),
      ports.leases.list(group, signal),
      ports.operations.recent(group, OPERATIONS, signal),
      liveWorkers(group, ports, nowMs, signal),
      ports.profiles.live(group, signal),
    ]);
    const lost = operations.map((operation) => ({ operation, fate: overdue(operation, nowMs) }));
    const sentAgain = lost.filter(({ fate }) => fate.kind === 'send').map(({ operation }) => operation);
    await ports.commands.send(
      sentAgain.map((operation) => commandOf(operation, 'planner', operation.acceptedAtMs)),
      signal,
    );
    const ended: string[] = [];
    for (const { operation, fate } of lost) {
      if (fate.kind !== 'end') continue;
      await ports.operations.update(
        group,
        operation.operationId,
        { status: 'failed', result: fate.reason, endedAtMs: nowMs },
        signal,
      );
      ended.push(operation.operationId);
    }
    for (const run of runs) if (isHostLost(run, nowMs)) await ports.profiles.end(run, hostLost(run, nowMs), signal);
    const isIdle = consumersAreIdle(leases, operations, workers, nowMs);
    const isProfiled = runs.some((run) => !isHostLost(run, nowMs) && mayUseConsumer(run));
    const reaped: string[] = [];
    for (const { consumerName, createdAtMs } of stream === null
      ? []
      : await ports.control.listConsumers(stream.streamArn, signal)) {
      const isForProfiling = consumerName === profilingConsumerNameOf(group.application);
      const isLeft = isOurConsumer(group.application, consumerName) && isIdle && nowMs - createdAtMs >= IDLE_MS;
      if (stream === null || !(isForProfiling ? !isProfiled : isLeft)) continue;
      await ports.control.removeConsumer(stream.streamArn, consumerName, signal);
      reaped.push(consumerName);
    }
    return { kind: 'reaped', consumers: reaped, sentAgain: sentAgain.map((operation) => operation.operationId), ended };
  },
} satisfies Task<typeof Tick, Reaped>;

export const handler = task(reap);
