// lib/forecast: simple forecasts, blended by how well each did of late.
// in: what each expert says per horizon, and what came · out: one point per horizon
import { forgettingOf, type HorizonSlots, type SlotGrid } from './slot-grid.ts';
import type { StateParts } from './state-parts.ts';

const MEMORY_SEC = 4 * 3600;
/** An expert that misses the next slot by more than this many times its usual error in these minutes is missing something new: the excess counts at all horizons. */
const MISS_MEMORY_SEC = 600;
const MISS = 2;
/** The memory of the blend's error, by which outliers are told. */
const SCALE_MEMORY_SEC = 8 * 3600;
const OUTLIER = 6;
const TINY = 1e-9;
/** Who errs more than so many times as much as the best one has no weight worth its computation (0.4 % and less). */
const WORTH = 1.6;
/** The share that the first expert has in any case: who was best of late is partly luck, and one that weighs all that is known is never far off. */
const FIRST_SHARE = 0.2;

/** The record of a number of experts. One who knows nothing says NaN; the first one always says something. */
export class Experts {
  /** The blend's error of late, per horizon. */
  readonly scale: Float64Array;
  private readonly count: number;
  private readonly errors: Float64Array;
  private readonly misses: Float64Array;
  /** Scratch: errors of one horizon as they count now. */
  private readonly current: Float64Array;
  private readonly forgetting: number;
  private readonly missForgetting: number;
  /** The horizon that ends with the next slot, by which misses are told. */
  private readonly nearest: number;
  private readonly scaleForgetting: number;

  constructor(count: number, horizons: HorizonSlots, grid: SlotGrid, parts: StateParts) {
    const slotSec = grid.stepSec * grid.stepsPerSlot;
    this.count = count;
    this.current = new Float64Array(count);
    this.scale = parts.exact(horizons.steps.length);
    this.errors = parts.exact(horizons.steps.length * count);
    this.misses = parts.exact(count);
    this.nearest = Math.max(0, horizons.slots.lastIndexOf(1));
    this.missForgetting = forgettingOf(MISS_MEMORY_SEC, grid.stepSec);
    this.forgetting = forgettingOf(MEMORY_SEC, slotSec);
    this.scaleForgetting = forgettingOf(SCALE_MEMORY_SEC, slotSec);
  }

  /** Learns what came where the blend said `blended` and the experts `opinions`. Answers how large an error may count. */
  judge(j: number, opinions: Float64Array, blended: number, came: number): number {
    const { scale, errors, count } = this;
    const error = Math.abs(came - blended);
    const usual = scale[j]!;
    scale[j] = usual === 0 ? error : usual + this.scaleForgetting * (Math.min(error, OUTLIER * usual) - usual);
    const limit = OUTLIER * Math.max(scale[j]!, TINY);
    for (let expert = 0, at = j * count; expert < count; expert++, at++) {
      const miss = Math.abs(came - opinions[expert]!);
      if (Number.isNaN(miss)) continue;
      const before = errors[at]!;
      errors[at] = before === 0 ? Math.min(miss, limit) : before + this.forgetting * (Math.min(miss, limit) - before);
    }
    return limit;
  }

  /** Follows at each step how far off the experts were who spoke at the last slot. */
  watch(opinions: Float64Array, came: number): void {
    for (let expert = 0; expert < this.count; expert++) {
      const miss = Math.abs(came - opinions[expert]!);
      if (!Number.isNaN(miss)) this.misses[expert]! += this.missForgetting * (miss - this.misses[expert]!);
    }
  }

  /** Newcomers start with twice the blend's error, until they have shown what they can. */
  enter(first: number, newcomers: number): void {
    this.scale.forEach((scale, j) => {
      this.errors.fill(2 * scale, j * this.count + first, j * this.count + first + newcomers);
    });
  }

  /** Weights fall with the twelfth power of an expert's error: nearly the best alone, a mean of those that are about as good; and of the first one a part. */
  blend(j: number, opinions: Float64Array): number {
    const { errors, misses, count, nearest, current } = this;
    let best = Number.POSITIVE_INFINITY;
    for (let expert = 0, at = j * count, near = nearest * count; expert < count; expert++, at++, near++) {
      const excess = misses[expert]! - MISS * errors[near]!;
      const error = Number.isNaN(opinions[expert]!)
        ? Number.POSITIVE_INFINITY
        : Math.max(errors[at]! + (excess > 0 ? excess : 0), TINY);
      current[expert] = error;
      if (error < best) best = error;
    }
    let [sum, weights] = [0, 0];
    for (let expert = 0; expert < count; expert++) {
      if (current[expert]! > WORTH * best) continue;
      const ratio = best / current[expert]!;
      const squared = ratio * ratio;
      const sixth = squared * squared * squared;
      const weight = sixth * sixth;
      weights += weight;
      sum += weight * opinions[expert]!;
    }
    return (1 - FIRST_SHARE) * (sum / weights) + FIRST_SHARE * opinions[0]!;
  }
}
