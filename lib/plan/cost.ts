// lib/plan: what an action costs and what it saves, in money and in records.
// in: an action's subject · out: dollars a month, records at risk per hour
import type { Rate } from '../model/worker.ts';
import { HOURS_PER_MONTH, PRICES } from './prices.ts';
import { utilizationOf } from './rates.ts';

/** One more shard for a month (a merge saves as much). */
export const SHARD_USD_PER_MONTH = PRICES.shardHour * HOURS_PER_MONTH;

/** What a stream costs a month as it stands: its shards, and a fan-out consumer for standby shadows where there is one. */
export const standingUsdPerMonth = (shardCount: number, withShadows: boolean): number =>
  shardCount * (SHARD_USD_PER_MONTH + (withShadows ? PRICES.consumerShardHour * HOURS_PER_MONTH : 0));

/** Step Functions transitions of one handover. */
export const HANDOVER_USD = PRICES.stateTransition * 20;

/** Hours for which a shadow that prepares a move stands, and its consumer with it. */
const MOVE_SHADOW_HOURS = 0.25;

/** A registered consumer is billed for every shard of the stream; a shadow beside others on the same consumer costs only its data. */
const shadowUsdPerHour = (shardCount: number, otherShadows: number, load: Rate): number =>
  (otherShadows === 0 ? PRICES.consumerShardHour * shardCount : 0) + (load.bytesPerSec * 3600 * PRICES.consumerGigabyte) / 1e9;

/** A standby shadow that stays: dollars a month. */
export const replicationUsdPerMonth = (shardCount: number, otherShadows: number, load: Rate): number =>
  shadowUsdPerHour(shardCount, otherShadows, load) * HOURS_PER_MONTH;

/** A shadow that prepares one move: dollars, once. */
export const moveShadowUsd = (shardCount: number, otherShadows: number, load: Rate): number =>
  shadowUsdPerHour(shardCount, otherShadows, load) * MOVE_SHADOW_HOURS;

/** Records an hour above the capacity when the load stands at `peak`: throttled by Kinesis, or late at a worker. */
export const recordsAtRiskPerHour = (peak: Rate, capacity: Rate): number => {
  const utilization = utilizationOf(peak, capacity);
  if (utilization <= 1) return 0;
  // A load that is over by its bytes loses the same share of its records.
  return Math.round(peak.recordsPerSec * (1 - 1 / utilization) * 3600);
};
