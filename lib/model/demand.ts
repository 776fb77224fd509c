// lib/model: the nouns. Demand: what was asked of a hash range, minute by minute.
import { z } from 'zod';
import { HashKeyRange } from './hash-key-range.ts';

export const MINUTE_MS = 60_000;
/** Each counter and each block splits its range into this many equal slices, so that children of a split inherit their measured share. */
export const SLICE_COUNT = 16;

/** Counters that are put so long after their minute are late: whoever merges counters is told of the minute. */
export const LATE_COUNTERS_MS = 5 * MINUTE_MS;

/** A block of minutes that is put so long after its end alters the past: who learnt from it is told. */
export const ALTERED_PAST_MS = 60 * MINUTE_MS;

/** The longest history block: a day. Stores look back by this much for the blocks that overlap a window. */
export const MAX_BLOCK_MINUTES = 1440;
/** History keeps minutes for so many days, and steps of a quarter of an hour for so many. */
export const MINUTE_TIER_DAYS = 15;
export const COARSE_TIER_DAYS = 90;
export const COARSE_STEP_SEC = 900;

const Slices = z.array(z.number().min(0)).length(SLICE_COUNT);

/** What one worker counted of one shard in one minute of arrival (`minuteMs` is its start). Several items for one minute add up. */
export const DemandCounters = z.object({
  streamName: z.string(),
  shardId: z.string(),
  hashKeyRange: HashKeyRange,
  minuteMs: z.number().int(),
  workerId: z.string(),
  /** Unique per worker process and flush: makes a repeated write the same item. */
  flushId: z.string(),
  records: z.number().min(0),
  bytes: z.number().min(0),
  /** Records and bytes by equal slice of the range. */
  sliceRecords: Slices,
  sliceBytes: Slices,
  /** Records whose MD5 hash lies outside the shard: the producer gave an explicit hash key. */
  outOfRangeRecords: z.number().min(0),
  /** Milliseconds from arrival to the processor's return. */
  latencyMsP50: z.number().min(0),
  latencyMsP99: z.number().min(0),
});
export type DemandCounters = z.output<typeof DemandCounters>;

/** One minute's demand of a stream or of a shard's range from CloudWatch: accepted plus throttled. */
export const DemandSample = z.object({
  streamName: z.string(),
  hashKeyRange: HashKeyRange,
  minuteMs: z.number().int(),
  records: z.number().min(0),
  bytes: z.number().min(0),
  throttledRecords: z.number().min(0),
});
export type DemandSample = z.output<typeof DemandSample>;

/**
 * A stretch of history of one hash range: per minute records and bytes (totals of the minute), null where nothing is known (a gap is not a zero),
 * and whether the minute was clipped by throttling, so that true demand was at least this. A coarse block has `stepSec` and totals of these steps.
 */
export const HistoryBlock = z.object({
  streamName: z.string(),
  hashKeyRange: HashKeyRange,
  startMs: z.number().int(),
  /** Seconds of one entry; absent: 60. */
  stepSec: z.number().int().positive().optional(),
  records: z.array(z.number().min(0).nullable()),
  bytes: z.array(z.number().min(0).nullable()),
  censored: z.array(z.boolean()),
  /** Share of the block's records in each equal slice of the range; sums to 1. Even when unknown. */
  sliceShares: Slices,
});
export type HistoryBlock = z.output<typeof HistoryBlock>;

/** An even series of one metric of one hash range: one value a minute in units per second, NaN where unknown. */
export interface DemandSeries {
  readonly streamName: string;
  readonly hashKeyRange: HashKeyRange;
  readonly metric: DemandMetric;
  readonly startMs: number;
  readonly stepSec: number;
  readonly values: Float64Array;
  /** 1 where throttling clipped the value. */
  readonly censored: Uint8Array;
}

/** Both are forecast: a shard is full at 1,000 records/s or 1 MiB/s, whichever comes first. */
export const DemandMetric = z.enum(['records', 'bytes']);
export type DemandMetric = z.output<typeof DemandMetric>;
