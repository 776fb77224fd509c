// lib/model: the nouns. What a profiling shadow has taught about one shard on one worker, and what to do about it.
import { z } from 'zod';
import { ProfilingEnd, ProfilingRequest, ProfilingTotals } from './profiling.ts';
import { OperatorSetting, SettingsInForce, Upkeep } from './tuning.ts';
import { Rate } from './worker.ts';

/** A rate with its 95 % interval; `high` is null where the measurement only bounds it from below. */
export const RateEstimate = z.object({ at: Rate, low: Rate, high: Rate.nullable() });
export type RateEstimate = z.output<typeof RateEstimate>;

/** What stops the shard from being processed faster. `nothing`: the worker takes more than the shard can carry. */
export const ProfileLimit = z.enum(['cpu', 'event-loop', 'wait', 'hot-key', 'memory', 'errors', 'nothing']);
export type ProfileLimit = z.output<typeof ProfileLimit>;

/** Where one resource would be full, and how that is known. */
export const ResourceCapacity = z.object({
  resource: z.enum(['cpu', 'event-loop', 'wait', 'hot-key', 'shard']),
  capacity: RateEstimate,
  /** Milliseconds of the resource that one record takes. */
  msPerRecord: z.number().min(0),
  how: z.string(),
});
export type ResourceCapacity = z.output<typeof ResourceCapacity>;

export const HotKey = z.object({
  partitionKey: z.string(),
  /** Of all records of the shard, in [0, 1], with its 95 % interval. */
  share: z.number(),
  low: z.number(),
  high: z.number(),
  recordsPerSec: z.number(),
});
export type HotKey = z.output<typeof HotKey>;

export const StageFinding = z.object({
  stage: z.string(),
  calls: z.number().int(),
  errors: z.number().int(),
  meanMs: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  /** Of the time of all stages, in [0, 1]. */
  shareOfTime: z.number(),
  /** Takes more of the time than every other by more than the noise. */
  slowest: z.boolean(),
});
export type StageFinding = z.output<typeof StageFinding>;

const base = {
  /** One sentence with its numbers. */
  reason: z.string(),
  /** US dollars a month that it adds (below 0: saves), at list prices of us-east-1; null where no price list knows it. */
  costUsdPerMonth: z.number().nullable(),
  /** Utilisation of what is scarce at the foreseen peak: without it, and with it. */
  utilizationBefore: z.number().nullable(),
  utilizationAfter: z.number().nullable(),
  /** How sure it is that this is needed and helps, in [0, 1]. */
  confidence: z.number().min(0).max(1),
};
export const Recommendation = z.discriminatedUnion('kind', [
  z.object({ ...base, kind: z.literal('split'), newStartingHashKey: z.string() }),
  z.object({ ...base, kind: z.literal('move'), workerId: z.string() }),
  z.object({ ...base, kind: z.literal('more-workers'), workers: z.number().int().min(1) }),
  z.object({ ...base, kind: z.literal('setting'), setting: OperatorSetting, from: z.number(), to: z.number() }),
  /** In the processor or its data: nothing that scaling could help. */
  z.object({ ...base, kind: z.literal('repair'), what: z.enum(['errors', 'memory', 'hot-key', 'stage']) }),
  z.object({ ...base, kind: z.literal('nothing') }),
]);
export type Recommendation = z.output<typeof Recommendation>;

/** What two equal legs (a, aa) differ by: a factor that another difference must pass to be more than noise. */
export const NoiseFloor = z.object({ measure: z.string(), a: z.number(), b: z.number(), floor: z.number() });
export type NoiseFloor = z.output<typeof NoiseFloor>;

/** What the other variant (leg b) does to a measure: b over a with its interval, beside the floor. */
export const Difference = NoiseFloor.extend({
  factor: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  kind: z.enum(['better', 'worse', 'within-noise']),
});
export type Difference = z.output<typeof Difference>;

/** Each point of the report's plots: one window of the observation. */
export const ReportPoint = z.object({
  atMs: z.number(),
  /** Of the shard's keys, that was sampled. */
  share: z.number(),
  shardRecordsPerSec: z.number(),
  sampledRecordsPerSec: z.number(),
  cpuShare: z.number(),
  loopShare: z.number(),
  heapBytes: z.number(),
  callMsPerRecord: z.number().nullable(),
  failed: z.number(),
});
export type ReportPoint = z.output<typeof ReportPoint>;

const Amount = z.number().min(0);

