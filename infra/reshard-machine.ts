// infra: the reshard machine and what it may do.
// in: its functions · out: a standard workflow
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { DefinitionBody, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { type ReshardStep, type ReshardTimes, reshardDefinition, reshardTimes } from './reshard-definition.ts';

export interface ReshardMachineProps {
  readonly functions: Readonly<Record<ReshardStep, IFunction>>;
  /** @default see ReshardTimes */
  readonly times?: ReshardTimes;
}

/** One execution splits one shard, merges two or resizes the stream. Its name is the action's id. */
export class ReshardMachine extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, props: ReshardMachineProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const steps = Object.entries(props.functions) as [ReshardStep, IFunction][];
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: steps.map(([, made]) => made.functionArn) }),
    );
    const definition = reshardDefinition({
      partition: stack.partition,
      functionArns: Object.fromEntries(steps.map(([step, made]) => [step, made.functionArn])) as Record<ReshardStep, string>,
      times: reshardTimes(props.times),
    });
    this.machine = new StateMachine(this, 'Machine', {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(stack.toJsonString(definition)),
      role,
      comment: 'Penumbra: splits a shard, merges two or resizes a stream, and waits until the children are processed',
    });
  }
}
