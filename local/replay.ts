// local/replay: the producer, a process of its own.
// in: a replay file, the stream · out: records of about 100 bytes at the trace's true speed; progress and the final counts to the parent
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { OrderedSender } from './ordered-sender.ts';
import { type DueRecord, RecordSource, type Replay } from './record-source.ts';

const TICK_MS = 100;
const FILLER = '.'.repeat(48);

/** What the parent gives as the only argument, in JSON. */
export interface ReplayTask {
  readonly replayFile: string;
  readonly streamName: string;
  readonly kinesisEndpoint?: string;
  readonly startAtMs: number;
  readonly seed: number;
}

/** What the parent hears. `stopped` is the last word: everything that was due has been taken by the stream. */
export type ReplayMessage =
  | { readonly kind: 'progress'; readonly taken: number; readonly waiting: number }
  | {
      readonly kind: 'stopped';
      readonly produced: readonly (readonly [string, number])[];
      readonly resent: number;
      readonly unknown: number;
      readonly inversions: number;
    };

/** The bytes of one record. */
export const encode = ({ key, n }: DueRecord, nowMs: number): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ key, n, t: nowMs, filler: FILLER }));

const run = async (task: ReplayTask): Promise<void> => {
  const replay = JSON.parse(await readFile(task.replayFile, 'utf8')) as Replay;
  const client = new KinesisClient({
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({ connectionTimeout: 2000, requestTimeout: 20_000 }),
    ...(task.kinesisEndpoint === undefined ? {} : { endpoint: task.kinesisEndpoint }),
  });
  const sender = new OrderedSender(async (records) => {
    const answer = await client.send(
      new PutRecordsCommand({
        StreamName: task.streamName,
        Records: records.map((record) => ({ PartitionKey: record.key, Data: encode(record, Date.now()) })),
      }),
    );
    return (answer.Records ?? []).map((record) => record.SequenceNumber !== undefined && record.ErrorCode === undefined);
  });
  const source = new RecordSource(replay, task.seed);
  let stopping = false;
  const stop = () => {
    stopping = true;
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', () => {});
  process.on('message', (message) => {
    if (message === 'stop') stop();
  });
  // The parent is gone: nobody counts any more.
  process.on('disconnect', () => process.exit(1));
  const tell = (message: ReplayMessage) => new Promise<void>((resolve) => process.send?.(message, () => resolve()));

  await sleep(Math.max(task.startAtMs - Date.now(), 0));
  const startedAt = performance.now();
  let toldAt = startedAt;
  while (!stopping) {
    const elapsedMs = performance.now() - startedAt;
    if (elapsedMs >= source.lengthMs) break;
    sender.add(source.due(elapsedMs));
    const result = await sender.sendOnce();
    if (performance.now() - toldAt >= 1000) {
      toldAt = performance.now();
      const { taken, waiting } = sender.counts;
      void tell({ kind: 'progress', taken, waiting });
    }
    const spentMs = performance.now() - startedAt - elapsedMs;
    await sleep(result.kind === 'failed' ? 500 : Math.max(TICK_MS - spentMs, 0));
  }
  while (sender.counts.waiting > 0) if ((await sender.sendOnce()).kind === 'failed') await sleep(500);
  const { resent, unknown, inversions } = sender.counts;
  await tell({ kind: 'stopped', produced: [...sender.accepted], resent, unknown, inversions });
  process.disconnect?.();
};

if (process.argv[1] === import.meta.filename) await run(JSON.parse(process.argv[2] ?? '{}') as ReplayTask);
