// lib/forecast: when the load left what was usual, and stayed away.
// in: each slot's distance from what is usual · out: the slot in which the last change began
//
// Two cumulative sums (Page 1954), one for either side: each distance adds what it exceeds the usual spread by, so chance walks back to zero and a change does not.
// With distances cut off at six spreads it takes ten slots, so neither a spike nor an outage of half an hour is a change.
import type { StateParts } from './state-parts.ts';

/** In spreads: what chance may add per slot, what one slot may add, and the sum that is a change. */
const ALLOWED = 2;
const LARGEST = 6;
const CHANGE = 40;

/** Watches for changes of level. */
export class ChangeWatch {
  /** The sums above and below. */
  private readonly sums: Float64Array;
  /** The slots in which these sums began, and in which the last change did. */
  private readonly since: Float64Array;
  /** Whether the sum's change was told of: it is one change until the sum is back at zero. */
  private readonly told: Int32Array;

  constructor(parts: StateParts) {
    this.sums = parts.exact(2);
    this.since = parts.exact(3, -1);
    this.told = parts.counts(2);
  }

  /** The slot in which the last change began, or null when there was none. */
  get changedIn(): number | null {
    return this.since[2]! < 0 ? null : this.since[2]!;
  }

  watch(slot: number, deviation: number, spread: number): void {
    if (spread === 0) return;
    const distance = deviation / spread;
    this.add(0, slot, distance);
    this.add(1, slot, -distance);
  }

  private add(side: 0 | 1, slot: number, distance: number): void {
    const { sums, since, told } = this;
    if (sums[side] === 0) {
      since[side] = slot;
      told[side] = 0;
    }
    sums[side] = Math.min(CHANGE, Math.max(0, sums[side]! + Math.min(distance, LARGEST) - ALLOWED));
    if (sums[side]! < CHANGE || told[side] === 1) return;
    since[2] = since[side]!;
    told[side] = 1;
  }
}
