// lib/forecast: the last value stays. What every other model is compared with.
// in: an even series · out: its newest value, with the bounds that this had of late
import type { Model } from './model.ts';
import { trackedBaseline } from './tracked-baseline.ts';

/** The newest known value, whatever the horizon. */
export const lastValue: Model = trackedBaseline('last-value', 0, (past) => past(0));
