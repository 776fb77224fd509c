// functions: which worker is to host a profiling shadow.
// in: live workers, the shard's lease and load, what is asked · out: a worker, or why none can
import type { Lease } from '../lib/model/lease.ts';
import type { Policy } from '../lib/model/policy.ts';
import type { ProfilingRequest } from '../lib/model/profiling.ts';
import type { Rate, Worker } from '../lib/model/worker.ts';
import { plus, times, utilizationOf } from '../lib/plan/rates.ts';

export type HostChoice =
  | { readonly kind: 'host'; readonly worker: Worker; readonly utilization: number }
  /** One entry for each worker that was looked at. */
  | { readonly kind: 'none'; readonly why: readonly string[] };

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** How full a worker would be with the sample of a shard, processed once by each leg. */
const withSample = (worker: Worker, shard: Rate, { share, aa, other }: ProfilingRequest): number =>
  utilizationOf(plus(worker.load, times(shard, share * (1 + (aa ? 1 : 0) + (other === undefined ? 0 : 1)))), worker.capacity);

/** Why a worker cannot host it; null when it can. */
const obstacle = (worker: Worker, lease: Lease, shard: Rate, request: ProfilingRequest, policy: Policy): string | null => {
  const { hosting, workerId, load } = worker;
  if (workerId === lease.owner) return 'owns the shard';
  if (worker.state !== 'active') return `is ${worker.state}`;
  if (worker.stuck === true) return 'has a call of its processor that does not return';
  if (hosting?.shadowSafe !== true) return 'has a processor that has not declared itself shadow-safe (shadowSafe: true)';
  if (hosting.profileId !== undefined) return `hosts ${hosting.profileId} already`;
  if (request.other?.processor === 'candidate' && !hosting.candidate) return 'has no candidate processor';
  if (request.compare?.with === 'primary' && !hosting.sharedResults) return 'has a result store that the owner does not reach';
  const { processor: leg = 'current', concurrencyPerShard: lanes = 1 } = request.other ?? {};
  if (leg === 'current' && lanes > (worker.maxConcurrencyPerShard ?? lanes))
    return `has a processor that bears at most ${worker.maxConcurrencyPerShard} calls of a shard side by side, asked are ${lanes}`;
  const busiest = Math.max(load.cpuShare, load.eventLoopShare);
  if (busiest > request.busyAbove)
    return `has ${percent(busiest)} of a core or its event loop in use; allowed are ${percent(request.busyAbove)}`;
  const utilization = withSample(worker, shard, request);
  return utilization > policy.workerTargetUtilization
    ? `would be ${percent(utilization)} full with the sample; allowed are ${percent(policy.workerTargetUtilization)}`
    : null;
};

/** The worker with the most room among those that can; one that was named is the only one looked at. */
export const hostFor = (
  workers: readonly Worker[],
  lease: Lease,
  shard: Rate,
  request: ProfilingRequest,
  policy: Policy,
  workerId?: string,
): HostChoice => {
  const asked = workers.filter((worker) => workerId === undefined || worker.workerId === workerId);
  const looked = asked.map((worker) => ({
    worker,
    because: obstacle(worker, lease, shard, request, policy),
    utilization: withSample(worker, shard, request),
  }));
  const [best] = looked
    .filter(({ because }) => because === null)
    .sort((a, b) => a.utilization - b.utilization || (a.worker.workerId < b.worker.workerId ? -1 : 1));
  return best === undefined
    ? { kind: 'none', why: looked.map(({ worker, because }) => `${worker.workerId} ${because}`) }
    : { kind: 'host', worker: best.worker, utilization: best.utilization };
};
