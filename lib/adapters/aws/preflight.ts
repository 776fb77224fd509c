// lib/adapters/aws: what would fail later, looked at before the start: stream, tables, permissions, clock. All at once, in a few round trips.
// in: what a worker is about to do · out: findings, the fatal ones first
import type { Finding } from '../../model/finding.ts';
import type { Clock, Preflight } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import type { AwsClients } from './clients.ts';
import { asking } from './preflight-ask.ts';
import { clockFindings } from './preflight-clock.ts';
import { type StreamClients, streamFindings } from './preflight-stream.ts';
import { type TableNeeds, tableFindings } from './preflight-tables.ts';

/** The tables that a worker uses. The control table is none of them. */
export interface WorkerTables {
  readonly leaseTable: string;
  readonly workerTable: string;
  readonly demandTable: string;
}

const needsOf = (tables: WorkerTables, group: { application: string; streamName: string }): TableNeeds[] => [
  {
    tableName: tables.leaseTable,
    setting: 'leaseTable',
    partitionKey: 'group',
    sortKey: 'shardId',
    partition: groupKey(group),
    actions: ['Query', 'BatchGetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
    timeToLive: null,
  },
  {
    tableName: tables.workerTable,
    setting: 'workerTable',
    partitionKey: 'group',
    sortKey: 'workerId',
    partition: groupKey(group),
    actions: ['Query', 'PutItem', 'UpdateItem', 'DeleteItem'],
    timeToLive: 'expiresAt',
  },
  {
    tableName: tables.demandTable,
    setting: 'demandTable',
    partitionKey: 'pk',
    sortKey: 'sk',
    partition: `counters#${group.streamName}`,
    actions: ['BatchWriteItem'],
    timeToLive: 'expiresAt',
  },
];

/** Every service tells the same about region, credentials and network: once is enough. */
const distinct = (findings: readonly Finding[]): Finding[] => [
  ...new Map(findings.map((finding) => [`${finding.kind} ${finding.what}`, finding])).values(),
];

/** The checks of one deployment. */
export const awsPreflight = (
  clients: StreamClients & Pick<AwsClients, 'dynamodb'>,
  clock: Clock,
  tables: WorkerTables,
): Preflight => {
  /** The SDK throws where it finds none; the questions tell it then. */
  const regionOf = async (client: { readonly config: { region(): Promise<string> } }): Promise<string> => {
    try {
      return await client.config.region();
    } catch {
      return 'no region';
    }
  };
  return {
    check: async (target, signal) => {
      const questions = asking(clock, signal);
      const [region, streamRegion] = await Promise.all([regionOf(clients.dynamodb), regionOf(clients.kinesisControl)]);
      const found = await Promise.all([
        streamFindings(clients, clock, questions, target, streamRegion, signal),
        ...needsOf(tables, target).map((needs) => tableFindings(clients.dynamodb, questions, needs, region, signal)),
      ]);
      const findings = distinct([...found.flat(), ...clockFindings(questions.times)]);
      return findings.sort((a, b) => Number(b.fatal) - Number(a.fatal));
    },
  };
};
