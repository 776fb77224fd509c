// lib/forecast: quantiles that follow what comes.
// in: one residual after the other · out: the levels' quantiles
//
// Each residual moves each quantile: up by level × step when it lay above, down by (1 − level) × step when it lay below. So over any long stretch the share below a
// quantile is its level, whatever the distribution does (Gibbs and Candès 2021; Angelopoulos, Candès and Tibshirani 2023), and after a change it is so again as soon as
// the quantile has walked there: the wider it is missed and the more often, the further. Nothing needs to be kept but the quantile itself.
import type { StateParts } from './state-parts.ts';

/** Steps are in sizes of residuals. They begin at least this long. */
const FIRST_STEP = 0.1;

export interface TrackedLevel {
  readonly level: number;
  /** How long the quantile's steps are in the end; 0 for one that stays where it begins. */
  readonly step: number;
}

/** Quantiles at some levels for each horizon, of residuals whose mean size is about one. */
export class TrackedQuantiles {
  private readonly levels: Float64Array;
  private readonly steps: Float64Array;
  private readonly quantiles: Float32Array;
  private readonly counts: Int32Array;

  constructor(levels: readonly TrackedLevel[], horizons: number, parts: StateParts) {
    this.levels = Float64Array.from(levels, ({ level }) => level);
    this.steps = Float64Array.from(levels, ({ step }) => step);
    this.quantiles = parts.rough(horizons * levels.length);
    this.counts = parts.counts(horizons);
    for (let j = 0; j < horizons; j++)
      levels.forEach(({ level }, q) => {
        this.quantiles[j * levels.length + q] = usual(level);
      });
  }

  learn(j: number, residual: number): void {
    const { levels, steps, quantiles } = this;
    const early = FIRST_STEP / Math.sqrt(++this.counts[j]!);
    for (let q = 0, at = j * levels.length; q < levels.length; q++, at++) {
      const step = steps[q]!;
      if (step === 0) continue;
      const quantile = quantiles[at]!;
      quantiles[at] = quantile + (early > step ? early : step) * (residual > quantile ? levels[q]! : levels[q]! - 1);
    }
  }

  /** The quantile of horizon j at the q-th level. */
  at(j: number, q: number): number {
    return this.quantiles[j * this.levels.length + q]!;
  }
}

/** The quantile of a double exponential distribution whose mean size is one: where each begins. */
const usual = (level: number): number => (level < 0.5 ? Math.log(2 * level) : Math.log(1 / (2 * (1 - level))));
