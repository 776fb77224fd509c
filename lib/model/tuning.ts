// lib/model: the nouns. Operator tuning: a setting of the workers that is tried in a shadow, applied to the primary, watched, and kept or taken back.
// in: the API, the workers, the tables · out: schemas, types, the one table of a try's transitions
import { z } from 'zod';

/** Settings of a Consumer that may be changed from outside, within declared bounds. */
export const OperatorSetting = z.enum(['maxBatchRecords', 'concurrencyPerShard', 'checkpointMs', 'maxBufferBytes']);
export type OperatorSetting = z.output<typeof OperatorSetting>;

/** Those that a shadow can show the effect of. It writes no checkpoints and reads by its own buffer, so that the other two are applied at once, and watched. */
export const SHADOWED: readonly OperatorSetting[] = ['maxBatchRecords', 'concurrencyPerShard'];

/** From where to where a setting may be changed. */
export const SettingBounds = z
  .strictObject({ from: z.number().int().min(1), to: z.number().int().min(1) })
  .refine(({ from, to }) => from <= to, { error: 'from must not exceed to' });
export type SettingBounds = z.output<typeof SettingBounds>;

const ofEach = <S extends z.ZodType>(schema: S) => ({
  maxBatchRecords: schema.optional(),
  concurrencyPerShard: schema.optional(),
  checkpointMs: schema.optional(),
  maxBufferBytes: schema.optional(),
});
const Value = z.number().int().min(1);

/** Bounds of those settings that may be changed; the others may not. */
export const TuningBounds = z.strictObject(ofEach(SettingBounds));
export type TuningBounds = z.output<typeof TuningBounds>;

/** Values that stand in for the workers' own. */
export const TunedSettings = z.strictObject(ofEach(Value));
export type TunedSettings = z.output<typeof TunedSettings>;

/** All of a worker's values. */
export const SettingsInForce = z.strictObject({
  maxBatchRecords: Value,
  concurrencyPerShard: Value,
  checkpointMs: Value,
  maxBufferBytes: Value,
});
export type SettingsInForce = z.output<typeof SettingsInForce>;

/** What a worker says of its settings: part of its report. */
export const WorkerTuning = z.object({ inForce: SettingsInForce, bounds: TuningBounds });
export type WorkerTuning = z.output<typeof WorkerTuning>;

const Amount = z.number().min(0);

/** What a worker's checkpoints and its reading ahead came to since the process began, of all its shards together. */
export const Upkeep = z.object({
  /** Time of all its shards together. */
  shardMs: Amount,
  /** Checkpoints that were written since `checkpointMs` was over, and the time that these writes took. */
  checkpoints: Amount,
  checkpointMs: Amount,
  /** Time in which there was more to read in the stream. */
  behindMs: Amount,
  /** Of it, time in which everything that was read was processed, so that the processor had nothing to do. */
  starvedMs: Amount,
  /** Of that, what a larger buffer would have spared: the read that ended it could have begun earlier, had it not waited for room below `maxBufferBytes`; and how often. */
  heldUpMs: Amount,
  heldUps: Amount,
  /** Bytes that were read and not processed, times the milliseconds that they were so. */
  bufferByteMs: Amount,
});
export type Upkeep = z.output<typeof Upkeep>;

/** What a worker's processor was given and took since the process began: part of its report. */
export const WorkTotals = z.object({
  sinceMs: z.number(),
  atMs: z.number(),
  records: Amount,
  /** Of all records, from the arrival in the stream until they were processed. */
  latencyMs: Amount,
  calls: Amount,
  callMs: Amount,
  /** Calls that threw. */
  failedCalls: Amount,
  cpuMs: Amount,
  /** Missing: a worker of an older version. */
  upkeep: Upkeep.optional(),
});
export type WorkTotals = z.output<typeof WorkTotals>;

