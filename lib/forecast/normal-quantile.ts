// lib/forecast: quantiles of the standard normal distribution.
// in: a level in (0, 1) · out: its quantile

/** The quantile of the standard normal distribution at `level`, within 0.00045 (Abramowitz and Stegun 26.2.23). */
export const normalQuantile = (level: number): number => {
  if (level === 0.5) return 0;
  const tail = Math.min(level, 1 - level);
  const t = Math.sqrt(-2 * Math.log(tail));
  const magnitude =
    t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t);
  return level > 0.5 ? magnitude : -magnitude;
};
