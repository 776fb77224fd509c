// test/effects: records and the context of a call, as the runtime would give them, and a sink whose items count.
import {
  CreateTableCommand,
  type DynamoDBClient,
  ScanCommand,
  type TransactWriteItem,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { plainResults, plainStage } from '../../lib/consumer/plain-context.ts';
import type { ProcessorContext } from '../../lib/consumer/processor.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { sampleLease } from '../support/sample-lease.ts';

/** The context of a call for the sample lease. */
export const contextOf = (change: Partial<ProcessorContext> = {}): ProcessorContext => {
  const { application, streamName, shardId, epoch } = sampleLease();
  return {
    application,
    streamName,
    shardId,
    workerId: 'a',
    epoch,
    shadow: false,
    leg: null,
    lanes: 1,
    stage: plainStage,
    results: plainResults,
    signal: new AbortController().signal,
    checkpoint: () => Promise.resolve(),
    ...change,
  };
};

/** Records with these sequence numbers; `5/2` is the third record within the aggregate 5. */
export const recordsOf = (...positions: readonly string[]): StreamRecord[] =>
  positions.map((position) => {
    const [sequenceNumber = '', sub] = position.split('/');
    return {
      sequenceNumber,
      ...(sub === undefined ? {} : { subSequenceNumber: Number(sub) }),
      partitionKey: `key-${sequenceNumber}`,
      data: Buffer.from(position),
      arrivedAtMs: 1_800_000_000_000,
    };
  });

/** Effects that show every repetition: each record adds 1 to an item of its own and to one that all share. */
export const countingItems =
  (sinkTable: string) =>
  (records: readonly StreamRecord[]): TransactWriteItem[] => {
    const add = (pk: string, by: number): TransactWriteItem => ({
      Update: {
        TableName: sinkTable,
        Key: { pk: { S: pk } },
        UpdateExpression: 'ADD times :by',
        ExpressionAttributeValues: { ':by': { N: String(by) } },
      },
    });
    return [add('total', records.length), ...records.map((record) => add(Buffer.from(record.data).toString(), 1))];
  };

/** Makes a sink with the partition key `pk`. */
export const createSink = async (client: DynamoDBClient, tableName: string): Promise<void> => {
  await client.send(
    new CreateTableCommand({
      TableName: tableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 20, minDelay: 1 }, { TableName: tableName });
};

/** How often each item of the sink was added to. */
export const timesIn = async (client: DynamoDBClient, tableName: string): Promise<Record<string, number>> => {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName, ConsistentRead: true }));
  return Object.fromEntries(Items.map(({ pk, times }) => [pk?.S ?? '', Number(times?.N)]));
};
