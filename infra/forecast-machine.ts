// infra: the forecast machine and what it may do.
// in: its functions · out: a standard workflow whose slices are express ones
import { ArnFormat, Stack } from 'aws-cdk-lib';
import { Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { DefinitionBody, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { forecastDefinition } from './forecast-definition.ts';

export interface ForecastMachineProps {
  /** Forecasts one part of the shards. */
  readonly slice: IFunction;
  /** Makes the parts agree. */
  readonly settle: IFunction;
}

/** One execution forecasts one large stream for one tick. */
export class ForecastMachine extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, { slice, settle }: ForecastMachineProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [slice.functionArn, settle.functionArn] }),
    );
    const definition = forecastDefinition({
      partition: stack.partition,
      sliceFunctionArn: slice.functionArn,
      settleFunctionArn: settle.functionArn,
    });
    this.machine = new StateMachine(this, 'Machine', {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(stack.toJsonString(definition)),
      role,
      comment: 'Penumbra: forecasts a stream of many shards, part by part',
    });
    // A distributed map starts its children as executions of its own machine. A policy of its own: within the role's it would be a circle.
    role.attachInlinePolicy(
      new Policy(this, 'Children', {
        statements: [
          new PolicyStatement({ actions: ['states:StartExecution'], resources: [this.machine.stateMachineArn] }),
          new PolicyStatement({
            actions: ['states:DescribeExecution', 'states:StopExecution'],
            resources: [
              stack.formatArn({
                service: 'states',
                resource: 'execution',
                resourceName: `${this.machine.stateMachineName}/*`,
                arnFormat: ArnFormat.COLON_RESOURCE_NAME,
              }),
            ],
          }),
        ],
      }),
    );
  }
}
