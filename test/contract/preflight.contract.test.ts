import { randomUUID } from 'node:crypto';
import { DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { beforeAll, describe, expect, test } from 'vitest';
import { awsPorts } from '../../lib/adapters/aws/aws-ports.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { createTables, type TableNames } from '../../local/tables.ts';
import { useCloud, type World, worlds } from '../support/worlds.ts';

describe.each(worlds)('preflight in $name', ({ open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });

  test.each(['polling', 'fan-out', 'fan-out-for-shadows'] as const)(
    'finds nothing where all is well, for %s',
    async (retrieval) => {
      const { streamName } = await world.createStream(2);
      expect(await world.ports.preflight.check({ application: 'shop', streamName, retrieval })).toEqual([]);
    },
  );

  test('leaves nothing behind', async () => {
    const stream = await world.createStream(1);
    const { streamName, streamArn } = stream;
    const group = { application: 'shop', streamName };
    await world.ports.preflight.check({ ...group, retrieval: 'fan-out' });
    expect(await world.ports.leases.list(group)).toEqual([]);
    expect(await world.ports.workers.list(group)).toEqual([]);
    expect(await world.ports.control.listConsumers(streamArn)).toEqual([]);
  });

  test('fails on a stream that is not there, by its name', async () => {
    const streamName = `missing-${randomUUID()}`;
    const findings = await world.ports.preflight.check({ application: 'shop', streamName, retrieval: 'polling' });
    expect(findings).toMatchObject([{ kind: 'stream-missing', what: `stream ${streamName}`, fatal: true }]);
  });
});

describe('preflight on the local cloud', () => {
  const kinesis = () => new KinesisClient({ requestHandler: new NodeHttpHandler() });
  const streamName = `preflight-${randomUUID()}`;
  const target = { application: 'shop', streamName, retrieval: 'fan-out-for-shadows' } as const;
  let tables: TableNames;
  beforeAll(async () => {
    useCloud();
    tables = await createTables(new DynamoDBClient({}), `preflight-${randomUUID()}`);
    await kinesis().send(new CreateStreamCommand({ StreamName: streamName, ShardCount: 1 }));
    while ((await awsPorts(tables).control.describe(streamName))?.status !== 'ACTIVE') await systemClock.sleep(30);
  });

  test('names region and endpoint where a stream is missing', async () => {
    const [finding] = await awsPorts(tables).preflight.check({ ...target, streamName: 'nowhere' });
    expect(finding?.received).toBe(`no such stream in us-east-1 (${process.env.AWS_ENDPOINT_URL_KINESIS})`);
  });

  test('fails on tables that are swapped, missing, or not of ours, each by its setting', async () => {
    const ports = awsPorts({ ...tables, leaseTable: tables.workerTable, demandTable: 'nowhere' });
    expect(await ports.preflight.check(target)).toEqual([
      {
        kind: 'table-of-another-schema',
        what: `leaseTable ${tables.workerTable} in us-east-1`,
        received: 'the keys group (HASH, S), workerId (RANGE, S)',
        allowed: 'the keys group (HASH, S), shardId (RANGE, S)',
        doThis: "correct leaseTable: this table belongs to something else; cdk deploy prints the tables' names",
        fatal: true,
      },
      expect.objectContaining({ kind: 'table-missing', what: 'demandTable nowhere in us-east-1', fatal: true }),
    ]);
  });

  test('tells of a time to live that is off, without refusing', async () => {
    const dynamodb = new DynamoDBClient({});
    const bare = await createTables(dynamodb, `bare-${randomUUID()}`);
    const off = { AttributeName: 'expiresAt', Enabled: false };
    for (const TableName of [bare.workerTable, bare.demandTable])
      await dynamodb.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: off }));
    expect(await awsPorts(bare).preflight.check(target)).toMatchObject([
      { kind: 'time-to-live-off', what: `workerTable ${bare.workerTable} in us-east-1`, fatal: false },
      { kind: 'time-to-live-off', what: `demandTable ${bare.demandTable} in us-east-1`, fatal: false },
    ]);
  });

  test('tells of a clock that is off, and fails when it is off by more than a minute', async () => {
    const withClock = (aheadMs: number) => awsPorts({ ...tables, clock: { ...systemClock, nowMs: () => Date.now() + aheadMs } });
    expect(await withClock(20_000).preflight.check(target)).toMatchObject([{ kind: 'clock-wrong', fatal: false }]);
    expect(await withClock(-120_000).preflight.check(target)).toMatchObject([{ kind: 'clock-wrong', fatal: true }]);
    expect(await withClock(2_000).preflight.check(target)).toEqual([]);
  });

  test('fails on a service that does not answer, by its address', async () => {
    const config = { ...tables, kinesisEndpoint: 'http://127.0.0.1:1' };
    expect(await awsPorts(config).preflight.check(target)).toMatchObject([
      { kind: 'service-unreachable', what: 'Kinesis at http://127.0.0.1:1', fatal: true },
    ]);
  });
});
