// lib/consumer: one step at a time on each shard of this worker.
// in: steps from the loops that look, watch, checkpoint and hand on · out: each run alone, and never on what was read before our own last change
import type { Clock } from '../ports.ts';
import type { Emit } from './events.ts';

const FREE_POLL_MS = 2;

/** What is being done to which shard. */
export class ShardSteps {
  readonly #clock: Clock;
  readonly #retryMs: number;
  readonly #emit: Emit;
  readonly #busy = new Set<string>();
  /** When this worker last changed something of a shard: anything read before is out of date. */
  readonly #actedAtMs = new Map<string, number>();

  /** `retryMs`: how soon the loops come back to a step that failed. */
  constructor(clock: Clock, retryMs: number, emit: Emit) {
    this.#clock = clock;
    this.#retryMs = retryMs;
    this.#emit = emit;
  }

  isBusy(shardId: string): boolean {
    return this.#busy.has(shardId);
  }

  /** Notes that this worker has just changed something of a shard. */
  acted(shardId: string): void {
    this.#actedAtMs.set(shardId, this.#clock.monotonicMs());
  }

  /** Whether something was changed here since that moment. */
  hasActedSince(shardId: string, readAtMs: number): boolean {
    return (this.#actedAtMs.get(shardId) ?? Number.NEGATIVE_INFINITY) >= readAtMs;
  }

  /** Runs a step unless another is under way or what it knows was read before our own last change. The loops come back soon. */
  async run(shardId: string, readAtMs: number, step: () => Promise<void> | void): Promise<void> {
    if (this.isBusy(shardId) || this.hasActedSince(shardId, readAtMs)) return;
    this.#busy.add(shardId);
    try {
      await step();
    } catch (error) {
      // One shard's trouble must not keep the others from being looked at; its next look is the retry.
      this.#emit({ kind: 'failed', doing: 'keep the lease', shardId, error, retryInMs: this.#retryMs });
    } finally {
      this.acted(shardId);
      this.#busy.delete(shardId);
    }
  }

  /** Runs a step as soon as no other is under way; not at all when that is not before `untilMs`. */
  async runWhenFree(shardId: string, untilMs: number, step: () => Promise<void>): Promise<void> {
    while (this.isBusy(shardId)) {
      if (this.#clock.monotonicMs() >= untilMs) return;
      await this.#clock.sleep(FREE_POLL_MS);
    }
    await this.run(shardId, Number.POSITIVE_INFINITY, step);
  }
}
