// lib/consumer: when one reader may call SubscribeToShard for one consumer and shard.
// in: calls, successes and failures as they happen · out: the moment of the next call, and of the renewal

/** One call a second for each consumer and shard. Source: SubscribeToShard. */
const CALL_GAP_MS = 1000;
/** So long after a successful call another one is refused; later it takes the subscription over. Source: SubscribeToShard. */
const HELD_MS = 5000;
/** A subscription ends after five minutes; the next one is opened while this one still delivers. Source: SubscribeToShard. */
const RENEW_AFTER_MS = 285_000;
const RETRY_MOST_MS = 5000;

/** Where a reader stands with its calls. A value: each step makes the next one. */
export interface SubscriptionPace {
  readonly calledAtMs: number;
  /** When the last successful call showed its first event, which is no sooner than the call succeeded. */
  readonly succeededAtMs: number;
  /** Calls in a row that had no success. */
  readonly failures: number;
  readonly notBeforeMs: number;
}

/** A reader that has not called yet. */
export const newSubscriptionPace = (): SubscriptionPace => ({
  calledAtMs: Number.NEGATIVE_INFINITY,
  succeededAtMs: Number.NEGATIVE_INFINITY,
  failures: 0,
  notBeforeMs: Number.NEGATIVE_INFINITY,
});

/** When the next call may be made. */
export const callDueAtMs = (pace: SubscriptionPace): number => Math.max(pace.calledAtMs + CALL_GAP_MS, pace.notBeforeMs);

/** When a subscription whose first event came at `succeededAtMs` is to be renewed. */
export const renewDueAtMs = (succeededAtMs: number): number => succeededAtMs + RENEW_AFTER_MS;

export const afterCall = (pace: SubscriptionPace, atMs: number): SubscriptionPace => ({ ...pace, calledAtMs: atMs });

export const afterSuccess = (pace: SubscriptionPace, atMs: number): SubscriptionPace => ({
  ...pace,
  succeededAtMs: atMs,
  failures: 0,
  notBeforeMs: Number.NEGATIVE_INFINITY,
});

const backOffMs = (failures: number): number => Math.min(CALL_GAP_MS * 2 ** failures, RETRY_MOST_MS);

/** The slot is taken: by our own last call, until five seconds after it, or by another reader of whose call nothing is known. */
export const afterRefusal = (pace: SubscriptionPace, atMs: number): SubscriptionPace => ({
  ...pace,
  failures: pace.failures + 1,
  notBeforeMs: Math.max(pace.succeededAtMs + HELD_MS, atMs + backOffMs(pace.failures)),
});

/** There was no answer, or an error that may or may not pass. */
export const afterFailure = (pace: SubscriptionPace, atMs: number, mayPass: boolean): SubscriptionPace => ({
  ...pace,
  failures: pace.failures + 1,
  notBeforeMs: atMs + (mayPass ? backOffMs(pace.failures) : RETRY_MOST_MS),
});
