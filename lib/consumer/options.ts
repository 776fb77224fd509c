// lib/consumer: what a user tells the Consumer.
// in: the user's options · out: complete, checked settings
import { hostname } from 'node:os';
import { z } from 'zod';
import type { StreamRecord } from '../model/shard.ts';
import { Rate } from '../model/worker.ts';
import type { Ports } from '../ports.ts';
import type { ConsumerEvent } from './events.ts';

/** What a processor is told about the records that it gets. */
export interface ProcessorContext {
  readonly streamName: string;
  readonly shardId: string;
  /** The fencing token: grows at each change of owner. A sink that refuses a lower one than it has seen refuses a paused worker that wakes up. */
  readonly epoch: number;
  readonly shadow: false;
  /** Aborts when the worker may no longer dispatch this shard; what is written after it may be written twice. */
  readonly signal: AbortSignal;
}

/** The user's own code. Records of one shard come in order, one call at a time; the call's end means that they are processed. */
export interface Processor {
  process(records: readonly StreamRecord[], context: ProcessorContext): Promise<void>;
}

export type ConsumerPorts = Pick<Ports, 'clock' | 'leases' | 'workers' | 'reader' | 'control' | 'counters' | 'callbacks'>;

const Milliseconds = z.number().int().positive();

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
  /** How the owner reads. Shadows always read by enhanced fan-out. */
  retrieval: z.enum(['polling', 'fan-out']).default('polling'),
  initialPosition: z.enum(['TRIM_HORIZON', 'LATEST']).default('TRIM_HORIZON'),
  heartbeatMs: Milliseconds.default(500),
  /** A worker whose heartbeat stands still for so long on the observer's clock has lost its leases. */
  failoverMs: Milliseconds.default(3000),
  /** After its start a worker takes no ownerless leases for so long: workers that start together see each other first and share. */
  settleMs: Milliseconds.default(1000),
  /** How often the lease table is read. */
  scanMs: Milliseconds.default(500),
  /** How often the lease item is read while a handover of it is under way. */
  watchMs: Milliseconds.default(10),
  checkpointMs: Milliseconds.default(5000),
  /** Between two GetRecords of one shard; Kinesis allows five a second to all readers of a shard. */
  pollMs: Milliseconds.default(250),
  shardSyncMs: Milliseconds.default(15_000),
  /** Records in one call of the processor: the longest that a pause may have to wait for. */
  maxBatchRecords: z.number().int().positive().default(500),
  /** Bytes of records that are read and not yet dispatched, per shard. */
  maxBufferBytes: z
    .number()
    .int()
    .positive()
    .default(16 * 1024 * 1024),
  /** Bytes of records that one standby shadow keeps; past it only their digests. */
  maxShadowBytes: z
    .number()
    .int()
    .positive()
    .default(32 * 1024 * 1024),
});
export type ConsumerSettings = z.output<typeof ConsumerSettings>;

export type ConsumerOptions = z.input<typeof ConsumerSettings> & {
  readonly ports: ConsumerPorts;
  readonly processor: Processor;
  readonly onEvent?: (event: ConsumerEvent) => void;
};

/** Checks the settings. Throws a TypeError that names each field, what was received and what is allowed. */
export const settingsOf = ({ ports: _ports, processor, onEvent: _onEvent, ...settings }: ConsumerOptions): ConsumerSettings => {
  if (typeof processor?.process !== 'function') throw new TypeError('processor must have a method process(records, context)');
  const parsed = ConsumerSettings.safeParse(settings);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(
      (issue) =>
        `${issue.path.join('.')}: ${issue.message}, got ${JSON.stringify((settings as Record<string, unknown>)[String(issue.path[0])])}`,
    );
    throw new TypeError(`Consumer options: ${issues.join('; ')}`);
  }
  if (parsed.data.failoverMs < parsed.data.heartbeatMs * 3) {
    throw new TypeError(
      `Consumer options: failoverMs must be at least three times heartbeatMs, got ${parsed.data.failoverMs} and ${parsed.data.heartbeatMs}`,
    );
  }
  return parsed.data;
};
