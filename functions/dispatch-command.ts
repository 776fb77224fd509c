// functions: what one command does.
// in: a command · out: a lease write or an execution under the action's own name; a repeated command does nothing twice

import { z } from 'zod';
import { groupKey } from '../lib/adapters/group-key.ts';
import { removeShadow, requestShadow } from '../lib/handover/control-writes.ts';
import type { HandoverInput } from '../lib/model/handover.ts';
import type { Lease } from '../lib/model/lease.ts';
import type { Command } from '../lib/model/operation.ts';
import type { CreateShadowAction, HandoverAction, ProfileAction, RemoveShadowAction } from '../lib/model/plan.ts';
import type { ProfileInput } from '../lib/model/profile-machine.ts';
import { ReshardInput } from '../lib/model/reshard.ts';
import type { Ports } from '../lib/ports.ts';
import { operationOf } from './accept-operation.ts';
import { liveWorkers } from './live-workers.ts';

/** A command that waited longer was decided in another world; the planner decides again each minute. */
export const STALE_AFTER_MS = 5 * 60_000;

export type Dispatched =
  | { readonly kind: 'started'; readonly executionArn: string }
  | { readonly kind: 'written'; readonly detail: string }
  | { readonly kind: 'repeated'; readonly status: string }
  | { readonly kind: 'refused'; readonly reason: string };

export type DispatchPorts = Pick<Ports, 'clock' | 'leases' | 'workers' | 'operations' | 'machines'>;

const refused = (reason: string): Dispatched => ({ kind: 'refused', reason });
const leaseOf = async (command: Command, ports: DispatchPorts, signal?: AbortSignal): Promise<Lease | undefined> =>
  (await ports.leases.get(command, [command.action.shardId], signal))[0];

const createShadow = async (
  command: Command,
  action: CreateShadowAction,
  ports: DispatchPorts,
  nowMs: number,
  signal?: AbortSignal,
): Promise<Dispatched> => {
  const lease = await leaseOf(command, ports, signal);
  const asked: Dispatched = { kind: 'written', detail: `${action.workerId} was asked for a standby shadow of ${action.shardId}` };
  if (lease === undefined) return refused(`shard ${action.shardId} has no lease`);
  if (lease.shadow?.workerId === action.workerId) return asked;
  if (lease.owner === undefined) return refused(`shard ${action.shardId} has no owner to open the chain`);
  if (lease.owner === action.workerId) return refused(`${action.workerId} owns shard ${action.shardId} by now`);
  if (!(await liveWorkers(command, ports, nowMs, signal)).some((worker) => worker.workerId === action.workerId))
    return refused(`worker ${action.workerId} is not alive`);
  const written = await ports.leases.write(
    command,
    action.shardId,
    requestShadow(lease.owner, action.workerId, action.purpose, nowMs),
    signal,
  );
  if (written.kind === 'fenced') return refused(`shard ${action.shardId} ${whyFenced(written.lease)}`);
  await ports.workers.announce(command, signal);
  return asked;
};

const dropShadow = async (
  command: Command,
  action: RemoveShadowAction,
  ports: DispatchPorts,
  signal?: AbortSignal,
): Promise<Dispatched> => {
  const lease = await leaseOf(command, ports, signal);
  const gone: Dispatched = { kind: 'written', detail: `${action.workerId} keeps no shadow of ${action.shardId} any more` };
  if (lease?.shadow?.workerId !== action.workerId) return gone;
  const written = await ports.leases.write(command, action.shardId, removeShadow(action.workerId), signal);
  if (written.kind === 'written' || written.lease?.shadow?.workerId !== action.workerId) {
    await ports.workers.announce(command, signal);
    return gone;
  }
  return refused(`shard ${action.shardId} ${whyFenced(written.lease)}`);
};

const whyFenced = (lease: Lease | null): string => {
  if (lease === null) return 'has no lease any more';
  if (lease.handover !== undefined) return `is in handover ${lease.handover.id}`;
  if (lease.reshard !== undefined) return `is in reshard ${lease.reshard.operationId}`;
  if (lease.shadow !== undefined) return `has a shadow on ${lease.shadow.workerId} already`;
  return `changed meanwhile: state ${lease.state}, owner ${lease.owner ?? 'none'}`;
};

