// lib/model: the nouns. A track record: how the forecasts of one series did when their time came.
import { z } from 'zod';
import { DemandMetric } from './demand.ts';
import { HashKeyRange } from './hash-key-range.ts';

/** How one model did at one horizon. Sums over scored minutes, each fading by half in a day; rates per second. */
export const TrackMark = z.object({
  model: z.string(),
  horizonSec: z.number().positive(),
  /** How many minutes the sums are of. */
  weight: z.number().min(0),
  absoluteError: z.number().min(0),
  /** Forecast minus observed. */
  error: z.number(),
  /** The absolute error of the last value that was known. */
  naiveError: z.number().min(0),
  observed: z.number().min(0),
  /** Minutes at or below the 95 % bound, and windows whose maximum was. */
  covered95: z.number().min(0),
  maxCovered95: z.number().min(0),
});
export type TrackMark = z.output<typeof TrackMark>;

/** By how much the bounds of one horizon are widened (above 0) or narrowed: the logarithm of the factor on their distance from the median. */
export const BoundCorrection = z.object({ horizonSec: z.number().positive(), logFactor: z.number() });
export type BoundCorrection = z.output<typeof BoundCorrection>;

/** The track record of one series. Each minute is scored once: `scoredUntilMs` is where the next scoring goes on. */
export const TrackRecord = z.object({
  streamName: z.string(),
  hashKeyRange: HashKeyRange,
  metric: DemandMetric,
  scoredUntilMs: z.number(),
  marks: z.array(TrackMark),
  corrections: z.array(BoundCorrection),
});
export type TrackRecord = z.output<typeof TrackRecord>;
