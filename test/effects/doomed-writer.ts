// test/effects: a worker's process that writes effects from the beginning of a shard until it is killed.
// in: what to write, as JSON · out: a line for each call of write; exit 0 when every record is written
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamodbEffects } from '../../lib/effects/dynamodb-effects.ts';
import { contextOf, countingItems, recordsOf } from './scenes.ts';

export interface DoomedTask {
  readonly leaseTable: string;
  readonly sinkTable: string;
  readonly streamName: string;
  readonly workerId: string;
  readonly epoch: number;
  readonly records: readonly string[];
  readonly batchSize: number;
  /** Kills itself with SIGKILL after so many transactions, before the call of the processor could return. */
  readonly diesAfter: number | null;
}

const run = async (task: DoomedTask): Promise<void> => {
  const effects = dynamodbEffects({ client: new DynamoDBClient({}), leaseTable: task.leaseTable });
  let written = 0;
  for (let at = 0; at < task.records.length; at += task.batchSize) {
    const batch = recordsOf(...task.records.slice(at, at + task.batchSize));
    const answer = await effects.write(contextOf(task), batch, countingItems(task.sinkTable));
    if (answer.kind === 'written') written += 1;
    if (written === task.diesAfter) process.kill(process.pid, 'SIGKILL');
    console.log(answer.kind);
  }
};

await run(JSON.parse(process.argv[2] ?? '{}') as DoomedTask);
