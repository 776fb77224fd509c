// lib/forecast: the same as yesterday at this time.
// in: an even series · out: yesterday's values, with the bounds that this had of late
import type { Model } from './model.ts';
import { trackedBaseline } from './tracked-baseline.ts';

/** The value one day before each horizon; where that is a gap, the newest value. */
export const seasonalNaive: Model = trackedBaseline('seasonal-naive', 1, (past, ahead, stepsPerDay) => {
  const yesterday = past(stepsPerDay - ahead);
  return Number.isNaN(yesterday) ? past(0) : yesterday;
});
