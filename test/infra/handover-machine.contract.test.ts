// The handover machine's real definition in a real Step Functions, with the workers played by this test: what happens when they fail.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateStateMachineCommand, DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { beforeAll, describe, expect, it } from 'vitest';
import { handoverDefinition, handoverTimes } from '../../infra/handover-definition.ts';
import { awsPorts } from '../../lib/adapters/aws/aws-ports.ts';
import { groupKey } from '../../lib/adapters/group-key.ts';
import { activate, drain, prove, release } from '../../lib/handover/worker-writes.ts';
import type { HandoverInput, HandoverPhase } from '../../lib/model/handover.ts';
import type { Lease, Mark } from '../../lib/model/lease.ts';
import type { Ports } from '../../lib/ports.ts';
import { createTables } from '../../local/tables.ts';
import { eventually, useCloud } from '../support/worlds.ts';

const group = { application: 'machine', streamName: 'orders' };
let ports: Ports;
let stepFunctions: SFNClient;
let shards = 0;

const mark = (digest: string): Mark => ({ sequenceNumber: '4242', count: 7, digest: digest.padEnd(16, '0') });

/** The two ends write their record by a function; here the execution's output is looked at instead. */
const withoutRecord = (definition: { StartAt: string; States: Record<string, object> }): string => {
  const pass = (next: string, end: string) => ({
    Type: 'Pass',
    Output: `{% $merge([$states.input, {'end': ${end}}]) %}`,
    Next: next,
  });
  const States = {
    ...definition.States,
    RecordMoved: pass('Done', "'moved'"),
    RecordRestored: pass('Reported', "$exists($states.input.end) ? $states.input.end : 'abandoned'"),
    Reported: { Type: 'Succeed' },
  };
  return JSON.stringify({ ...definition, States });
};

beforeAll(async () => {
  useCloud();
  const tables = await createTables(new DynamoDBClient({}), `machine-${process.pid}`);
  stepFunctions = new SFNClient({});
  const times = handoverTimes({ prepareSec: 2, pauseSec: 2, activateSec: 2, deactivateSec: 2, pauseBudgetMs: 1500 });
  const definition = handoverDefinition({ partition: 'aws', leaseTable: tables.leaseTable, recordFunctionArn: 'unused', times });
  const { stateMachineArn } = await stepFunctions.send(
    new CreateStateMachineCommand({
      name: `handover-${process.pid}`,
      roleArn: 'arn:aws:iam::000000000000:role/trial',
      definition: withoutRecord(definition),
    }),
  );
  ports = awsPorts({ ...tables, handoverMachineArn: stateMachineArn! });
});

interface Handover {
  readonly input: HandoverInput;
  readonly read: () => Promise<Lease>;
  /** Waits for a phase with a token that was not seen before. */
  readonly phase: (phase: HandoverPhase) => Promise<string>;
  readonly answer: (token: string) => Promise<unknown>;
  readonly ended: () => Promise<{ end: string; failedIn?: string; error?: string; pausedAtMs?: string; activatedAtMs?: string }>;
}

/** A lease of `a` with a tracking shadow on `b`, and an execution that moves it. */
const begin = async (changes: Partial<HandoverInput> = {}): Promise<Handover> => {
  const shardId = `shardId-${String(shards++).padStart(12, '0')}`;
  const lease: Lease = {
    ...group,
    shardId,
    hashKeyRange: { startingHashKey: 0n, endingHashKey: 99n },
    parents: [],
    owner: 'a',
    epoch: 3,
    state: 'active',
    checkpoint: '4000',
    replicationFactor: 2,
    shadow: {
      workerId: 'b',
      state: 'tracking',
      purpose: 'handover',
      requestedAtMs: 1,
      from: '4000',
      verifiedThrough: mark('11'),
    },
    createdAtMs: 1,
  };
  await ports.leases.create(lease);
  const input: HandoverInput = {
    ...group,
    handoverId: `move-${process.pid}-${shardId}`,
    shardId,
    group: groupKey(group),
    source: 'a',
    target: 'b',
    epoch: 3,
    requestedAtMs: 1_795_000_000_000,
    ...changes,
  };
  const { executionArn } = await ports.machines.start('handover', input.handoverId, input);
  const read = async () => (await ports.leases.get(group, [shardId]))[0]!;
  const tokens = new Set<string>();
  return {
    input,
    read,
    phase: (phase) =>
      eventually(async () => {
        const { handover } = await read();
        const token = handover?.taskToken;
        if (handover?.phase !== phase || token === undefined || tokens.has(token)) return undefined;
        tokens.add(token);
        return token;
      }),
    answer: (token) => ports.callbacks.succeed(token, {}),
    ended: () =>
      eventually(async () => {
        const { status, output, error, cause } = await stepFunctions.send(new DescribeExecutionCommand({ executionArn }));
        if (status === 'RUNNING') return undefined;
        if (status !== 'SUCCEEDED') throw new Error(`the execution ended ${status}: ${error} ${cause}`);
        return JSON.parse(output ?? '{}') as { end: string };
      }, 30_000),
  };
};

