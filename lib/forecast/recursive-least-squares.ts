// lib/forecast: a linear regression that learns one example at a time and forgets the old ones.
// in: features and what came · out: a prediction; constant time and memory
import type { StateParts } from './state-parts.ts';

/** Recursive least squares with exponential forgetting. `ridge` pulls the weights to zero while little is known. */
export class RecursiveLeastSquares {
  readonly weights: Float64Array;
  private readonly covariance: Float64Array;
  private readonly gain: Float64Array;
  private readonly size: number;
  private readonly memory: number;
  private readonly traceLimit: number;

  constructor(size: number, memory: number, ridge: number, parts: StateParts) {
    this.size = size;
    this.memory = memory;
    this.weights = parts.exact(size);
    this.gain = new Float64Array(size);
    this.covariance = parts.exact(size * size);
    for (let i = 0; i < size; i++) this.covariance[i * size + i] = 1 / ridge;
    this.traceLimit = (size / ridge) * 100;
  }

  /** The prediction for the features at `offset` of `features`. */
  predict(features: Float32Array, offset: number): number {
    let sum = 0;
    for (let i = 0; i < this.size; i++) sum += this.weights[i]! * features[offset + i]!;
    return sum;
  }

  /** Learns that the features led to `target`; an error beyond ±`errorLimit` counts as that much, so that a spike does not turn the weights. */
  learn(features: Float32Array, offset: number, target: number, errorLimit: number): void {
    const { size, weights, covariance, gain, memory } = this;
    let denominator = memory;
    let error = target;
    for (let row = 0; row < size; row++) {
      let sum = 0;
      for (let column = 0; column < size; column++) sum += covariance[row * size + column]! * features[offset + column]!;
      gain[row] = sum;
      denominator += features[offset + row]! * sum;
      error -= features[offset + row]! * weights[row]!;
    }
    error = Math.max(-errorLimit, Math.min(errorLimit, error));
    let trace = 0;
    for (let row = 0; row < size; row++) {
      const share = gain[row]! / denominator;
      weights[row]! += share * error;
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
