// lib/errors.ts: the three ways in which something fails unexpectedly. Expected outcomes are values, not errors.
// Each sets its own name, since Step Functions and the shell match on it.

/** The same call may succeed later: throttled, timed out, not reachable. Retry with back-off. */
export class TransientError extends Error {
  override readonly name: string = 'TransientError';
}

/** This input can never succeed: dead-letter it. The message names what is wrong, the value received and the value allowed. */
export class PoisonError extends Error {
  override readonly name: string = 'PoisonError';
}

/** Our own bug: stop and page. */
export class InvariantError extends Error {
  override readonly name: string = 'InvariantError';
}

/** The fan-out consumer's slot on this shard is taken (ResourceInUse within 5 seconds, or another worker reads by it). */
export class SubscriptionRefusedError extends TransientError {
  override readonly name = 'SubscriptionRefusedError';
}
