import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { dispatch } from '../../functions/dispatch.ts';
import { dispatchCommand } from '../../functions/dispatch-command.ts';
import { TransientError } from '../../lib/errors.ts';
import type { Lease } from '../../lib/model/lease.ts';
import { Command } from '../../lib/model/operation.ts';
import type { Action } from '../../lib/model/plan.ts';
import { expected, group, lease, NOW, worker, world } from './scenes.ts';

const base = { trigger: 'forecast' as const, reason: 'because', expected };
const open = async (changes: Parameters<typeof lease>[1] = {}) => {
  const it = world();
  const [shard] = it.ports.streams.createStream(group.streamName, 1).shards;
  await it.ports.leases.create(lease(shard!, changes));
  for (const one of [worker('a'), worker('b')]) await it.ports.workers.put(one);
  const { shardId } = shard!;
  const create: Action = { ...base, kind: 'create-shadow', actionId: 'create-1', shardId, workerId: 'b', purpose: 'handover' };
  const move: Action = { ...base, kind: 'handover', actionId: 'move-1', shardId, source: 'a', target: 'b', epoch: 1 };
  const split: Action = {
    ...base,
    kind: 'split',
    actionId: 'split-1',
    shardId,
    hashKeyRange: shard!.hashKeyRange,
    newStartingHashKey: 2n ** 127n,
    childOwners: ['a', 'b'],
  };
  const read = async () => (await it.ports.leases.get(group, [shardId]))[0]!;
  const operation = (id: string) => it.ports.operations.get(group, id);
  return { ...it, shardId, create, move, split, read, operation };
};
const command = (action: Action, requestedAtMs = NOW): Command => ({
  operationId: action.actionId,
  ...group,
  requestedBy: 'planner',
  requestedAtMs,
  action,
});
const tracking = { workerId: 'b', state: 'tracking', purpose: 'handover', requestedAtMs: 1, from: '1' } as const;

