// lib/profile: one leg of a profiling run beside another: only what stands out of the noise floor counts.
// in: windows of the legs a, aa and b · out: per measure the change from a to b, with its interval and the floor that a and aa give
//
// The legs processed the same records of the same windows in turns, so that windows pair: the logarithm of their ratio, window by window, is free of the load.
import type { LegWindow, ProfilingWindow } from '../model/profiling.ts';
import { shareOf, studentT } from './student-t.ts';

/** A measure of a leg within a window: an amount over a count. */
type Measure = (leg: LegWindow) => { readonly amount: number; readonly over: number };

/** A difference between two legs, as factors: 1.1 is 10 % more. */
export interface LegDifference {
  /** `turn ms/record` (the time that all lanes together take for a record), `latency ms/record`, `call ms/record`, `cpu ms/record`, `loop ms/record`, `failed share`, `stage enrich ms/call`. */
  readonly measure: string;
  readonly a: number;
  readonly b: number;
  /** b over a, and its 95 % interval. */
  readonly factor: number;
  readonly low: number;
  readonly high: number;
  /** What two equal legs differ by, at most, in 95 of 100: b must differ by more. 1 where nobody measured it (no leg aa). */
  readonly floor: number;
  readonly windows: number;
  readonly kind: 'better' | 'worse' | 'within-noise';
}

/** Fewer paired windows say nothing. */
const WANTED_WINDOWS = 4;

const perRecord =
  (amountOf: (leg: LegWindow) => number): Measure =>
  (leg) => ({ amount: amountOf(leg), over: leg.records });

/** Every difference between a leg and leg `a` of the same windows that can be told; less is better for all of them. */
export const compareLegs = (windows: readonly ProfilingWindow[], leg: 'aa' | 'b'): LegDifference[] => {
  const rows = windows.filter(({ phase }) => phase === 'observing');
  const stages = new Set(rows.flatMap(({ legs }) => legs.flatMap(({ stages: named }) => Object.keys(named))));
  const measures: [string, Measure][] = [
    ['turn ms/record', perRecord(({ turnMs }) => turnMs)],
    ['latency ms/record', perRecord(({ tookMs }) => tookMs ?? 0)],
    ['call ms/record', perRecord(({ callMs }) => callMs)],
    ['cpu ms/record', perRecord(({ cpuMs }) => cpuMs)],
    ['loop ms/record', perRecord(({ loopBusyMs }) => loopBusyMs)],
    ...[...stages]
      .sort()
      .map((name): [string, Measure] => [
        `stage ${name} ms/call`,
        ({ stages: named }) => ({ amount: named[name]?.totalMs ?? 0, over: named[name]?.calls ?? 0 }),
      ]),
  ];
  const differences = measures.flatMap(([measure, of]) => {
    const pairs = pairsOf(rows, 'a', leg, of);
    if (pairs.length < WANTED_WINDOWS) return [];
    const change = meanWithin(pairs.map(({ logRatio }) => logRatio));
    const same = leg === 'aa' ? [] : pairsOf(rows, 'a', 'aa', of).map(({ logRatio }) => logRatio);
    const noise = same.length < WANTED_WINDOWS ? { mean: 0, halfWidth: 0 } : meanWithin(same);
    const floor = Math.abs(noise.mean) + noise.halfWidth;
    return [
      {
        measure,
        a: ratioOf(pairs.map(({ left }) => left)),
        b: ratioOf(pairs.map(({ right }) => right)),
        factor: Math.exp(change.mean),
        low: Math.exp(change.mean - change.halfWidth),
        high: Math.exp(change.mean + change.halfWidth),
        floor: Math.exp(floor),
        windows: pairs.length,
        kind: verdictOf(change.mean - change.halfWidth, change.mean + change.halfWidth, floor),
      } satisfies LegDifference,
    ];
  });
  const failures = failureDifference(rows, leg);
  return failures === null ? differences : [...differences, failures];
};

const verdictOf = (low: number, high: number, floor: number): LegDifference['kind'] => {
  if (low > floor) return 'worse';
  return high < -floor ? 'better' : 'within-noise';
};

interface Pair {
  readonly left: { readonly amount: number; readonly over: number };
  readonly right: { readonly amount: number; readonly over: number };
  readonly logRatio: number;
}

const pairsOf = (rows: readonly ProfilingWindow[], left: 'a', right: 'aa' | 'b', of: Measure): Pair[] =>
  rows.flatMap(({ legs }) => {
    const [a, b] = [left, right].map((name) => legs.find((one) => one.leg === name));
    if (a === undefined || b === undefined) return [];
    const [x, y] = [of(a), of(b)];
    if (!(x.over > 0 && y.over > 0 && x.amount > 0 && y.amount > 0)) return [];
    return [{ left: x, right: y, logRatio: Math.log(y.amount / y.over / (x.amount / x.over)) }];
  });

const ratioOf = (parts: readonly { readonly amount: number; readonly over: number }[]): number =>
  parts.reduce((sum, { amount }) => sum + amount, 0) / parts.reduce((sum, { over }) => sum + over, 0);

const meanWithin = (values: readonly number[]): { mean: number; halfWidth: number } => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, halfWidth: studentT(values.length - 1) * Math.sqrt(variance / values.length) };
};

/** Failed shares are often zero, which has no logarithm: both sides' Wilson intervals must not meet. Equal legs see the same records, so that the floor is 1. */
const failureDifference = (rows: readonly ProfilingWindow[], leg: 'aa' | 'b'): LegDifference | null => {
  const sumOf = (name: 'a' | 'aa' | 'b') =>
    rows
      .flatMap(({ legs }) => legs.filter((one) => one.leg === name))
      .reduce((sum, { records, failed }) => ({ records: sum.records + records, failed: sum.failed + failed }), {
        records: 0,
        failed: 0,
      });
  const [a, b] = [sumOf('a'), sumOf(leg)];
  if (a.records === 0 || b.records === 0 || a.failed + b.failed === 0) return null;
  const [inA, inB] = [shareOf(a.failed, a.records), shareOf(b.failed, b.records)];
  return {
    measure: 'failed share',
    a: inA.share,
    b: inB.share,
    factor: inA.share === 0 ? Number.POSITIVE_INFINITY : inB.share / inA.share,
    low: inB.low / inA.high,
    high: inA.low === 0 ? Number.POSITIVE_INFINITY : inB.high / inA.low,
    floor: 1,
    windows: rows.length,
    kind: inB.low > inA.high ? 'worse' : inB.high < inA.low ? 'better' : 'within-noise',
  };
};
