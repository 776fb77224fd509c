// lib/model: the nouns. A worker: one running consumer process, with a capacity and a current load.
import { z } from 'zod';
import { HostingAbility } from './profiling.ts';
import { WorkerTuning, WorkTotals } from './tuning.ts';

/** Demand or capacity as a rate: records and bytes per second. */
export const Rate = z.object({ recordsPerSec: z.number().min(0), bytesPerSec: z.number().min(0) });
export type Rate = z.output<typeof Rate>;

/** What a worker measured of itself over its last minute. Shares are in [0, 1] of one core, of the heap limit and of the event loop. */
export const WorkerLoad = Rate.extend({
  cpuShare: z.number().min(0),
  memoryBytes: z.number().min(0),
  memoryShare: z.number().min(0),
  eventLoopShare: z.number().min(0).max(1),
  leaseStoreLatencyMs: z.number().min(0),
  /** What the process may take: its control group's limit, else the machine's memory; missing: not told. `memoryBytes` is of it. */
  memoryLimitBytes: z.number().min(0).optional(),
});
export type WorkerLoad = z.output<typeof WorkerLoad>;

/** `polling`: owners and shadows by GetRecords, no consumer is registered. `fan-out`: both by SubscribeToShard. `fan-out-for-shadows`: owners poll, shadows subscribe. */
export const Retrieval = z.enum(['polling', 'fan-out', 'fan-out-for-shadows']);
export type Retrieval = z.output<typeof Retrieval>;

/** A worker's heartbeat item. `heartbeat` counts up; observers judge it by their own clocks, never by the timestamps in it. */
export const Worker = z.object({
  application: z.string(),
  streamName: z.string(),
  workerId: z.string().min(1),
  heartbeat: z.number().int().min(0),
  /** `draining` takes no new leases and hands on what it has. */
  state: z.enum(['active', 'draining']),
  startedAtMs: z.number(),
  zone: z.string(),
  capacity: Rate,
  load: WorkerLoad,
  shardIds: z.array(z.string()),
  /** What each owned shard asks of it, by shard id. */
  shardRates: z.record(z.string(), Rate).optional(),
  /** Whether it owned the same shards over the whole time that `load` and `shardRates` measure. */
  steady: z.boolean().optional(),
  shadowShardIds: z.array(z.string()),
  reportedAtMs: z.number(),
  /** A call of its processor does not return. */
  stuck: z.boolean().optional(),
  /** How it reads; a live worker whose owners read by `fan-out` keeps the registered consumers. */
  retrieval: Retrieval.optional(),
  /** Whether it may be told to host a profiling shadow. */
  hosting: HostingAbility.optional(),
  /** The most calls side by side within a shard that its processor bears; missing: it declares none. */
  maxConcurrencyPerShard: z.number().int().min(1).optional(),
  /** Where its settings may be changed from outside: what it runs with, and within which bounds. */
  tuning: WorkerTuning.optional(),
  /** Then also what its processor was given and took. */
  work: WorkTotals.optional(),
});
export type Worker = z.output<typeof Worker>;

/** A heartbeat: the small item that a worker writes several times a second. Observers judge it by how long it stands still on their own clocks. */
export const Beat = z.object({
  workerId: z.string().min(1),
  /** Differs from beat to beat, and from one process to the next under the same id. */
  heartbeat: z.number().int().min(0),
  state: Worker.shape.state,
  /** Standing still for so long means gone; the worker itself stops acting before. */
  failoverMs: z.number().positive(),
  /** A call of its processor does not return: it keeps what it has and gets nothing more. */
  stuck: z.boolean(),
  /** By the worker's wall clock, for those who look only once. */
  atMs: z.number(),
});
export type Beat = z.output<typeof Beat>;
