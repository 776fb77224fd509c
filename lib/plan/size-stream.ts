// lib/plan: how many shards a stream needs whose keys spread evenly over them: the size to which a uniform change (UpdateShardCount) would bring it.
// in: bounds of the stream's demand in shards' worth, the present size, the policy · out: grow, shrink or hold, with the numbers
import type { LeadTimes } from '../model/fleet.ts';
import type { Policy } from '../model/policy.ts';
import { counted, duration, percent } from './sentences.ts';

/** Metrics are one tick late, and a decision waits half a tick on average. */
const TICKS_SEC = 90;
/** A shard is given back only when it is not needed again for so long on top: giving back and taking again are two operations. */
const KEPT_SEC = 180;
/** A bound that exceeds by less than this part of one shard is let be: what it rarely throttles costs less than a shard that mostly idles. */
const TOLERATED = 0.2;

export interface SizingQuestion {
  /** Shards now. */
  readonly shards: number;
  /** The acted-on quantile of the stream's highest demand from now until so many seconds from now, in shards' worth (1 is a full shard). */
  readonly boundWithin: (seconds: number) => number;
  /** Demand of the last observed minute, in shards' worth: the reactive net. */
  readonly now: number;
}

export type Sizing =
  | { readonly kind: 'grow' | 'shrink'; readonly to: number; readonly reason: string }
  | { readonly kind: 'hold'; readonly reason: string };

/**
 * Grows to what the bound needs by the time that an operation begun now has ended, no further ahead: the next look is a tick away, and bounds of
 * later maxima are wide. Shrinks to what is enough for a while longer. Never outside the policy's bounds, never below what the load now needs.
 */
export const sizeStream = (
  { shards, boundWithin, now }: SizingQuestion,
  policy: Pick<Policy, 'targetUtilization' | 'minShards' | 'maxShards' | 'reshardDurationPriorSec'>,
  leadTimes: Pick<LeadTimes, 'reshardSec'>,
): Sizing => {
  const growSec = TICKS_SEC + (leadTimes.reshardSec ?? policy.reshardDurationPriorSec);
  const keepSec = growSec + KEPT_SEC;
  const demandWithin = (seconds: number) => Math.max(boundWithin(seconds), now);
  const shardsWithin = (seconds: number) => {
    const foreseen = boundWithin(seconds) / policy.targetUtilization - TOLERATED;
    const enough = Math.ceil(Math.max(foreseen, now / policy.targetUtilization) - 1e-9);
    return Math.min(Math.max(enough, policy.minShards), policy.maxShards);
  };
  const target = percent(policy.targetUtilization);
  const grown = shardsWithin(growSec);
  if (grown > shards) {
    const reason = `Within ${duration(growSec)} the demand may reach ${demandWithin(growSec).toFixed(1)} shards’ worth: ${grown} are wanted for ${target}, there are ${shards}.`;
    return { kind: 'grow', to: grown, reason };
  }
  const shrunk = shardsWithin(keepSec);
  if (shrunk < shards) {
    const reason = `Within ${duration(keepSec)} the demand stays at or below ${demandWithin(keepSec).toFixed(1)} shards’ worth: ${shrunk} are enough at ${target}, there are ${shards}.`;
    return { kind: 'shrink', to: shrunk, reason };
  }
  return {
    kind: 'hold',
    reason: `${counted(shards, 'shard')} are enough for ${duration(growSec)} and needed within ${duration(keepSec)} (target ${target}).`,
  };
};
