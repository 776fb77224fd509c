// lib/model: the nouns. A policy: what the owner of a stream allows Penumbra to do, and how its shards and workers are to be filled.
import { z } from 'zod';
import { Rate } from './worker.ts';

const Share = z.number().gt(0).lt(1);
const BlackoutWindow = z.object({ fromMs: z.number(), untilMs: z.number(), reason: z.string() });

/** A stream's policy. Every field but the names has a default; the defaults only observe. */
export const Policy = z
  .strictObject({
    application: z.string().min(1),
    streamName: z.string().min(1),
    /** `observe` plans and shows; `recommend` waits for a person's approval; `act` carries out. */
    mode: z.enum(['observe', 'recommend', 'act']).default('observe'),
    /** What one shard takes. Kinesis's own limits unless a smaller one is wanted. Source: SDK CreateStream. */
    shardCapacity: Rate.default({ recordsPerSec: 1000, bytesPerSec: 1_048_576 }),
    /** Utilisation of a shard that the upper quantile must stay below; a split is planned before it passes. */
    targetUtilization: Share.default(0.7),
    /** A pair of neighbours whose whole interval would stay below this together may merge. */
    coldUtilization: Share.default(0.35),
    /** Utilisation of a worker that the upper quantile must stay below; shards move away before it passes. */
    workerTargetUtilization: Share.default(0.7),
    /** The quantile of the window's maximum on which splits and moves act. */
    actOnQuantile: z.union([z.literal(0.5), z.literal(0.9), z.literal(0.95)]).default(0.95),
    minShards: z.number().int().min(1).default(1),
    maxShards: z.number().int().min(1).default(100),
    minReplicationFactor: z.number().int().min(1).max(2).default(1),
    maxReplicationFactor: z.number().int().min(1).max(2).default(2),
    /** Seconds that a reshard is expected to take until measured ones replace it. */
    reshardDurationPriorSec: z.number().positive().default(180),
    /** The shortest time ahead that is looked at, whatever the queue of operations needs. */
    minLeadTimeSec: z.number().positive().default(300),
    /** Minutes that a pair must have been cold before it merges. */
    coldWindowMin: z.number().positive().default(15),
    splitCooldownSec: z.number().min(0).default(0),
    mergeCooldownSec: z.number().min(0).default(900),
    maxOperationsPerHour: z.number().int().min(1).default(20),
    /** History older than this makes every action a hold. */
    staleAfterSec: z.number().positive().default(300),
    blackouts: z.array(BlackoutWindow).default([]),
  })
  .superRefine((policy, context) => {
    const contradiction = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (policy.minShards > policy.maxShards)
      contradiction(
        'minShards',
        `must not exceed maxShards, got minShards ${policy.minShards} and maxShards ${policy.maxShards}`,
      );
    if (policy.minReplicationFactor > policy.maxReplicationFactor)
      contradiction(
        'minReplicationFactor',
        `must not exceed maxReplicationFactor, got ${policy.minReplicationFactor} and ${policy.maxReplicationFactor}`,
      );
    if (policy.coldUtilization >= policy.targetUtilization)
      contradiction(
        'coldUtilization',
        `must be below targetUtilization, got ${policy.coldUtilization} and ${policy.targetUtilization}`,
      );
    policy.blackouts.forEach((window, i) => {
      if (window.fromMs >= window.untilMs)
        contradiction(`blackouts.${i}`, `must end after it starts, got ${window.fromMs} to ${window.untilMs}`);
    });
  });
export type Policy = z.output<typeof Policy>;
