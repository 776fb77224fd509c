// lib/consumer: what follows when a call of the processor throws.
// in: the error, the records of the call, how often it was tried · out: try again, record by record, or poison
//
//   call ─throws─► again, with back-off ─attempts used up─► one record? ─yes─► poison
//                                                            └─no──► record by record, each with its own attempts
import { FencedError, PoisonError, RecordFailure, TransientError } from '../errors.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { Retries } from './processor.ts';

/** How often the record at the head was tried. */
export interface Tries {
  /** Failures that count as the record's own. */
  readonly attempts: number;
  /** All failures in a row: how long to wait. */
  readonly failures: number;
  /** The call failed as a whole once too often: its records now come alone. */
  readonly isolated: boolean;
}
export const NO_TRIES: Tries = { attempts: 0, failures: 0, isolated: false };

/** `done`: how many records of the call count as processed; what follows begins with the one after them. */
export type Verdict = { readonly done: number; readonly tries: Tries; readonly error: unknown } & (
  | { readonly kind: 'retry'; readonly inMs: number }
  | { readonly kind: 'isolate' }
  | { readonly kind: 'poison' }
);

/** The wait before the next attempt: doubled with each failure up to the most, and between half of it and all of it by chance. */
export const backOffMs = (failures: number, { firstMs, mostMs }: Omit<Retries, 'attempts'>, random: () => number): number =>
  Math.ceil(Math.min(firstMs * 2 ** Math.min(failures - 1, 40), mostMs) * (0.5 + random() / 2));

/** What follows a failed call. */
export const afterFailure = (
  thrown: unknown,
  given: readonly StreamRecord[],
  tries: Tries,
  retries: Retries,
  random: () => number,
): Verdict => {
  const named = thrown instanceof RecordFailure ? indexOf(given, thrown.record) : -1;
  const done = Math.max(named, 0);
  const cause = thrown instanceof RecordFailure ? thrown.cause : thrown;
  const error = named >= 0 ? cause : thrown;
  const before = done === 0 ? tries : NO_TRIES;
  // A sink that is away and a lease that is lost say nothing about the record.
  const waits = cause instanceof TransientError || cause instanceof FencedError;
  const attempts = before.attempts + (waits ? 0 : 1);
  const failures = before.failures + 1;
  if (waits || (attempts < retries.attempts && !(error instanceof PoisonError))) {
    const next = { attempts, failures, isolated: tries.isolated };
    return { kind: 'retry', done, tries: next, error, inMs: backOffMs(failures, retries, random) };
  }
  const isOne = named >= 0 || given.length === 1;
  return isOne
    ? { kind: 'poison', done, tries: { ...NO_TRIES, isolated: tries.isolated }, error }
    : { kind: 'isolate', done, tries: { ...NO_TRIES, isolated: true }, error };
};

/** Where a call's records hold the one that failed; -1: it names a record that this call was not given. */
const indexOf = (given: readonly StreamRecord[], { sequenceNumber, subSequenceNumber }: StreamRecord): number =>
  given.findIndex((record) => record.sequenceNumber === sequenceNumber && record.subSequenceNumber === subSequenceNumber);
