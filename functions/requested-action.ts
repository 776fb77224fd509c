// functions: an action that a person asked for, with the same figures that the planner would state.
// in: worker, load · out: id, reason, expectation
import type { Group, Lease } from '../lib/model/lease.ts';
import type { Expectation } from '../lib/model/plan.ts';
import type { Worker } from '../lib/model/worker.ts';
import { actionIdOf } from '../lib/plan/action-id.ts';
import { utilizationOf } from '../lib/plan/rates.ts';

/** Ids of what people ask for differ from the planner's, so that both may act on one shard at the same moment. */
export const requestedActionId = (
  verb: 'create-shadow' | 'handover' | 'profile',
  lease: Lease,
  group: Group,
  nowMs: number,
): string => actionIdOf(`request-${verb}`, [lease.shardId], group, nowMs);

/** A person's wish is not weighed: it is expected to cost and to save nothing that the planner counts. The utilisation is the target worker's, as it reports. */
export const expectationOf = (worker: Worker): Expectation => {
  const utilization = utilizationOf(worker.load, worker.capacity);
  return {
    utilizationNow: utilization,
    peakUtilization: utilization,
    leadTimeSec: 0,
    costUsdPerMonth: 0,
    recordsAtRiskPerHour: 0,
  };
};

/** The worker with the most room that takes new shards; a tie goes to the first by name. */
export const roomiest = (workers: readonly Worker[]): Worker | undefined =>
  workers
    .filter((worker) => worker.state === 'active')
    .map((worker) => ({ worker, utilization: utilizationOf(worker.load, worker.capacity) }))
    .sort((a, b) => a.utilization - b.utilization || (a.worker.workerId < b.worker.workerId ? -1 : 1))[0]?.worker;

/** What is under way on a shard, in words; null when nothing is. */
export const underWay = (lease: Lease): string | null => {
  if (lease.handover !== undefined) return `handover ${lease.handover.id} of shard ${lease.shardId} is ${lease.handover.phase}`;
  if (lease.reshard !== undefined) return `reshard ${lease.reshard.operationId} of shard ${lease.shardId} is under way`;
  if (lease.state !== 'active') return `shard ${lease.shardId} is ${lease.state}`;
  return null;
};
