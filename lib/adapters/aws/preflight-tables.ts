// lib/adapters/aws: whether the tables are there, are ours, and let a worker do its work.
// in: a table's name, what a worker does with it · out: findings; nothing is written, and one item that is never there is deleted
import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  type DescribeTableCommandOutput,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { Finding } from '../../model/finding.ts';
import type { Answer, Asking } from './preflight-ask.ts';
import { permissionFinding, type Question, reachFinding } from './preflight-reach.ts';
import { toItem } from './table.ts';

/** What a worker does with a table, and by which keys. */
export interface TableNeeds {
  readonly tableName: string;
  /** By what awsPorts calls it. */
  readonly setting: 'leaseTable' | 'workerTable' | 'demandTable';
  readonly partitionKey: string;
  readonly sortKey: string;
  readonly partition: string;
  readonly actions: readonly TableAction[];
  readonly timeToLive: string | null;
}
export type TableAction = 'Query' | 'BatchGetItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'BatchWriteItem';

/** The sort key of an item that nobody writes. */
const NEVER_THERE = '#preflight';

interface Try {
  readonly action: string;
  readonly answer: Answer<unknown>;
}

/** Requests that change nothing: their conditions contradict themselves, so that the permission is all that is found out. */
const tries = (client: DynamoDBClient, asking: Asking, needs: TableNeeds, signal?: AbortSignal): Promise<Try>[] => {
  const { tableName, partitionKey, sortKey, partition } = needs;
  const options = { ...(signal && { abortSignal: signal }) };
  const Key = toItem({ [partitionKey]: partition, [sortKey]: NEVER_THERE });
  const never = {
    TableName: tableName,
    ConditionExpression: 'attribute_exists(#key) AND attribute_not_exists(#key)',
    ExpressionAttributeNames: { '#key': partitionKey },
  };
  const requests = {
    Query: () =>
      new QueryCommand({
        TableName: tableName,
        KeyConditionExpression: '#key = :key',
        ExpressionAttributeNames: { '#key': partitionKey },
        ExpressionAttributeValues: { ':key': Key[partitionKey] as AttributeValue },
        Limit: 1,
      }),
    BatchGetItem: () => new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys: [Key] } } }),
    PutItem: () => new PutItemCommand({ ...never, Item: Key }),
    UpdateItem: () =>
      new UpdateItemCommand({
        ...never,
        Key,
        UpdateExpression: 'SET preflight = :true',
        ExpressionAttributeValues: { ':true': { BOOL: true } },
      }),
    DeleteItem: () => new DeleteItemCommand({ ...never, Key }),
    // Has no conditions; deletes what is never there.
    BatchWriteItem: () => new BatchWriteItemCommand({ RequestItems: { [tableName]: [{ DeleteRequest: { Key } }] } }),
  } satisfies Record<TableAction, () => object>;
  return needs.actions.map(async (action) => {
    const command = requests[action]();
    const answer = await asking.ask(command, () => client.send(command as QueryCommand, options));
    return { action: `dynamodb:${action}`, answer };
  });
};

const keysOf = (described: DescribeTableCommandOutput): string => {
  const { KeySchema = [], AttributeDefinitions = [] } = described.Table ?? {};
  const typeOf = (name?: string) => AttributeDefinitions.find((each) => each.AttributeName === name)?.AttributeType ?? '?';
  return KeySchema.map((key) => `${key.AttributeName} (${key.KeyType}, ${typeOf(key.AttributeName)})`).join(', ');
};

