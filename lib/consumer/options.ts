// lib/consumer: what a user tells the Consumer.
// in: the user's options · out: complete, checked settings
import { hostname } from 'node:os';
import { z } from 'zod';
import { type SettingsInForce, TuningBounds } from '../model/tuning.ts';
import { Rate, Retrieval } from '../model/worker.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import type { DeadLetter, Processor } from './processor.ts';
import { InitialPosition, momentOf } from './start-position.ts';

const MOST_LANES = 64;
const Milliseconds = z.number().int().positive();
const DeadLetterFunction = z.custom<DeadLetter>((value) => typeof value === 'function', 'deadLetter must be a function');

/** Settings with their defaults. All times in milliseconds. */
export const ConsumerSettings = z.strictObject({
  application: z.string().min(1),
  streamName: z.string().min(1),
  /** Unique per process. @default host name and process id */
  workerId: z
    .string()
    .min(1)
    .regex(/^[A-Za-z0-9_.-]+$/, 'letters, digits, _ . - only')
    .default(() => `${hostname()}-${process.pid}`),
  zone: z.string().default('unknown'),
  /** What this worker can process in all. */
  capacity: Rate.default({ recordsPerSec: 1000, bytesPerSec: 1_048_576 }),
  /** How shards are read: `polling` (no consumer is registered), `fan-out` (owners and shadows subscribe) or `fan-out-for-shadows` (owners poll). */
  retrieval: Retrieval.default('fan-out-for-shadows'),
  /** Where an application begins that has no lease of the stream yet. */
  initialPosition: InitialPosition.default('TRIM_HORIZON'),
  heartbeatMs: Milliseconds.default(600),
  /** A worker whose heartbeat stands still for so long on the observer's clock has lost its leases. Each worker's own value goes with its heartbeat. */
  failoverMs: Milliseconds.default(1100),
  /** How often the heartbeats of the group are read. */
  observeMs: Milliseconds.default(250),
  /** An event loop that user code blocks for so long counts as dead; until then the heartbeat goes on from a thread of its own. */
  stallMs: Milliseconds.default(10_000),
  /** A worker with a call of its processor in flight for so long gets no more shards. */
  stuckAfterMs: Milliseconds.default(60_000),
  /** After its start a worker takes no ownerless leases for so long: workers that start together see each other first and share. */
  settleMs: Milliseconds.default(500),
  /** How often the lease table is read when nothing is announced and no worker comes or goes; longer in proportion for more than 200 leases. */
  scanMs: Milliseconds.default(20_000),
  /** How often a worker writes its full report: load, shards, rates. */
  reportMs: Milliseconds.default(20_000),
  /** Who evens out the load: the workers among themselves, or the control plane (a policy whose mode is `act`). */
  rebalance: z.enum(['workers', 'control-plane']).default('workers'),
  /** What checks before the start do that find what would fail later: refuse it, only tell by events, or are not made. */
  preflight: z.enum(['refuse', 'warn', 'off']).default('refuse'),
  /** A shard that nothing was heard of for so long (no event, no answer of Kinesis) is handed on to another worker. */
  silentAfterMs: Milliseconds.default(30_000),
  /** A worker that stops hands its shards on within this time. */
  stopWithinMs: Milliseconds.default(10_000),
  /** How often the lease item is read while a handover of it is under way. */
  watchMs: Milliseconds.default(10),
  checkpointMs: Milliseconds.default(20_000),
  /** The same for a shard with a standby shadow, which compares at each of them. */
  markMs: Milliseconds.default(1000),
  /** Between two GetRecords of one shard; Kinesis allows five a second to all readers of a shard. */
  pollMs: Milliseconds.default(250),
  /** How often the stream is asked for shards without a lease; the end of a shard asks at once. */
  shardSyncMs: Milliseconds.default(60_000),
  /** What is published: `automatic`: what the processor's calls have returned for; `manual`: what `context.checkpoint()` has declared (needs a `flush`). */
  checkpoints: z.enum(['automatic', 'manual']).default('automatic'),
  /** Calls of the processor side by side within one shard. Records of one partition key always go to the same one, in order. */
  concurrencyPerShard: z.number().int().min(1).max(MOST_LANES).default(1),
  /** What becomes of a record that failed all its attempts. */
  onPoison: z
    .union([z.enum(['stop', 'skip']), z.strictObject({ deadLetter: DeadLetterFunction })], {
      error: "must be 'stop', 'skip' or { deadLetter: async (record, error, context) => … }",
    })
    .default('stop'),
  /** How often a failing call is tried before its record counts as poison, and the waits in between. A TransientError is tried for ever. */
  retries: z
    .strictObject({
      attempts: z.number().int().min(1).max(1000).default(5),
      firstMs: Milliseconds.default(100),
      mostMs: Milliseconds.default(10_000),
    })
    .prefault({}),
  /** A call of the processor that is in flight for so long is reported, and again at twice the time. */
  lateAfterMs: Milliseconds.default(30_000),
  /** Whether the records within a KPL aggregate are taken apart. */
  deaggregate: z.boolean().default(true),
  /** Records in one call of the processor: the longest that a pause may have to wait for. */
  maxBatchRecords: z.number().int().positive().default(500),
  /** Bytes of records that are read and not yet dispatched, per shard. */
  maxBufferBytes: z
    .number()
    .int()
    .positive()
    .default(16 * 1024 * 1024),
  /** The same for all shards of this process together. One delivery of each shard is let in whatever the sum, so that none waits for the others. */
  maxTotalBufferBytes: z
    .number()
    .int()
    .positive()
    .default(256 * 1024 * 1024),
  /** Memory of one standby shadow, in bytes: half for records, past it for their digests only, which take the other half. */
  maxShadowBytes: z
    .number()
    .int()
    .positive()
    .default(32 * 1024 * 1024),
  /** The length of a window of a profiling run that this worker hosts: what it measured is written so often. */
  profilingMs: z.number().int().min(500).max(60_000).default(5000),
  /** Within which bounds settings may be changed from outside while the worker runs. */
  tuning: TuningBounds.default({}),
});
export type ConsumerSettings = z.output<typeof ConsumerSettings>;

