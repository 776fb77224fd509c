// lib/plan: arithmetic of rates, which are vectors of records and bytes per second.
// in: rates · out: sums, shares, and how full something is
import type { Rate } from '../model/worker.ts';

export const NO_LOAD: Rate = { recordsPerSec: 0, bytesPerSec: 0 };

/** The sum of two rates. */
export const plus = (a: Rate, b: Rate): Rate => ({
  recordsPerSec: a.recordsPerSec + b.recordsPerSec,
  bytesPerSec: a.bytesPerSec + b.bytesPerSec,
});

/** `a` without `b`, never below zero. */
export const minus = (a: Rate, b: Rate): Rate => ({
  recordsPerSec: Math.max(a.recordsPerSec - b.recordsPerSec, 0),
  bytesPerSec: Math.max(a.bytesPerSec - b.bytesPerSec, 0),
});

/** A share of a rate. */
export const times = (a: Rate, factor: number): Rate => ({
  recordsPerSec: a.recordsPerSec * factor,
  bytesPerSec: a.bytesPerSec * factor,
});

/** The larger of each component. */
export const larger = (a: Rate, b: Rate): Rate => ({
  recordsPerSec: Math.max(a.recordsPerSec, b.recordsPerSec),
  bytesPerSec: Math.max(a.bytesPerSec, b.bytesPerSec),
});

/** Stands for "infinitely full" where the capacity is zero: a finite number, since plans are stored as JSON. */
const FULL_BEYOND_MEASURE = 1e6;
const fraction = (load: number, capacity: number): number =>
  load <= 0 ? 0 : capacity <= 0 ? FULL_BEYOND_MEASURE : Math.min(load / capacity, FULL_BEYOND_MEASURE);

/** How full a capacity is under a load: the share of its scarcer component. */
export const utilizationOf = (load: Rate, capacity: Rate): number =>
  Math.max(fraction(load.recordsPerSec, capacity.recordsPerSec), fraction(load.bytesPerSec, capacity.bytesPerSec));

/** Which component of the capacity a load fills first. */
export const limitingMetricOf = (load: Rate, capacity: Rate): 'records' | 'bytes' =>
  fraction(load.recordsPerSec, capacity.recordsPerSec) >= fraction(load.bytesPerSec, capacity.bytesPerSec) ? 'records' : 'bytes';
