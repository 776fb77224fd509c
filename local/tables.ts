// local: the four tables, made directly, for tests and benches that need no deployment.
// in: a client, a prefix · out: the tables' names, by what awsPorts calls them

import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DescribeTableCommand, type DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';

export interface TableNames {
  readonly leaseTable: string;
  readonly workerTable: string;
  readonly demandTable: string;
  readonly controlTable: string;
}

/** Keys and time to live of each table; infra makes the same. */
export const tableKeys = {
  leaseTable: { partitionKey: 'group', sortKey: 'shardId', timeToLive: undefined },
  workerTable: { partitionKey: 'group', sortKey: 'workerId', timeToLive: 'expiresAt' },
  demandTable: { partitionKey: 'pk', sortKey: 'sk', timeToLive: 'expiresAt' },
  controlTable: { partitionKey: 'pk', sortKey: 'sk', timeToLive: 'expiresAt' },
} as const;

/** Creates the four tables as `${prefix}-leases`, `-workers`, `-demand` and `-control`; resolves when they can be used. */
export const createTables = async (client: DynamoDBClient, prefix: string): Promise<TableNames> => {
  const names: TableNames = {
    leaseTable: `${prefix}-leases`,
    workerTable: `${prefix}-workers`,
    demandTable: `${prefix}-demand`,
    controlTable: `${prefix}-control`,
  };
  for (const table of Object.keys(tableKeys) as (keyof TableNames)[]) {
    const { partitionKey, sortKey, timeToLive } = tableKeys[table];
    const TableName = names[table];
    const request = new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: partitionKey, KeyType: 'HASH' },
        { AttributeName: sortKey, KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [partitionKey, sortKey].map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const })),
    });
    await client.send(request);
    while ((await client.send(new DescribeTableCommand({ TableName }))).Table?.TableStatus !== 'ACTIVE') await sleep(50);
    if (timeToLive !== undefined)
      await client.send(
        new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { AttributeName: timeToLive, Enabled: true } }),
      );
  }
  return names;
};
