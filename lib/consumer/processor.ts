// lib/consumer: the user's own code, as the runtime calls it.
// in: nothing · out: the shape of a processor, and what it is told with each call
import type { ProfilingLeg } from '../model/profiling.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';

/** What processing came to, for those who compare, and a stand-in for the sinks of a profiling copy. */
export interface ProcessorResults {
  /**
   * Tells what a record came to, a JSON value. While a profiling run compares, results of the same record are set beside each other field by field; else it
   * costs nothing, so that it is told in the primary and in its copies alike. `name` tells several results of one record apart.
   */
  tell(record: StreamRecord, result: unknown, name?: string): void;
  /** Only while `shadow`: writes a JSON value, which goes with the run, where the primary would write to its sink. Rejects with a TypeError in the primary. */
  put(key: string, value: unknown): Promise<void>;
  /** Only while `shadow`: what this copy has put; null where it has not. */
  get(key: string): Promise<unknown>;
}

/** What a processor is told about the records that it gets. */
export interface ProcessorContext {
  readonly application: string;
  readonly streamName: string;
  readonly shardId: string;
  readonly workerId: string;
  /** The fencing token: grows at each change of owner. A sink that refuses a lower one than it has seen refuses a paused worker that wakes up. */
  readonly epoch: number;
  /** Calls side by side within this shard: `concurrencyPerShard`. */
  readonly lanes: number;
  /** Whether this is a profiling copy of the shard, whose effects are to be kept apart: write nothing that others see; use `results`. */
  readonly shadow: boolean;
  /** Which copy: the same records may be processed up to three times side by side, so that state kept between calls is to be kept by shard and leg. Null in the primary. */
  readonly leg: ProfilingLeg | null;
  readonly results: ProcessorResults;
  /** Aborts when the worker may no longer dispatch this shard; what is written after it may be written twice. */
  readonly signal: AbortSignal;
  /**
   * Names a part of the work, so that a profiling run can tell how long it takes: `await context.stage('enrich', () => enrich(record))`. Returns what the
   * function returns, be it a promise; stages may be nested. Where nothing is profiled it is the bare call.
   */
  stage<T>(name: string, work: () => T): T;
  /**
   * Declares everything processed that this shard had given to this call and those before it, and resolves when the lease item says so: a later owner begins
   * after it. May be called during the call or later. With several lanes, what another lane has not finished holds the declaration back to before it.
   * Rejects with a FencedError when another worker owns the shard by now.
   */
  checkpoint(): Promise<void>;
}

/**
 * The user's own code. The end of a call of `process` means that its records are processed; a call that throws is repeated (see the settings `retries` and
 * `onPoison`). Records of one partition key come in order, one call at a time; of one shard too, while `concurrencyPerShard` is 1.
 * Every other method may be left out.
 */
export interface Processor {
  /**
   * Declares that with `context.shadow` it writes nothing that others see, and that it may be given the same records more than once side by side (state that it keeps
   * between calls is kept by `context.shardId` and `context.leg`). Without it, it is never run in a profiling shadow. @default false
   */
  readonly shadowSafe?: boolean;
  /**
   * The most calls side by side within one shard that it bears, 1 to 64: one that keeps a single point per shard declares 1. A Consumer whose `concurrencyPerShard`,
   * or whose bounds for it in `tuning`, exceed it does not start, and neither tuning nor a profiling shadow goes above it. @default as many as the Consumer asks for
   */
  readonly maxConcurrencyPerShard?: number;
  process(records: readonly StreamRecord[], context: ProcessorContext): Promise<void>;
  /** Finish what you hold of this shard: when it returns, everything given is processed. Called before the shard is handed over, given back or ended. */
  flush?(context: ProcessorContext): Promise<void>;
  /** Before the first record after a change of owner; forget what you may still hold of the shard. `from` is where the last owner's checkpoint stood. */
  shardStarted?(context: ProcessorContext, from: Checkpoint): Promise<void>;
  /** Every record of a closed shard is processed; its children begin when this returns. */
  shardEnded?(context: ProcessorContext): Promise<void>;
  /** The shard is no longer this worker's, for whatever reason but its end: forget what you hold of it. Nothing may be written for it any more. */
  leaseLost?(lost: { readonly shardId: string; readonly epoch: number }): Promise<void>;
}

/** Takes a record that can never be processed. Repeated until it returns. */
export type DeadLetter = (record: StreamRecord, error: unknown, context: ProcessorContext) => Promise<void>;

/**
 * What becomes of a record that failed all its attempts. `stop`: the shard stands still before it, and so does its next owner. `skip`: it is left out.
 * `deadLetter`: it is given to that function, then left out. All three say so by an event.
 */
export type OnPoison = 'stop' | 'skip' | { readonly deadLetter: DeadLetter };

/** How often a failing call is tried, and how long is waited in between: `firstMs`, doubled each time up to `mostMs`, less up to half of it by chance. */
export interface Retries {
  readonly attempts: number;
  readonly firstMs: number;
  readonly mostMs: number;
}
