// infra: the profile machine and what it may do.
// in: its functions · out: a standard workflow
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { DefinitionBody, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { type ProfileStep, profileDefinition } from './profile-definition.ts';

export interface ProfileMachineProps {
  readonly functions: Readonly<Record<ProfileStep, IFunction>>;
}

/** One execution is one profiling shadow, from its creation to what is decided by it. Its name is the action's id. */
export class ProfileMachine extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, props: ProfileMachineProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const steps = Object.entries(props.functions) as [ProfileStep, IFunction][];
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: steps.map(([, made]) => made.functionArn) }),
    );
    const definition = profileDefinition({
      partition: stack.partition,
      functionArns: Object.fromEntries(steps.map(([step, made]) => [step, made.functionArn])) as Record<ProfileStep, string>,
    });
    this.machine = new StateMachine(this, 'Machine', {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(stack.toJsonString(definition)),
      role,
      comment: 'Penumbra: measures a sample of a shard on another worker, and says what limits it',
    });
  }
}
