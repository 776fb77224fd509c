// lib/shadow: the share of keys that a profiling shadow samples next.
// in: the last window's load, how tight the estimates are · out: the next share, within its bounds, with the reason
//
// Down at once when the host is busy, up slowly while the estimates are loose: a sample that is too small costs minutes, one that is too large costs records.

import type { ProfilingRequest } from '../model/profiling.ts';

export interface ShareBounds {
  readonly minShare: number;
  readonly maxShare: number;
  /** Of a core, of the event loop, of the lanes: above it the host is busy. */
  readonly busyAbove: number;
}

/** A request's bounds, with what it leaves open. */
export const shareBoundsOf = ({ share, minShare, maxShare, busyAbove }: ProfilingRequest): ShareBounds => ({
  minShare: minShare ?? share / 10,
  maxShare: maxShare ?? Math.min(1, share * 5),
  busyAbove,
});

/** The host over one window. Shares in [0, 1]; CPU may be above. */
export interface HostLoad {
  readonly cpuShare: number;
  readonly eventLoopShare: number;
  /** Busy time of a leg's lanes over the time that its turns could have had. */
  readonly laneShare: number;
  /** How far reading and processing are behind the tip. */
  readonly lagMs: number;
}

export type NextShare = { readonly kind: 'raise' | 'lower' | 'hold'; readonly share: number; readonly reason: string };

/** Estimates whose 95 % interval is no wider to each side than this share of them are tight enough. */
export const TIGHT = 0.05;
const RAISE_BY = 1.5;
const LOWER_BY = 0.5;
/** Further behind than this the shadow does not keep up. */
const BEHIND_MS = 15_000;

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** What to sample next. `halfWidth` is the relative half width of the loosest estimate, infinite while there are too few windows. */
export const nextShare = (share: number, bounds: ShareBounds, load: HostLoad, halfWidth: number): NextShare => {
  const { minShare, maxShare, busyAbove } = bounds;
  const within = (wanted: number): number => Math.min(Math.max(wanted, minShare), maxShare);
  const lower = (reason: string): NextShare => {
    const next = within(share * LOWER_BY);
    return next < share
      ? { kind: 'lower', share: next, reason }
      : { kind: 'hold', share: next, reason: `${reason}; ${percent(minShare)} is the least` };
  };
  if (load.cpuShare > busyAbove)
    return lower(`the host's CPU is ${percent(load.cpuShare)} busy, allowed are ${percent(busyAbove)}`);
  if (load.eventLoopShare > busyAbove)
    return lower(`the host's event loop is ${percent(load.eventLoopShare)} busy, allowed are ${percent(busyAbove)}`);
  if (load.laneShare > busyAbove)
    return lower(`the shadow's lanes are ${percent(load.laneShare)} busy, allowed are ${percent(busyAbove)}`);
  if (load.lagMs > BEHIND_MS) return lower(`the shadow is ${Math.round(load.lagMs / 1000)} s behind the tip`);
  if (halfWidth <= TIGHT)
    return { kind: 'hold', share: within(share), reason: `the estimates are known to ${percent(halfWidth)}` };
  const next = within(share * RAISE_BY);
  const grown = Math.max(load.cpuShare, load.eventLoopShare, load.laneShare) * (next / share);
  if (grown > busyAbove)
    return { kind: 'hold', share: within(share), reason: `more than ${percent(share)} of the keys would make the host busy` };
  return next > share
    ? { kind: 'raise', share: next, reason: 'the estimates are not tight yet' }
    : { kind: 'hold', share: next, reason: `${percent(maxShare)} is the most` };
};

/** Student's t, two-sided 95 %, by degrees of freedom from 1 on; 1.96 past the end. */
const T95 = [
  12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.1, 2.09, 2.09,
];

/** The 95 % half width of a ratio of sums (time per record) over windows, as a share of it; infinite for fewer than four windows that have records. */
export const relativeHalfWidth = (windows: readonly { readonly records: number; readonly ms: number }[]): number => {
  const counted = windows.filter(({ records }) => records > 0);
  const count = counted.length;
  if (count < 4) return Number.POSITIVE_INFINITY;
  const records = counted.reduce((sum, window) => sum + window.records, 0);
  const ratio = counted.reduce((sum, window) => sum + window.ms, 0) / records;
  if (ratio === 0) return 0;
  // The ratio estimator's variance: a window counts by its records.
  const squares = counted.reduce((sum, window) => sum + (window.ms - ratio * window.records) ** 2, 0);
  const standardError = Math.sqrt((squares * count) / (count - 1)) / records;
  return ((T95[count - 2] ?? 1.96) * standardError) / ratio;
};
