// lib/model: the nouns. A policy: what the owner of a stream allows Penumbra to do, and how its shards and workers are to be filled.
import { z } from 'zod';
import { Prices } from './prices.ts';
import { TuningBounds } from './tuning.ts';
import { Rate } from './worker.ts';
import { WorkerService } from './worker-service.ts';

const outside = ({ input }: { readonly input?: unknown }): string => `must be in (0, 1), got ${String(input)}`;
const Share = z.number().gt(0, { error: outside }).lt(1, { error: outside });
const BlackoutWindow = z.object({ fromMs: z.number(), untilMs: z.number(), reason: z.string() });
const HashKeyText = z.string().regex(/^\d{1,39}$/, 'a hash key is a decimal integer string');
const CRON = /^(\S+\s+){4}\S+$/;

/** A blackout that comes back: it begins by the cron pattern (minute hour day month weekday) in its time zone, and lasts so many minutes. */
export const BlackoutCron = z.object({
  cron: z.string().regex(CRON, 'a cron pattern has five fields: minute hour day month weekday'),
  timeZone: z.string().default('UTC'),
  durationMin: z
    .number()
    .positive()
    .max(7 * 1440),
  reason: z.string(),
});
export type BlackoutCron = z.output<typeof BlackoutCron>;

/** Hash keys (decimal strings) whose shards are never split or merged. */
export const ProtectedRange = z.object({ startingHashKey: HashKeyText, endingHashKey: HashKeyText, reason: z.string() });
export type ProtectedRange = z.output<typeof ProtectedRange>;

/** What a person wants instead for a while; it ends by itself. */
export const Override = z.object({
  untilMs: z.number(),
  reason: z.string(),
  mode: z.enum(['observe', 'recommend', 'act']).optional(),
  minShards: z.number().int().min(1).optional(),
  maxShards: z.number().int().min(1).optional(),
  targetUtilization: Share.optional(),
});
export type Override = z.output<typeof Override>;

/** Which settings of the workers may be tried and changed, and how. Each worker's own code must allow it, too (its option `tuning`). */
export const TuningPolicy = TuningBounds.extend({
  /** Whether a recommendation may begin a try by itself. @default in mode `act` */
  automatic: z.boolean().optional(),
  /** A setting that was applied is watched for so long, then kept. */
  watchMin: z.number().min(5).max(120).default(10),
  /** So long after a try of a setting none of it begins by itself. */
  restMin: z.number().min(0).default(1440),
});
export type TuningPolicy = z.output<typeof TuningPolicy>;

/** When a shard is profiled without being asked, and what its findings are measured by. */
export const ProfilingPolicy = z.strictObject({
  /** Whether the load or the forecast may begin a run. @default in mode `act` */
  automatic: z.boolean().optional(),
  /** A worker's CPU, event loop, memory or I/O above this share … */
  threshold: Share.default(0.7),
  /** … for so many minutes begins a run of its fullest shard. */
  sustainedMin: z.number().positive().default(5),
  /** So long after a run of a shard none begins by itself. */
  restMin: z.number().min(0).default(240),
  share: Share.default(0.1),
  durationMin: z.number().min(1).max(60).default(10),
  budgetUsd: z.number().positive().default(1),
  /** A larger share of failing records is a finding. */
  maxErrorShare: Share.default(0.01),
  /** A heap that would fill within this time is one, too. */
  leakHorizonHours: z.number().positive().default(24),
  /** What one more worker costs, in US dollars a month. */
  workerUsdPerMonth: z.number().positive().optional(),
  /** Settings that may be tried in a shadow and, when better, be applied to the workers. @default none */
  tuning: TuningPolicy.prefault({}),
});
export type ProfilingPolicy = z.output<typeof ProfilingPolicy>;

/** Contradictions are looked for even where a field is wrong by itself, so that all of them are named at once. */
export const EVEN_IF_WRONG = { when: () => true };

