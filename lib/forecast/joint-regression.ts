// lib/forecast: one linear regression with several targets, learnt one example at a time, old ones forgotten.
// in: features and what came of each target · out: a prediction per target
//
// The targets share their features, so one covariance serves them all: as dear as one regression, however many targets.
import type { StateParts } from './state-parts.ts';

/** Recursive least squares with exponential forgetting. `ridge` pulls the weights to zero while little is known. */
export class JointRegression {
  private readonly weights: Float64Array;
  private readonly covariance: Float64Array;
  private readonly gain: Float64Array;
  private readonly memory: number;
  private readonly traceLimit: number;

  constructor(features: number, targets: number, memory: number, ridge: number, parts: StateParts) {
    this.gain = new Float64Array(features);
    this.memory = memory;
    this.traceLimit = (features / ridge) * 100;
    this.weights = parts.exact(targets * features);
    this.covariance = parts.exact(features * features);
    for (let i = 0; i < features; i++) this.covariance[i * features + i] = 1 / ridge;
  }

  /** The prediction of a target for the features at `offset`. */
  predict(target: number, features: Float64Array, offset: number): number {
    const size = this.gain.length;
    let sum = 0;
    for (let i = 0; i < size; i++) sum += this.weights[target * size + i]! * features[offset + i]!;
    return sum;
  }

  /** Learns what came of each target (NaN where unknown); an error beyond its limit counts as that much, so that a spike does not turn the weights. */
  learn(features: Float64Array, offset: number, targets: Float64Array, errorLimits: Float64Array): void {
    const { weights, covariance, gain, memory } = this;
    const size = gain.length;
    let denominator = memory;
    for (let row = 0; row < size; row++) {
      let sum = 0;
      for (let column = 0; column < size; column++) sum += covariance[row * size + column]! * features[offset + column]!;
      gain[row] = sum;
      denominator += features[offset + row]! * sum;
    }
    for (let target = 0; target < targets.length; target++) {
      const error = targets[target]! - this.predict(target, features, offset);
      if (Number.isNaN(error)) continue;
      const counted = Math.max(-errorLimits[target]!, Math.min(errorLimits[target]!, error)) / denominator;
      for (let i = 0; i < size; i++) weights[target * size + i]! += gain[i]! * counted;
    }
    let trace = 0;
    for (let row = 0; row < size; row++) {
      const share = gain[row]! / denominator;
      for (let column = 0; column <= row; column++) {
        const value = (covariance[row * size + column]! - share * gain[column]!) / memory;
        covariance[row * size + column] = value;
        covariance[column * size + row] = value;
      }
      trace += covariance[row * size + row]!;
    }
    // Without this a feature that stays still lets the covariance grow for ever.
    if (trace > this.traceLimit) for (let i = 0; i < covariance.length; i++) covariance[i]! *= this.traceLimit / trace;
  }
}
