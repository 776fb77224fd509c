// lib/adapters/aws: operations in the control table, kept for 90 days: the operation (pk `operations#group`, sk its id) and its place in time
// (pk `operation-times#group`, sk `acceptedAtMs#id`), made together.
// in: OperationStore calls · out: a transaction, updates, reads
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { PoisonError, TransientError } from '../../errors.ts';
import type { Group } from '../../model/lease.ts';
import { Operation } from '../../model/operation.ts';
import type { Clock, OperationStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import { decoded } from './packed.ts';
import { translate } from './sdk-errors.ts';
import { DAY_MS, expiresAt, fromItem, type Item, sortableMs, table, toItem } from './table.ts';

const keyOf = (group: Group, operationId: string) => ({ pk: `operations#${groupKey(group)}`, sk: operationId });
const timesOf = (group: Group): string => `operation-times#${groupKey(group)}`;
const operationOf = (item: Item): Operation => decoded(Operation, item, `operation ${item.pk} ${item.sk}`);

/** The operations of a table. */
export const dynamodbOperations = (client: DynamoDBClient, clock: Clock, tableName: string): OperationStore => {
  const control = table(client, clock, tableName, 'pk', 'sk');

  const get = async (group: Group, operationId: string, signal?: AbortSignal): Promise<Operation | null> => {
    const [item] = await control.getAll([keyOf(group, operationId)], signal);
    return item === undefined ? null : operationOf(item);
  };

  return {
    get,

    create: async (operation, signal) => {
      const { operationId } = operation;
      const until = { expiresAt: expiresAt(clock.nowMs(), 90 * DAY_MS) };
      const request = new TransactWriteItemsCommand({
        TransactItems: [
          {
            Put: {
              TableName: tableName,
              Item: toItem({ ...keyOf(operation, operationId), ...z.encode(Operation, operation), ...until }),
              ConditionExpression: 'attribute_not_exists(sk)',
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
            },
          },
          {
            Put: {
              TableName: tableName,
              Item: toItem({
                pk: timesOf(operation),
                sk: `${sortableMs(operation.acceptedAtMs)}#${operationId}`,
                operationId,
                ...until,
              }),
            },
          },
        ],
      });
      try {
        await client.send(request, { ...(signal && { abortSignal: signal }) });
        return { kind: 'created' };
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) throw translate(error, `create operation ${operationId}`);
        const refused = error.CancellationReasons?.find(({ Code }) => Code === 'ConditionalCheckFailed');
        if (refused?.Item !== undefined) return { kind: 'exists', operation: operationOf(fromItem(refused.Item)) };
        throw new TransientError(`create operation ${operationId}: ${error.message}`, { cause: error });
      }
    },

    update: async (group, operationId, change, signal) => {
      const entries = Object.entries(change).filter(([, to]) => to !== undefined);
      if (entries.length === 0) return;
      const request = new UpdateItemCommand({
        TableName: tableName,
        Key: toItem(keyOf(group, operationId)),
        UpdateExpression: `SET ${entries.map(([name]) => `#${name} = :${name}`).join(', ')}`,
        ConditionExpression: 'attribute_exists(sk)',
        ExpressionAttributeNames: Object.fromEntries(entries.map(([name]) => [`#${name}`, name])),
        ExpressionAttributeValues: toItem(Object.fromEntries(entries.map(([name, to]) => [`:${name}`, to]))),
      });
      try {
        await client.send(request, { ...(signal && { abortSignal: signal }) });
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException)
          throw new PoisonError(`operation ${operationId} of ${groupKey(group)} is not there`, { cause: error });
        throw translate(error, `update operation ${operationId}`);
      }
    },

    recent: async (group, limit, signal) => {
      const times = await control.query({ partition: timesOf(group), newestFirst: true, limit }, signal);
      const ids = times.map((item) => String(item.operationId));
      const found = (
        await control.getAll(
          ids.map((id) => keyOf(group, id)),
          signal,
        )
      ).map(operationOf);
      const byId = new Map(found.map((operation) => [operation.operationId, operation]));
      return ids.flatMap((id) => byId.get(id) ?? []);
    },
  };
};
