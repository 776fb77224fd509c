// local/worker: one worker, a process of its own: the Consumer that users embed, with a processor that writes to the sink.
// in: the parent's task as JSON · out: records into the sink; what happens to the parent and to a log; SIGTERM drains and leaves
import { awsPorts } from '../lib/adapters/aws/aws-ports.ts';
import { Consumer } from '../lib/consumer/consumer.ts';
import { TransientError } from '../lib/errors.ts';
import type { Rate } from '../lib/model/worker.ts';
import { sinkClient } from './sink-client.ts';

/** What the parent gives as the only argument, in JSON. */
export interface WorkerTask {
  readonly application: string;
  readonly streamName: string;
  readonly workerId: string;
  readonly zone: string;
  readonly capacity: Rate;
  readonly sinkPort: number;
  readonly tables: {
    readonly leaseTable: string;
    readonly workerTable: string;
    readonly demandTable: string;
    readonly controlTable: string;
  };
}

/** What the parent hears. */
export type WorkerMessage = { readonly kind: 'started' } | { readonly kind: 'failed'; readonly message: string };

const run = async (task: WorkerTask): Promise<void> => {
  const ports = awsPorts(task.tables);
  const sink = sinkClient(task.sinkPort);
  const decoder = new TextDecoder();
  const consumer = new Consumer({
    application: task.application,
    streamName: task.streamName,
    workerId: task.workerId,
    zone: task.zone,
    capacity: task.capacity,
    ports,
    checkpointMs: 1000,
    // The whole cloud shares this machine's few cores: a busy second must not look like a dead worker.
    failoverMs: 6000,
    rebalance: 'control-plane',
    // The console and the planner of a demonstration of minutes look at them.
    reportMs: 3000,
    // What a person may try: penumbra tune try checkpointMs 2000. The policy must name the setting, too.
    tuning: {
      concurrencyPerShard: { from: 1, to: 8 },
      maxBatchRecords: { from: 50, to: 2000 },
      checkpointMs: { from: 500, to: 20_000 },
    },
    processor: {
      // The sink keeps nothing of what a profiling shadow writes to it.
      shadowSafe: true,
      process: async (records, { shardId, epoch, shadow, stage }) => {
        const parsed = await stage('parse', async () =>
          records.map(({ data }) => {
            const { key, n } = JSON.parse(decoder.decode(data)) as { key: string; n: number };
            return [key, n] as const;
          }),
        );
        const batch = { workerId: task.workerId, shardId, epoch, records: parsed, shadow };
        const answer = await stage('sink', () => sink.write(batch));
        if (answer.kind === 'fenced')
          throw new TransientError(`the sink refused epoch ${epoch} of ${shardId}: it has seen ${answer.epoch}`);
      },
    },
    onEvent: (event) => {
      const { kind, ...detail } = event;
      const text = JSON.stringify(detail, (_, value: unknown) =>
        value instanceof Error ? `${value.name}: ${value.message}` : value,
      );
      console.log(`${new Date().toISOString()} ${task.workerId} ${kind} ${text}`);
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
  // Ctrl-C reaches the whole terminal; the parent takes its workers down in order.
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  // The parent is gone, and the local cloud with it: there may be nobody left to give the leases back to.
  process.on('disconnect', () => {
    setTimeout(() => process.exit(1), 3000);
    void stop();
  });
  process.stdout.on('error', () => {});
  try {
    await consumer.start();
    process.send?.({ kind: 'started' } satisfies WorkerMessage);
  } catch (error) {
    process.send?.(
      { kind: 'failed', message: error instanceof Error ? error.message : String(error) } satisfies WorkerMessage,
      () => process.exit(1),
    );
  }
};

if (process.argv[1] === import.meta.filename) await run(JSON.parse(process.argv[2] ?? '{}') as WorkerTask);
