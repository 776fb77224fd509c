// local/fleet: the demonstration's three workers.
// in: the deployment, the sink · out: three processes; two share the shards at first, the third joins empty
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rate } from '../lib/model/worker.ts';
import type { LeaseStore } from '../lib/ports.ts';
import { type Child, startChild } from './child.ts';
import type { Deployed } from './deploy.ts';
import type { WorkerMessage, WorkerTask } from './worker.ts';

const ZONES = ['a', 'b', 'c'] as const;
const OWNED_WITHIN_MS = 60_000;

export interface FleetOptions {
  readonly group: { readonly application: string; readonly streamName: string };
  readonly capacity: Rate;
  readonly sinkPort: number;
  readonly tables: Deployed['tables'];
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly leases: LeaseStore;
  readonly shardCount: number;
  readonly signal: AbortSignal;
  readonly onStarted: (child: Child<WorkerMessage>) => Promise<void>;
}

/** Starts the workers; resolves when every shard has an owner and all three are in the fleet. Throws when one fails to start. */
export const startFleet = async (options: FleetOptions): Promise<Child<WorkerMessage>[]> => {
  const start = (zone: (typeof ZONES)[number]): { child: Child<WorkerMessage>; started: Promise<void> } => {
    const workerId = `worker-${zone}`;
    const task: WorkerTask = {
      ...options.group,
      workerId,
      zone,
      capacity: options.capacity,
      sinkPort: options.sinkPort,
      tables: options.tables,
    };
    const child = startChild<WorkerMessage>(
      './worker.ts',
      workerId,
      task,
      options.env,
      join(options.directory, `${workerId}.log`),
    );
    const started = new Promise<void>((resolve, reject) => {
      child.on((message) =>
        message.kind === 'started' ? resolve() : reject(new Error(`${workerId} did not start: ${message.message}`)),
      );
      void child.ended.then(({ code, signal }) =>
        reject(new Error(`${workerId} ended while starting (${signal ?? `code ${code}`}); see ${child.log}`)),
      );
    });
    started.catch(() => {});
    return { child, started };
  };
  const begin = async (zones: readonly (typeof ZONES)[number][]): Promise<Child<WorkerMessage>[]> => {
    const children = zones.map(start);
    for (const { child } of children) await options.onStarted(child);
    await Promise.all(children.map(({ started }) => started));
    return children.map(({ child }) => child);
  };
  const first = await begin(ZONES.slice(0, 2));
  const untilMs = performance.now() + OWNED_WITHIN_MS;
  for (;;) {
    const owned = (await options.leases.list(options.group)).filter(
      (lease) => lease.owner !== undefined && lease.state === 'active',
    );
    if (owned.length >= options.shardCount) break;
    if (performance.now() > untilMs)
      throw new Error(
        `only ${owned.length} of ${options.shardCount} shards found an owner within ${OWNED_WITHIN_MS / 1000} s; see ${options.directory}`,
      );
    await sleep(200, undefined, { signal: options.signal });
  }
  return [...first, ...(await begin(ZONES.slice(2)))];
};
