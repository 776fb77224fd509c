// lib/telemetry: how long a shard stood still at its source while it was handed over.
// in: events · out: the length of a pause, when it ends
import type { ConsumerEvent } from '../consumer/events.ts';

/** Measures from `paused` to the event by which the shard goes on, here or elsewhere. */
export class Pauses {
  readonly #sinceMs = new Map<string, number>();

  /** Notes an event; answers the pause that it ends, in milliseconds, or null. */
  note(event: ConsumerEvent, monotonicMs: number): number | null {
    switch (event.kind) {
      case 'paused':
        if (!this.#sinceMs.has(event.shardId)) this.#sinceMs.set(event.shardId, monotonicMs);
        return null;
      case 'resumed':
      case 'handed-over':
        return this.#end(event.shardId, monotonicMs);
      // It went on by another way, at a time that is not known here.
      case 'lease-lost':
      case 'lease-given-back':
      case 'shard-ended':
        this.#sinceMs.delete(event.shardId);
        return null;
      default:
        return null;
    }
  }

  #end(shardId: string, monotonicMs: number): number | null {
    const sinceMs = this.#sinceMs.get(shardId);
    this.#sinceMs.delete(shardId);
    return sinceMs === undefined ? null : monotonicMs - sinceMs;
  }
}
