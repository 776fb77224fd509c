// lib/model: the nouns. A worker: one running consumer process, with a capacity and a current load.
import { z } from 'zod';

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
});
export type WorkerLoad = z.output<typeof WorkerLoad>;

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
  shadowShardIds: z.array(z.string()),
  reportedAtMs: z.number(),
  /** How its owners read; fan-out consumers are reaped only when every live worker says `polling`. */
  retrieval: z.enum(['polling', 'fan-out']).optional(),
});
export type Worker = z.output<typeof Worker>;
