// lib/consumer: what the processor is told of one shard beside its records: it begins, finish what you hold, it ends, it is gone.
// in: moments at which nothing is in flight · out: calls of lifecycle methods; what they declare processed
import type { Checkpoint } from '../model/sequence-number.ts';
import type { Processor } from './processor.ts';
import type { ProcessorCalls } from './processor-calls.ts';
import type { ShardPosition } from './shard-position.ts';
import type { ShardProgress } from './shard-progress.ts';

export interface LifecycleOptions {
  readonly processor: Processor;
  readonly calls: Pick<ProcessorCalls, 'hook' | 'tellLost'>;
  readonly progress: Pick<ShardProgress, 'processed' | 'declare'>;
  readonly from: ShardPosition;
}

/** One shard's lifecycle. A method that the processor leaves out counts as called; one that is not wanted any more is left, and called again when it is. */
export class ShardLifecycle {
  readonly #options: LifecycleOptions;
  #started = false;
  #ended = false;
  #inCall = false;
  /** The processor was given something since it was last flushed. */
  #hasGiven = false;

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  get hasStarted(): boolean {
    return this.#started;
  }
  /** A lifecycle method is being called. */
  get inCall(): boolean {
    return this.#inCall;
  }
  /** The processor may hold something that it is to finish. */
  get mustFlush(): boolean {
    return this.#hasGiven && this.#options.processor.flush !== undefined;
  }

  /** The processor is given records. */
  given(): void {
    this.#hasGiven = true;
  }

  async start(isWanted: () => boolean): Promise<void> {
    const { processor, from } = this.#options;
    this.#started = processor.shardStarted === undefined || (await this.#call('shardStarted', from.checkpoint, isWanted));
  }

  /** The processor finishes what it holds: from then on everything given counts as processed, whatever it has declared. */
  async flush(isWanted: () => boolean): Promise<boolean> {
    const { progress } = this.#options;
    const through = progress.processed;
    if (!(await this.#call('flush', through.checkpoint, isWanted))) return false;
    this.#hasGiven = false;
    progress.declare(through, null);
    return true;
  }

  /** The closed shard is processed to its end. */
  async end(isWanted: () => boolean): Promise<boolean> {
    const { processor, progress } = this.#options;
    if (this.mustFlush && !(await this.flush(isWanted))) return false;
    const { checkpoint } = progress.processed;
    if (processor.shardEnded !== undefined && !(await this.#call('shardEnded', checkpoint, isWanted))) return false;
    this.#ended = true;
    return true;
  }

  /** The shard is not this worker's any more, unless it has ended. */
  async lose(): Promise<void> {
    if (this.#started && !this.#ended) await this.#options.calls.tellLost();
  }

  async #call(doing: 'flush' | 'shardStarted' | 'shardEnded', from: Checkpoint, isWanted: () => boolean): Promise<boolean> {
    const { calls, progress } = this.#options;
    const through = progress.processed;
    this.#inCall = true;
    try {
      return await calls.hook(doing, from, () => progress.declare(through, null), isWanted);
    } finally {
      this.#inCall = false;
    }
  }
}
