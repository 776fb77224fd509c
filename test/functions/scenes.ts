// test: a world in memory for the functions, and the calls that API Gateway, SQS and Step Functions make.
import { Logger } from '@aws-lambda-powertools/logger';
import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import { api, type Endpoint } from '../../functions/api-shell.ts';
import type { Route } from '../../functions/routes.ts';
import type { Scene } from '../../functions/shell.ts';
import { type MemoryPorts, memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { type ScriptedClock, scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { Shard } from '../../lib/model/shard.ts';
import type { Worker } from '../../lib/model/worker.ts';
import type { Ports } from '../../lib/ports.ts';

export const NOW = Date.UTC(2026, 10, 20, 12, 0, 30);
export const group = { application: 'shop', streamName: 'orders' };
const silent = new Logger({ serviceName: 'test', logLevel: 'SILENT' });

export interface TestWorld {
  readonly clock: ScriptedClock;
  readonly ports: MemoryPorts;
  readonly scene: (ports?: Ports) => Scene;
  /** A call as API Gateway makes it, through the shell. */
  readonly call: <R extends Route>(
    endpoint: Endpoint<R>,
    request: { query?: Record<string, string>; path?: Record<string, string>; body?: unknown; text?: string },
    ports?: Ports,
  ) => Promise<{ status: number; body: Record<string, unknown> }>;
}

export const world = (options: { updatingMs?: number } = {}): TestWorld => {
  const clock = scriptedClock(NOW);
  const ports = memoryPorts(clock, options);
  return {
    clock,
    ports,
    scene: (given = ports) => ({
      ports: given,
      streams: [group],
      nowMs: clock.nowMs(),
      signal: new AbortController().signal,
      log: silent,
    }),
    call: async (endpoint, { query, path, body, text }, given = ports) => {
      process.env.POWERTOOLS_LOG_LEVEL = 'SILENT';
      const handler = api(endpoint, () => ({ ports: given, streams: [group] }));
      const event = {
        queryStringParameters: query ?? null,
        pathParameters: path ?? null,
        body: text ?? (body === undefined ? null : JSON.stringify(body)),
        isBase64Encoded: false,
      } as Partial<APIGatewayProxyEvent> as APIGatewayProxyEvent;
      const context = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => 10_000 } as Partial<Context> as Context;
      const answer = await handler(event, context);
      return { status: answer.statusCode, body: JSON.parse(answer.body) as Record<string, unknown> };
    },
  };
};

/** A live worker with so much of its capacity in use. */
export const worker = (workerId: string, utilization = 0.1, changes: Partial<Worker> = {}): Worker => ({
  ...group,
  workerId,
  heartbeat: 5,
  state: 'active',
  startedAtMs: NOW - 600_000,
  zone: 'a',
  capacity: { recordsPerSec: 100, bytesPerSec: 100_000 },
  load: {
    recordsPerSec: 100 * utilization,
    bytesPerSec: 0,
    cpuShare: 0.1,
    memoryBytes: 1,
    memoryShare: 0.1,
    eventLoopShare: 0.1,
    leaseStoreLatencyMs: 3,
  },
  shardIds: [],
  shadowShardIds: [],
  reportedAtMs: NOW - 500,
  retrieval: 'polling',
  ...changes,
});

/** The lease of a shard, active and owned by `a`. */
export const lease = (shard: Shard, changes: Partial<Lease> = {}): Lease => ({
  ...group,
  shardId: shard.shardId,
  hashKeyRange: shard.hashKeyRange,
  parents: shard.parents,
  owner: 'a',
  epoch: 1,
  state: 'active',
  checkpoint: 'TRIM_HORIZON',
  replicationFactor: 1,
  createdAtMs: NOW - 600_000,
  ...changes,
});

export const expected = {
  utilizationNow: 0.5,
  peakUtilization: 0.9,
  leadTimeSec: 60,
  costUsdPerMonth: 11,
  recordsAtRiskPerHour: 0,
};
