// lib/telemetry: what a reporter is told, and when.
// in: nothing · out: the shapes that consumerTelemetry and the reporters share
import type { ConsumerStatus } from '../consumer/consumer-status.ts';
import type { ConsumerEvent } from '../consumer/events.ts';
import type { Group } from '../model/lease.ts';
import type { StreamRecord } from '../model/shard.ts';

/** One call of the user's processor, when it has ended. */
export interface ProcessedCall {
  readonly shardId: string;
  /** Those that are processed now: all, or where the call threw a RecordFailure those before the failing one, else none. */
  readonly processed: readonly StreamRecord[];
  /** How many of the call's records will come again. */
  readonly failedRecords: number;
  /** What it threw; null where it returned. */
  readonly error: unknown;
  readonly tookMs: number;
  /** Wall clock of its end. */
  readonly endedAtMs: number;
}

/** The worker that is watched. */
export interface WatchedWorker extends Group {
  status(): ConsumerStatus;
}

/** Turns what happens in a worker into logs or metrics. Every method may be left out; none may keep the records that it is shown. */
export interface Reporter {
  /** Whose events and calls will come. First of all. */
  watch?(group: Group): void;
  event?(event: ConsumerEvent): void;
  processed?(call: ProcessedCall): void;
  /** The worker may be asked for its status from now on. What goes wrong outside these methods goes to `onError`. */
  start?(worker: WatchedWorker, onError: (error: unknown) => void): void;
  /** The last report; resolves when it is out. */
  stop?(): Promise<void>;
}
