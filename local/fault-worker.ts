// local/fault-worker: one worker, a process of its own, with every time at its default: what is killed, paused and cut off.
// in: the parent's task as JSON · out: records into the sink under their epoch; events and status to the parent; SIGTERM drains and leaves
import { awsPorts } from '../lib/adapters/aws/aws-ports.ts';
import { Consumer } from '../lib/consumer/consumer.ts';
import type { ConsumerEvent } from '../lib/consumer/events.ts';
import { TransientError } from '../lib/errors.ts';
import type { FaultBatch } from './fault-ledger.ts';
import { sinkClient } from './sink-client.ts';
import type { TableNames } from './tables.ts';

/** What the parent gives as the only argument, in JSON. */
export interface FaultWorkerTask {
  readonly application: string;
  readonly streamName: string;
  readonly workerId: string;
  readonly sinkPort: number;
  readonly tables: TableNames;
  /** Whether the workers even out their load by themselves. @default 'workers' */
  readonly rebalance?: 'workers' | 'control-plane' | undefined;
}

/** What a worker runs at this moment, by its own word. */
export interface FaultWorkerStatus {
  readonly mayAct: boolean;
  readonly shards: readonly { readonly shardId: string; readonly epoch: number }[];
}

/** What the parent hears. An event's errors come as text. */
export type FaultWorkerMessage =
  /** Everything is loaded; Consumer.start() is called now. */
  | { readonly kind: 'loaded'; readonly atMs: number }
  | { readonly kind: 'started' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'event'; readonly atMs: number; readonly event: ConsumerEvent }
  | { readonly kind: 'status'; readonly status: FaultWorkerStatus };

const STATUS_MS = 100;

const run = async (task: FaultWorkerTask): Promise<void> => {
  const { application, streamName, workerId } = task;
  const sink = sinkClient(task.sinkPort);
  const decoder = new TextDecoder();
  const tell = (message: FaultWorkerMessage, done: () => void = () => {}) => {
    if (process.connected) process.send?.(message, () => done());
    else done();
  };
  const consumer = new Consumer({
    application,
    streamName,
    workerId,
    zone: workerId,
    rebalance: task.rebalance,
    ports: awsPorts(task.tables),
    processor: {
      process: async (records, { shardId, epoch }) => {
        const decoded = records.map(({ data }) => JSON.parse(decoder.decode(data)) as { key: string; n: number; t: number });
        const batch: Omit<FaultBatch, 'id'> = {
          workerId,
          shardId,
          epoch,
          records: decoded.map(({ key, n }) => [key, n] as const),
          sequenceNumbers: records.map(({ sequenceNumber }) => sequenceNumber),
          producedAtMs: decoded.map(({ t }) => t),
        };
        const answer = await sink.write(batch);
        if (answer.kind === 'fenced')
          throw new TransientError(`the sink refused epoch ${epoch} of ${shardId}: it has seen ${answer.epoch}`);
      },
    },
    onEvent: (event) => {
      const plain = JSON.parse(
        JSON.stringify(event, (_, value: unknown) => (value instanceof Error ? `${value.name}: ${value.message}` : value)),
      ) as ConsumerEvent;
      console.log(`${new Date().toISOString()} ${JSON.stringify(plain)}`);
      tell({ kind: 'event', atMs: Date.now(), event: plain });
    },
  });
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await consumer.stop();
    sink.close();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  // The parent is gone, and with it whoever counts.
  process.on('disconnect', () => process.exit(1));
  process.stdout.on('error', () => {});
  setInterval(() => {
    const { mayAct, shards } = consumer.status();
    tell({ kind: 'status', status: { mayAct, shards: shards.map(({ shardId, epoch }) => ({ shardId, epoch })) } });
  }, STATUS_MS).unref();
  tell({ kind: 'loaded', atMs: Date.now() });
  try {
    await consumer.start();
    tell({ kind: 'started' });
  } catch (error) {
    tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }, () => process.exit(1));
  }
};

if (process.argv[1] === import.meta.filename) await run(JSON.parse(process.argv[2] ?? '{}') as FaultWorkerTask);
