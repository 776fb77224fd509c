// lib/forecast: linear regressions, one per horizon, that learn one example at a time and forget the old ones.
// in: features and what came · out: predictions; constant time and memory
import type { StateParts } from './state-parts.ts';

/** Recursive least squares with exponential forgetting. `ridge` pulls the weights to zero while little is known. */
export class Regressions {
  private readonly weights: Float64Array;
  /** Lower triangles, row by row. */
  private readonly covariances: Float64Array;
  private readonly gain: Float64Array;
  private readonly size: number;
  private readonly triangle: number;
  private readonly memory: number;
  private readonly traceLimit: number;

  constructor(horizons: number, size: number, memory: number, ridge: number, parts: StateParts) {
    this.size = size;
    this.memory = memory;
    this.triangle = (size * (size + 1)) / 2;
    this.weights = parts.exact(horizons * size);
    this.covariances = parts.exact(horizons * this.triangle);
    this.gain = new Float64Array(size);
    for (let j = 0; j < horizons; j++)
      for (let i = 0; i < size; i++) this.covariances[j * this.triangle + ((i + 1) * (i + 2)) / 2 - 1] = 1 / ridge;
    this.traceLimit = (size / ridge) * 100;
  }

  /** Whether a horizon has learnt anything. */
  hasLearnt(j: number): boolean {
    return this.weights[j * this.size + 1] !== 0;
  }

  /** The prediction of horizon j. */
  predict(j: number, features: Float64Array): number {
    const { size, weights } = this;
    let sum = 0;
    for (let i = 0, w = j * size; i < size; i++, w++) sum += weights[w]! * features[i]!;
    return sum;
  }

  /** Learns that the features led to `target`; an error beyond ±`errorLimit` counts as that much, so that a spike does not turn the weights. */
  learn(j: number, features: Float64Array, target: number, errorLimit: number): void {
    const { size, weights, covariances, gain, memory } = this;
    const base = j * this.triangle;
    gain.fill(0);
    for (let row = 0, at = base; row < size; row++) {
      const x = features[row]!;
      let sum = 0;
      for (let column = 0; column < row; column++, at++) {
        const c = covariances[at]!;
        sum += c * features[column]!;
        gain[column]! += c * x;
      }
      gain[row]! += sum + covariances[at++]! * x;
    }
    let denominator = memory;
    let error = target;
    for (let i = 0, w = j * size; i < size; i++, w++) {
      denominator += features[i]! * gain[i]!;
      error -= features[i]! * weights[w]!;
    }
    error = Math.max(-errorLimit, Math.min(errorLimit, error));
    const remembered = 1 / memory;
    let trace = 0;
    for (let row = 0, at = base; row < size; row++) {
      const share = gain[row]! / denominator;
      weights[j * size + row]! += share * error;
      for (let column = 0; column <= row; column++, at++)
        covariances[at] = (covariances[at]! - share * gain[column]!) * remembered;
      trace += covariances[at - 1]!;
    }
    // Without this a feature that stays still lets the covariance grow for ever.
    if (trace > this.traceLimit) for (let at = base; at < base + this.triangle; at++) covariances[at]! *= this.traceLimit / trace;
  }
}
