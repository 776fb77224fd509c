// orders-consumer: one worker. Adds every order to the totals of its customer, once.
// in: the environment (settings.ts), a stream of orders · out: totals in DynamoDB; logs and metrics on standard output; SIGTERM drains and hands on
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { awsPorts, Consumer, StartRefusedError } from 'penumbra';
import { dynamodbEffects, effectsProcessor } from 'penumbra/effects';
import { consumerTelemetry, type EventLog, emfReporter, eventLogger } from 'penumbra/telemetry';
import { serveHealth } from './health.ts';
import { totalsOf } from './order-totals.ts';
import { settingsOf, zoneOf } from './settings.ts';

const write = (line: string): void => void process.stdout.write(`${line}\n`);
const at = (level: string) => (message: string, detail: Record<string, unknown>) =>
  write(JSON.stringify({ level, message, time: new Date().toISOString(), ...detail }));
/** The logger of @aws-lambda-powertools/logger fits as well. */
const log: EventLog = { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') };

const { application, streamName, tables, totalsTable, healthPort } = settingsOf(process.env);
const effects = dynamodbEffects({ client: new DynamoDBClient({}), leaseTable: tables.leaseTable });
const telemetry = consumerTelemetry([eventLogger(log), emfReporter({ namespace: 'OrdersConsumer', write })]);
const consumer = new Consumer(
  telemetry.watched({
    application,
    streamName,
    zone: await zoneOf(process.env),
    ports: awsPorts(tables),
    processor: effectsProcessor(effects, (records) => totalsOf(totalsTable, records), {
      // totalsOf only says what to write: a profiling shadow keeps that apart.
      shadowSafe: true,
    }),
    // One transaction has at most 99 items beside the lease.
    maxBatchRecords: 99,
  }),
);
const health = serveHealth(healthPort, () => consumer.status());

const stop = async (): Promise<void> => {
  await consumer.stop();
  await telemetry.stop();
  health.close();
  process.exit(0);
};
// ECS sends SIGTERM, and SIGKILL stopTimeout later.
process.once('SIGTERM', stop).once('SIGINT', stop);

try {
  await consumer.start();
  telemetry.start(consumer);
} catch (error) {
  if (!(error instanceof StartRefusedError)) throw error;
  // Its message says of each finding what to do.
  log.error(error.message, { findings: error.findings });
  process.exit(1);
}
