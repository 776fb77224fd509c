// lib/consumer: how fast one reader may poll a shard whose reads it shares with others.
// in: reads, answers and refusals as they happen · out: the moment of the next read
//
// Five GetRecords and 2 MiB a second and shard, for all who poll it together (source: GetRecords). A reader keeps a gap between its polls, waits as long as its
// bytes took, and gives way when it is refused: its rate halves at each refusal and grows by a fixed step at each answer, so that readers who know nothing
// of each other come to about equal parts. (A fixed step of the gap instead lets the first reader keep nearly all: tried, with the property that holds this.)

const READS_PER_SEC = 5;
const BYTES_PER_SEC = 2 * 1024 * 1024;
const SECOND_MS = 1000;
const MOST_GAP_MS = 2000;
const RECOVER_READS_PER_SEC = 0.25;
/** An answer as full as Kinesis makes it: there is more. Source: GetRecords. */
const FULL_RECORDS = 10_000;
const FULL_BYTES = 9 * 1024 * 1024;

/** What one reader takes of a shard's reads. */
export interface ReadShare {
  /** At least so long between two polls. */
  readonly gapMs: number;
  readonly bytesPerSec: number;
}

/** All five reads: nobody else is expected to poll. */
export const WHOLE_SHARE: ReadShare = { gapMs: SECOND_MS / READS_PER_SEC, bytesPerSec: BYTES_PER_SEC };
/** Four of the five: the owner of a shard whose shadow polls, too. */
export const OWNER_SHARE: ReadShare = { gapMs: SECOND_MS / (READS_PER_SEC - 1), bytesPerSec: BYTES_PER_SEC };
/** One of the five: a shadow that polls, beside the owner. */
export const SHADOW_SHARE: ReadShare = { gapMs: SECOND_MS, bytesPerSec: BYTES_PER_SEC / 2 };

/** Where a reader stands. A value: each step makes the next one. */
export interface Pace {
  readonly share: ReadShare;
  /** The present gap: the share's, or more after refusals. */
  readonly gapMs: number;
  /** The last reads of this reader, some perhaps yet to come, in order; never more than five. */
  readonly readsAtMs: readonly number[];
  /** Until then the bytes of the answers so far have used up the share. */
  readonly bytesUntilMs: number;
  readonly refusedUntilMs: number;
  readonly behind: boolean;
}

/** What an answer tells the pace. */
export interface PacedAnswer {
  readonly atMs: number;
  readonly bytes: number;
  readonly records: number;
  readonly millisBehindLatest: number;
}

/** A reader that has not read yet: it may at once. */
export const paceOf = (share: ReadShare): Pace => ({
  share,
  gapMs: share.gapMs,
  readsAtMs: [],
  bytesUntilMs: Number.NEGATIVE_INFINITY,
  refusedUntilMs: Number.NEGATIVE_INFINITY,
  behind: true,
});

/** The same reader under another share. */
export const withShare = (pace: Pace, share: ReadShare): Pace => ({ ...pace, share, gapMs: share.gapMs });

/**
 * From when on a single read is allowed that does not wait for its turn, as a shadow's that closes its gap within a pause: five in any second, none while
 * refused, and none while more than one second's bytes are owed.
 */
export const readAllowedAtMs = (pace: Pace): number => {
  const fifthLast = pace.readsAtMs.length < READS_PER_SEC ? Number.NEGATIVE_INFINITY : (pace.readsAtMs[0] ?? 0);
  return Math.ceil(Math.max(fifthLast + SECOND_MS, pace.refusedUntilMs, pace.bytesUntilMs - SECOND_MS));
};

/** When to poll next: as fast as allowed while behind, else no sooner than `idleMs` after the last read; never before the bytes so far are paid for. */
export const pollDueAtMs = (pace: Pace, idleMs: number): number => {
  const lastMs = pace.readsAtMs.at(-1) ?? Number.NEGATIVE_INFINITY;
  const gapMs = Math.max(pace.gapMs, pace.behind ? 0 : idleMs);
  return Math.ceil(Math.max(readAllowedAtMs(pace), pace.bytesUntilMs, lastMs + gapMs));
};

/** A read is sent, or kept free for that moment, so that two who wait at the same time do not take the same one. */
export const afterRead = (pace: Pace, atMs: number): Pace => ({
  ...pace,
  readsAtMs: [...pace.readsAtMs, atMs].sort((a, b) => a - b).slice(-READS_PER_SEC),
});

/** It was answered: so many bytes have used up the shard for so long, counted from the answer, which may itself have taken long. */
export const afterAnswer = (pace: Pace, answer: PacedAnswer): Pace => ({
  ...pace,
  gapMs: Math.max(pace.share.gapMs, SECOND_MS / (SECOND_MS / pace.gapMs + RECOVER_READS_PER_SEC)),
  bytesUntilMs: Math.max(pace.bytesUntilMs, answer.atMs) + (answer.bytes / pace.share.bytesPerSec) * SECOND_MS,
  behind: answer.millisBehindLatest > 0 || answer.records >= FULL_RECORDS || answer.bytes >= FULL_BYTES,
});

/** It was refused: others read, too. */
export const afterThrottle = (pace: Pace, atMs: number): Pace => {
  const gapMs = Math.min(MOST_GAP_MS, pace.gapMs * 2);
  return { ...pace, gapMs, refusedUntilMs: Math.max(pace.refusedUntilMs, atMs + gapMs) };
};
