// lib/plan: which shards keep a standby shadow for safety's sake, and which shadows are not wanted any more.
// in: outlooks, policy · out: shadows to create and to remove, with holds for those that find no host
import type { Fleet } from '../model/fleet.ts';
import { type Forecast, QUANTILES } from '../model/forecast.ts';
import type { Action, Hold } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import { actionIdOf } from './action-id.ts';
import { type Money, replicationUsdPerHour } from './cost.ts';
import { busyWith, openOperations } from './in-flight.ts';
import type { LeadTime } from './lead-time.ts';
import { HOURS_PER_MONTH } from './prices.ts';
import { NO_LOAD, utilizationOf } from './rates.ts';
import { dollars, percent } from './sentences.ts';
import type { ShardOutlook } from './shard-outlook.ts';
import { hostFor, type Loads, shifted, type WorkerOutlook } from './worker-outlook.ts';

/** A shard whose 5 to 95 % band spans this much of its capacity is volatile; it is so until the band has shrunk to the second figure. */
const VOLATILE_BAND = 0.5;
const CALM_BAND = 0.35;
/** How much sooner a shard counts as volatile whose records are worth more than others, or later. */
const PATIENCE = { low: 1.5, normal: 1, high: 0.5 } as const;
/** A shadow that was made for a move that is not needed any more is kept so long, and until its owner is clearly below target. */
const UNNEEDED_AFTER_MS = 600_000;
const CLEARLY_BELOW = 0.85;
/** At most so many shadows begin in one plan. */
const NEW_PER_PLAN = 5;
/** What a standby saves when its shard has to move at once: the time in which a shadow would first have to be made. */
const WARM_SEC = 30;
/** How likely a window is to reach the upper end of its 5 to 95 % band. */
const UPPER_TAIL = 0.05;

/** How much of a shard's capacity the 5 to 95 % band of its demand spans at the widest within the lead time. */
export const bandOf = (outlook: ShardOutlook, policy: Policy, leadTimeSec: number): number => {
  const span = (forecast: Forecast | undefined, capacity: number): number => {
    if (forecast === undefined) return 0;
    const lower = forecast.quantiles[QUANTILES.indexOf(0.05)] ?? [];
    const upper = forecast.quantiles[QUANTILES.indexOf(0.95)] ?? [];
    return forecast.horizonsSec.reduce(
      (widest, horizonSec, h) =>
        horizonSec <= leadTimeSec ? Math.max(widest, ((upper[h] ?? 0) - (lower[h] ?? 0)) / capacity) : widest,
      0,
    );
  };
  return Math.max(
    span(outlook.records, policy.shardCapacity.recordsPerSec),
    span(outlook.bytes, policy.shardCapacity.bytesPerSec),
  );
};