/** What all watched workers did between two looks, added up. */
export const WorkSample = WorkTotals.omit({ sinceMs: true }).extend({
  /** Time of all of them together. */
  ms: Amount,
  /** Calls' time, each worker's divided by the lanes of its shards. */
  laneMs: Amount,
  /** In the mean of the workers. */
  memoryShare: Amount,
});
export type WorkSample = z.output<typeof WorkSample>;

/**
 * ```
 *  start ─┬─► shadow ─better───┬─► watching ─held─► kept
 *         │     │              │       └─worse, unclear, overdue, stopped, forbidden─► rolledBack
 *         └─► before ─measured─┘
 *               └─(both) not better, failed, overdue, stopped, forbidden─► givenUp
 * ```
 * `before`: a setting that no shadow can show is only watched, and for that the time before is needed, which a shadow's run gives by the way.
 * A setting that is being watched is lent: workers take their former value by themselves when `deadlineMs` passes without a word.
 */
export const tuningTransitions = {
  before: { measured: 'watching', overdue: 'givenUp', stopped: 'givenUp', forbidden: 'givenUp' },
  shadow: {
    better: 'watching',
    notBetter: 'givenUp',
    failed: 'givenUp',
    overdue: 'givenUp',
    stopped: 'givenUp',
    forbidden: 'givenUp',
  },
  watching: {
    held: 'kept',
    worse: 'rolledBack',
    unclear: 'rolledBack',
    overdue: 'rolledBack',
    stopped: 'rolledBack',
    forbidden: 'rolledBack',
  },
  kept: {},
  rolledBack: {},
  givenUp: {},
} as const;

/** One try of one setting. */
export const TuningTrial = z.object({
  trialId: z.string().min(1).max(80),
  setting: OperatorSetting,
  from: Value,
  to: Value,
  trigger: z.enum(['recommendation', 'request']),
  reason: z.string(),
  phase: z.enum(['shadow', 'before', 'watching']),
  startedAtMs: z.number(),
  /** Past it the try is over: given up in the shadow, taken back while watched. */
  deadlineMs: z.number(),
  /** The profiling run that tries it: its id, shard and host. Its host is left out of what is watched: it is busy with the shadow. */
  shadow: z.object({ profileId: z.string(), shardId: z.string(), hostId: z.string() }).optional(),
  /** What the shadow said. */
  verdict: z.string().optional(),
  appliedAtMs: z.number().optional(),
  watchUntilMs: z.number().optional(),
  /** Of the primary, with the former value and with the new one. */
  before: z.array(WorkSample),
  after: z.array(WorkSample),
  /** Each worker's newest totals, and the value that it ran with then. */
  seen: z.record(z.string(), WorkTotals.extend({ value: Value, lanes: Value })),
});
export type TuningTrial = z.output<typeof TuningTrial>;

/** How a try ended, in one sentence with its numbers. */
export const TuningOutcome = z.object({
  trialId: z.string(),
  setting: OperatorSetting,
  from: Value,
  to: Value,
  trigger: TuningTrial.shape.trigger,
  result: z.enum(['kept', 'rolledBack', 'givenUp']),
  because: z.enum(['held', 'worse', 'unclear', 'notBetter', 'failed', 'overdue', 'stopped', 'forbidden']),
  reason: z.string(),
  startedAtMs: z.number(),
  appliedAtMs: z.number().optional(),
  endedAtMs: z.number(),
});
export type TuningOutcome = z.output<typeof TuningOutcome>;

/** All that there is to tuning one application's workers on one stream: one item, and so one try at a time. */
export const Tuning = z.object({
  application: z.string(),
  streamName: z.string(),
  /** Grows by one with each write; a write on another one than was read is refused. */
  revision: z.number().int().min(1),
  /** What was kept. A try that is being watched is not in it, so that taking it back leaves exactly what was. */
  settings: TunedSettings,
  trial: TuningTrial.optional(),
  /** The newest first. */
  outcomes: z.array(TuningOutcome),
});
export type Tuning = z.output<typeof Tuning>;
