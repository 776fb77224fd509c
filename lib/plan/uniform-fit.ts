// lib/plan: whether a stream's load would fit equal ranges.
// in: outlooks with how their load spreads, a number of shards · out: how many shards the hottest of the equal ranges would need, and how full it would be

import { QUANTILES } from '../model/forecast.ts';
import { WHOLE_RANGE, widthOf } from '../model/hash-key-range.ts';
import type { Policy } from '../model/policy.ts';
import { aheadOf, type ShardOutlook } from './shard-outlook.ts';
import { type DemandAhead, shardsNeeded } from './shards-needed.ts';

const KEYS = Number(widthOf(WHOLE_RANGE));
const METRICS = 2;
/** Per metric the quantiles, and what is there now. */
const WIDTH = QUANTILES.length + 1;

/** A stretch of the key space, as shares of the whole, and the demand ahead of it. */
interface Cell {
  readonly from: number;
  readonly until: number;
  readonly ahead: readonly number[];
}

const flat = (aheads: readonly DemandAhead[]): number[] =>
  aheads.flatMap(({ quantiles, now }) => [...QUANTILES.map((_, q) => quantiles[q] ?? 0), now]);

/** Every shard's slices with their shares of its demand ahead. */
export const cellsOf = (outlooks: readonly ShardOutlook[], policy: Policy, withinSec: number, nowMs: number): Cell[] =>
  outlooks.flatMap((outlook) => {
    const { startingHashKey, endingHashKey } = outlook.shard.hashKeyRange;
    const start = Number(startingHashKey) / KEYS;
    const width = Number(endingHashKey - startingHashKey + 1n) / KEYS;
    const whole = flat(aheadOf([outlook], policy, withinSec, nowMs));
    const given = outlook.spread?.sliceShares ?? [];
    const total = given.reduce((sum, share) => sum + share, 0);
    const shares = total > 0 ? given.map((share) => share / total) : [1];
    return shares.map((share, i) => ({
      from: start + (width * i) / shares.length,
      until: start + (width * (i + 1)) / shares.length,
      ahead: whole.map((value) => value * share),
    }));
  });

/** How the fullest of `count` equal ranges would stand. */
export interface UniformFit {
  /** Shards that it would need: 1 means that each range is enough for itself. */
  readonly needed: number;
  /** The acted-on quantile of its highest load, in shards. */
  readonly fullest: number;
}

/** Lays the cells over equal ranges, one pass over both; no further than to the first range that needs more than `atMost` shards. */
export const fitOf = (cells: readonly Cell[], count: number, policy: Policy, atMost = Number.POSITIVE_INFINITY): UniformFit => {
  const acted = QUANTILES.indexOf(policy.actOnQuantile);
  let [needed, fullest, first] = [1, 0, 0];
  for (let i = 0; i < count && needed <= atMost; i++) {
    const [from, until] = [i / count, (i + 1) / count];
    const sum = new Array<number>(METRICS * WIDTH).fill(0);
    while (first < cells.length && cells[first]!.until <= from) first++;
    for (let c = first; c < cells.length && cells[c]!.from < until; c++) {
      const cell = cells[c]!;
      const inside = (Math.min(cell.until, until) - Math.max(cell.from, from)) / (cell.until - cell.from);
      if (inside <= 0) continue;
      for (let k = 0; k < sum.length; k++) sum[k] = sum[k]! + cell.ahead[k]! * inside;
    }
    for (let metric = 0; metric < METRICS; metric++) {
      const of = sum.slice(metric * WIDTH, (metric + 1) * WIDTH);
      const now = of[QUANTILES.length] ?? 0;
      needed = Math.max(needed, shardsNeeded({ quantiles: of.slice(0, QUANTILES.length), now }, policy));
      fullest = Math.max(fullest, of[acted] ?? 0, now);
    }
  }
  return { needed, fullest };
};
