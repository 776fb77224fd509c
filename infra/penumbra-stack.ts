// infra: the stack only wires.
// in: configuration · out: Penumbra, and the names that workers, console and command line need
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { PredictiveShadowing, type PredictiveShadowingProps } from './predictive-shadowing.ts';

export type PenumbraStackProps = StackProps & PredictiveShadowingProps;

export class PenumbraStack extends Stack {
  readonly penumbra: PredictiveShadowing;

  constructor(scope: Construct, id: string, props: PenumbraStackProps) {
    super(scope, id, props);
    const penumbra = new PredictiveShadowing(this, 'Penumbra', props);
    this.penumbra = penumbra;
    const { api, tables, commands } = penumbra;
    const outputs: Record<string, string> = {
      ApiUrl: api.api.url,
      ApiId: api.api.restApiId,
      ApiStage: api.api.deploymentStage.stageName,
      LeaseTableName: tables.lease.tableName,
      WorkerTableName: tables.worker.tableName,
      DemandTableName: tables.demand.tableName,
      ControlTableName: tables.control.tableName,
      CommandQueueUrl: commands.queue.queueUrl,
      DeadLetterQueueUrl: commands.deadLetters.queueUrl,
      HandoverMachineArn: penumbra.handover.machine.stateMachineArn,
      ReshardMachineArn: penumbra.reshard.machine.stateMachineArn,
      ProfileMachineArn: penumbra.profile.machine.stateMachineArn,
      DashboardName: penumbra.dashboard.dashboard.dashboardName,
      WorkerPolicyArn: penumbra.workerPolicy.managedPolicyArn,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
