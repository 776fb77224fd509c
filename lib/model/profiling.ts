// lib/model: the nouns. A profiling run: a sample of one shard's keys, really processed on another worker with its effects kept apart, and what was measured.
// in: the API, the workers, the tables · out: schemas and types
//
//   requested ─host warms─► warming ─dispatches─► observing ─► ended      (any ─► ended: `ended.by` says why)
import { z } from 'zod';
import { SettingsInForce, WorkTotals } from './tuning.ts';

const outside = ({ input }: { readonly input?: unknown }): string => `must be in (0, 1], got ${String(input)}`;
const Share = z.number({ error: outside }).gt(0, { error: outside }).lte(1, { error: outside });
const Count = z.number().int().min(0);
const Amount = z.number().min(0);

/** What a leg is run with: this processor, under other settings where these are given. */
export const ProfilingVariant = z.strictObject({
  /** `candidate`: the host's option `candidate`, a new version of the processor. */
  processor: z.enum(['current', 'candidate']).default('current'),
  maxBatchRecords: z.number().int().min(1).max(10_000).optional(),
  concurrencyPerShard: z.number().int().min(1).max(64).optional(),
});
export type ProfilingVariant = z.output<typeof ProfilingVariant>;

/** How results are set beside each other, field by field. */
export const ProfilingComparison = z.strictObject({
  /** `legs`: leg `a` beside `aa` and `b`. `primary`: besides, leg `a` beside what the shard's owner told for the same records (needs a result store that both reach). */
  with: z.enum(['legs', 'primary']).default('legs'),
  /** Fields that may differ: `updatedAt`, `order.lines.*.id`. `*` stands for one step, `**` at the end for all below. */
  ignore: z.array(z.string().min(1)).max(100).default([]),
});
export type ProfilingComparison = z.output<typeof ProfilingComparison>;

/** What somebody asks of a profiling shadow. */
export const ProfilingRequest = z
  .strictObject({
    /** The share of the shard's keys to begin with. */
    share: Share.default(0.1),
    /** The share adapts within these. @default a tenth of `share`, and five times `share` but at most 1 */
    minShare: Share.optional(),
    maxShare: Share.optional(),
    durationMin: z
      .number({ error: ({ input }) => `must be from 1 to 60 minutes, got ${String(input)}` })
      .min(1, { error: ({ input }) => `must be from 1 to 60 minutes, got ${String(input)}` })
      .max(60, { error: ({ input }) => `must be from 1 to 60 minutes, got ${String(input)}` })
      .default(10),
    /** Whether the same sample is processed a second time in the same way: the noise floor. */
    aa: z.boolean().default(true),
    /** What is tried beside the processor as it is: leg `b`. */
    other: ProfilingVariant.optional(),
    compare: ProfilingComparison.optional(),
    /** How the host reads: by a registered fan-out consumer of its own, or by one of the shard's five polls a second. @default as the host's standby shadows do */
    retrieval: z.enum(['polling', 'fan-out']).optional(),
    /** More failed records than this share of the sample's end the run. */
    maxErrorShare: Share.default(0.5),
    /** US dollars that the run may cost: the fan-out consumer, what it reads, what is written. */
    budgetUsd: z.number().positive().default(1),
    /** Above this share of a core or of the event loop the host lowers the sampled share. */
    busyAbove: Share.default(0.8),
  })
  .superRefine(({ share, minShare, maxShare }, context) => {
    if ((minShare !== undefined && minShare > share) || (maxShare !== undefined && share > maxShare))
      context.addIssue({
        code: 'custom',
        path: ['share'],
        message: `must lie from minShare to maxShare, got ${share} with minShare ${minShare ?? 'open'} and maxShare ${maxShare ?? 'open'}`,
      });
  });
export type ProfilingRequest = z.output<typeof ProfilingRequest>;

/** Why a worker did not host a run that it was told to. */
export const ProfilingRefusal = z.enum([
  'not-shadow-safe',
  'no-candidate',
  'too-many-lanes',
  'results-not-shared',
  'host-owns-the-shard',
  'hosting-another',
  'host-busy',
  'unknown-shard',
]);
export type ProfilingRefusal = z.output<typeof ProfilingRefusal>;

/** Why a run ended. `host-lost`: nobody heard of its host any more, others cleared up after it. */
export const ProfilingEnd = z.object({
  by: z.enum([
    'duration',
    'errors',
    'budget',
    'stopped',
    'refused',
    'not-started',
    'host-stopped',
    'host-lost',
    'shard-ended',
    'shard-moved-here',
    'failed',
  ]),
  refusal: ProfilingRefusal.optional(),
  detail: z.string(),
  atMs: z.number(),
});
export type ProfilingEnd = z.output<typeof ProfilingEnd>;

