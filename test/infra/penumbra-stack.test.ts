import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { beforeAll, describe, expect, it } from 'vitest';
import { needs } from '../../functions/needs.ts';
import { routes } from '../../functions/routes.ts';
import { PredictiveShadowing } from '../../infra/predictive-shadowing.ts';
import { templateOf } from './templates.ts';

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

let template: ReturnType<typeof templateOf>;
beforeAll(() => {
  template = templateOf();
}, 60_000);

const statements = (): Statement[] =>
  ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'].flatMap((type) =>
    Object.values(template.findResources(type)).flatMap((policy) => policy.Properties.PolicyDocument.Statement as Statement[]),
  );
const actionsOf = ({ Action }: Statement): string[] => [Action].flat();

describe('PenumbraStack', () => {
  it('asks for IAM authorisation on every route, and has every route of the table', () => {
    const methods = Object.values(template.findResources('AWS::ApiGateway::Method'));
    expect(methods).toHaveLength(Object.keys(routes).length);
    for (const method of methods) expect(method.Properties.AuthorizationType).toBe('AWS_IAM');
  });

  it('checks bodies and throttles', () => {
    const withBody = Object.values(template.findResources('AWS::ApiGateway::Method')).filter(
      ({ Properties }) => Properties.HttpMethod !== 'GET' && Properties.HttpMethod !== 'DELETE',
    );
    expect(withBody).toHaveLength(8);
    for (const { Properties } of withBody) expect(Properties.RequestValidatorId).toBeDefined();
    template.hasResourceProperties('AWS::ApiGateway::Stage', {
      MethodSettings: Match.arrayWith([Match.objectLike({ ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 })]),
    });
  });

  it('has one function for each entry of the needs', () => {
    const handlers = Object.values(template.findResources('AWS::Lambda::Function')).map(
      ({ Properties }) => Properties.Handler as string,
    );
    expect(handlers.sort()).toEqual(
      Object.keys(needs)
        .map((name) => `${name}.handler`)
        .sort(),
    );
  });

  it('never allows an action by wildcard', () => {
    const wild = statements()
      .flatMap(actionsOf)
      .filter((action) => action.includes('*'));
    expect(wild).toEqual([]);
  });

  it('allows all resources only for CloudWatch, which has none to name', () => {
    const everywhere = statements().filter(({ Effect, Resource }) => Effect === 'Allow' && [Resource].flat().includes('*'));
    expect([...new Set(everywhere.flatMap(actionsOf))].sort()).toEqual(['cloudwatch:GetMetricData', 'cloudwatch:PutMetricData']);
    for (const statement of everywhere.filter((each) => actionsOf(each).includes('cloudwatch:PutMetricData')))
      expect(statement.Condition).toEqual({ StringEquals: { 'cloudwatch:namespace': 'Penumbra' } });
  });

  it('lets only one function split or merge, and no function process records', () => {
    const policies = Object.values(template.findResources('AWS::IAM::Policy')).filter(({ Properties }) =>
      (Properties.PolicyDocument.Statement as Statement[]).flatMap(actionsOf).includes('kinesis:SplitShard'),
    );
    expect(policies).toHaveLength(1);
    const granted = new Set(
      Object.values(template.findResources('AWS::IAM::Policy')).flatMap(({ Properties }) =>
        (Properties.PolicyDocument.Statement as Statement[]).flatMap(actionsOf),
      ),
    );
    expect(granted.has('kinesis:GetRecords')).toBe(false);
    expect(granted.has('kinesis:SubscribeToShard')).toBe(false);
  });

  it('lets nothing change a service of workers unless one is named, and then only that one, by the planner and by approval', () => {
    const grantedBy = (made: typeof template) =>
      Object.values(made.findResources('AWS::IAM::Policy')).flatMap(({ Properties }) =>
        (Properties.PolicyDocument.Statement as Statement[]).filter((statement) =>
          actionsOf(statement).some((action) => action.startsWith('ecs:')),
        ),
      );
    expect(grantedBy(template)).toEqual([]);
    const granted = grantedBy(templateOf({ workerServices: [{ cluster: 'c', service: 's' }] }));
    expect(granted).toHaveLength(2);
    for (const statement of granted) {
      expect(actionsOf(statement)).toEqual(['ecs:DescribeServices', 'ecs:UpdateService']);
      expect(JSON.stringify(statement)).toContain(':service/c/s');
    }
  });

  it('lets tuning write no lease and no stream, what shows it write nothing, and its tick send commands', () => {
    const rightsOf = (name: string): string[] =>
      Object.values(template.findResources('AWS::IAM::Policy'))
        .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes(`Functions${name}role`))
        .flatMap(({ Properties }) => (Properties.PolicyDocument.Statement as Statement[]).flatMap(actionsOf))
        .filter((action) => !action.startsWith('logs:'))
        .sort();
    const accept = ['BatchGetItem', 'PutItem', 'Query', 'UpdateItem'].map((action) => `dynamodb:${action}`);
    expect(rightsOf('tuning')).toEqual(['dynamodb:BatchGetItem', 'dynamodb:Query']);
    expect(rightsOf('tuningstop')).toEqual(['dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem']);
    expect(rightsOf('tuningstart')).toEqual(
      [...accept, 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:Query', 'sqs:SendMessage'].sort(),
    );
    expect(new Set(rightsOf('tune'))).toEqual(new Set([...accept, 'cloudwatch:PutMetricData', 'sqs:SendMessage']));
    expect(rightsOf('tune').filter((action) => action === 'dynamodb:Query')).toHaveLength(3);
  });

  it('gives workers a policy without the control plane: no queue, no machine, no split', () => {
    const [policy] = Object.values(template.findResources('AWS::IAM::ManagedPolicy'));
    const actions = (policy!.Properties.PolicyDocument.Statement as Statement[]).flatMap(actionsOf);
    expect(actions).toContain('kinesis:SubscribeToShard');
    expect(actions).toContain('states:SendTaskSuccess');
    expect(actions.filter((action) => /^sqs:|^ecs:|StartExecution|SplitShard|MergeShards|UpdateShardCount/.test(action))).toEqual(
      [],
    );
  });

  it('keeps the tables on demand, recoverable, and after the stack by default', () => {
    const tables = Object.values(template.findResources('AWS::DynamoDB::GlobalTable'));
    expect(tables).toHaveLength(4);
    for (const { Properties, DeletionPolicy } of tables) {
      expect(Properties.BillingMode).toBe('PAY_PER_REQUEST');
      expect(Properties.Replicas[0].PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled).toBe(true);
      expect(DeletionPolicy).toBe('Retain');
    }
    expect(
      tables
        .map(({ Properties }) => Properties.KeySchema.map((key: { AttributeName: string }) => key.AttributeName).join('+'))
        .sort(),
    ).toEqual(['group+shardId', 'group+workerId', 'pk+sk', 'pk+sk']);
  });

  it('keeps commands in order and failed ones as dead letters, a message at a time', () => {
    template.hasResourceProperties('AWS::SQS::Queue', {
      FifoQueue: true,
      DeduplicationScope: 'messageGroup',
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 3 }),
    });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', { FunctionResponseTypes: ['ReportBatchItemFailures'] });
  });

  it('ticks every minute for each stream and stage', () => {
    const two = templateOf({
      streams: [
        { application: 'shop', streamName: 'orders' },
        { application: 'shop', streamName: 'clicks' },
      ],
    });
    const expressions = Object.values(two.findResources('AWS::Scheduler::Schedule')).map(
      ({ Properties }) => Properties.ScheduleExpression as string,
    );
    expect(expressions.filter((expression) => expression === 'rate(1 minute)')).toHaveLength(10);
    expect(expressions.filter((expression) => expression === 'rate(5 minutes)')).toHaveLength(2);
    expect(expressions.filter((expression) => expression === 'rate(1 hour)')).toHaveLength(2);
  }, 60_000);

  it('alarms on a stale forecast by silence too, on failed handovers, diverged shadows, failed profiles, dead letters and old commands', () => {
    const alarm = (metricName: string, properties: object = {}) =>
      template.hasResourceProperties('AWS::CloudWatch::Alarm', {
        MetricName: metricName,
        ComparisonOperator: 'GreaterThanThreshold',
        ...properties,
      });
    alarm('ForecastAge', { TreatMissingData: 'breaching', Threshold: 300 });
    alarm('HandoverFailed', { TreatMissingData: 'notBreaching', Threshold: 0 });
    alarm('ShadowDiverged', { Threshold: 0 });
    alarm('ReshardFailed', { Threshold: 0 });
    alarm('ProfileFailed', { TreatMissingData: 'notBreaching', Threshold: 0 });
    alarm('CircuitOpen', { Threshold: 0 });
    alarm('ApproximateNumberOfMessagesVisible', { Threshold: 0 });
    alarm('ApproximateAgeOfOldestMessage', { Threshold: 120 });
  });

  it('tells what workers, console and command line need', () => {
    const outputs = Object.keys(template.toJSON().Outputs as object);
    expect(outputs).toEqual(
      expect.arrayContaining([
        'ApiUrl',
        'ApiId',
        'LeaseTableName',
        'WorkerTableName',
        'DemandTableName',
        'ControlTableName',
        'CommandQueueUrl',
        'DeadLetterQueueUrl',
        'HandoverMachineArn',
        'ReshardMachineArn',
        'ProfileMachineArn',
        'DashboardName',
        'WorkerPolicyArn',
      ]),
    );
  });

  it('gives each function only the tables that it needs', () => {
    const variables = Object.fromEntries(
      Object.values(template.findResources('AWS::Lambda::Function')).map(({ Properties }) => [
        Properties.Handler as string,
        Object.keys(Properties.Environment.Variables as object)
          .filter((name) => name.startsWith('PENUMBRA_'))
          .sort(),
      ]),
    );
    expect(variables['reshard-drained.handler']).toEqual(['PENUMBRA_LEASE_TABLE', 'PENUMBRA_STREAMS']);
    expect(variables['collect.handler']).toEqual(['PENUMBRA_DEMAND_TABLE', 'PENUMBRA_STREAMS']);
    expect(variables['dispatch.handler']).toEqual([
      'PENUMBRA_CONTROL_TABLE',
      'PENUMBRA_HANDOVER_MACHINE_ARN',
      'PENUMBRA_LEASE_TABLE',
      'PENUMBRA_PROFILE_MACHINE_ARN',
      'PENUMBRA_RESHARD_MACHINE_ARN',
      'PENUMBRA_STREAMS',
      'PENUMBRA_WORKER_TABLE',
    ]);
  });

  it('fails on streams that are none, named twice or wrong, with the value received', () => {
    expect(() => templateOf({ streams: [] })).toThrow(/at least one stream, got \[\]/);
    expect(() => templateOf({ streams: [{ application: 'shop', streamName: 'a b' }] })).toThrow(/got "a b"/);
    const orders = { application: 'shop', streamName: 'orders' };
    expect(() => templateOf({ streams: [orders, orders] })).toThrow(/got shop\/orders twice/);
  });

  it('fails on times that contradict each other, with the value received', () => {
    expect(() => templateOf({ handoverTimes: { pauseBudgetMs: 3000 } })).toThrow(
      /pauseBudgetMs must be below pauseSec \(3000 ms\), got 3000/,
    );
    expect(() => templateOf({ reshardTimes: { drainSec: 0 } })).toThrow(/drainSec must be above 0, got 0/);
  }, 60_000);
});

describe('grantWorker', () => {
  it('gives a role of the user’s own app what the managed policy holds', () => {
    const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
    const stack = new Stack(app, 'Shop');
    const penumbra = new PredictiveShadowing(stack, 'Penumbra', { streams: [{ application: 'shop', streamName: 'orders' }] });
    penumbra.grantWorker(new Role(stack, 'Task', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') }));
    const own = Template.fromStack(stack);
    const [managed] = Object.values(own.findResources('AWS::IAM::ManagedPolicy'));
    const granted = Object.entries(own.findResources('AWS::IAM::Policy')).find(([id]) => id.startsWith('Task'))?.[1];
    const actions = (policy: typeof managed) =>
      (policy!.Properties.PolicyDocument.Statement as Statement[]).flatMap(actionsOf).sort();
    expect(actions(granted)).toEqual(actions(managed));
  });
});
