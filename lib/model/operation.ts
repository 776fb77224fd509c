// lib/model: the nouns. A command on the queue, the operation that a caller follows, and the outcome that feedback learns from.
import { z } from 'zod';
import { Action } from './plan.ts';

/** A message of the command queue. `operationId` is the action's id: the name of the execution, so that a repeated message starts nothing twice. */
export const Command = z.object({
  operationId: z.string(),
  application: z.string(),
  streamName: z.string(),
  requestedBy: z.enum(['planner', 'api']),
  requestedAtMs: z.number(),
  action: Action,
});
export type Command = z.output<typeof Command>;

/** What an API caller or the console follows. */
export const Operation = z.object({
  operationId: z.string(),
  application: z.string(),
  streamName: z.string(),
  kind: z.enum(['split', 'merge', 'resize', 'create-shadow', 'remove-shadow', 'handover', 'profile']),
  shardId: z.string(),
  status: z.enum(['accepted', 'running', 'succeeded', 'failed']),
  trigger: z.enum(['forecast', 'reactive', 'replication', 'request']),
  /** Why it was asked for; after the end, how it ended. */
  reason: z.string(),
  result: z.string().optional(),
  acceptedAtMs: z.number(),
  startedAtMs: z.number().optional(),
  endedAtMs: z.number().optional(),
  executionArn: z.string().optional(),
  action: Action,
});
export type Operation = z.output<typeof Operation>;

const outcomeBase = { streamName: z.string(), atMs: z.number(), operationId: z.string() };

export const HandoverOutcome = z.object({
  ...outcomeBase,
  kind: z.literal('handover'),
  result: z.enum(['moved', 'restored', 'abandoned']),
  shardId: z.string(),
  source: z.string(),
  target: z.string(),
  trigger: z.string(),
  /** The old owner's last dispatch to the new owner's first possible dispatch, as the two workers stamped them; absent when it did not move. */
  pauseMs: z.number().optional(),
  /** From the machine's start to its end. */
  durationMs: z.number(),
});
export type HandoverOutcome = z.output<typeof HandoverOutcome>;

export const ReshardOutcome = z.object({
  ...outcomeBase,
  kind: z.literal('reshard'),
  result: z.enum(['done', 'refused', 'failed']),
  change: z.enum(['split', 'merge', 'resize']),
  shardIds: z.array(z.string()),
  childShardIds: z.array(z.string()),
  trigger: z.string(),
  /** From the call to ACTIVE: the next plan's lead time. */
  updatingMs: z.number(),
  /** From ACTIVE until the parents were drained and the children processed. */
  drainMs: z.number(),
  startedAtMs: z.number(),
  breachAtMs: z.number().optional(),
  detail: z.string(),
});
export type ReshardOutcome = z.output<typeof ReshardOutcome>;

/** A forecast compared with what came at one horizon. Rates per second. */
export const ForecastOutcome = z.object({
  ...outcomeBase,
  kind: z.literal('forecast'),
  series: z.string(),
  model: z.string(),
  horizonSec: z.number(),
  median: z.number(),
  upper95: z.number(),
  windowMax95: z.number(),
  observed: z.number(),
  observedMax: z.number(),
  /** What was observed when the forecast was made: the error of one who says that nothing changes. */
  lastObserved: z.number().optional(),
});
export type ForecastOutcome = z.output<typeof ForecastOutcome>;

export const Outcome = z.discriminatedUnion('kind', [HandoverOutcome, ReshardOutcome, ForecastOutcome]);
export type Outcome = z.output<typeof Outcome>;
