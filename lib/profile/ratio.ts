// lib/profile: what one record takes, from windows that differ in how many they had.
// in: pairs of (records, amount) · out: the amount for one record, with its 95 % interval
import { studentT } from './student-t.ts';

export interface Ratio {
  readonly at: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** Fewer windows than this say nothing about how sure a figure is. */
export const LEAST_WINDOWS = 4;

/** The ratio of the sums, which counts every record once, with the interval of the ratio estimator. Null with too few windows or no record. */
export const ratioOf = (pairs: readonly { readonly records: number; readonly amount: number }[]): Ratio | null => {
  const records = pairs.reduce((sum, pair) => sum + pair.records, 0);
  const count = pairs.length;
  if (records <= 0 || count < LEAST_WINDOWS) return null;
  const at = pairs.reduce((sum, pair) => sum + pair.amount, 0) / records;
  const left = pairs.reduce((sum, pair) => sum + (pair.amount - at * pair.records) ** 2, 0);
  const margin = studentT(count - 1) * (Math.sqrt((left * count) / (count - 1)) / records);
  return { at, low: at - margin, high: at + margin, count };
};
