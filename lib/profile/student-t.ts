// lib/profile: how wide an interval must be for so few measurements.
// in: degrees of freedom, or a number of standard errors · out: quantiles and probabilities

const Z = 1.959964;

/** The 97.5 % quantile of Student's t: exact for one and two degrees of freedom, by the Cornish-Fisher expansion from there on (within 1 %). */
export const studentT = (degrees: number): number => {
  if (degrees < 1) return Number.POSITIVE_INFINITY;
  if (degrees < 2) return 12.706;
  if (degrees < 3) return 4.303;
  return (
    Z +
    (Z ** 3 + Z) / (4 * degrees) +
    (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / (96 * degrees ** 2) +
    (3 * Z ** 7 + 19 * Z ** 5 + 17 * Z ** 3 - 15 * Z) / (384 * degrees ** 3)
  );
};

/** The probability that a standard normal value is below `z` (Abramowitz and Stegun 26.2.17, within 1e-7). */
export const normalBelow = (z: number): number => {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return z >= 0 ? 1 - tail : tail;
};

/** The share that `count` of `total` stands for, with its 95 % interval (Wilson's, which holds near 0 and 1). */
export const shareOf = (count: number, total: number): { share: number; low: number; high: number } => {
  if (total <= 0) return { share: 0, low: 0, high: 1 };
  const share = count / total;
  const z2 = Z * Z;
  const centre = (share + z2 / (2 * total)) / (1 + z2 / total);
  const half = (Z / (1 + z2 / total)) * Math.sqrt((share * (1 - share)) / total + z2 / (4 * total * total));
  return { share, low: count === 0 ? 0 : Math.max(0, centre - half), high: count >= total ? 1 : Math.min(1, centre + half) };
};