/** Both workers do what they should up to the comparison. */
const drainAndProve = async (handover: Handover, proof: Mark): Promise<void> => {
  const { input } = handover;
  await handover.answer(await handover.phase('preparing'));
  const token = await handover.phase('pausing');
  await ports.leases.write(group, input.shardId, drain({ workerId: 'a', epoch: 3 }, input.handoverId, mark('11'), 1_000, 2_000));
  await ports.leases.write(group, input.shardId, prove(input.handoverId, 'b', proof));
  await handover.answer(token);
};

describe('the handover machine', () => {
  it('moves a shard, and passes the two stamps of the pause on', async () => {
    const handover = await begin();
    await drainAndProve(handover, mark('11'));
    const token = await handover.phase('activating');
    await ports.leases.write(
      group,
      handover.input.shardId,
      activate({ workerId: 'b', epoch: 4 }, handover.input.handoverId, 1_030),
    );
    await handover.answer(token);
    const farewell = await handover.phase('activated');
    await ports.leases.write(group, handover.input.shardId, release(handover.input.handoverId, 'a'));
    await handover.answer(farewell);
    expect(await handover.ended()).toMatchObject({ end: 'moved', pausedAtMs: '1000', activatedAtMs: '1030' });
    const lease = await handover.read();
    expect(lease).toMatchObject({ owner: 'b', epoch: 4, state: 'active', checkpoint: '4242' });
    expect(lease.handover).toBeUndefined();
  });

  it('abandons when the world is another than the one that was planned for', async () => {
    const handover = await begin({ epoch: 2 });
    expect(await handover.ended()).toMatchObject({
      end: 'abandoned',
      failedIn: 'Prepare',
      error: expect.stringContaining('ConditionalCheckFailed'),
    });
    expect(await handover.read()).toMatchObject({ owner: 'a', epoch: 3 });
  });

  it('gives the shard back to its source when nobody prepares', async () => {
    const handover = await begin();
    expect(await handover.ended()).toMatchObject({ end: 'abandoned', failedIn: 'Prepare', error: 'States.Timeout' });
    const lease = await handover.read();
    expect([lease.owner, lease.epoch, lease.handover]).toEqual(['a', 3, undefined]);
  });

  it('gives the shard back when the drain takes too long', async () => {
    const handover = await begin();
    await handover.answer(await handover.phase('preparing'));
    expect(await handover.ended()).toMatchObject({ end: 'restored', failedIn: 'PauseIngestion' });
    const lease = await handover.read();
    expect([lease.owner, lease.epoch, lease.handover]).toEqual(['a', 3, undefined]);
  });

  it('gives the shard back under epoch + 2 when the digests differ, and says that the shadow diverged', async () => {
    const handover = await begin();
    await drainAndProve(handover, mark('22'));
    expect(await handover.ended()).toMatchObject({
      end: 'restored',
      failedIn: 'VerifyConsistency',
      error: expect.stringContaining('ConditionalCheckFailed'),
    });
    const lease = await handover.read();
    expect([lease.owner, lease.epoch, lease.handover, lease.shadow]).toEqual(['a', 5, undefined, undefined]);
  });

  it('gives the shard back under epoch + 2 when the target dies before its own write', async () => {
    const handover = await begin();
    await drainAndProve(handover, mark('11'));
    expect(await handover.ended()).toMatchObject({ end: 'restored', failedIn: 'ActivateProcessing', error: 'States.Timeout' });
    const lease = await handover.read();
    expect([lease.owner, lease.epoch, lease.handover]).toEqual(['a', 5, undefined]);
  });

  it('goes forward when the target wrote that it is active and died before it answered', async () => {
    const handover = await begin();
    await drainAndProve(handover, mark('11'));
    await handover.phase('activating');
    await ports.leases.write(
      group,
      handover.input.shardId,
      activate({ workerId: 'b', epoch: 4 }, handover.input.handoverId, 1_030),
    );
    expect(await handover.ended()).toMatchObject({ end: 'moved', failedIn: 'ActivateProcessing', activatedAtMs: '1030' });
    const lease = await handover.read();
    expect([lease.owner, lease.epoch, lease.handover]).toEqual(['b', 4, undefined]);
  });

  it('leaves the shard to whoever took it over in the middle', async () => {
    const handover = await begin();
    await handover.answer(await handover.phase('preparing'));
    await handover.phase('pausing');
    const { lease } = await ports.leases.write(group, handover.input.shardId, {
      name: 'takeOver',
      conditions: [],
      changes: [
        { op: 'set', path: 'owner', to: { value: 'c' } },
        { op: 'add', path: 'epoch', by: 1 },
        { op: 'remove', path: 'handover' },
      ],
    });
    expect(lease?.owner).toBe('c');
    expect(await handover.ended()).toMatchObject({ end: 'abandoned', failedIn: 'PauseIngestion' });
    expect(await handover.read()).toMatchObject({ owner: 'c', epoch: 4 });
  });

  it('starts nothing for a name that ran before', async () => {
    const handover = await begin({ epoch: 2 });
    await handover.ended();
    expect(await ports.machines.start('handover', handover.input.handoverId, handover.input)).toMatchObject({ kind: 'exists' });
  });
});
