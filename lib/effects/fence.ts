// lib/effects: fencing of single items, for a sink that takes a record's effect twice without harm, but not from a worker that was paused and woken.
// in: a call's context · out: a condition and an assignment for UpdateItem
//
// The item keeps the highest epoch that has written it, per shard: `fence:<shardId>`. Epochs of different shards do not compare: after a split the child's
// begins low, and a single number would refuse it. Use UpdateItem: a put would forget the epochs of the shard's ancestors.
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { translate } from '../adapters/aws/sdk-errors.ts';
import { fromItem, type Item, toItem } from '../adapters/aws/table.ts';
import type { EffectContext } from './dynamodb-effects.ts';

/** Parts of an UpdateItem, to be put beside one's own. */
export interface Fence {
  /** No later owner of this shard has written the item. */
  readonly condition: string;
  /** Notes this epoch: belongs into the SET clause. */
  readonly assignment: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, AttributeValue>>;
}

/** The fence of the call's shard and epoch on one item of a sink. */
export const fence = ({ shardId, epoch }: Pick<EffectContext, 'shardId' | 'epoch'>): Fence => ({
  condition: '(attribute_not_exists(#fence) OR #fence <= :fence)',
  assignment: '#fence = :fence',
  names: { '#fence': `fence:${shardId}` },
  values: { ':fence': { N: String(epoch) } },
});

export type FencedAnswer =
  | { readonly kind: 'written' }
  /** A later owner of the shard, under this epoch, has written the item: this worker was paused. Nothing was written. */
  | { readonly kind: 'fenced'; readonly epoch: number | null };

/** Sets attributes of one item unless a later owner of the shard has written it. The same call twice leaves the same item. Throws as every adapter does. */
export const fencedUpdate = async (
  client: DynamoDBClient,
  context: Pick<EffectContext, 'shardId' | 'epoch' | 'signal'>,
  { tableName, key, attributes }: { readonly tableName: string; readonly key: Item; readonly attributes: Item },
): Promise<FencedAnswer> => {
  const { condition, assignment, names, values } = fence(context);
  const own = Object.entries(attributes);
  const request = new UpdateItemCommand({
    TableName: tableName,
    Key: toItem(key),
    UpdateExpression: `SET ${[assignment, ...own.map((_, i) => `#a${i} = :a${i}`)].join(', ')}`,
    ConditionExpression: condition,
    ExpressionAttributeNames: { ...names, ...Object.fromEntries(own.map(([name], i) => [`#a${i}`, name])) },
    ExpressionAttributeValues: { ...values, ...toItem(Object.fromEntries(own.map(([, value], i) => [`:a${i}`, value]))) },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    await client.send(request, { abortSignal: context.signal });
    return { kind: 'written' };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw translate(error, `write ${tableName} for ${context.shardId}`);
    const seen = fromItem(error.Item ?? {})[`fence:${context.shardId}`];
    return { kind: 'fenced', epoch: typeof seen === 'number' ? seen : null };
  }
};