const startHandover = async (
  command: Command,
  action: HandoverAction,
  ports: DispatchPorts,
  nowMs: number,
  signal?: AbortSignal,
): Promise<Dispatched> => {
  const lease = await leaseOf(command, ports, signal);
  if (lease === undefined) return refused(`shard ${action.shardId} has no lease`);
  if (lease.handover?.id !== command.operationId) {
    if (lease.owner !== action.source || lease.epoch !== action.epoch)
      return refused(
        `planned for owner ${action.source} at epoch ${action.epoch}, is ${lease.owner ?? 'nobody'} at ${lease.epoch}`,
      );
    if (lease.handover !== undefined || lease.reshard !== undefined)
      return refused(`shard ${action.shardId} ${whyFenced(lease)}`);
    if (lease.shadow?.workerId !== action.target || lease.shadow.state !== 'tracking')
      return refused(`${action.target} has no tracking shadow of ${action.shardId}`);
  }
  const input: HandoverInput = {
    handoverId: command.operationId,
    application: command.application,
    streamName: command.streamName,
    shardId: action.shardId,
    group: groupKey(command),
    source: action.source,
    target: action.target,
    epoch: action.epoch,
    requestedAtMs: nowMs,
  };
  const { executionArn } = await ports.machines.start('handover', command.operationId, input, signal);
  await ports.workers.announce(command, signal);
  return { kind: 'started', executionArn };
};

/** Only a try of a setting begins by itself with another variant. */
const profileTriggerOf = ({ trigger, request }: ProfileAction): ProfileInput['trigger'] => {
  if (trigger === 'reactive') return request.other === undefined ? 'utilization' : 'tuning';
  return trigger === 'forecast' ? 'forecast' : 'request';
};

const profileInputOf = ({ operationId, application, streamName }: Command, action: ProfileAction): ProfileInput => ({
  operationId,
  application,
  streamName,
  shardId: action.shardId,
  hostId: action.workerId,
  request: action.request,
  trigger: profileTriggerOf(action),
  reason: action.reason,
});

const act = async (command: Command, ports: DispatchPorts, nowMs: number, signal?: AbortSignal): Promise<Dispatched> => {
  const { action, application, streamName, operationId } = command;
  if (nowMs - command.requestedAtMs > STALE_AFTER_MS)
    return refused(
      `stale: asked for ${Math.round((nowMs - command.requestedAtMs) / 1000)} s ago, allowed are ${STALE_AFTER_MS / 1000} s`,
    );
  switch (action.kind) {
    case 'create-shadow':
      return createShadow(command, action, ports, nowMs, signal);
    case 'remove-shadow':
      return dropShadow(command, action, ports, signal);
    case 'handover':
      return startHandover(command, action, ports, nowMs, signal);
    case 'split':
    case 'merge':
    case 'resize': {
      const input = z.encode(ReshardInput, { operationId, application, streamName, action });
      const { executionArn } = await ports.machines.start('reshard', operationId, input, signal);
      return { kind: 'started', executionArn };
    }
    case 'profile': {
      const input = profileInputOf(command, action);
      const { executionArn } = await ports.machines.start('profile', operationId, input, signal);
      return { kind: 'started', executionArn };
    }
  }
};

/** Carries out one command. The operation is marked running before anything starts, so that a quick end is never overwritten. */
export const dispatchCommand = async (
  command: Command,
  ports: DispatchPorts,
  nowMs: number,
  signal?: AbortSignal,
): Promise<Dispatched> => {
  const { operationId } = command;
  const created = await ports.operations.create(operationOf(command, command.action, nowMs), signal);
  if (created.kind === 'exists') {
    const { status, executionArn } = created.operation;
    if (status === 'succeeded' || status === 'failed' || executionArn !== undefined) return { kind: 'repeated', status };
  }
  await ports.operations.update(command, operationId, { status: 'running', startedAtMs: nowMs }, signal);
  const done = await act(command, ports, nowMs, signal);
  if (done.kind === 'started') await ports.operations.update(command, operationId, { executionArn: done.executionArn }, signal);
  if (done.kind === 'written')
    await ports.operations.update(command, operationId, { status: 'succeeded', result: done.detail, endedAtMs: nowMs }, signal);
  if (done.kind === 'refused')
    await ports.operations.update(command, operationId, { status: 'failed', result: done.reason, endedAtMs: nowMs }, signal);
  return done;
};
