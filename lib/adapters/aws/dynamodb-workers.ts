// lib/adapters/aws: the workers' heartbeat items in DynamoDB: pk `group`, sk `workerId`, TTL `expiresAt` one hour after the last beat.
// in: WorkerStore calls · out: one request each
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { TransientError } from '../../errors.ts';
import { Worker } from '../../model/worker.ts';
import type { Clock, WorkerStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import { decoded } from './packed.ts';
import { sending, translate } from './sdk-errors.ts';
import { expiresAt, HOUR_MS, table, toItem } from './table.ts';

/** The workers of a table. TTL only tidies up: a worker's life is judged by its counter, on the observer's clock. */
export const dynamodbWorkers = (client: DynamoDBClient, clock: Clock, tableName: string): WorkerStore => {
  const workers = table(client, clock, tableName, 'group', 'workerId');
  return {
    put: async (worker, signal) => {
      const item = { group: groupKey(worker), ...worker, expiresAt: expiresAt(clock.nowMs(), HOUR_MS) };
      const request = new PutItemCommand({ TableName: tableName, Item: toItem(item) });
      await sending(`put worker ${worker.workerId}`, () => client.send(request, { ...(signal && { abortSignal: signal }) }));
    },

    beat: async (group, workerId, heartbeat, nowMs, signal) => {
      const request = new UpdateItemCommand({
        TableName: tableName,
        Key: toItem({ group: groupKey(group), workerId }),
        UpdateExpression: 'SET heartbeat = :heartbeat, reportedAtMs = :now, expiresAt = :expiresAt',
        ConditionExpression: 'attribute_exists(workerId)',
        ExpressionAttributeValues: toItem({
          ':heartbeat': heartbeat,
          ':now': nowMs,
          ':expiresAt': expiresAt(clock.nowMs(), HOUR_MS),
        }),
      });
      try {
        await client.send(request, { ...(signal && { abortSignal: signal }) });
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException)
          throw new TransientError(`worker ${workerId} of ${groupKey(group)} has no item to beat on; it must be put again`, {
            cause: error,
          });
        throw translate(error, `beat of worker ${workerId}`);
      }
    },

    list: async (group, signal) =>
      (await workers.query({ partition: groupKey(group) }, signal)).map((item) =>
        decoded(Worker, item, `worker ${item.group}/${item.workerId}`),
      ),

    remove: async (group, workerId, signal) => {
      const request = new DeleteItemCommand({ TableName: tableName, Key: toItem({ group: groupKey(group), workerId }) });
      await sending(`remove worker ${workerId}`, () => client.send(request, { ...(signal && { abortSignal: signal }) }));
    },
  };
};
