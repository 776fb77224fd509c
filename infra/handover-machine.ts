// infra: the handover machine and what it may do.
// in: the lease table, the record function · out: a standard workflow
import { Stack } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { DefinitionBody, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { type HandoverTimes, handoverDefinition, handoverTimes } from './handover-definition.ts';

export interface HandoverMachineProps {
  readonly leaseTable: TableV2;
  /** Called after Resume or Restore. */
  readonly record: IFunction;
  /** @default see HandoverTimes */
  readonly times?: HandoverTimes;
}

/** One execution moves one shard. Its name is the action's id. */
export class HandoverMachine extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, props: HandoverMachineProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({ actions: ['dynamodb:UpdateItem', 'dynamodb:GetItem'], resources: [props.leaseTable.tableArn] }),
    );
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [props.record.functionArn] }));
    const definition = handoverDefinition({
      partition: stack.partition,
      leaseTable: props.leaseTable.tableName,
      recordFunctionArn: props.record.functionArn,
      times: handoverTimes(props.times),
    });
    this.machine = new StateMachine(this, 'Machine', {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(stack.toJsonString(definition)),
      role,
      comment: 'Penumbra: moves a shard to the worker that holds its standby shadow',
    });
  }
}
