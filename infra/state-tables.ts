// infra: where the state lives.
// in: how long it is to live · out: four DynamoDB tables, on demand, with point-in-time recovery
import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, Billing, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';

export interface StateTablesProps {
  /**
   * What happens to the tables when the stack goes.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
}

const text = (name: string) => ({ name, type: AttributeType.STRING });

/** Leases (one item decides about each shard), heartbeats, demand, and what the control plane decided. */
export class StateTables extends Construct {
  readonly lease: TableV2;
  readonly worker: TableV2;
  readonly demand: TableV2;
  readonly control: TableV2;

  constructor(scope: Construct, id: string, props: StateTablesProps = {}) {
    super(scope, id);
    const table = (name: string, partitionKey: string, sortKey: string, expires: boolean) =>
      new TableV2(this, name, {
        partitionKey: text(partitionKey),
        sortKey: text(sortKey),
        billing: Billing.onDemand(),
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
        ...(expires && { timeToLiveAttribute: 'expiresAt' }),
      });
    this.lease = table('LeaseTable', 'group', 'shardId', false);
    this.worker = table('WorkerTable', 'group', 'workerId', true);
    this.demand = table('DemandTable', 'pk', 'sk', true);
    this.control = table('ControlTable', 'pk', 'sk', true);
  }
}
