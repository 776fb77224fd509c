// lib/model: the nouns. What the API takes and answers; the console, the command line and the OpenAPI document read the same schemas.
// Hash keys and sequence numbers are strings here.
import { z } from 'zod';
import { ProfilingRequest } from './profiling.ts';
import { OperatorSetting, SettingsInForce, TunedSettings, TuningBounds, TuningOutcome, TuningTrial } from './tuning.ts';

const Name = z.string().min(1).max(128);
export const StreamQuery = z.object({ streamName: Name, application: Name });
export type StreamQuery = z.output<typeof StreamQuery>;

/** POST /shadow/create */
export const CreateShadowRequest = z
  .strictObject({
    application: Name,
    streamName: Name,
    /** The seed calls it the partition id. */
    shardId: Name,
    /** The target worker; left out: the worker with the most room is chosen. */
    workerId: Name.optional(),
    /** `standby`: a full copy that is checksummed. `profiling`: a sample of the keys that is really processed, and measured. */
    kind: z.enum(['standby', 'profiling']).default('standby'),
    /** Only of a profiling shadow; without it the policy's share, duration and budget hold. */
    profile: ProfilingRequest.optional(),
  })
  .refine(({ kind, profile }) => kind === 'profiling' || profile === undefined, {
    path: ['profile'],
    error: "is only allowed with kind 'profiling', got kind 'standby'",
  });
export type CreateShadowRequest = z.output<typeof CreateShadowRequest>;

/** POST /shadow/stop */
export const StopShadowRequest = z.strictObject({ application: Name, streamName: Name, profileId: Name });
export type StopShadowRequest = z.output<typeof StopShadowRequest>;

/** POST /shadow/activate */
export const ActivateShadowRequest = z.strictObject({ application: Name, streamName: Name, shardId: Name });
export type ActivateShadowRequest = z.output<typeof ActivateShadowRequest>;

/** 202 of both: follow it at GET /operations/{operationId}?application=…&streamName=… */
export const AcceptedResponse = z.object({ operationId: z.string(), status: z.literal('accepted') });
export type AcceptedResponse = z.output<typeof AcceptedResponse>;

/** 400, 404, 409 */
export const ErrorResponse = z.object({
  error: z.string(),
  message: z.string(),
  /** 400: each field that is wrong, what was received and what is allowed. */
  fields: z.array(z.object({ field: z.string(), message: z.string(), received: z.unknown() })).optional(),
});
export type ErrorResponse = z.output<typeof ErrorResponse>;

const MarkView = z.object({ sequenceNumber: z.string(), count: z.number(), digest: z.string() });

const wholeNumber = ({ input }: { readonly input?: unknown }): string => `must be a whole number from 1 on, got ${String(input)}`;

/** What is tuned of the workers' settings, each thing with its sentence. */
export const TuningView = z.object({
  settings: TunedSettings,
  summary: z.string(),
  trial: TuningTrial.omit({ seen: true, before: true, after: true }).extend({ summary: z.string() }).nullable(),
  /** The newest first. */
  outcomes: z.array(TuningOutcome.extend({ summary: z.string() })),
});
export type TuningView = z.output<typeof TuningView>;

/** GET /tuning */
export const TuningResponse = TuningView.extend({
  atMs: z.number(),
  /** What the policy and all live workers allow together. */
  allowed: TuningBounds,
  workers: z.array(z.object({ workerId: z.string(), inForce: SettingsInForce.nullable(), bounds: TuningBounds })),
});
export type TuningResponse = z.output<typeof TuningResponse>;

/** POST /tuning */
export const TryRequest = StreamQuery.extend({
  setting: OperatorSetting,
  value: z.number({ error: wholeNumber }).int({ error: wholeNumber }).min(1, { error: wholeNumber }),
  /** Whose shadow tries it. @default the shard with the most load */
  shardId: z.string().min(1).optional(),
}).strict();

/** POST /tuning/stop */
export const StopTuningRequest = StreamQuery.extend({
  /** Whether what was kept goes, too. */
  reset: z.boolean().default(false),
}).strict();