/** One run. While it is under way it is the one item of its shard; then it is kept for a week. */
export const ProfilingRun = z.object({
  profileId: z.string().min(1).max(80),
  application: z.string(),
  streamName: z.string(),
  shardId: z.string().min(1),
  /** The worker that is told to host it. */
  hostId: z.string().min(1),
  request: ProfilingRequest,
  /** `tuning`: it tries a setting that a profile has recommended. */
  trigger: z.enum(['utilization', 'forecast', 'request', 'tuning']),
  reason: z.string(),
  /** The owner's totals when the run was created: what it did during the run is what it tells at the end, less these. Missing: it tells none. */
  ownerBefore: z.object({ workerId: z.string(), work: WorkTotals, inForce: SettingsInForce }).optional(),
  state: z.enum(['requested', 'warming', 'observing', 'ended']),
  requestedAtMs: z.number(),
  /** From then on it counts as lost; its host moves it on while it lives. */
  lostAfterMs: z.number(),
  startedAtMs: z.number().optional(),
  /** When its duration is over. */
  endsAtMs: z.number().optional(),
  share: Share.optional(),
  /** Sampled records that were processed by leg `a`. */
  records: Count.optional(),
  windows: Count.optional(),
  spentUsd: Amount.optional(),
  /** Somebody wants it to end; its host then does so. */
  stop: z.object({ by: z.string(), detail: z.string(), atMs: z.number() }).optional(),
  ended: ProfilingEnd.optional(),
});
export type ProfilingRun = z.output<typeof ProfilingRun>;

/** Whether nothing was heard of the run's host for so long that others end it. */
export const isHostLost = ({ lostAfterMs }: Pick<ProfilingRun, 'lostAfterMs'>, nowMs: number): boolean => lostAfterMs <= nowMs;

/** How others end a run whose host is lost; one that it never began is `not-started`. */
export const hostLost = ({ state, hostId, lostAfterMs }: ProfilingRun, atMs: number): ProfilingEnd => ({
  by: state === 'requested' ? 'not-started' : 'host-lost',
  detail: `nothing was heard of worker ${hostId} by ${new Date(lostAfterMs).toISOString()}`,
  atMs,
});

/** Whether this run may be reading by the registered consumer of profiling shadows: its host decides where the request leaves it open. */
export const mayUseConsumer = ({ request }: Pick<ProfilingRun, 'request'>): boolean => request.retrieval !== 'polling';

/** `a` the processor as it is, `aa` the same again, `b` the other. */
export const ProfilingLeg = z.enum(['a', 'aa', 'b']);
export type ProfilingLeg = z.output<typeof ProfilingLeg>;

/** A stage within a window. A nested one is named `outer/inner`. */
export const StageWindow = z.object({
  calls: Count,
  errors: Count,
  totalMs: Amount,
  /** Of it, until the stage's function returned its promise (or its value): the event loop was its alone. */
  syncMs: Amount,
});
export type StageWindow = z.output<typeof StageWindow>;

/** One leg within a window, as sums, so that windows can be added up. */
export const LegWindow = z.object({
  leg: ProfilingLeg,
  /** Records given to the processor and what of them failed; each counts once, however often it was given. */
  records: Count,
  bytes: Amount,
  failed: Count,
  /** Failed records by the name of the error's class. */
  errors: z.record(z.string(), Count),
  calls: Count,
  /** Busy time of all lanes together. */
  callMs: Amount,
  /** For a line of a call's time over its records: Σn, Σn², Σn·ms (Σms is `callMs`). */
  callRecords: Amount,
  callRecordsSquared: Amount,
  callRecordsMs: Amount,
  /** Of all records, from the beginning of their turn until they were processed. */
  tookMs: Amount.optional(),
  /** Wall time of this leg's turns; the legs take turns, so that what the process spent in a turn is the leg's and the base load's. */
  turnMs: Amount,
  cpuMs: Amount,
  loopBusyMs: Amount,
  /** Of the turns, the time that the event loop had nothing to do: they waited for I/O. */
  ioWaitMs: Amount,
  /** Of the turns, the time that the main thread waited for a core; missing: this system does not tell. */
  stolenMs: Amount.nullish(),
  lanes: z.number().int(),
  maxBatchRecords: z.number().int(),
  stages: z.record(z.string(), StageWindow),
});
export type LegWindow = z.output<typeof LegWindow>;

