// functions: how an action becomes an operation that a caller can follow, and a command on the queue.
// in: an action · out: the operation, its command sent
import type { Group } from '../lib/model/lease.ts';
import type { Command, Operation } from '../lib/model/operation.ts';
import type { Action } from '../lib/model/plan.ts';
import type { Ports } from '../lib/ports.ts';

export const operationOf = ({ application, streamName }: Group, action: Action, nowMs: number): Operation => ({
  operationId: action.actionId,
  application,
  streamName,
  kind: action.kind,
  shardId: action.shardId,
  status: 'accepted',
  trigger: action.trigger,
  reason: action.reason,
  acceptedAtMs: nowMs,
  action,
});

/** The command of an operation. A repeated one has the same id, by which queue and dispatcher know it. */
export const commandOf = (operation: Operation, requestedBy: Command['requestedBy'], requestedAtMs: number): Command => ({
  operationId: operation.operationId,
  application: operation.application,
  streamName: operation.streamName,
  requestedBy,
  requestedAtMs,
  action: operation.action,
});

/** Creates the operations first, then sends their commands: a command never runs ahead of its operation. One that had been accepted before is not sent again. */
export const acceptOperations = async (
  group: Group,
  actions: readonly Action[],
  requestedBy: Command['requestedBy'],
  ports: Pick<Ports, 'operations' | 'commands'>,
  nowMs: number,
  signal?: AbortSignal,
): Promise<Operation[]> => {
  const fresh: Operation[] = [];
  for (const action of actions) {
    const operation = operationOf(group, action, nowMs);
    const created = await ports.operations.create(operation, signal);
    if (created.kind === 'created') fresh.push(operation);
  }
  await ports.commands.send(
    fresh.map((operation) => commandOf(operation, requestedBy, nowMs)),
    signal,
  );
  return fresh;
};
