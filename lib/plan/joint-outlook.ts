// lib/plan: what awaits two neighbours together.
// in: both outlooks, how their changes went together · out: the bound of their highest load as one shard, and how many shards that needs
//
// Two bounds added up bound the sum only if both peak at once. Where the changes of the last hour say that they do not, the spread of the sum about its median is
// smaller: the square root of a² + b² + 2ρab. ρ is taken at the upper end of what so few samples can tell, and 1 where nothing is known.
import { QUANTILES } from '../model/forecast.ts';
import type { Policy } from '../model/policy.ts';
import { aheadOf, type ShardOutlook } from './shard-outlook.ts';
import { type DemandAhead, shardsNeeded } from './shards-needed.ts';

const MEDIAN = QUANTILES.indexOf(0.5);
/** 95 %, one-sided. */
const CONFIDENCE = 1.645;

/** The highest correlation that the samples leave possible, by Fisher's transformation; never below zero, which two shards of one stream have no reason to be. */
export const correlationAtMost = ({
  correlation,
  samples,
}: {
  readonly correlation: number;
  readonly samples: number;
}): number => {
  if (samples <= 3) return 1;
  const clipped = Math.min(Math.max(correlation, -0.999_999), 0.999_999);
  return Math.max(Math.tanh(Math.atanh(clipped) + CONFIDENCE / Math.sqrt(samples - 3)), 0);
};

const joined = (a: DemandAhead, b: DemandAhead, correlation: number): DemandAhead => {
  const median = (a.quantiles[MEDIAN] ?? 0) + (b.quantiles[MEDIAN] ?? 0);
  return {
    now: a.now + b.now,
    quantiles: QUANTILES.map((_, q) => {
      const x = (a.quantiles[q] ?? 0) - (a.quantiles[MEDIAN] ?? 0);
      const y = (b.quantiles[q] ?? 0) - (b.quantiles[MEDIAN] ?? 0);
      return Math.max(
        median + Math.sign(q - MEDIAN) * Math.sqrt(Math.max(x * x + y * y + 2 * correlation * Math.abs(x * y), 0)),
        0,
      );
    }),
  };
};

/** The lower and the upper one of two neighbours as one shard. */
export const jointly = (
  lower: ShardOutlook,
  upper: ShardOutlook,
  policy: Policy,
  withinSec: number,
  nowMs: number,
): { readonly utilization: number; readonly needed: number } => {
  const known = lower.spread?.withNext;
  const correlation = known === undefined ? 1 : correlationAtMost(known);
  const [first, second] = [aheadOf([lower], policy, withinSec, nowMs), aheadOf([upper], policy, withinSec, nowMs)];
  const together = first.map((ahead, metric) => joined(ahead, second[metric]!, correlation));
  const acted = QUANTILES.indexOf(policy.actOnQuantile);
  return {
    utilization: Math.max(...together.map(({ quantiles, now }) => Math.max(quantiles[acted] ?? 0, now))),
    needed: Math.max(...together.map((ahead) => shardsNeeded(ahead, policy))),
  };
};
