// infra: the least that a worker needs: leases, its heartbeat, its counters, the callbacks of the handover machine, its streams.
// in: tables, machine, streams · out: policy statements
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { type ManagedStream, streamArnOf } from './control-functions.ts';
import type { StateTables } from './state-tables.ts';

/** What `grantWorker` and the managed policy hold. */
export const workerStatements = (
  scope: Construct,
  tables: StateTables,
  handoverMachine: IStateMachine,
  streams: readonly ManagedStream[],
): PolicyStatement[] => {
  const arns = streams.map((stream) => streamArnOf(scope, stream));
  const consumers = streams.map((stream) => `${streamArnOf(scope, stream)}/consumer/penumbra-${stream.application}-*`);
  const table = (name: 'lease' | 'worker' | 'demand', ...actions: string[]) =>
    new PolicyStatement({ actions: actions.map((action) => `dynamodb:${action}`), resources: [tables[name].tableArn] });
  return [
    // The two Describe actions are for the checks before a worker's start (lib/adapters/aws/preflight.ts) alone, GetItem for lib/effects.
    table('lease', 'DescribeTable', 'Query', 'GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem', 'DeleteItem'),
    table('worker', 'DescribeTable', 'DescribeTimeToLive', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'),
    table('demand', 'DescribeTable', 'DescribeTimeToLive', 'BatchWriteItem'),
    new PolicyStatement({ actions: ['states:SendTaskSuccess'], resources: [handoverMachine.stateMachineArn] }),
    new PolicyStatement({
      actions: ['kinesis:DescribeStreamSummary', 'kinesis:ListShards', 'kinesis:GetShardIterator', 'kinesis:GetRecords'],
      resources: arns,
    }),
    // These name both the stream and the consumer. Source: service authorization reference, Kinesis Data Streams.
    new PolicyStatement({
      actions: [
        'kinesis:RegisterStreamConsumer',
        'kinesis:DescribeStreamConsumer',
        'kinesis:SubscribeToShard',
        // The last worker to leave takes its application's consumers with it: they bill for every shard.
        'kinesis:DeregisterStreamConsumer',
      ],
      resources: [...arns, ...consumers],
    }),
    new PolicyStatement({ actions: ['kinesis:ListStreamConsumers'], resources: arns }),
  ];
};