/** What the shard's owner did during the run by its own totals, all of its shards together; or why that is not known. */
export const PrimaryFinding = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('measured'),
    workerId: z.string(),
    /** From the owner's newest report when the run was created to its newest at the end; and the same of each of its shards, added up. */
    ms: Amount,
    shardMs: Amount,
    inForce: SettingsInForce,
    records: Amount,
    ...Upkeep.omit({ shardMs: true, bufferByteMs: true }).shape,
    /** Read and not processed, in the mean, of all its shards. */
    bufferBytes: Amount,
    /** Resident at the end, and what the process may take; null: not told. */
    memoryBytes: Amount,
    memoryLimitBytes: Amount.nullable(),
  }),
  z.object({ kind: z.literal('unknown'), detail: z.string() }),
]);
export type PrimaryFinding = z.output<typeof PrimaryFinding>;

/** What the run took of its host's process: shares of the time; of `ioWaitShare` of the turns, in which the event loop had nothing to do. Null: this system does not tell. */
export const HostUse = z.object({
  /** Of one core. */
  cpuShare: Amount,
  loopShare: Amount,
  gcShare: Amount,
  collections: Amount,
  ioWaitShare: Amount.nullable(),
  diskWaitShare: Amount.nullable(),
  readBytesPerSec: Amount.nullable(),
  writtenBytesPerSec: Amount.nullable(),
  /** At the end: the lowest of the last window, and resident. */
  heapBytes: Amount,
  rssBytes: Amount,
});
export type HostUse = z.output<typeof HostUse>;

export const Findings = z.object({
  /** Whether enough was seen to state a capacity; the sentence says what is missing otherwise. */
  state: z.enum(['measured', 'not-enough']),
  detail: z.string(),
  records: z.number().int(),
  seconds: z.number(),
  /** Share of the shard's records that the shadow processed. */
  sampledShare: z.number(),
  limit: ProfileLimit.nullable(),
  limitReason: z.string(),
  /** Of this shard on a worker that does nothing else, until the scarcest resource is full. */
  capacity: RateEstimate.nullable(),
  resources: z.array(ResourceCapacity),
  errors: z.object({
    share: z.number(),
    low: z.number(),
    high: z.number(),
    byClass: z.array(z.object({ name: z.string(), count: z.number().int() })),
  }),
  memory: z.object({
    /** Where it grows: the heap, buffers (external memory), or outside of both. */
    where: z.enum(['heap', 'buffers', 'native']).nullable().optional(),
    /** Growth for each record that is processed; null where none can be told from noise. */
    bytesPerRecord: z.number().nullable(),
    low: z.number().nullable(),
    high: z.number().nullable(),
    /** At the shard's whole load. */
    hoursToFull: z.number().nullable(),
  }),
  /** Missing: nothing was observed, or a report of an older version. */
  host: HostUse.optional(),
  hotKeys: z.array(HotKey),
  distinctKeys: z.number().nullable(),
  stages: z.array(StageFinding),
  /** Of the scarcest resource, by the shard's whole load. */
  utilizationNow: z.number().nullable(),
  utilizationForeseen: z.number().nullable(),
  /** Missing: a report of an older version. */
  primary: PrimaryFinding.optional(),
  noise: z.array(NoiseFloor),
  /** Only those above the noise, of a run that tried another variant. */
  differences: z.array(Difference),
  recommendations: z.array(Recommendation),
});
export type Findings = z.output<typeof Findings>;

/** A run with what it has taught: kept when its measures are long gone. */
export const ProfileReport = z.object({
  profileId: z.string(),
  application: z.string(),
  streamName: z.string(),
  shardId: z.string(),
  hostId: z.string(),
  /** The shard's owner when it was analysed. */
  owner: z.string().nullable(),
  trigger: z.string(),
  reason: z.string(),
  request: ProfilingRequest,
  requestedAtMs: z.number(),
  analysedAtMs: z.number(),
  /** Why the run ended; null: it was never begun. */
  ended: ProfilingEnd.nullable(),
  findings: Findings,
  points: z.array(ReportPoint),
  /** Distributions of the whole run; null: the host wrote none. */
  totals: ProfilingTotals.nullable(),
  /** What follows, and why. */
  decision: z.string().optional(),
});
export type ProfileReport = z.output<typeof ProfileReport>;

/** A report without its plots. */
export const ProfileSummary = ProfileReport.omit({ points: true, totals: true });
export type ProfileSummary = z.output<typeof ProfileSummary>;
