// lib/model: the nouns. A plan: the ordered actions for one stream, and the holds, each with its reason, cost and benefit.
import { z } from 'zod';
import { HashKey, HashKeyRange } from './hash-key-range.ts';
import { ProfilingRequest } from './profiling.ts';
import { WorkerCountChange } from './worker-service.ts';

/** What made the planner act: the forecast (foreseen), the load that is already there (the reactive net), replication for safety, or a person. */
export const Trigger = z.enum(['forecast', 'reactive', 'replication', 'request']);
export type Trigger = z.output<typeof Trigger>;

/** What the planner expects; feedback compares it with what came. */
export const Expectation = z.object({
  /** Utilisation in [0, …] of the shard or worker: now, and the quantile of its highest over the lead time, without the action. */
  utilizationNow: z.number().min(0),
  peakUtilization: z.number().min(0),
  /** When the upper quantile first passes the target, without the action; absent when it does not within the horizon. */
  breachAtMs: z.number().optional(),
  /** Seconds that the action is expected to take, with what is queued before it. */
  leadTimeSec: z.number().min(0),
  /** US dollars a month that it adds (negative: saves), at the prices that the plan names. */
  costUsdPerMonth: z.number(),
  /** The same an hour, and what carrying it out costs once. */
  costUsdPerHour: z.number().optional(),
  costUsdOnce: z.number().optional(),
  /** What the records are worth that it keeps from being throttled or late, an hour; negative where it risks some. */
  benefitUsdPerHour: z.number().optional(),
  /** By how much records would be late at the end of the lead time without it. */
  lagAvoidedSec: z.number().min(0).optional(),
  /** Records per hour that would be throttled or late without it. */
  recordsAtRiskPerHour: z.number().min(0),
});
export type Expectation = z.output<typeof Expectation>;

const base = {
  /** Unique and deterministic: the same plan of the same world has the same ids. Fits an execution name (80 characters, [A-Za-z0-9-_]). */
  actionId: z.string().regex(/^[A-Za-z0-9_-]{1,80}$/),
  trigger: Trigger,
  /** One sentence with its numbers. */
  reason: z.string(),
  expected: Expectation,
};

export const SplitAction = z.object({
  ...base,
  kind: z.literal('split'),
  shardId: z.string(),
  hashKeyRange: HashKeyRange,
  newStartingHashKey: HashKey,
  /** The workers that are to own the lower and the upper child. */
  childOwners: z.tuple([z.string(), z.string()]),
});
export type SplitAction = z.output<typeof SplitAction>;

export const MergeAction = z.object({
  ...base,
  kind: z.literal('merge'),
  shardId: z.string(),
  adjacentShardId: z.string(),
  hashKeyRange: HashKeyRange,
  childOwners: z.tuple([z.string()]),
});
export type MergeAction = z.output<typeof MergeAction>;

/** Stands for every shard of the stream where an action names one: lists of thousands of ids would not fit a message. */
export const EVERY_SHARD = '*';

/** UpdateShardCount, UNIFORM_SCALING: the stream's open shards become `targetCount` equal ranges. `layout` is the digest of the shards that it was planned for. */
export const ResizeAction = z.object({
  ...base,
  kind: z.literal('resize'),
  shardId: z.literal(EVERY_SHARD),
  fromCount: z.number().int().min(1),
  targetCount: z.number().int().min(1),
  layout: z.string(),
});
export type ResizeAction = z.output<typeof ResizeAction>;

export const CreateShadowAction = z.object({
  ...base,
  kind: z.literal('create-shadow'),
  shardId: z.string(),
  workerId: z.string(),
  purpose: z.enum(['handover', 'replication', 'request']),
});
export type CreateShadowAction = z.output<typeof CreateShadowAction>;

export const RemoveShadowAction = z.object({
  ...base,
  kind: z.literal('remove-shadow'),
  shardId: z.string(),
  workerId: z.string(),
});
export type RemoveShadowAction = z.output<typeof RemoveShadowAction>;