/** Those that may be tuned, as the worker's own code says them. */
export const ownSettingsOf = ({
  maxBatchRecords,
  concurrencyPerShard,
  checkpointMs,
  maxBufferBytes,
}: Pick<ConsumerSettings, keyof SettingsInForce>): SettingsInForce => ({
  maxBatchRecords,
  concurrencyPerShard,
  checkpointMs,
  maxBufferBytes,
});

/** Our own right to act lasts for 0.8 of the failover time: a heartbeat must be sent, and may be late, within it. */
const FAILOVER_TO_HEARTBEAT = 1.8;

/** Checks the settings. Throws a TypeError that names each field, what was received and what is allowed. */
export const settingsOf = ({
  ports,
  processor,
  candidate,
  results,
  onEvent: _onEvent,
  hooks: _hooks,
  random: _random,
  ...settings
}: ConsumerOptions): ConsumerSettings => {
  if (typeof processor?.process !== 'function') throw new TypeError('processor must have a method process(records, context)');
  for (const [name, { maxConcurrencyPerShard: most } = {}] of Object.entries({ processor, candidate }))
    if (most !== undefined && !(Number.isInteger(most) && most >= 1 && most <= MOST_LANES))
      throw new TypeError(`${name}.maxConcurrencyPerShard must be a whole number from 1 to ${MOST_LANES}, got ${String(most)}`);
  if (candidate !== undefined && typeof candidate.process !== 'function')
    throw new TypeError(
      `candidate must have a method process(records, context), got a processor with ${methodsOf(candidate) || 'no method'}`,
    );
  const missing = RESULT_METHODS.filter((method) => results !== undefined && typeof results[method] !== 'function');
  if (missing.length > 0)
    throw new TypeError(
      `results must be a result store, as valkeyResults(…) of penumbra/valkey makes one, got something without ${missing.join(', ')}`,
    );
  const parsed = ConsumerSettings.safeParse(settings);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(
      (issue) =>
        `${issue.path.join('.')}: ${issue.message}, got ${JSON.stringify((settings as Record<string, unknown>)[String(issue.path[0])])}`,
    );
    throw new TypeError(`Consumer options: ${issues.join('; ')}`);
  }
  const startsAtMs = momentOf(parsed.data.initialPosition);
  if (startsAtMs !== null && startsAtMs > ports.clock.nowMs()) {
    throw new TypeError(
      `Consumer options: initialPosition.at must not lie in the future, got ${new Date(startsAtMs).toISOString()} at ${new Date(ports.clock.nowMs()).toISOString()}; use 'LATEST' for what arrives from now on`,
    );
  }
  if (parsed.data.failoverMs < parsed.data.heartbeatMs * FAILOVER_TO_HEARTBEAT) {
    throw new TypeError(
      `Consumer options: failoverMs must be at least ${FAILOVER_TO_HEARTBEAT} times heartbeatMs, got ${parsed.data.failoverMs} and ${parsed.data.heartbeatMs}`,
    );
  }
  const outside = boundsOutside(parsed.data.tuning);
  if (outside !== null) throw new TypeError(`Consumer options: ${outside}`);
  if (parsed.data.checkpoints === 'manual' && typeof processor.flush !== 'function') {
    throw new TypeError(
      "Consumer options: checkpoints 'manual' needs a processor with a method flush(context), by which it finishes what it holds before a shard " +
        `leaves this worker, got a processor with ${methodsOf(processor)}; add flush or use checkpoints 'automatic'`,
    );
  }
  return parsed.data;
};

/** Bounds that reach past what the option itself allows; null: none does. */
const boundsOutside = (tuning: TuningBounds): string | null => {
  for (const [setting, bounds] of Object.entries(tuning)) {
    const most = setting === 'concurrencyPerShard' ? MOST_LANES : Number.MAX_SAFE_INTEGER;
    if (bounds !== undefined && bounds.to > most) return `tuning.${setting}.to must be at most ${most}, got ${bounds.to}`;
  }
  return null;
};

const RESULT_METHODS = ['put', 'get', 'remove', 'clear'] as const;
const METHODS = ['process', 'flush', 'shardStarted', 'shardEnded', 'leaseLost'] as const;
const methodsOf = (processor: Processor): string =>
  METHODS.filter((method) => typeof processor[method] === 'function').join(', ');
