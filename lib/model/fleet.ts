// lib/model: the nouns. The fleet: everything about one stream and its workers that the planner looks at, as of one moment.
import { z } from 'zod';
import { Lease } from './lease.ts';
import { Operation } from './operation.ts';
import { BusyWorker } from './plan.ts';
import { StreamDescription } from './shard.ts';
import { Rate, Worker } from './worker.ts';
import { ServiceState } from './worker-service.ts';

/** How a shard's recent demand spreads over equal slices of its range (sums to 1), and its heaviest key where known. */
export const ShardSpread = z.object({
  shardId: z.string(),
  sliceShares: z.array(z.number().min(0)),
  /** Demand of the last observed minutes, per second. */
  current: Rate,
  /** The highest minute of the policy's cold window, per second; absent when the history does not cover the whole window. Merges need it. */
  recentPeak: Rate.optional(),
  /** This shard and the next one in hash order together: the highest minute of the cold window, and how their changes go together, in [-1, 1], over so many independent samples. */
  withNext: z.object({ recentPeak: Rate.optional(), correlation: z.number(), samples: z.number().int() }).optional(),
});
export type ShardSpread = z.output<typeof ShardSpread>;

export const Fleet = z.object({
  application: z.string(),
  streamName: z.string(),
  stream: StreamDescription,
  leases: z.array(Lease),
  /** Only workers whose heartbeat is alive. */
  workers: z.array(Worker),
  /** Operations that are accepted or running, and those of the last hour. */
  operations: z.array(Operation),
  spreads: z.array(ShardSpread),
  /** The end of the last minute in the history; null when there is none. */
  observedUntilMs: z.number().nullable(),
  /** The plan before this one, as far as it tells of changes that were not ours. */
  previousPlan: z
    .object({
      createdAtMs: z.number(),
      layout: z.string(),
      foreignChangeAtMs: z.number().optional(),
      resizesAtMs: z.array(z.number()).optional(),
      workersChangedAtMs: z.number().optional(),
      busyWorkers: z.array(BusyWorker).optional(),
    })
    .optional(),
  /** When UpdateShardCount operations of ours were accepted lately, more than an hour ago too. */
  resizesAtMs: z.array(z.number()).optional(),
  /** When splits and merges of all streams of the account were begun lately, as far as is known here. */
  accountReshardsAtMs: z.array(z.number()).optional(),
  /** How the service stands that runs the workers, where the policy names one. */
  workerService: ServiceState.optional(),
  /** Workers that did badly as targets of handovers, with the reason. */
  unsuitableWorkers: z.array(z.object({ workerId: z.string(), reason: z.string() })).optional(),
  /** Triggers whose shadows mostly underperformed lately, with the reason. */
  distrustedProposers: z.array(z.object({ trigger: z.string(), reason: z.string() })).optional(),
});
export type Fleet = z.output<typeof Fleet>;

/** What feedback measured of past operations, for the planner; null fields fall back to the policy's priors. */
export const LeadTimes = z.object({
  /** Upper quartile of the measured seconds from the call of a split or merge to ACTIVE. */
  reshardSec: z.number().nullable(),
  /** The same of a resize of the whole stream; absent or null until one was measured. */
  resizeSec: z.number().nullable().optional(),
  drainSec: z.number().nullable(),
  handoverSec: z.number().nullable(),
  samples: z.number().int(),
});
export type LeadTimes = z.output<typeof LeadTimes>;
