import { randomUUID } from 'node:crypto';
import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, test } from 'vitest';
import { fromItem } from '../../lib/adapters/aws/table.ts';
import { fence, fencedUpdate } from '../../lib/effects/fence.ts';
import { PoisonError } from '../../lib/errors.ts';
import { useCloud } from '../support/worlds.ts';
import { contextOf, createSink } from './scenes.ts';

describe('fencedUpdate', () => {
  let client: DynamoDBClient;
  let tableName: string;
  beforeAll(async () => {
    useCloud();
    client = new DynamoDBClient({});
    tableName = `sink-${randomUUID()}`;
    await createSink(client, tableName);
  });
  const update = (shardId: string, epoch: number, pk: string, state: string) =>
    fencedUpdate(client, contextOf({ shardId, epoch }), { tableName, key: { pk }, attributes: { state, '#odd name': 1 } });
  const itemOf = async (pk: string) =>
    fromItem(
      (await client.send(new GetItemCommand({ TableName: tableName, Key: { pk: { S: pk } }, ConsistentRead: true }))).Item ?? {},
    );

  test('takes the same and later epochs of a shard, and refuses an earlier one', async () => {
    expect(await update('shard-1', 7, 'order', 'new')).toEqual({ kind: 'written' });
    expect(await update('shard-1', 7, 'order', 'paid')).toEqual({ kind: 'written' });
    expect(await update('shard-1', 8, 'order', 'sent')).toEqual({ kind: 'written' });
    expect(await update('shard-1', 7, 'order', 'paid')).toEqual({ kind: 'fenced', epoch: 8 });
    expect(await itemOf('order')).toEqual({ pk: 'order', state: 'sent', '#odd name': 1, 'fence:shard-1': 8 });
  });

  test("takes a child shard's low epoch after a split, and still refuses an old owner of the parent", async () => {
    await update('parent', 6, 'split', 'new');
    await update('parent', 7, 'split', 'paid');
    expect(await update('child', 1, 'split', 'sent')).toEqual({ kind: 'written' });
    expect(await update('parent', 6, 'split', 'paid')).toEqual({ kind: 'fenced', epoch: 7 });
    expect(await itemOf('split')).toMatchObject({ state: 'sent', 'fence:parent': 7, 'fence:child': 1 });
  });

  test('fails with PoisonError for a table that is not there', async () => {
    const call = fencedUpdate(client, contextOf(), { tableName: 'nowhere', key: { pk: 'a' }, attributes: { b: 1 } });
    await expect(call).rejects.toThrow(PoisonError);
  });

  test("fence's parts stand beside one's own in any UpdateItem", async () => {
    const { condition, assignment, names, values } = fence({ shardId: 'shard-9', epoch: 2 });
    const request = new UpdateItemCommand({
      TableName: tableName,
      Key: { pk: { S: 'sum' } },
      UpdateExpression: `SET ${assignment} ADD #sum :five`,
      ConditionExpression: `${condition} AND attribute_not_exists(#closed)`,
      ExpressionAttributeNames: { ...names, '#sum': 'sum', '#closed': 'closed' },
      ExpressionAttributeValues: { ...values, ':five': { N: '5' } },
    });
    await client.send(request);
    await client.send(request);
    expect(await itemOf('sum')).toEqual({ pk: 'sum', sum: 10, 'fence:shard-9': 2 });
  });
});