/** What the host's process spent over a whole window. Null: this system does not tell. */
export const ProcessWindow = z.object({
  userMs: Amount,
  systemMs: Amount,
  loopBusyMs: Amount,
  gcMs: Amount,
  gcCount: Count,
  /** The least that was seen: closest to what lives. */
  heapLowBytes: Amount,
  heapLimitBytes: Amount,
  rssBytes: Amount,
  /** Buffers, and what else hangs on objects of the heap; the least that was seen. */
  externalBytes: Amount,
  /** Neither of both, the least that was seen; missing: not told. */
  nativeBytes: Amount.optional(),
  /** What the process may take in all. */
  memoryLimitBytes: Amount.optional(),
  /** Waited for a disk. */
  blockIoMs: Amount.nullable(),
  readBytes: Amount.nullable(),
  writtenBytes: Amount.nullable(),
});
export type ProcessWindow = z.output<typeof ProcessWindow>;

/** A few seconds of a run. */
export const ProfilingWindow = z.object({
  profileId: z.string(),
  index: Count,
  startMs: z.number(),
  durationMs: Amount,
  /** `warming` windows dispatch nothing: the host's base load. */
  phase: z.enum(['warming', 'observing']),
  share: Share,
  /** Everything read of the shard, before sampling; user records where they were aggregated. */
  shardRecords: Count,
  shardBytes: Amount,
  sampledRecords: Count,
  /** How far the reading is behind the tip of the shard. */
  lagMs: Amount,
  /** What the host's own shards processed meanwhile. */
  ownRecords: Count,
  process: ProcessWindow,
  /** Outside of all turns: the base load. */
  idle: z.object({ ms: Amount, cpuMs: Amount, loopBusyMs: Amount, stolenMs: Amount.nullish() }),
  legs: z.array(LegWindow),
});
export type ProfilingWindow = z.output<typeof ProfilingWindow>;

/** The levels of `Latency.quantilesMs`. */
export const LATENCY_LEVELS = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999] as const;

/** A distribution of times over the whole run (HDR histogram, 1 %). */
export const Latency = z.object({ count: Count, totalMs: Amount, maxMs: Amount, quantilesMs: z.array(Amount) });
export type Latency = z.output<typeof Latency>;

/** A key that came often. Its true count lies from `records - errorRecords` to `records`. */
export const HeavyHitter = z.object({
  partitionKey: z.string(),
  records: Count,
  errorRecords: Count,
  bytes: Amount,
  isSampled: z.boolean(),
});
export type HeavyHitter = z.output<typeof HeavyHitter>;

/** Two results of one record that are not the same. */
export const ProfilingMismatch = z.object({
  sequenceNumber: z.string(),
  partitionKey: z.string(),
  name: z.string(),
  /** JSON, cut at 200 characters; null: there is no such field. */
  differences: z.array(z.object({ path: z.string(), left: z.string().nullable(), right: z.string().nullable() })),
});
export type ProfilingMismatch = z.output<typeof ProfilingMismatch>;

/** All results of one side beside those of another. */
export const ComparedResults = z.object({
  left: ProfilingLeg,
  right: z.union([ProfilingLeg, z.literal('primary')]),
  compared: Count,
  equal: Count,
  different: Count,
  /** One side told a result that the other one did not, within a minute. */
  onlyLeft: Count,
  onlyRight: Count,
  /** How often each field differed. */
  fields: z.record(z.string(), Count),
  samples: z.array(ProfilingMismatch),
});
export type ComparedResults = z.output<typeof ComparedResults>;

/** A run as a whole so far: written again with every window. */
export const ProfilingTotals = z.object({
  profileId: z.string(),
  atMs: z.number(),
  windows: Count,
  /** Of everything read, before sampling. */
  keys: z.object({
    records: Count,
    bytes: Amount,
    distinct: Amount,
    heavyHitters: z.array(HeavyHitter),
    /** Shares of the records of the most frequent key, ten and hundred keys. */
    top1Share: Amount,
    top10Share: Amount,
    top100Share: Amount,
  }),
  /** Bytes of a record's data, at LATENCY_LEVELS. */
  recordBytes: z.object({ max: Amount, quantiles: z.array(Amount) }),
  legs: z.array(
    z.object({
      leg: ProfilingLeg,
      calls: Latency,
      /** From a record's arrival in the stream until the call that it was in began. */
      waits: Latency,
      /** From the beginning of a record's turn until it was processed. */
      took: Latency.optional(),
      stages: z.record(z.string(), Latency.extend({ errors: Count })),
      /** The newest error of each class. */
      errorSamples: z.array(z.object({ errorClass: z.string(), message: z.string(), sequenceNumber: z.string(), count: Count })),
    }),
  ),
  comparisons: z.array(ComparedResults),
});
export type ProfilingTotals = z.output<typeof ProfilingTotals>;

/** What a worker says about hosting: part of its report. */
export const HostingAbility = z.object({
  shadowSafe: z.boolean(),
  candidate: z.boolean(),
  /** Its result store is one that other workers reach. */
  sharedResults: z.boolean(),
  /** The run that it hosts now. */
  profileId: z.string().optional(),
});
export type HostingAbility = z.output<typeof HostingAbility>;
