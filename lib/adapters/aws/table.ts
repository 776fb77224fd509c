// lib/adapters/aws: a DynamoDB table: items in batches, queries in pages, until nothing is left.
// in: keys and items in plain JSON · out: the same, or an error; a partial result is no result
import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  type DynamoDBClient,
  type KeysAndAttributes,
  QueryCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { marshall, type NativeAttributeValue, unmarshall } from '@aws-sdk/util-dynamodb';
import { TransientError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import { sending } from './sdk-errors.ts';

export type Item = Record<string, NativeAttributeValue>;
type RawItem = Record<string, AttributeValue>;

/** Limits of one request. Source: DynamoDB API reference, BatchWriteItem and BatchGetItem. */
const MAX_WRITES = 25;
const MAX_GETS = 100;
const MAX_TRIES = 8;

/** Plain JSON (with bytes) to DynamoDB's attributes; undefined attributes are left out. */
export const toItem = (item: object): RawItem => marshall(item, { removeUndefinedValues: true });

/** The inverse of `toItem`. */
export const fromItem = (item: RawItem): Item => unmarshall(item);

/** Milliseconds padded so that their text sorts as their value. */
export const sortableMs = (ms: number): string => Math.floor(ms).toString().padStart(15, '0');

/** The TTL attribute: whole seconds of the epoch. */
export const expiresAt = (nowMs: number, livesMs: number): number => Math.ceil((nowMs + livesMs) / 1000);
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

const chunksOf = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));

export interface Table {
  /** Puts all items, in batches; those that DynamoDB leaves unprocessed are sent again. Two items of one key: the last one stays. */
  putAll(items: readonly Item[], keyOf: (item: Item) => string, signal?: AbortSignal): Promise<void>;
  /** Gets the items of the keys that are there, in no order; strongly consistent. */
  getAll(keys: readonly Item[], signal?: AbortSignal): Promise<Item[]>;
  /** All items of a partition between two sort keys (inclusive), or the first `limit`. Strongly consistent unless it says `eventually`. */
  query(query: RangeQuery, signal?: AbortSignal): Promise<Item[]>;
}

export interface RangeQuery {
  readonly partition: string;
  readonly from?: string;
  readonly to?: string;
  readonly newestFirst?: boolean;
  readonly limit?: number;
  /** Half the price; may be a moment behind. */
  readonly eventually?: boolean;
  /** Tells by its sort key whether an item is wanted: others are read, but not turned into plain JSON. Not with a `limit`. */
  readonly wanted?: (sort: string) => boolean;
}

/** A table with the partition key `partitionKey` and the sort key `sortKey`. */
export const table = (client: DynamoDBClient, clock: Clock, tableName: string, partitionKey: string, sortKey: string): Table => {
  const backOff = (tries: number, left: number, what: string, signal?: AbortSignal) => {
    if (tries >= MAX_TRIES)
      throw new TransientError(`${what} ${tableName}: ${left} items stayed unprocessed after ${tries} tries`);
    return clock.sleep(Math.min(25 * 2 ** tries, 1_000), signal);
  };

  const putBatch = async (batch: WriteRequest[], signal?: AbortSignal) => {
    let left = batch;
    for (let tries = 0; left.length > 0; tries += 1) {
      if (tries > 0) await backOff(tries, left.length, 'put into', signal);
      const request = new BatchWriteItemCommand({ RequestItems: { [tableName]: left } });
      const { UnprocessedItems } = await sending(`put into ${tableName}`, () =>
        client.send(request, { ...(signal && { abortSignal: signal }) }),
      );
      left = UnprocessedItems?.[tableName] ?? [];
    }
  };

  const getBatch = async (batch: readonly Item[], signal?: AbortSignal): Promise<Item[]> => {
    const got: Item[] = [];
    let left: KeysAndAttributes | undefined = { Keys: batch.map((key) => toItem(key)), ConsistentRead: true };
    for (let tries = 0; left?.Keys !== undefined && left.Keys.length > 0; tries += 1) {
      if (tries > 0) await backOff(tries, left.Keys.length, 'get from', signal);
      const request: BatchGetItemCommand = new BatchGetItemCommand({ RequestItems: { [tableName]: left } });
      const answer = await sending(`get from ${tableName}`, () =>
        client.send(request, { ...(signal && { abortSignal: signal }) }),
      );
      got.push(...(answer.Responses?.[tableName] ?? []).map(fromItem));
      left = answer.UnprocessedKeys?.[tableName];
    }
    return got;
  };

  return {
    putAll: async (items, keyOf, signal) => {
      const unique = [...new Map(items.map((item) => [keyOf(item), item])).values()];
      for (const batch of chunksOf(unique, MAX_WRITES))
        await putBatch(
          batch.map((item) => ({ PutRequest: { Item: toItem(item) } })),
          signal,
        );
    },

    getAll: async (keys, signal) => {
      const got: Item[] = [];
      for (const batch of chunksOf(keys, MAX_GETS)) got.push(...(await getBatch(batch, signal)));
      return got;
    },

    query: async (
      { partition, from = ' ', to = '\u{10ffff}', newestFirst = false, limit, eventually = false, wanted },
      signal,
    ) => {
      const items: Item[] = [];
      let next: RawItem | undefined;
      do {
        const request: QueryCommand = new QueryCommand({
          TableName: tableName,
          ConsistentRead: !eventually,
          KeyConditionExpression: '#partition = :partition AND #sort BETWEEN :from AND :to',
          ExpressionAttributeNames: { '#partition': partitionKey, '#sort': sortKey },
          ExpressionAttributeValues: toItem({ ':partition': partition, ':from': from, ':to': to }),
          ScanIndexForward: !newestFirst,
          ...(limit === undefined ? {} : { Limit: limit - items.length }),
          ...(next === undefined ? {} : { ExclusiveStartKey: next }),
        });
        const page = await sending(`query ${partition} in ${tableName}`, () =>
          client.send(request, { ...(signal && { abortSignal: signal }) }),
        );
        for (const item of page.Items ?? []) if (wanted?.(item[sortKey]!.S!) ?? true) items.push(fromItem(item));
        next = page.LastEvaluatedKey;
      } while (next !== undefined && (limit === undefined || items.length < limit));
      return items;
    },
  };
};
