import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once as happened } from 'node:events';
import { join } from 'node:path';
import { DynamoDBClient, type TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, test } from 'vitest';
import { awsPorts } from '../../lib/adapters/aws/aws-ports.ts';
import { dynamodbEffects } from '../../lib/effects/dynamodb-effects.ts';
import { checkpoint, takeOver } from '../../lib/handover/worker-writes.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { Ports } from '../../lib/ports.ts';
import { createTables, type TableNames } from '../../local/tables.ts';
import { sampleLease } from '../support/sample-lease.ts';
import { useCloud } from '../support/worlds.ts';
import type { DoomedTask } from './doomed-writer.ts';
import { contextOf, countingItems, createSink, recordsOf, timesIn } from './scenes.ts';

describe('dynamodbEffects on DynamoDB', () => {
  let client: DynamoDBClient;
  let tables: TableNames;
  let ports: Ports;
  beforeAll(async () => {
    useCloud();
    client = new DynamoDBClient({});
    tables = await createTables(client, `effects-${randomUUID()}`);
    ports = awsPorts(tables);
  });

  /** A shard that worker a owns under epoch 4, and a sink of its own. */
  const scene = async (change: Partial<Lease> = {}) => {
    const streamName = `orders-${randomUUID()}`;
    const lease = sampleLease({ streamName, ...change });
    await ports.leases.create(lease);
    const sinkTable = `sink-${randomUUID()}`;
    await createSink(client, sinkTable);
    const effects = () => dynamodbEffects({ client, leaseTable: tables.leaseTable });
    const leaseNow = async () => (await ports.leases.get(lease, [lease.shardId]))[0]!;
    /** Another worker takes the shard over, as after a failover. */
    const take = async (workerId: string) => {
      const taken = await ports.leases.write(lease, lease.shardId, takeOver(await leaseNow(), workerId));
      expect(taken.kind).toBe('written');
      return contextOf({ streamName, workerId, epoch: taken.lease?.epoch ?? -1 });
    };
    return { lease, sinkTable, effects, items: countingItems(sinkTable), asA: contextOf({ streamName }), take, leaseNow };
  };

  test('the items and the checkpoint come together', async () => {
    const { effects, asA, items, sinkTable, leaseNow } = await scene();
    expect(await effects().write(asA, recordsOf('100', '101/0', '101/1'), items)).toEqual({ kind: 'written' });
    expect(await timesIn(client, sinkTable)).toEqual({ total: 3, '100': 1, '101/0': 1, '101/1': 1 });
    expect(await leaseNow()).toMatchObject({ owner: 'a', epoch: 4, checkpoint: '101', subSequenceNumber: 1 });
  });

  test('a repeat in the same process and in another writes nothing, though the runtime has set the checkpoint back', async () => {
    const { effects, asA, items, sinkTable, lease, leaseNow, take } = await scene();
    const first = effects();
    await first.write(asA, recordsOf('100', '101'), items);
    expect(await first.write(asA, recordsOf('100', '101'), items)).toEqual({ kind: 'already-written' });
    await ports.leases.write(lease, lease.shardId, checkpoint({ workerId: 'a', epoch: 4 }, '99', undefined, undefined, 1));
    expect(await leaseNow()).toMatchObject({ checkpoint: '99' });
    const asB = await take('b');
    const second = effects();
    expect(await second.write(asB, recordsOf('100', '101'), items)).toEqual({ kind: 'already-written' });
    expect(await second.write(asB, recordsOf('100', '101', '102'), items)).toEqual({ kind: 'written' });
    expect(await timesIn(client, sinkTable)).toEqual({ total: 3, '100': 1, '101': 1, '102': 1 });
  });

  test('a worker that another has replaced writes nothing, whether it had looked before or not', async () => {
    const { effects, asA, items, sinkTable, take } = await scene();
    const looked = effects();
    await looked.write(asA, recordsOf('100'), items);
    const asB = await take('b');
    expect(await looked.write(asA, recordsOf('101'), items)).toEqual({ kind: 'fenced', epoch: 5, owner: 'b' });
    expect(await effects().write(asA, recordsOf('101'), items)).toEqual({ kind: 'fenced', epoch: 5, owner: 'b' });
    expect(await effects().write(asB, recordsOf('101'), items)).toEqual({ kind: 'written' });
    expect(await looked.write(asA, recordsOf('101'), items)).toEqual({ kind: 'fenced', epoch: 5, owner: 'b' });
    expect(await timesIn(client, sinkTable)).toEqual({ total: 2, '100': 1, '101': 1 });
  });

  test('a transaction whose answer this process never got is found out by the next one', async () => {
    const { effects, asA, items, sinkTable } = await scene();
    const unaware = effects();
    await unaware.write(asA, recordsOf('100'), items);
    await effects().write(asA, recordsOf('101', '102'), items);
    expect(await unaware.write(asA, recordsOf('101', '102'), items)).toEqual({ kind: 'already-written' });
    await effects().write(asA, recordsOf('103'), items);
    expect(await unaware.write(asA, recordsOf('103', '104'), items)).toEqual({ kind: 'written' });
    expect(await timesIn(client, sinkTable)).toEqual({ total: 5, '100': 1, '101': 1, '102': 1, '103': 1, '104': 1 });
  });

  test("a condition of the caller's own that does not hold keeps everything back, the checkpoint too", async () => {
    const { effects, asA, sinkTable, leaseNow } = await scene();
    const once = (pk: string): TransactWriteItem => ({
      Put: { TableName: sinkTable, Item: { pk: { S: pk }, times: { N: '1' } }, ConditionExpression: 'attribute_not_exists(pk)' },
    });
    const writer = effects();
    await writer.write(asA, recordsOf('100'), () => [once('old')]);
    expect(await writer.write(asA, recordsOf('101'), () => [once('new'), once('old')])).toEqual({
      kind: 'refused',
      items: [{ index: 1 }],
    });
    expect(await timesIn(client, sinkTable)).toEqual({ old: 1 });
    expect(await leaseNow()).toMatchObject({ checkpoint: '100' });
  });

  test('every effect happens once though each of five workers repeats all records and is killed between a transaction and its return', async () => {
    const { sinkTable, take, leaseNow, lease } = await scene();
    const records = Array.from({ length: 60 }, (_, i) => String(1000 + i));
    const worker = async (workerId: string, batchSize: number, diesAfter: number | null) => {
      const { epoch } = await take(workerId);
      const task: DoomedTask = {
        leaseTable: tables.leaseTable,
        sinkTable,
        streamName: lease.streamName,
        workerId,
        epoch,
        records,
        batchSize,
        diesAfter,
      };
      const child = spawn(process.execPath, [join(import.meta.dirname, 'doomed-writer.ts'), JSON.stringify(task)], {
        env: process.env,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      const [code, signal] = (await happened(child, 'exit')) as [number | null, string | null];
      return { code, signal, said: code === 0 || signal === 'SIGKILL' ? '' : said };
    };
    const killed = { code: null, signal: 'SIGKILL', said: '' };
    expect(await worker('b', 7, 2)).toEqual(killed);
    expect(await worker('c', 4, 1)).toEqual(killed);
    expect(await worker('d', 11, 3)).toEqual(killed);
    expect(await worker('e', 1, 5)).toEqual(killed);
    expect(await worker('f', 9, null)).toEqual({ code: 0, signal: null, said: '' });
    expect(await timesIn(client, sinkTable)).toEqual({
      total: 60,
      ...Object.fromEntries(records.map((record) => [record, 1])),
    });
    expect(await leaseNow()).toMatchObject({ owner: 'f', epoch: 9, checkpoint: '1059' });
  });
});
