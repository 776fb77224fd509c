// lib/plan: the size of a whole stream, if its keys spread evenly over its shards: what a plan shows as wanted, and by what whole streams are compared.
// in: the stream's demand ahead, the present size, the policy · out: grow, shrink or hold, with the numbers
import type { LeadTimes } from '../model/fleet.ts';
import type { Policy } from '../model/policy.ts';
import { counted, duration } from './sentences.ts';
import { type DemandAhead, type SizingPolicy, shardsEnough, shardsNeeded } from './shards-needed.ts';

/** Metrics are one tick late, and a decision waits half a tick on average. */
export const TICKS_SEC = 90;
/** Two neighbours become one only when one is enough for so long on top: giving back and taking again are two operations. */
export const KEPT_SEC = 180;
/** The stream gives a shard back only when it is unlikely to be needed again within so long, and within so many operations: the slower they are, the dearer is one too few. */
const KEEP_SEC = 420;
const KEEP_OPERATIONS = 7;
/** The stream is looked at again each tick, so less of a window's highest minute must be met at once than where a shard is split for good. */
const SHARE_OF_HIGHEST = 0.1;
/** The queue is looked at after so many operations: what is needed then, less what can be had until then, must be begun now. */
const QUEUE = [1, 2, 4] as const;

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
 * Grows to what is needed by the time that an operation begun now has ended, and further ahead only as far as the queue needs: what is needed four operations
 * later can wait, unless it is more than four. Shrinks to what is enough for a while longer. Never outside the policy's bounds.
 */
export const sizeStream = (
  { shards, aheadWithin }: SizingQuestion,
  policy: SizingPolicy & Pick<Policy, 'minShards' | 'reshardDurationPriorSec'>,
  leadTimes: Pick<LeadTimes, 'reshardSec'>,
): Sizing => {
  const operationSec = leadTimes.reshardSec ?? policy.reshardDurationPriorSec;
  const growSec = TICKS_SEC + operationSec;
  const within = (wanted: number) => Math.min(Math.max(wanted, policy.minShards), policy.maxShards);
  const soon = aheadWithin(growSec);
  let grown = { to: within(shardsNeeded(soon, policy, SHARE_OF_HIGHEST)), sec: growSec, demand: soon };
  for (const operations of QUEUE) {
    const sec = growSec + operations * operationSec;
    const demand = aheadWithin(sec);
    const to = within(shardsNeeded(demand, policy, SHARE_OF_HIGHEST) - operations);
    if (to > grown.to) grown = { to, sec, demand };
  }
  if (grown.to > shards)
    return {
      kind: 'grow',
      to: grown.to,
      reason: `Within ${duration(grown.sec)} ${spoken(grown.demand)}: ${grown.to} are wanted now, there are ${shards}.`,
    };
  const keepSec = KEEP_SEC + KEEP_OPERATIONS * operationSec;
  const later = aheadWithin(keepSec);
  // A wider window may not give back what a narrower one needs.
  const shrunk = Math.max(within(shardsEnough(later, policy)), grown.to);
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
