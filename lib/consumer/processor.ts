// lib/consumer: the user's own code, as the runtime calls it.
// in: nothing · out: the shape of a processor, and what it is told with each call
import type { Checkpoint } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';

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
  /** Whether this is a profiling copy, whose effects are to be kept apart. */
  readonly shadow: boolean;
  /** Aborts when the worker may no longer dispatch this shard; what is written after it may be written twice. */
  readonly signal: AbortSignal;
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
