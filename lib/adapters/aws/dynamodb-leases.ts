// lib/adapters/aws: the lease items in DynamoDB: pk `group` (application/streamName), sk `shardId`, the rest is the encoded Lease.
// in: LeaseStore calls · out: one request each
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { Lease } from '../../model/lease.ts';
import type { Clock, LeaseStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import { alreadyWritten } from './already-written.ts';
import { decoded } from './packed.ts';
import { renderWrite } from './render-write.ts';
import { attemptsOf, translate } from './sdk-errors.ts';
import { fromItem, type Item, table, toItem } from './table.ts';

const leaseOf = (item: Item): Lease => decoded(Lease, item, `lease ${item.group}/${item.shardId}`);

/** The leases of a table. Every read is strongly consistent; a refused write brings the item with it, without a further read. */
export const dynamodbLeases = (client: DynamoDBClient, clock: Clock, tableName: string): LeaseStore => {
  const leases = table(client, clock, tableName, 'group', 'shardId');
  return {
    list: async (group, signal) => (await leases.query({ partition: groupKey(group) }, signal)).map(leaseOf),

    get: async (group, shardIds, signal) => {
      const keys = [...new Set(shardIds)].map((shardId) => ({ group: groupKey(group), shardId }));
      return (await leases.getAll(keys, signal)).map(leaseOf);
    },

    create: async (lease, signal) => {
      const request = new PutItemCommand({
        TableName: tableName,
        Item: toItem({ group: groupKey(lease), ...z.encode(Lease, lease) }),
        ConditionExpression: 'attribute_not_exists(shardId)',
      });
      try {
        await client.send(request, { ...(signal && { abortSignal: signal }) });
        return { kind: 'created' };
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return { kind: 'exists' };
        throw translate(error, `create lease ${groupKey(lease)}/${lease.shardId}`);
      }
    },

    write: async (group, shardId, write, signal) => {
      const { values, ...expressions } = renderWrite(write);
      const request = new UpdateItemCommand({
        TableName: tableName,
        Key: toItem({ group: groupKey(group), shardId }),
        ...expressions,
        ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: toItem(values) }),
        ReturnValues: 'ALL_NEW',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      });
      try {
        const { Attributes } = await client.send(request, { ...(signal && { abortSignal: signal }) });
        return { kind: 'written', lease: leaseOf(fromItem(Attributes ?? {})) };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException))
          throw translate(error, `write ${write.name} on lease ${groupKey(group)}/${shardId}`);
        const lease = error.Item === undefined ? null : leaseOf(fromItem(error.Item));
        // The SDK sends again when an answer gets lost; then our own write is what refuses us.
        if (lease !== null && attemptsOf(error) > 1 && alreadyWritten(lease, write)) return { kind: 'written', lease };
        return { kind: 'fenced', lease };
      }
    },

    remove: async (group, shardId, epoch, signal) => {
      const request = new DeleteItemCommand({
        TableName: tableName,
        Key: toItem({ group: groupKey(group), shardId }),
        ConditionExpression: 'attribute_not_exists(shardId) OR (#epoch = :epoch AND #state = :ended)',
        ExpressionAttributeNames: { '#epoch': 'epoch', '#state': 'state' },
        ExpressionAttributeValues: toItem({ ':epoch': epoch, ':ended': 'ended' }),
      });
      try {
        await client.send(request, { ...(signal && { abortSignal: signal }) });
        return { kind: 'removed' };
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return { kind: 'fenced' };
        throw translate(error, `remove lease ${groupKey(group)}/${shardId}`);
      }
    },

    replaceFormer: async (lease, formerCreatedAtMs, signal) => {
      const request = new PutItemCommand({
        TableName: tableName,
        Item: toItem({ group: groupKey(lease), ...z.encode(Lease, lease) }),
        ConditionExpression: 'streamCreatedAtMs = :former',
        ExpressionAttributeValues: toItem({ ':former': formerCreatedAtMs }),
      });
      try {
        await client.send(request, { ...(signal && { abortSignal: signal }) });
        return { kind: 'replaced' };
      } catch (error) {
        // A lost answer: the item is the one that we put, or another worker's for the same stream. Either way nothing is left of the former one.
        if (error instanceof ConditionalCheckFailedException) return { kind: 'fenced' };
        throw translate(error, `replace former lease ${groupKey(lease)}/${lease.shardId}`);
      }
    },

    removeFormer: async (group, shardId, formerCreatedAtMs, signal) => {
      const request = new DeleteItemCommand({
        TableName: tableName,
        Key: toItem({ group: groupKey(group), shardId }),
        ConditionExpression: 'attribute_not_exists(shardId) OR streamCreatedAtMs = :former',
        ExpressionAttributeValues: toItem({ ':former': formerCreatedAtMs }),
      });
      try {
        await client.send(request, { ...(signal && { abortSignal: signal }) });
        return { kind: 'removed' };
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return { kind: 'fenced' };
        throw translate(error, `remove former lease ${groupKey(group)}/${shardId}`);
      }
    },
  };
};
