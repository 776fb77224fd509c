// local/steady-producer: an even load over all shards, a process of its own; the same as peers/kcl/scripts/producer.mjs makes.
// in: a stream, a rate · out: requests of four records at even times, each key numbered from 1; at the end what was taken of each key
import { setTimeout as sleep } from 'node:timers/promises';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { OrderedSender } from './ordered-sender.ts';
import { encode } from './replay.ts';

const PER_REQUEST = 4;
const KEYS = 256;
const RETRY_MS = 100;

/** What the parent gives as the only argument, in JSON. */
export interface SteadyTask {
  readonly streamName: string;
  readonly recordsPerSec: number;
}

/** The producer's last word, after SIGTERM: everything that was due has been taken by the stream. */
export interface SteadyMessage {
  readonly produced: readonly (readonly [key: string, last: number])[];
  /** Requests without an answer: their records were put again and may be in the stream twice. */
  readonly unknown: number;
  readonly inversions: number;
}

const run = async ({ streamName, recordsPerSec }: SteadyTask): Promise<void> => {
  const client = new KinesisClient({
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({ connectionTimeout: 2000, requestTimeout: 20_000 }),
  });
  const sender = new OrderedSender(async (records) => {
    const now = Date.now();
    const answer = await client.send(
      new PutRecordsCommand({
        StreamName: streamName,
        Records: records.map((record) => ({ PartitionKey: record.key, Data: encode(record, now) })),
      }),
    );
    return (answer.Records ?? []).map((record) => record.SequenceNumber !== undefined && record.ErrorCode === undefined);
  });
  let stopping = false;
  process.on('SIGTERM', () => {
    stopping = true;
  });
  process.on('SIGINT', () => {});
  // The parent is gone: nobody counts any more.
  process.on('disconnect', () => process.exit(1));
  const periodMs = (1000 * PER_REQUEST) / recordsPerSec;
  const startedAt = performance.now();
  for (let made = 0; !stopping; ) {
    const due = Math.floor((performance.now() - startedAt) / periodMs + 1) * PER_REQUEST;
    sender.add(
      Array.from({ length: due - made }, (_, i) => ({
        key: `pk-${(made + i) % KEYS}`,
        n: Math.floor((made + i) / KEYS) + 1,
      })),
    );
    made = due;
    if ((await sender.sendOnce()).kind === 'failed') await sleep(RETRY_MS);
    const nextAt = startedAt + (made / PER_REQUEST) * periodMs;
    await sleep(Math.max(0, nextAt - performance.now()));
  }
  while (sender.counts.waiting > 0) if ((await sender.sendOnce()).kind === 'failed') await sleep(RETRY_MS);
  const { unknown, inversions } = sender.counts;
  process.send?.({ produced: [...sender.accepted], unknown, inversions } satisfies SteadyMessage, () => process.disconnect?.());
};

if (process.argv[1] === import.meta.filename) await run(JSON.parse(process.argv[2] ?? '{}') as SteadyTask);