/** Moves a shard to the worker that holds its standby shadow. `epoch` is the owner's at planning time: a changed world makes it void. */
export const HandoverAction = z.object({
  ...base,
  kind: z.literal('handover'),
  shardId: z.string(),
  source: z.string(),
  target: z.string(),
  epoch: z.number().int(),
});
export type HandoverAction = z.output<typeof HandoverAction>;

/** A profiling shadow of a shard on a worker that does not own it. The planner never asks for one; the trigger of profiles and people do. */
export const ProfileAction = z.object({
  ...base,
  kind: z.literal('profile'),
  shardId: z.string(),
  workerId: z.string(),
  request: ProfilingRequest,
});
export type ProfileAction = z.output<typeof ProfileAction>;

export const Action = z.discriminatedUnion('kind', [
  SplitAction,
  MergeAction,
  ResizeAction,
  CreateShadowAction,
  RemoveShadowAction,
  HandoverAction,
  ProfileAction,
]);
export type Action = z.output<typeof Action>;

/** The actions that change the stream's shards: one at a time. */
export type ReshardAction = SplitAction | MergeAction | ResizeAction;

export const HoldReason = z.enum([
  'enough-capacity',
  'stale-data',
  'no-forecast',
  'stream-busy',
  'plan-in-flight',
  'foreign-change',
  'cooldown',
  'blackout',
  'at-maximum',
  'at-minimum',
  'single-key',
  'not-cold-long-enough',
  'operations-budget',
  'no-better-worker',
  'shadow-not-ready',
  'not-worth-it',
  'range-too-small',
  'no-workers',
  'on-demand',
  'money-budget',
  'protected-range',
  'account-limit',
  'circuit-open',
  'uneven-layout',
  'resize-budget',
  'too-early',
  'worker-service',
  'no-host',
]);
export type HoldReason = z.output<typeof HoldReason>;

/** Something that was considered and not done. `subject` is a shard id, a worker id or the stream's name. */
export const Hold = z.object({ kind: z.literal('hold'), subject: z.string(), reason: HoldReason, detail: z.string() });
export type Hold = z.output<typeof Hold>;

/** A worker whose scarcest resource stays above a threshold. */
export const BusyWorker = z.object({
  workerId: z.string(),
  resource: z.enum(['cpu', 'event-loop', 'memory', 'io']),
  share: z.number(),
  sinceMs: z.number(),
});
export type BusyWorker = z.output<typeof BusyWorker>;

/** The plan of one tick. In `recommend` its actions wait for approval; in `observe` they are only shown. */
export const Plan = z.object({
  planId: z.string(),
  application: z.string(),
  streamName: z.string(),
  createdAtMs: z.number(),
  mode: z.enum(['observe', 'recommend', 'act']),
  status: z.enum(['shown', 'proposed', 'sent', 'approved']),
  /** How far ahead was looked, and why so far. */
  leadTimeSec: z.number(),
  leadTimeReason: z.string(),
  shardCount: z.number().int(),
  workerCount: z.number().int(),
  /** The size that the stream would need if its keys spread evenly, and why; absent without an open shard. */
  shardsWanted: z.number().int().optional(),
  shardsReason: z.string().optional(),
  /** Workers that the foreseen load needs at their target, all of the median worker's capacity: what an autoscaler of the workers should be set to. */
  workersWanted: z.number().int().optional(),
  workersReason: z.string().optional(),
  /** What becomes of the desired count of the service that runs the workers; absent: it stays. */
  workerCountChange: WorkerCountChange.optional(),
  /** When that was last changed. */
  workersChangedAtMs: z.number().optional(),
  /** Where the prices come from by which actions are weighed. */
  priceSource: z.string().optional(),
  /** A digest of the open shards' ids: another one without an operation of ours is someone else's change. */
  layout: z.string().optional(),
  /** When a change of someone else was last noticed. */
  foreignChangeAtMs: z.number().optional(),
  /** Workers with a resource above the threshold of profiling, and since when. */
  busyWorkers: z.array(BusyWorker).optional(),
  /** When UpdateShardCount was called within the last 24 hours, by anyone, as far as is known: Kinesis allows ten. */
  resizesAtMs: z.array(z.number()).optional(),
  actions: z.array(Action),
  holds: z.array(Hold),
});
export type Plan = z.output<typeof Plan>;
