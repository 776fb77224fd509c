// lib/adapters/aws: what is tuned of a group's workers: one item of the worker table (pk `group#tuning`, sk `tuning`), packed, with its revision beside it. The workers' own rights on the
// table are enough.
// in: TuningStore calls · out: one query, one conditional write
import { isDeepStrictEqual } from 'node:util';
import { ConditionalCheckFailedException, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Group } from '../../model/lease.ts';
import { Tuning } from '../../model/tuning.ts';
import type { Clock, TuningStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import { pack, unpack } from './packed.ts';
import { attemptsOf, translate } from './sdk-errors.ts';
import { fromItem, type Item, table, toItem } from './table.ts';

const SORT = 'tuning';
const partitionOf = (group: Group): string => `${groupKey(group)}#tuning`;
const tuningOf = (item: Item): Tuning => unpack(Tuning, item.body as Uint8Array, `tuning of ${item.group}`);

/** The tuning of a table whose keys are `group` and `workerId`. */
export const dynamodbTuning = (client: DynamoDBClient, clock: Clock, tableName: string): TuningStore => {
  const workers = table(client, clock, tableName, 'group', 'workerId');
  return {
    get: async (group, signal) => {
      const [item] = await workers.query({ partition: partitionOf(group), from: SORT, to: SORT }, signal);
      return item === undefined ? null : tuningOf(item);
    },
    write: async (tuning, signal) => {
      const request = new PutItemCommand({
        TableName: tableName,
        Item: toItem({
          group: partitionOf(tuning),
          workerId: SORT,
          revision: tuning.revision,
          body: pack(Tuning, tuning),
        }),
        ConditionExpression: tuning.revision === 1 ? 'attribute_not_exists(workerId)' : 'revision = :before',
        ...(tuning.revision === 1 ? {} : { ExpressionAttributeValues: toItem({ ':before': tuning.revision - 1 }) }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      });
      try {
        await client.send(request, { ...(signal && { abortSignal: signal }) });
        return { kind: 'written' };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw translate(error, `write tuning ${tuning.revision}`);
        const stored = error.Item === undefined ? null : tuningOf(fromItem(error.Item));
        // The SDK sends again when an answer gets lost; then our own write is what refuses us.
        const isOwn = attemptsOf(error) > 1 && isDeepStrictEqual(stored, tuning);
        return isOwn ? { kind: 'written' } : { kind: 'fenced', tuning: stored };
      }
    },
  };
};