/** Standby shadows wanted and not there, and shadows there and not wanted. A requested shadow is a person's, and stays. */
export const decideReplication = (
  fleet: Fleet,
  outlooks: readonly ShardOutlook[],
  workers: readonly WorkerOutlook[],
  loadsBefore: Loads,
  policy: Policy,
  leadTime: LeadTime,
  money: Money,
  /** Shards on which this plan already acts. */
  taken: ReadonlySet<string>,
  nowMs: number,
): { actions: readonly Action[]; holds: readonly Hold[] } => {
  const operations = openOperations(fleet);
  const patience = PATIENCE[policy.criticality ?? 'normal'];
  const byId = new Map(workers.map((w) => [w.worker.workerId, w]));
  const actions: Action[] = [];
  const holds: Hold[] = [];
  let shadows = fleet.leases.filter((lease) => lease.shadow !== undefined).length;
  let created = 0;
  let withoutHost = 0;
  let loads = loadsBefore;
  for (const outlook of outlooks) {
    const { lease } = outlook;
    const { shardId } = outlook.shard;
    if (lease?.state !== 'active' || lease.owner === undefined || taken.has(shardId)) continue;
    if (busyWith(lease, operations.get(shardId)) !== null) continue;
    const { shadow } = lease;
    const band = bandOf(outlook, policy, leadTime.leadTimeSec);
    const volatile =
      policy.maxReplicationFactor >= 2 && band >= patience * (shadow?.purpose === 'replication' ? CALM_BAND : VOLATILE_BAND);
    const wanted = policy.minReplicationFactor >= 2 || volatile;
    // Once in a while the load leaps to the upper end of its band, and its worker with it: until the shard has moved, so much is late.
    const leapsPerHour = (UPPER_TAIL * 3600) / leadTime.leadTimeSec;
    const lateRecords = leapsPerHour * WARM_SEC * band * policy.shardCapacity.recordsPerSec;
    const expected = (costUsdPerHour: number) => ({
      utilizationNow: outlook.utilizationNow,
      peakUtilization: outlook.peakUtilization,
      leadTimeSec: 30,
      costUsdPerMonth: costUsdPerHour * HOURS_PER_MONTH,
      costUsdPerHour,
      benefitUsdPerHour: lateRecords * money.lateRecordUsd,
      // Were the owner to die, its records would be late until another had taken the shard over.
      recordsAtRiskPerHour: Math.round((outlook.now ?? NO_LOAD).recordsPerSec * 3600),
    });
    if (shadow !== undefined) {
      const why = unwanted(shadow, wanted, byId, lease.owner, policy, nowMs);
      if (why === null) continue;
      shadows--;
      actions.push({
        kind: 'remove-shadow',
        actionId: actionIdOf('unshadow', [shardId], fleet, nowMs),
        trigger: 'replication',
        reason: `The shadow of ${shardId} on ${shadow.workerId} is not wanted any more: ${why}.`,
        expected: expected(-replicationUsdPerHour(fleet, outlooks.length, shadows, outlook.now ?? NO_LOAD, money)),
        shardId,
        workerId: shadow.workerId,
      });
      continue;
    }
    if (!wanted || created >= NEW_PER_PLAN) continue;
    const zone = byId.get(lease.owner)?.worker.zone;
    const fits = (workerId: string, capacity: typeof policy.shardCapacity) =>
      utilizationOf(loads.get(workerId) ?? NO_LOAD, capacity) <= policy.workerTargetUtilization;
    const host = hostFor(
      workers,
      loads,
      outlook.peak,
      (w) => w.workerId !== lease.owner && fits(w.workerId, w.capacity),
      Number.POSITIVE_INFINITY,
      zone,
    );
    if (host === null) {
      withoutHost++;
      continue;
    }
    created++;
    const cost = replicationUsdPerHour(fleet, outlooks.length, shadows++, outlook.now ?? NO_LOAD, money);
    // Were it activated, its host would carry the shard: the next one looks for another host.
    loads = shifted(loads, outlook.peak, undefined, host.worker.workerId);
    const because =
      policy.minReplicationFactor >= 2
        ? 'the policy wants a replication factor of 2'
        : `its forecast spans ${percent(band)} of its capacity, which is volatile`;
    const where =
      zone !== undefined && host.worker.zone !== zone
        ? `in another zone (${host.worker.zone})`
        : `in ${host.worker.zone}, the owner’s zone`;
    actions.push({
      kind: 'create-shadow',
      actionId: actionIdOf('shadow', [shardId], fleet, nowMs),
      trigger: 'replication',
      reason: `${shardId} gets a standby shadow on ${host.worker.workerId} ${where}: ${because}; ${dollars(cost * HOURS_PER_MONTH)} a month.`,
      expected: expected(cost),
      shardId,
      workerId: host.worker.workerId,
      purpose: 'replication',
    });
  }
  if (withoutHost > 0)
    holds.push({
      kind: 'hold',
      subject: fleet.streamName,
      reason: 'no-better-worker',
      detail: `${withoutHost} shards should have a standby shadow, but no worker besides the owner has room for it (${workers.length} alive).`,
    });
  return { actions, holds };
};

/** Why a shadow goes, or null when it stays. */
const unwanted = (
  shadow: NonNullable<Fleet['leases'][number]['shadow']>,
  wanted: boolean,
  workers: ReadonlyMap<string, WorkerOutlook>,
  ownerId: string,
  policy: Policy,
  nowMs: number,
): string | null => {
  if (shadow.purpose === 'request') return null;
  if (!workers.has(shadow.workerId)) return `${shadow.workerId} is not alive`;
  if (shadow.state === 'diverged') return 'it diverged from its owner and proves nothing any more';
  if (shadow.workerId === ownerId) return 'its worker owns the shard itself';
  if (shadow.purpose === 'replication')
    return wanted ? null : 'the shard’s forecast is calm and the policy wants no more than one copy';
  const owner = workers.get(ownerId);
  const needed =
    wanted ||
    owner === undefined ||
    owner.worker.state === 'draining' ||
    owner.peakUtilization > CLEARLY_BELOW * policy.workerTargetUtilization;
  return needed || nowMs - shadow.requestedAtMs < UNNEEDED_AFTER_MS
    ? null
    : `it was made for a move, but ${ownerId} would carry only ${percent(owner.peakUtilization)}`;
};
