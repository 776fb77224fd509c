// infra: one function of the control plane, with exactly what functions/needs.ts says it needs.
// in: a function's name · out: a Lambda function whose role can do that and nothing else
import { Duration, Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { type FunctionName, type Needs, needs, VARIABLES } from '../functions/needs.ts';
import type { StateTables } from './state-tables.ts';

/** One stream as one application reads it. */
export interface ManagedStream {
  readonly application: string;
  readonly streamName: string;
}

export const METRIC_NAMESPACE = 'Penumbra';
const KINESIS_ACTIONS = {
  describe: ['kinesis:DescribeStreamSummary', 'kinesis:ListShards'],
  split: ['kinesis:SplitShard'],
  merge: ['kinesis:MergeShards'],
  resize: ['kinesis:UpdateShardCount'],
  consumers: ['kinesis:ListStreamConsumers', 'kinesis:DeregisterStreamConsumer'],
} as const;

export const streamArnOf = (scope: Construct, { streamName }: ManagedStream): string =>
  Stack.of(scope).formatArn({ service: 'kinesis', resource: 'stream', resourceName: streamName });

/** PutMetricData has no resources to name; the namespace bounds it. Source: service authorization reference, CloudWatch. */
export const publishMetrics = (): PolicyStatement =>
  new PolicyStatement({
    actions: ['cloudwatch:PutMetricData'],
    resources: ['*'],
    conditions: { StringEquals: { 'cloudwatch:namespace': METRIC_NAMESPACE } },
  });

/** An ECS service that runs workers. */
export interface ManagedService {
  readonly cluster: string;
  readonly service: string;
}

export interface ControlFunctionsProps {
  readonly code: Code;
  readonly tables: StateTables;
  readonly streams: readonly ManagedStream[];
  readonly logGroup: ILogGroup;
  /** The services whose desired count may be set. */
  readonly workerServices: readonly ManagedService[];
  /** Further variables of every function. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface FunctionSettings {
  /** Seconds. */
  readonly timeoutSec?: number;
  /** A full virtual CPU comes with 1769 MiB. */
  readonly memoryMiB?: number;
  readonly queue?: IQueue;
  readonly handoverMachine?: IStateMachine;
  readonly reshardMachine?: IStateMachine;
  readonly profileMachine?: IStateMachine;
  readonly forecastMachine?: IStateMachine;
}

/** Makes the functions of one deployment. */
export class ControlFunctions extends Construct {
  readonly #props: ControlFunctionsProps;

  constructor(scope: Construct, id: string, props: ControlFunctionsProps) {
    super(scope, id);
    this.#props = props;
  }

  /** Makes one function. Fails when a thing that it needs was not given. */
  make(name: FunctionName, settings: FunctionSettings = {}): LambdaFunction {
    const { code, logGroup, streams, environment } = this.#props;
    const role = new Role(this, `${name}-role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({ actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] }),
    );
    const made = new LambdaFunction(this, name, {
      description: `Penumbra: ${name}`,
      code,
      handler: `${name}.handler`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: settings.memoryMiB ?? 512,
      timeout: Duration.seconds(settings.timeoutSec ?? 30),
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      environment: { ...environment, [VARIABLES.streams]: JSON.stringify(streams) },
    });
    this.#provide(made, name, settings);
    return made;
  }

  #provide(made: LambdaFunction, name: FunctionName, settings: FunctionSettings): void {
    const { tables, streams, workerServices } = this.#props;
    const of: Needs = needs[name];
    const required = <T>(thing: T | undefined, what: string): T => {
      if (thing === undefined) throw new Error(`function ${name} needs ${what}, got none`);
      return thing;
    };
    for (const table of ['lease', 'worker', 'demand', 'control'] as const) {
      const actions = of[table];
      if (actions === undefined) continue;
      made.addToRolePolicy(
        new PolicyStatement({ actions: actions.map((action) => `dynamodb:${action}`), resources: [tables[table].tableArn] }),
      );
      made.addEnvironment(VARIABLES[table], tables[table].tableName);
    }
    for (const need of of.stream ?? []) {
      const arns = streams.map((stream) => streamArnOf(this, stream));
      const consumers = streams.map((stream) => `${streamArnOf(this, stream)}/consumer/penumbra-${stream.application}-*`);
      made.addToRolePolicy(
        new PolicyStatement({
          actions: [...KINESIS_ACTIONS[need]],
          resources: need === 'consumers' ? [...arns, ...consumers] : arns,
        }),
      );
    }
    if (of.workerServices && workerServices.length > 0)
      made.addToRolePolicy(
        new PolicyStatement({
          actions: ['ecs:DescribeServices', 'ecs:UpdateService'],
          resources: workerServices.map(({ cluster, service }) =>
            Stack.of(this).formatArn({ service: 'ecs', resource: 'service', resourceName: `${cluster}/${service}` }),
          ),
        }),
      );
    if (of.metrics?.includes('write')) made.addToRolePolicy(publishMetrics());
    // GetMetricData has no resources to name. Source: service authorization reference, CloudWatch.
    if (of.metrics?.includes('read'))
      made.addToRolePolicy(new PolicyStatement({ actions: ['cloudwatch:GetMetricData'], resources: ['*'] }));
    if (of.commands) {
      const queue = required(settings.queue, 'the command queue');
      made.addToRolePolicy(
        new PolicyStatement({ effect: Effect.ALLOW, actions: ['sqs:SendMessage'], resources: [queue.queueArn] }),
      );
      made.addEnvironment(VARIABLES.commands, queue.queueUrl);
    }
    if (of.machines) {
      const [handover, reshard, profile] = [
        required(settings.handoverMachine, 'the handover machine'),
        required(settings.reshardMachine, 'the reshard machine'),
        required(settings.profileMachine, 'the profile machine'),
      ];
      made.addToRolePolicy(
        new PolicyStatement({
          actions: ['states:StartExecution'],
          resources: [handover.stateMachineArn, reshard.stateMachineArn, profile.stateMachineArn],
        }),
      );
      made.addEnvironment(VARIABLES.handoverMachine, handover.stateMachineArn);
      made.addEnvironment(VARIABLES.reshardMachine, reshard.stateMachineArn);
      made.addEnvironment(VARIABLES.profileMachine, profile.stateMachineArn);
    }
    if (of.forecastMachine) {
      const { stateMachineArn } = required(settings.forecastMachine, 'the forecast machine');
      made.addToRolePolicy(new PolicyStatement({ actions: ['states:StartExecution'], resources: [stateMachineArn] }));
      made.addEnvironment(VARIABLES.forecastMachine, stateMachineArn);
    }
  }
}
