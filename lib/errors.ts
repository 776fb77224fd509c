// lib/errors.ts: the ways in which something fails unexpectedly. Expected outcomes are values, not errors.
// Each sets its own name, since Step Functions and the shell match on it.
import { type Finding, findingText } from './model/finding.ts';
import type { StreamRecord } from './model/shard.ts';

/** The same call may succeed later: throttled, timed out, not reachable. Retry with back-off. */
export class TransientError extends Error {
  override readonly name: string = 'TransientError';
}

/** Refused only because too much was asked in too short a time. Keeps its parent's name: Step Functions retries by that. */
export class ThrottledError extends TransientError {}

/** This input can never succeed: dead-letter it. The message names what is wrong, the value received and the value allowed. */
export class PoisonError extends Error {
  override readonly name: string = 'PoisonError';
}

/** The stream is there and does not list this shard: its retention has passed, or the stream was made anew. Keeps its parent's name. */
export class ShardGoneError extends PoisonError {}

/** Our own bug: stop and page. */
export class InvariantError extends Error {
  override readonly name: string = 'InvariantError';
}

/** The fan-out consumer's slot on this shard is taken (ResourceInUse within 5 seconds, or another worker reads by it). */
export class SubscriptionRefusedError extends TransientError {
  override readonly name = 'SubscriptionRefusedError';
}

/** Another worker owns the shard by now: nothing more may be written for it under this epoch. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}

/**
 * A processor throws it to say which record failed: those before it in this call are processed, and the call is repeated from it on.
 * `cause` decides what follows: a TransientError is waited out, after a PoisonError there is no further attempt.
 */
export class RecordFailure extends Error {
  override readonly name = 'RecordFailure';
  readonly record: StreamRecord;

  constructor(record: StreamRecord, cause: unknown) {
    super(`record ${record.sequenceNumber} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.record = record;
  }
}

/** A worker's checks at its start found what would fail later. `findings` are the fatal ones; the message says of each what to do. */
export class StartRefusedError extends Error {
  override readonly name: string = 'StartRefusedError';
  readonly findings: readonly Finding[];

  constructor(what: string, findings: readonly Finding[]) {
    const counted = findings.length === 1 ? 'one thing' : `${findings.length} things`;
    super(`${what} does not start: ${counted} would fail later\n${findings.map((each) => `- ${findingText(each)}`).join('\n')}`);
    this.findings = findings;
  }
}
