// The real consumer, two workers, leases and sink in DynamoDB: one is frozen in the middle of a call until long after the other has taken over.
import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, test } from 'vitest';
import { awsPorts } from '../../lib/adapters/aws/aws-ports.ts';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { dynamodbEffects } from '../../lib/effects/dynamodb-effects.ts';
import { effectsProcessor } from '../../lib/effects/effects-processor.ts';
import { createTables } from '../../local/tables.ts';
import { useCloud } from '../support/worlds.ts';
import { playFrozen } from './frozen-scene.ts';
import { countingItems, createSink, timesIn } from './scenes.ts';

describe('a worker that is frozen in its call and woken, on DynamoDB', () => {
  let client: DynamoDBClient;
  beforeAll(() => {
    useCloud();
    client = new DynamoDBClient({});
  });
  const play = async (freezes: 'before' | 'after') => {
    const tables = await createTables(client, `frozen-${randomUUID()}`);
    const sinkTable = `sink-${randomUUID()}`;
    await createSink(client, sinkTable);
    const run = await playFrozen({
      ports: { ...memoryPorts(systemClock), leases: awsPorts(tables).leases },
      pass: (ms) => systemClock.sleep(ms),
      processorOf: () => effectsProcessor(dynamodbEffects({ client, leaseTable: tables.leaseTable }), countingItems(sinkTable)),
      freezes,
      frozenForMs: 5_000,
    });
    const once = { total: run.bodies.length, ...Object.fromEntries(run.bodies.map((body) => [body, 1])) };
    return { ...run, times: await timesIn(client, sinkTable), once };
  };

  test.concurrent('it writes nothing more, and every effect is there once', async ({ expect }) => {
    const { calls, frozen, times, once } = await play('before');
    const woken = calls.filter((call) => call.by === 'a' && call.when === 'after the frost');
    // Fenced by the lease item; or its request was given up half-way, where the runtime had found first that the shard is another's.
    expect(woken[0]).toMatchObject({ outcome: expect.stringMatching(/^(FencedError|TransientError)$/), bodies: frozen });
    expect(woken.filter((call) => call.outcome === 'returned' && call.epoch === woken[0]?.epoch)).toEqual([]);
    expect(times).toEqual(once);
  });

  test.concurrent('what it had written just before comes to nobody again: the checkpoint came with it', async ({ expect }) => {
    const { calls, frozen, times, once } = await play('after');
    const byOther = calls.filter((call) => call.by === 'b').flatMap((call) => call.bodies);
    expect(byOther.filter((body) => frozen.includes(body))).toEqual([]);
    expect(times).toEqual(once);
  });
});
