// test: an AWS of which every answer can be said, for the checks before a start.
// in: what single requests answer differently · out: Preflight over SDK clients whose `send` answers from it
import { awsPreflight } from '../../lib/adapters/aws/preflight.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import type { Finding } from '../../lib/model/finding.ts';
import type { Clock, Preflight, PreflightTarget } from '../../lib/ports.ts';

/** An answer by the name of the command, or of the command and its table; an Error is thrown. */
export type Answers = Readonly<Record<string, unknown>>;

export interface PreflightWorld {
  readonly answers?: Answers;
  readonly region?: string;
  /** The servers' clocks, against ours. */
  readonly serverAheadMs?: number;
  readonly clock?: Clock;
}

export const TABLES = { leaseTable: 'leases', workerTable: 'workers', demandTable: 'demand' };
export const TARGET: PreflightTarget = { application: 'shop', streamName: 'orders', retrieval: 'fan-out-for-shadows' };
export const STREAM_ARN = 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders';

/** An error as the SDK throws it. */
export const sdkError = (name: string, message = `${name} for a test`, more: object = {}): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 400 } }, more);

const schema = (partitionKey: string, sortKey: string, type = 'S') => ({
  Table: {
    TableStatus: 'ACTIVE',
    KeySchema: [
      { AttributeName: partitionKey, KeyType: 'HASH' },
      { AttributeName: sortKey, KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [partitionKey, sortKey].map((AttributeName) => ({ AttributeName, AttributeType: type })),
  },
});
const timeToLive = { TimeToLiveDescription: { TimeToLiveStatus: 'ENABLED', AttributeName: 'expiresAt' } };
const refusedWrite = sdkError('ConditionalCheckFailedException');
const unregistered = sdkError('ResourceNotFoundException', 'the consumer is not there');

/** What AWS answers where all is well. */
const WELL: Answers = {
  DescribeStreamSummary: {
    StreamDescriptionSummary: {
      StreamARN: STREAM_ARN,
      StreamStatus: 'ACTIVE',
      StreamModeDetails: { StreamMode: 'PROVISIONED' },
    },
  },
  ListShards: { Shards: [{ ShardId: 'shardId-000000000000' }, { ShardId: 'shardId-000000000001' }] },
  GetShardIterator: { ShardIterator: 'iterator' },
  GetRecords: sdkError('DryRunOperationException'),
  DescribeStreamConsumer: unregistered,
  SubscribeToShard: unregistered,
  'DescribeTable leases': schema('group', 'shardId'),
  'DescribeTable workers': schema('group', 'workerId'),
  'DescribeTable demand': schema('pk', 'sk'),
  'DescribeTimeToLive workers': timeToLive,
  'DescribeTimeToLive demand': timeToLive,
  Query: { Items: [] },
  BatchGetItem: { Responses: {} },
  PutItem: refusedWrite,
  UpdateItem: refusedWrite,
  DeleteItem: refusedWrite,
  BatchWriteItem: { UnprocessedItems: {} },
};

/** The keys of a table. */
export const schemaOf = schema;

interface Sent {
  readonly name: string;
  readonly input: Record<string, unknown>;
}
interface SdkCommand {
  readonly constructor: { readonly name: string };
  readonly input: Record<string, unknown>;
  readonly middlewareStack: {
    resolve(handler: () => Promise<object>, context: object): (sending: object) => Promise<{ output: unknown }>;
  };
}

export interface OpenWorld {
  readonly sent: readonly Sent[];
  check(target?: Partial<PreflightTarget>, signal?: AbortSignal): Promise<Finding[]>;
}

export const preflightWorld = ({
  answers = {},
  region = 'eu-west-1',
  serverAheadMs = 0,
  clock = systemClock,
}: PreflightWorld = {}): OpenWorld => {
  const sent: Sent[] = [];
  const all: Answers = { ...WELL, ...answers };
  const client = (service: string) => ({
    config: {
      region: async () => {
        if (region === '') throw new Error('Region is missing');
        return region;
      },
    },
    send: async (command: SdkCommand, options?: { abortSignal?: AbortSignal }) => {
      if (region === '') throw new Error('Region is missing');
      const name = command.constructor.name.replace(/Command$/, '');
      sent.push({ name, input: command.input });
      const table = command.input.TableName ?? Object.keys((command.input.RequestItems as object | undefined) ?? {})[0];
      const answer = all[`${name} ${table}`] ?? all[name];
      const request = { protocol: 'https:', hostname: `${service}.${region}.amazonaws.com` };
      // What the SDK does: the command's own middleware lies between the wire and the reading of the answer.
      const response = { headers: { date: new Date(Date.now() + serverAheadMs).toUTCString() } };
      const wire = command.middlewareStack.resolve(async () => {
        if (answer instanceof Error && 'code' in answer) throw answer;
        return { response, output: answer };
      }, {});
      await wire({ input: command.input, request });
      if (answer === 'never') {
        const left = Promise.withResolvers<never>();
        const leave = () => left.reject(sdkError('AbortError', 'Request aborted'));
        options?.abortSignal?.addEventListener('abort', leave);
        if (options?.abortSignal?.aborted) leave();
        return left.promise;
      }
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  const kinesis = client('kinesis');
  const clients = { dynamodb: client('dynamodb'), kinesisControl: kinesis, kinesisReads: kinesis, kinesisSubscriptions: kinesis };
  const preflight: Preflight = awsPreflight(clients as never, clock, TABLES);
  return { sent, check: (target, signal) => preflight.check({ ...TARGET, ...target }, signal) };
};
