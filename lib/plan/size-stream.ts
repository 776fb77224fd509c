// lib/plan: the size of a whole stream, if its keys spread evenly over its shards: what a plan shows as wanted, and by what whole streams are compared.
// in: the stream's demand ahead, the present size, the policy · out: grow, shrink or hold, with the numbers
import type { LeadTimes } from '../model/fleet.ts';
import type { Policy } from '../model/policy.ts';
import { counted, duration } from './sentences.ts';
import { type DemandAhead, type SizingPolicy, shardsNeeded } from './shards-needed.ts';

/** Metrics are one tick late, and a decision waits half a tick on average. */
export const TICKS_SEC = 90;
/** A shard is given back only when it is not needed again for so long on top: giving back and taking again are two operations. */
export const KEPT_SEC = 180;

export interface SizingQuestion {
  /** Shards now. */
  readonly shards: number;
  /** The stream's highest demand from now until so many seconds from now. */
  readonly aheadWithin: (seconds: number) => DemandAhead;
}

export type Sizing =
  | { readonly kind: 'grow' | 'shrink'; readonly to: number; readonly reason: string }
  | { readonly kind: 'hold'; readonly reason: string };

/**
 * Grows to what is needed by the time that an operation begun now has ended, no further ahead: the next look is a tick away, and bounds of later
 * maxima are wide. Shrinks to what is enough for a while longer. Never outside the policy's bounds.
 */
export const sizeStream = (
  { shards, aheadWithin }: SizingQuestion,
  policy: SizingPolicy & Pick<Policy, 'minShards' | 'reshardDurationPriorSec'>,
  leadTimes: Pick<LeadTimes, 'reshardSec'>,
): Sizing => {
  const growSec = TICKS_SEC + (leadTimes.reshardSec ?? policy.reshardDurationPriorSec);
  const keepSec = growSec + KEPT_SEC;
  const wantedWithin = (demand: DemandAhead) =>
    Math.min(Math.max(shardsNeeded(demand, policy), policy.minShards), policy.maxShards);
  const soon = aheadWithin(growSec);
  const grown = wantedWithin(soon);
  if (grown > shards)
    return {
      kind: 'grow',
      to: grown,
      reason: `Within ${duration(growSec)} ${spoken(soon)}: ${grown} are wanted, there are ${shards}.`,
    };
  const later = aheadWithin(keepSec);
  // A wider window may not give back what a narrower one needs.
  const shrunk = Math.max(wantedWithin(later), grown);
  if (shrunk < shards)
    return {
      kind: 'shrink',
      to: shrunk,
      reason: `Within ${duration(keepSec)} ${spoken(later)}: ${shrunk} are enough, there are ${shards}.`,
    };
  return { kind: 'hold', reason: `${counted(shards, 'shard')} are enough for ${duration(growSec)}: ${spoken(soon)}.` };
};

const spoken = ({ quantiles, now }: DemandAhead): string => {
  const upper = quantiles.at(-1);
  const foreseen =
    upper === undefined ? '' : `the demand reaches ${upper.toFixed(1)} shards’ worth at the 0.95 quantile of its highest, and `;
  return `${foreseen}it is ${now.toFixed(1)} now`;
};