/** Whether none of these fields is wrong by itself, so that they can be compared; without a name, whether there are fields at all. */
export const soundOf = (issues: readonly z.core.$ZodRawIssue[]): ((...fields: string[]) => boolean) => {
  const wrong = new Set(issues.filter((issue) => issue.continue !== true).map((issue) => issue.path?.[0]));
  return (...fields) => !wrong.has(undefined) && !fields.some((field) => wrong.has(field));
};

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
    /** A pair of neighbours whose whole interval would stay below this together may merge. @default 0.8 of the target (`coldUtilizationOf`) */
    coldUtilization: Share.optional(),
    /** Utilisation of a worker that the upper quantile must stay below; shards move away before it passes. */
    workerTargetUtilization: Share.default(0.7),
    /** The quantile of the window's maximum on which splits and moves act. */
    actOnQuantile: z.union([z.literal(0.5), z.literal(0.9), z.literal(0.95)]).default(0.95),
    /**
     * What a throttled record costs, in idle ones: 100 means that throttling 1 % of a shard's worth is as bad as a whole idle shard. Set, shards are
     * sized by these two costs instead of by a fixed quantile and target; the target then only keeps room for what is uneven within a minute.
     */
    throttledToIdle: z.number().positive().optional(),
    /** What a throttled record costs, in US dollars a million; without it, what `throttledToIdle` (or 100) idle ones cost. */
    throttledUsdPerMillion: z.number().positive().optional(),
    /** What a late record costs at a worker that cannot keep up, in US dollars a million; without it as much as a throttled one. */
    lateUsdPerMillion: z.number().positive().optional(),
    /** How bad late records are: ten times as bad as usual, or a tenth. */
    criticality: z.enum(['low', 'normal', 'high']).optional(),
    /** Prices that differ from the list prices, in US dollars: a discount, another region. */
    prices: Prices.partial().optional(),
    minShards: z.number().int().min(1).default(1),
    maxShards: z.number().int().min(1).default(100),
    minReplicationFactor: z.number().int().min(1).max(2).default(1),
    maxReplicationFactor: z.number().int().min(1).max(2).default(2),
    /** Seconds that a reshard is expected to take until measured ones replace it. */
    reshardDurationPriorSec: z.number().positive().default(180),
    /** Whether the whole stream may be resized by UpdateShardCount where its ranges are equal; absent: it may. */
    allowResize: z.boolean().optional(),
    /** Seconds that a resize of the whole stream is expected to take until a measured one replaces it. Kinesis says "a few minutes". */
    resizeDurationPriorSec: z.number().positive().optional(),
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
    blackoutCrons: z.array(BlackoutCron).optional(),
    protectedRanges: z.array(ProtectedRange).optional(),
    /** US dollars a month that the stream's shards and its standby consumers may cost; what would pass it is held. */
    budgetUsdPerMonth: z.number().positive().optional(),
    /** Applications that read the stream by polling; they share 2 MiB/s of each shard. Fan-out consumers have their own and do not count. */
    pollingApplications: z.number().int().min(0).optional(),
    /** After someone else changed the shards, none is split or merged for so long. */
    foreignChangeRestSec: z.number().min(0).optional(),
    /** So many operations failing in a row within the hour stop everything: the plan then only observes. */
    breakerFailures: z.number().int().min(1).optional(),
    profiling: ProfilingPolicy.optional(),
    /** The ECS service that runs the workers, if Penumbra is to set its desired count. */
    workerService: WorkerService.optional(),
    override: Override.optional(),
    /**
     * Models of forecasting libraries that are to be compared for every series of the stream whenever a model is chosen. Left out: the stream's own series and the shards
     * that are foreseen worst are compared with all of them once a day, as far as the time goes. `[]`: none is ever asked.
     */
    forecastModels: z
      .array(z.enum(['exponential-smoothing', 'mstl', 'arima', 'prophet']))
      .max(4)
      .optional(),
  })
  .superRefine((policy, context) => {
    const sound = soundOf(context.issues);
    if (!sound()) return;
    const contradiction = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (sound('minShards', 'maxShards') && policy.minShards > policy.maxShards)
      contradiction(
        'minShards',
        `must not exceed maxShards, got minShards ${policy.minShards} and maxShards ${policy.maxShards}`,
      );
    if (sound('minReplicationFactor', 'maxReplicationFactor') && policy.minReplicationFactor > policy.maxReplicationFactor)
      contradiction(
        'minReplicationFactor',
        `must not exceed maxReplicationFactor, got ${policy.minReplicationFactor} and ${policy.maxReplicationFactor}`,
      );
    const cold = sound('coldUtilization') ? policy.coldUtilization : undefined;
    if (cold !== undefined && sound('targetUtilization') && cold >= policy.targetUtilization)
      contradiction('coldUtilization', `must be below targetUtilization, got ${cold} and ${policy.targetUtilization}`);
    const workerService = sound('workerService') ? policy.workerService : undefined;
    if (workerService !== undefined && workerService.minWorkers > workerService.maxWorkers)
      contradiction(
        'workerService',
        `its minWorkers must not exceed its maxWorkers, got ${workerService.minWorkers} and ${workerService.maxWorkers}`,
      );
    const blackouts = sound('blackouts') ? policy.blackouts : [];
    blackouts.forEach((window, i) => {
      if (window.fromMs >= window.untilMs)
        contradiction(`blackouts.${i}`, `must end after it starts, got ${window.fromMs} to ${window.untilMs}`);
      blackouts.slice(0, i).forEach((other, j) => {
        if (window.fromMs < other.untilMs && other.fromMs < window.untilMs)
          contradiction(
            `blackouts.${i}`,
            `must not overlap blackouts.${j}, got ${window.fromMs} to ${window.untilMs} and ${other.fromMs} to ${other.untilMs}`,
          );
      });
    });
    const ranges = (sound('protectedRanges') ? (policy.protectedRanges ?? []) : []).map(
      ({ startingHashKey, endingHashKey }) => [BigInt(startingHashKey), BigInt(endingHashKey)] as const,
    );
    ranges.forEach(([start, end], i) => {
      if (start > end) contradiction(`protectedRanges.${i}`, `must not end before it starts, got ${start} to ${end}`);
      ranges.slice(0, i).forEach(([otherStart, otherEnd], j) => {
        if (start <= otherEnd && otherStart <= end)
          contradiction(
            `protectedRanges.${i}`,
            `must not overlap protectedRanges.${j}, got ${start} to ${end} and ${otherStart} to ${otherEnd}`,
          );
      });
    });
    if (!sound('override', 'minShards', 'maxShards')) return;
    const [least, most] = [policy.override?.minShards ?? policy.minShards, policy.override?.maxShards ?? policy.maxShards];
    if (policy.override !== undefined && least > most && policy.minShards <= policy.maxShards)
      contradiction('override', `its minShards must not exceed its maxShards, got minShards ${least} and maxShards ${most}`);
    const target = policy.override?.targetUtilization;
    if (cold !== undefined && target !== undefined && cold >= target)
      contradiction('override', `coldUtilization must be below its targetUtilization, got ${cold} and ${target}`);
  }, EVEN_IF_WRONG);
export type Policy = z.output<typeof Policy>;

/** What is cold where the policy does not say: room enough that what was merged is not split again by the next rise. */
const COLD_OF_TARGET = 0.8;

/** Below which share of one shard what two have is cold. */
export const coldUtilizationOf = ({ coldUtilization, targetUtilization }: Policy): number =>
  coldUtilization ?? COLD_OF_TARGET * targetUtilization;

/** The policy's words on profiling, the defaults where it says nothing. */
export const profilingOf = (policy: Pick<Policy, 'profiling'>): ProfilingPolicy => policy.profiling ?? ProfilingPolicy.parse({});

/** The settings that a policy lets be changed, without how. */
export const boundsOf = ({
  automatic: _automatic,
  watchMin: _watchMin,
  restMin: _restMin,
  ...bounds
}: TuningPolicy): TuningBounds => bounds;