/** What is wrong with one table; nothing, when a worker can use it. */
export const tableFindings = async (
  client: DynamoDBClient,
  asking: Asking,
  needs: TableNeeds,
  region: string,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  const { tableName, setting, timeToLive } = needs;
  const what = `${setting} ${tableName} in ${region}`;
  const options = { ...(signal && { abortSignal: signal }) };
  const describe = new DescribeTableCommand({ TableName: tableName });
  const describeTimeToLive = new DescribeTimeToLiveCommand({ TableName: tableName });
  const [described, life, ...tried] = await Promise.all([
    asking.ask(describe, () => client.send(describe, options)),
    timeToLive === null ? null : asking.ask(describeTimeToLive, () => client.send(describeTimeToLive, options)),
    ...tries(client, asking, needs, signal),
  ]);
  const looked: Try[] = [
    { action: 'dynamodb:DescribeTable', answer: described },
    ...(life === null ? [] : [{ action: 'dynamodb:DescribeTimeToLive', answer: life }]),
  ];
  const all = [...looked, ...tried];
  const declined = (name: string) => all.some(({ answer }) => answer.kind === 'declined' && answer.name === name);

  if (declined('ResourceNotFoundException'))
    return [
      {
        kind: 'table-missing',
        what,
        received: 'no such table',
        allowed: `the stack's own table of this account and region`,
        doThis: `deploy the stack, or correct ${setting} and the region; cdk deploy prints the tables' names`,
        fatal: true,
      },
    ];
  const expected = `${needs.partitionKey} (HASH, S), ${needs.sortKey} (RANGE, S)`;
  const found = described.kind === 'answered' ? keysOf(described.output) : null;
  if ((found !== null && found !== expected) || (found === null && declined('ValidationException')))
    return [
      {
        kind: 'table-of-another-schema',
        what,
        received: found === null ? 'keys that do not fit' : `the keys ${found || 'none'}`,
        allowed: `the keys ${expected}`,
        doThis: `correct ${setting}: this table belongs to something else; cdk deploy prints the tables' names`,
        fatal: true,
      },
    ];
  const findings: Finding[] = [];
  const status = described.kind === 'answered' ? described.output.Table?.TableStatus : 'ACTIVE';
  if (status !== 'ACTIVE' && status !== 'UPDATING')
    findings.push({
      kind: 'table-not-ready',
      what,
      received: `status ${status}`,
      allowed: 'ACTIVE or UPDATING',
      doThis:
        status === 'CREATING' ? 'wait until it is ACTIVE and start again' : 'restore the table, or its key, and start again',
      fatal: true,
    });
  findings.push(...lifeFindings(needs, what, life), ...accessFindings(what, setting, looked, tried));
  for (const { action, answer } of all) {
    const question: Question = { service: 'DynamoDB', region, action, resource: `${setting} ${tableName}` };
    const finding = reachFinding(answer, question);
    if (finding !== null) findings.push(finding);
  }
  return findings;
};

const lifeFindings = (needs: TableNeeds, what: string, life: Answer<TimeToLive> | null): Finding[] => {
  if (needs.timeToLive === null || life?.kind !== 'answered') return [];
  const { TimeToLiveStatus: status = 'DISABLED', AttributeName: attribute } = life.output.TimeToLiveDescription ?? {};
  const isOn = (status === 'ENABLED' || status === 'ENABLING') && attribute === needs.timeToLive;
  if (isOn) return [];
  return [
    {
      kind: 'time-to-live-off',
      what,
      received: `time to live ${status}${attribute === undefined ? '' : ` by ${attribute}`}`,
      allowed: `ENABLED by ${needs.timeToLive}`,
      doThis: 'switch it on by UpdateTimeToLive: without it old items stay and are paid for, nothing else goes wrong',
      fatal: false,
    },
  ];
};

interface TimeToLive {
  readonly TimeToLiveDescription?:
    | { readonly TimeToLiveStatus?: string | undefined; readonly AttributeName?: string | undefined }
    | undefined;
}

/** Denied work is fatal; a denied look at the table is only said. */
const accessFindings = (what: string, setting: string, looked: readonly Try[], tried: readonly Try[]): Finding[] => {
  const denied = (each: readonly Try[]) =>
    each.flatMap(({ action, answer }) => (answer.kind === 'denied' ? [{ action, message: answer.message }] : []));
  const work = denied(tried);
  const looks = denied(looked);
  if (work.length > 0) return permissionFinding(what, [...work, ...looks], `correct ${setting}`, true);
  return looks.map(({ action, message }) => ({
    kind: 'not-checked',
    what,
    received: `${action} denied: ${message}`,
    allowed: 'a look at the table',
    doThis: `allow ${action}, which the stack's WorkerPolicy does; only this check needs it`,
    fatal: false,
  }));
};
