// lib/profile: how sure a measured capacity makes one that something is needed.
// in: the capacity with its interval, how full it is, the target · out: a probability
import type { Measured } from './shard-capacity.ts';
import { normalBelow } from './student-t.ts';

/** How sure it is that the utilisation passes the target, by the interval of the capacity. */
export const confidenceOf = ({ scarcest }: Measured, utilization: number, target: number): number => {
  const { at, low, high } = scarcest.capacity;
  const upper = high ?? { recordsPerSec: 2 * at.recordsPerSec - low.recordsPerSec };
  const error = (upper.recordsPerSec - low.recordsPerSec) / (2 * 1.96) / Math.max(at.recordsPerSec, Number.MIN_VALUE);
  if (utilization === 0 || error === 0) return utilization > target ? 1 : 0;
  return normalBelow((utilization / target - 1) / error);
};