describe('dispatchCommand', () => {
  it('asks a worker for a shadow by one write, and asks nobody twice', async () => {
    const { ports, create, read, operation } = await open();
    expect(await dispatchCommand(command(create), ports, NOW)).toMatchObject({ kind: 'written' });
    const first = await read();
    expect(first).toMatchObject({ shadow: { workerId: 'b', state: 'requested', purpose: 'handover' }, replicationFactor: 2 });
    expect(await dispatchCommand(command(create), ports, NOW + 1_000)).toEqual({ kind: 'repeated', status: 'succeeded' });
    expect(await read()).toEqual(first);
    expect(await operation('create-1')).toMatchObject({ status: 'succeeded', endedAtMs: NOW });
  });

  it('finds its own write when it died before it could tell', async () => {
    const { ports, create, operation } = await open({ shadow: { ...tracking, state: 'requested' } });
    expect(await dispatchCommand(command(create), ports, NOW)).toMatchObject({ kind: 'written' });
    expect(await operation('create-1')).toMatchObject({ status: 'succeeded' });
  });

  it('starts the handover machine under the action’s id, once', async () => {
    const { ports, move, operation, shardId } = await open({ shadow: tracking });
    expect(await dispatchCommand(command(move), ports, NOW)).toMatchObject({ kind: 'started' });
    expect(await dispatchCommand(command(move), ports, NOW)).toMatchObject({ kind: 'repeated', status: 'running' });
    expect(ports.machines.executions).toHaveLength(1);
    expect(ports.machines.executions[0]).toMatchObject({
      machine: 'handover',
      name: 'move-1',
      input: { handoverId: 'move-1', group: 'shop/orders', shardId, source: 'a', target: 'b', epoch: 1, requestedAtMs: NOW },
    });
    expect((await operation('move-1'))?.executionArn).toBeTypeOf('string');
  });

  it('starts the machine when an earlier try died between its mark and its start', async () => {
    const { ports, move } = await open({ shadow: tracking });
    const broken = { ...ports, machines: { start: () => Promise.reject(new TransientError('throttled')) } };
    await expect(dispatchCommand(command(move), broken, NOW)).rejects.toThrow('throttled');
    expect(await dispatchCommand(command(move), ports, NOW)).toMatchObject({ kind: 'started' });
  });

  it('never overwrites the end of an execution that was quicker than itself', async () => {
    const { ports, move, operation } = await open({ shadow: tracking });
    const quick = {
      ...ports,
      machines: {
        start: async (...call: Parameters<typeof ports.machines.start>) => {
          await ports.operations.update(group, 'move-1', { status: 'failed', result: 'at once' });
          return ports.machines.start(...call);
        },
      },
    };
    await dispatchCommand(command(move), quick, NOW);
    expect(await operation('move-1')).toMatchObject({ status: 'failed', result: 'at once' });
  });

  it('starts the reshard machine with hash keys as strings', async () => {
    const { ports, split } = await open();
    await dispatchCommand(command(split), ports, NOW);
    expect(ports.machines.executions).toMatchObject([
      { machine: 'reshard', name: 'split-1', input: { action: { newStartingHashKey: (2n ** 127n).toString() } } },
    ]);
  });

  it.each<[string, Partial<Lease>, 'create' | 'move', RegExp]>([
    ['a shadow for the owner', { owner: 'b' }, 'create', /owns shard/],
    ['a shadow beside another one', { shadow: { ...tracking, workerId: 'c' } }, 'create', /has a shadow on c already/],
    ['a shadow of a shard in a reshard', { reshard: { operationId: 'r', childOwners: ['a'] } }, 'create', /is in reshard r/],
    ['a handover at another epoch', { shadow: tracking, epoch: 2 }, 'move', /planned for owner a at epoch 1, is a at 2/],
    ['a handover without a tracking shadow', { shadow: { ...tracking, state: 'opened' as const } }, 'move', /no tracking shadow/],
  ])('refuses %s, and tells why in the operation', async (_, changes, which, reason) => {
    const it = await open(changes);
    const action = it[which];
    expect(await dispatchCommand(command(action), it.ports, NOW)).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(reason),
    });
    expect(await it.operation(action.actionId)).toMatchObject({ status: 'failed', result: expect.stringMatching(reason) });
    expect(it.ports.machines.executions).toEqual([]);
  });

  it('refuses a dead worker and a stale command', async () => {
    const { ports, create, split } = await open();
    await ports.workers.remove(group, 'b');
    expect(await dispatchCommand(command(create), ports, NOW)).toMatchObject({
      kind: 'refused',
      reason: 'worker b is not alive',
    });
    const stale = await dispatchCommand(command(split, NOW - 301_000), ports, NOW);
    expect(stale).toEqual({ kind: 'refused', reason: 'stale: asked for 301 s ago, allowed are 300 s' });
  });

  it('removes a shadow, and takes one that is gone for removed', async () => {
    const { ports, shardId, read } = await open({ shadow: tracking });
    const remove = (actionId: string): Action => ({ ...base, kind: 'remove-shadow', actionId, shardId, workerId: 'b' });
    expect(await dispatchCommand(command(remove('r-1')), ports, NOW)).toMatchObject({ kind: 'written' });
    expect((await read()).shadow).toBeUndefined();
    expect(await dispatchCommand(command(remove('r-2')), ports, NOW)).toMatchObject({ kind: 'written' });
  });
});

describe('dispatch', () => {
  const message = (messageId: string, body: string, MessageGroupId: string) => ({
    messageId,
    body,
    attributes: { MessageGroupId },
  });
  const bodyOf = (action: Action) => JSON.stringify(z.encode(Command, command(action)));

  it('carries a batch out and reports nothing', async () => {
    const { scene, create, ports } = await open();
    const answer = await dispatch.run({ Records: [message('1', bodyOf(create), 'g')] }, scene());
    expect(answer).toEqual({ batchItemFailures: [] });
    expect(await ports.operations.get(group, 'create-1')).toMatchObject({ status: 'succeeded' });
  });

  it('fails a message that is no command and everything after it in its group, and nothing else', async () => {
    const { scene, create, split, ports } = await open();
    const Records = [
      message('1', 'no json', 'g'),
      message('2', bodyOf(create), 'g'),
      message('3', bodyOf(split), 'h'),
      message('4', '{}', 'i'),
    ];
    const answer = await dispatch.run({ Records }, scene());
    expect(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(['1', '2', '4']);
    expect(await ports.operations.get(group, 'create-1')).toBeNull();
    expect(ports.machines.executions).toHaveLength(1);
  });

  it('never lets a later command overtake one that failed for the moment', async () => {
    const { scene, create, ports, shardId } = await open();
    const remove: Action = { ...base, kind: 'remove-shadow', actionId: 'remove-1', shardId, workerId: 'b' };
    const broken = { ...ports, leases: { ...ports.leases, write: () => Promise.reject(new TransientError('throttled')) } };
    const Records = [message('1', bodyOf(create), 'g'), message('2', bodyOf(remove), 'g')];
    expect((await dispatch.run({ Records }, scene(broken))).batchItemFailures).toHaveLength(2);
    expect(await ports.operations.get(group, 'remove-1')).toBeNull();
  });
});
