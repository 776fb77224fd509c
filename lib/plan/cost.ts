// lib/plan: what an action costs and what it saves, in money and in records.
// in: an action's subject, prices · out: dollars an hour and once, records at risk per hour, what they are worth
import type { Fleet } from '../model/fleet.ts';
import type { Expectation } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import type { Prices } from '../model/prices.ts';
import type { Rate } from '../model/worker.ts';
import { HOURS_PER_MONTH, pricesOf } from './prices.ts';
import { utilizationOf } from './rates.ts';

/** A throttled record costs as much as so many idle ones, where the policy names no other. */
export const THROTTLED_TO_IDLE = 100;
/** How much more or less than others the records of a stream are worth that are late. */
const CRITICALITY = { low: 0.1, normal: 1, high: 10 } as const;

/** Everything that turns load into money for one plan. */
export interface Money {
  readonly prices: Prices;
  /** Where the prices come from, in words. */
  readonly source: string;
  /** One more shard for an hour, its share of the registered fan-out consumers included. */
  readonly shardUsdPerHour: number;
  readonly throttledRecordUsd: number;
  readonly lateRecordUsd: number;
}

/** Fan-out consumers that are registered, as far as workers and leases tell: each is billed for every shard. Owners by fan-out have two, which take turns; standby shadows share one. */
export const consumersOf = ({ workers, leases }: Pick<Fleet, 'workers' | 'leases'>): number => {
  if (workers.some(({ retrieval }) => retrieval === 'fan-out')) return 2;
  const subscribing = workers.some(({ retrieval }) => retrieval !== 'polling');
  return subscribing && leases.some((lease) => lease.shadow !== undefined) ? 1 : 0;
};

/** The prices of a plan, and what records are worth by its policy: by default a throttled one as much as a hundred that an idle shard could have taken, a late one as much. */
export const moneyOf = (fleet: Pick<Fleet, 'stream' | 'workers' | 'leases'>, policy: Policy): Money => {
  const { prices, source } = pricesOf(fleet.stream.streamArn, policy);
  const idleRecordUsd = prices.shardHour / (3600 * Math.max(policy.shardCapacity.recordsPerSec, Number.MIN_VALUE));
  const throttledRecordUsd =
    policy.throttledUsdPerMillion === undefined
      ? (policy.throttledToIdle ?? THROTTLED_TO_IDLE) * idleRecordUsd
      : policy.throttledUsdPerMillion / 1e6;
  const lateRecordUsd = policy.lateUsdPerMillion === undefined ? throttledRecordUsd : policy.lateUsdPerMillion / 1e6;
  return {
    prices,
    source,
    shardUsdPerHour: prices.shardHour + consumersOf(fleet) * prices.consumerShardHour,
    throttledRecordUsd,
    lateRecordUsd: lateRecordUsd * CRITICALITY[policy.criticality ?? 'normal'],
  };
};

/** What a stream costs a month as it stands: its shards, and the fan-out consumers that are registered. */
export const standingUsdPerMonth = (shardCount: number, { shardUsdPerHour }: Money): number =>
  shardCount * shardUsdPerHour * HOURS_PER_MONTH;

/** What one execution of a machine takes. Counted in its definition and its functions; a function has half a gigabyte for a third of a second. */
const STEPS = {
  reshard: { transitions: 20, requests: 16, writes: 24, reads: 40 },
  handover: { transitions: 20, requests: 4, writes: 12, reads: 12 },
} as const;
const GIGABYTE_SECONDS_PER_REQUEST = 0.5 / 3;

/** Step Functions, Lambda and DynamoDB of one execution; of a resize, which writes every lease, of so many shards. */
export const machineUsd = (machine: keyof typeof STEPS, { prices }: Money, shards = 1): number => {
  const { transitions, requests, writes, reads } = STEPS[machine];
  return (
    transitions * prices.stateTransition +
    requests * (prices.millionLambdaRequests / 1e6 + GIGABYTE_SECONDS_PER_REQUEST * prices.lambdaGigabyteSecond) +
    ((writes + 4 * (shards - 1)) * prices.millionTableWrites + (reads + 4 * (shards - 1)) * prices.millionTableReads) / 1e6
  );
};

/** Hours for which a shadow that prepares a move stands, and its consumer with it. */
const MOVE_SHADOW_HOURS = 0.25;

/** A registered consumer is billed for every shard of the stream; where one is registered already, another shadow costs only its data; one that polls costs nothing. */
const shadowUsdPerHour = (fleet: Fleet, shardCount: number, otherShadows: number, load: Rate, { prices }: Money): number => {
  if (fleet.workers.length > 0 && fleet.workers.every(({ retrieval }) => retrieval === 'polling')) return 0;
  const registered = otherShadows > 0 || fleet.workers.some(({ retrieval }) => retrieval === 'fan-out');
  return (registered ? 0 : prices.consumerShardHour * shardCount) + (load.bytesPerSec * 3600 * prices.consumerGigabyte) / 1e9;
};

/** A standby shadow that stays: dollars an hour. */
export const replicationUsdPerHour = shadowUsdPerHour;

/** A shadow that prepares one move: dollars, once. */
export const moveShadowUsd = (fleet: Fleet, shardCount: number, otherShadows: number, load: Rate, money: Money): number =>
  shadowUsdPerHour(fleet, shardCount, otherShadows, load, money) * MOVE_SHADOW_HOURS;

/** Records an hour above the capacity when the load stands at `peak`: throttled by Kinesis, or late at a worker. */
export const recordsAtRiskPerHour = (peak: Rate, capacity: Rate): number => {
  const utilization = utilizationOf(peak, capacity);
  if (utilization <= 1) return 0;
  // A load that is over by its bytes loses the same share of its records.
  return Math.round(peak.recordsPerSec * (1 - 1 / utilization) * 3600);
};

/** Seconds by which records are late at the end of a time during which more comes than is taken. */
export const lagAfterSec = (peak: Rate, capacity: Rate, seconds: number): number =>
  Math.round(Math.max(utilizationOf(peak, capacity) - 1, 0) * seconds);

/** An action pays for itself when an hour of what it avoids is worth more than an hour of what it costs, and what it costs once. */
export const paysOff = ({ benefitUsdPerHour = 0, costUsdPerHour = 0, costUsdOnce = 0 }: Expectation): boolean =>
  benefitUsdPerHour > costUsdPerHour + costUsdOnce;

const cents = (usd: number): string => `$${usd.toFixed(usd !== 0 && Math.abs(usd) < 0.1 ? 4 : 2)}`;

/** Both numbers, for a sentence. */
export const costAgainstBenefit = ({ benefitUsdPerHour = 0, costUsdPerHour = 0, costUsdOnce = 0 }: Expectation): string => {
  const benefit =
    benefitUsdPerHour < 0
      ? `what it risks is worth ${cents(-benefitUsdPerHour)} an hour`
      : `what it avoids is worth ${cents(benefitUsdPerHour)} an hour`;
  const cost = costUsdPerHour < 0 ? `it saves ${cents(-costUsdPerHour)} an hour` : `it costs ${cents(costUsdPerHour)} an hour`;
  const once = costUsdOnce > 0 ? ` and ${costUsdPerHour < 0 ? 'costs ' : ''}${cents(costUsdOnce)} once` : '';
  return `${benefit}, and ${cost}${once}`;
};
