// lib/adapters/aws: the heartbeat in a thread of its own, with its own connection to DynamoDB: user code that keeps the main event loop busy does not delay it.
// in: a heartbeat task · out: beats in the worker table; news to the main thread
import { isMainThread, parentPort, Worker as Thread, workerData } from 'node:worker_threads';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { keepBeating } from '../../liveness/beat-loop.ts';
import type { HeartbeatNews, HeartbeatTask, HeartbeatThread } from '../../ports.ts';
import { systemClock } from '../system-clock.ts';
import { dynamodbWorkers } from './dynamodb-workers.ts';

/** What the thread needs to reach the table. */
export interface HeartbeatTable {
  readonly workerTable: string;
  readonly region?: string;
}

interface ThreadData {
  readonly penumbra: 'heartbeat';
  readonly task: HeartbeatTask;
  readonly table: HeartbeatTable;
}

/** A heartbeat that takes longer is given up for the next one, as a share of the time between two. */
const TIME_OUT_SHARE = 0.7;

const runInThread = async ({ task, table }: ThreadData): Promise<void> => {
  const client = new DynamoDBClient({
    ...(table.region === undefined ? {} : { region: table.region }),
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: task.heartbeatMs * TIME_OUT_SHARE,
      requestTimeout: task.heartbeatMs * TIME_OUT_SHARE,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: 4 },
      httpsAgent: { keepAlive: true, maxSockets: 4 },
    }),
  });
  const store = dynamodbWorkers(client, systemClock, table.workerTable);
  const tell = (news: HeartbeatNews) => parentPort?.postMessage(news);
  const stopping = new AbortController();
  parentPort?.on('message', () => stopping.abort());
  let isBeating = false;
  const telling = {
    beat: async (...call: Parameters<typeof store.beat>) => {
      await store.beat(...call);
      if (!isBeating) tell({ kind: 'beating' });
      isBeating = true;
    },
  };
  await keepBeating(task, telling, systemClock, stopping.signal, (error) =>
    tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }),
  );
  client.destroy();
  parentPort?.close();
};

/** Starts threads that beat into a table. */
export const heartbeatThread = (table: HeartbeatTable): HeartbeatThread => ({
  start: (task, onNews) => {
    // As source under Node's own type stripping, or compiled.
    const file = import.meta.url.endsWith('.ts') ? './heartbeat-thread.ts' : './heartbeat-thread.js';
    const thread = new Thread(new URL(file, import.meta.url), {
      workerData: { penumbra: 'heartbeat', task, table } satisfies ThreadData,
    });
    const ended = Promise.withResolvers<void>();
    let isStopping = false;
    thread.on('message', onNews);
    thread.on('error', (error) => onNews({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }));
    thread.on('exit', (code) => {
      ended.resolve();
      if (!isStopping) onNews({ kind: 'ended', message: `the heartbeat thread ended with code ${code}` });
    });
    // The process may end while it beats.
    thread.unref();
    return {
      stop: async () => {
        isStopping = true;
        thread.ref();
        thread.postMessage('stop');
        await ended.promise;
      },
    };
  },
});

if (!isMainThread && (workerData as ThreadData | null)?.penumbra === 'heartbeat') await runInThread(workerData as ThreadData);