/** GET /shadow/monitor */
export const MonitorResponse = z.object({
  atMs: z.number(),
  shadows: z.array(
    z.object({
      shardId: z.string(),
      owner: z.string().nullable(),
      workerId: z.string(),
      state: z.string(),
      purpose: z.string(),
      from: z.string().nullable(),
      /** The last point that the owner has published: what the shadow is to prove. */
      ownerMark: MarkView.nullable(),
      verifiedThrough: MarkView.nullable(),
      /** What each side had at the point at which they differed; null while they agree. */
      divergence: z.object({ owner: MarkView, shadow: MarkView }).nullable(),
      verifiedAgeMs: z.number().nullable(),
      bufferedRecords: z.number(),
      bufferedBytes: z.number(),
      lagMs: z.number().nullable(),
    }),
  ),
  /** Profiling shadows under way, then those that have taught something, newest first. */
  profiles: z.array(
    z.object({
      profileId: z.string(),
      shardId: z.string(),
      hostId: z.string(),
      state: z.string(),
      trigger: z.string(),
      /** Of the shard's keys, as sampled now. */
      share: z.number().nullable(),
      records: z.number(),
      requestedAtMs: z.number(),
      endsAtMs: z.number().nullable(),
      /** Of one that has ended. */
      limit: z.string().nullable(),
      capacityRecordsPerSec: z.number().nullable(),
      utilizationForeseen: z.number().nullable(),
      decision: z.string().nullable(),
    }),
  ),
  /** What is tuned: a sentence of what holds, the try that is under way, and how the last ones ended. */
  tuning: TuningView,
  handovers: z.array(
    z.object({
      handoverId: z.string(),
      shardId: z.string(),
      phase: z.string(),
      source: z.string(),
      target: z.string(),
      requestedAtMs: z.number(),
      /** Where the source has stopped, once it has. */
      drained: MarkView.nullable(),
      /** The target's own point there, once it has said so. */
      proof: MarkView.nullable(),
    }),
  ),
  /** Finished ones, newest first. */
  outcomes: z.array(
    z.object({
      operationId: z.string(),
      kind: z.enum(['handover', 'reshard']),
      shardIds: z.array(z.string()),
      result: z.string(),
      trigger: z.string(),
      pauseMs: z.number().nullable(),
      durationMs: z.number(),
      atMs: z.number(),
    }),
  ),
});
export type MonitorResponse = z.output<typeof MonitorResponse>;

/** GET /fleet */
export const FleetResponse = z.object({
  atMs: z.number(),
  observedUntilMs: z.number().nullable(),
  streamStatus: z.string(),
  targetUtilization: z.number(),
  shards: z.array(
    z.object({
      shardId: z.string(),
      startingHashKey: z.string(),
      endingHashKey: z.string(),
      /** Share of the key space, in [0, 1]. */
      widthShare: z.number(),
      state: z.string(),
      owner: z.string().nullable(),
      epoch: z.number(),
      replicationFactor: z.number(),
      checkpoint: z.string(),
      utilizationNow: z.number().nullable(),
      /** The acted-on quantile of the highest utilisation over the next 30 minutes. */
      utilizationForeseen: z.number().nullable(),
      recordsPerSec: z.number().nullable(),
      bytesPerSec: z.number().nullable(),
    }),
  ),
  workers: z.array(
    z.object({
      workerId: z.string(),
      state: z.string(),
      alive: z.boolean(),
      zone: z.string(),
      recordsPerSec: z.number(),
      capacityRecordsPerSec: z.number(),
      utilizationNow: z.number(),
      utilizationForeseen: z.number().nullable(),
      cpuShare: z.number(),
      memoryBytes: z.number(),
      eventLoopShare: z.number(),
      leaseStoreLatencyMs: z.number(),
      shardIds: z.array(z.string()),
      shadowShardIds: z.array(z.string()),
    }),
  ),
});
export type FleetResponse = z.output<typeof FleetResponse>;

/** GET /predictions: the stream's and each shard's newest forecast, and the last hours of what came. */
export const PredictionsResponse = z.object({
  atMs: z.number(),
  /** Known events from three hours ago to a day ahead. */
  events: z.array(z.object({ eventId: z.string(), effect: z.string(), fromMs: z.number(), untilMs: z.number() })),
  series: z.array(
    z.object({
      scope: z.enum(['stream', 'shard']),
      shardId: z.string().nullable(),
      metric: z.enum(['records', 'bytes']),
      /** Per second. */
      capacity: z.number(),
      model: z.string(),
      status: z.string(),
      reason: z.string(),
      /** Models of libraries that failed when the model was chosen. */
      failures: z.array(z.object({ model: z.string(), reason: z.string() })),
      issuedAtMs: z.number(),
      ageSec: z.number(),
      /** Of a stream: its hottest shard by the end of the horizon, that shard's share of the load, and what an even share would be. */
      skew: z.object({ hottestShardId: z.string().nullable(), share: z.number(), evenShare: z.number() }).optional(),
      /** Of a shard: its share of the stream's load by the end of the horizon. */
      shareOfStream: z.number().optional(),
      /** By how much the bounds are widened (above 1) for what they missed lately. */
      boundFactor: z.number().optional(),
      /** How the forecasts of this series did when their time came; the last day counts half. */
      accuracy: z
        .array(
          z.object({
            model: z.string(),
            horizonSec: z.number(),
            minutes: z.number(),
            /** Absolute error over what came; null when nothing came. */
            relativeError: z.number().nullable(),
            /** Forecast minus observed, per second. */
            bias: z.number(),
            /** Shares of minutes below the 95 % bound, and of windows whose maximum was. */
            coverage95: z.number(),
            maxCoverage95: z.number(),
          }),
        )
        .optional(),
      points: z.array(
        z.object({
          atMs: z.number(),
          lower05: z.number(),
          median: z.number(),
          upper90: z.number(),
          upper95: z.number(),
          windowMax95: z.number(),
          /** The mean of the highest until then, where the model tells one: bursts are in it that no median contains. */
          windowMaxMean: z.number().optional(),
        }),
      ),
      /** One a minute, null where unknown. */
      observed: z.array(z.object({ atMs: z.number(), value: z.number().nullable() })),
    }),
  ),
});
export type PredictionsResponse = z.output<typeof PredictionsResponse>;
