// lib/adapters/aws: every port on AWS.
// in: names of tables, queue and machines · out: Ports
import type { Clock, Ports } from '../../ports.ts';
import { memoryResults } from '../memory/profiles.ts';
import { processProfiler } from '../process-profiler.ts';
import { processUsage } from '../process-usage.ts';
import { systemClock } from '../system-clock.ts';
import { awsClients } from './clients.ts';
import { cloudwatchMetrics } from './cloudwatch-metrics.ts';
import { dynamodbCounters } from './dynamodb-counters.ts';
import { dynamodbEvents } from './dynamodb-events.ts';
import { dynamodbForecasts } from './dynamodb-forecasts.ts';
import { dynamodbHistory } from './dynamodb-history.ts';
import { dynamodbLeases } from './dynamodb-leases.ts';
import { dynamodbModelStates } from './dynamodb-model-states.ts';
import { dynamodbOperations } from './dynamodb-operations.ts';
import { dynamodbOutcomes } from './dynamodb-outcomes.ts';
import { dynamodbPlans, dynamodbPolicies } from './dynamodb-plans.ts';
import { dynamodbProfileReports } from './dynamodb-profile-reports.ts';
import { dynamodbProfiles } from './dynamodb-profiles.ts';
import { dynamodbTrackRecords } from './dynamodb-track-records.ts';
import { dynamodbTuning } from './dynamodb-tuning.ts';
import { dynamodbWorkers } from './dynamodb-workers.ts';
import { ecsWorkerFleet } from './ecs-worker-fleet.ts';
import { heartbeatThread } from './heartbeat-thread.ts';
import { kinesisControl } from './kinesis-control.ts';
import { kinesisReader } from './kinesis-reader.ts';
import type { SubscriptionTimes } from './kinesis-subscribe.ts';
import { awsPreflight } from './preflight.ts';
import { sqsCommands } from './sqs-commands.ts';
import { stepFunctionsCallbacks, stepFunctionsMachines } from './step-functions.ts';

export interface AwsConfig {
  readonly leaseTable: string;
  readonly workerTable: string;
  readonly demandTable: string;
  readonly controlTable: string;
  /** Needed to send commands. */
  readonly commandQueueUrl?: string;
  /** Needed to start a handover. */
  readonly handoverMachineArn?: string;
  /** Needed to start a reshard. */
  readonly reshardMachineArn?: string;
  /** Needed to start a profile. */
  readonly profileMachineArn?: string;
  /** Needed to start the forecast of a large stream. */
  readonly forecastMachineArn?: string;
  /** @default AWS_REGION */
  readonly region?: string;
  /** @default AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL, or AWS */
  readonly kinesisEndpoint?: string;
  readonly subscriptionTimes?: Partial<SubscriptionTimes>;
  /** @default the machine's own */
  readonly clock?: Clock;
}

/** The ports of one deployment; the SDK finds region, credentials and endpoints in the environment. */
export const awsPorts = (config: AwsConfig): Ports => {
  const clock = config.clock ?? systemClock;
  const clients = awsClients({
    ...(config.region === undefined ? {} : { region: config.region }),
    ...(config.kinesisEndpoint === undefined ? {} : { kinesisEndpoint: config.kinesisEndpoint }),
  });
  const { dynamodb } = clients;
  return {
    clock,
    leases: dynamodbLeases(dynamodb, clock, config.leaseTable),
    workers: dynamodbWorkers(dynamodb, clock, config.workerTable),
    usage: processUsage(),
    profiler: processProfiler(),
    heartbeats: heartbeatThread({
      workerTable: config.workerTable,
      ...(config.region === undefined ? {} : { region: config.region }),
    }),
    reader: kinesisReader(clients, clock, config.subscriptionTimes),
    control: kinesisControl(clients.kinesisControl, clients.kinesisChanges, clock),
    workerFleet: ecsWorkerFleet(clients.ecs),
    preflight: awsPreflight(clients, clock, config),
    counters: dynamodbCounters(dynamodb, clock, config.demandTable),
    history: dynamodbHistory(dynamodb, clock, config.demandTable),
    metrics: cloudwatchMetrics(clients.cloudwatch),
    forecasts: dynamodbForecasts(dynamodb, clock, config.controlTable),
    states: dynamodbModelStates(dynamodb, clock, config.controlTable),
    tracks: dynamodbTrackRecords(dynamodb, clock, config.controlTable),
    plans: dynamodbPlans(dynamodb, clock, config.controlTable),
    policies: dynamodbPolicies(dynamodb, clock, config.controlTable),
    events: dynamodbEvents(dynamodb, clock, config.controlTable),
    operations: dynamodbOperations(dynamodb, clock, config.controlTable),
    outcomes: dynamodbOutcomes(dynamodb, clock, config.controlTable),
    profiles: dynamodbProfiles(dynamodb, clock, config.workerTable),
    tuning: dynamodbTuning(dynamodb, clock, config.workerTable),
    profileReports: dynamodbProfileReports(dynamodb, clock, config.controlTable),
    results: memoryResults(clock),
    commands: sqsCommands(clients.sqs, clock, config.commandQueueUrl),
    machines: stepFunctionsMachines(clients.stepFunctions, {
      handover: config.handoverMachineArn,
      reshard: config.reshardMachineArn,
      profile: config.profileMachineArn,
      forecast: config.forecastMachineArn,
    }),
    callbacks: stepFunctionsCallbacks(clients.stepFunctions),
  };
};
