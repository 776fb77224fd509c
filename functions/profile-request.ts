// functions: a profiling shadow that a person asks for.
// in: shard, perhaps a worker, what is asked · out: an accepted operation; the profile machine carries it out
import type { Lease } from '../lib/model/lease.ts';
import { profilingOf } from '../lib/model/policy.ts';
import { ProfilingRequest } from '../lib/model/profiling.ts';
import { NO_LOAD } from '../lib/plan/rates.ts';
import { acceptOperations } from './accept-operation.ts';
import { accepted, conflict, notFound, type Reply } from './api-shell.ts';
import { liveWorkers } from './live-workers.ts';
import { policyOf } from './policy-of.ts';
import { hostFor } from './profile-host.ts';
import { expectationOf, requestedActionId } from './requested-action.ts';
import type { Scene } from './shell.ts';

export interface ProfileAsked {
  readonly workerId?: string | undefined;
  readonly profile?: Partial<ProfilingRequest> | undefined;
}

/** Accepts it, or says what is allowed. Where nothing is asked of the run, the policy's share, duration and budget hold. */
export const requestProfile = async (
  lease: Lease,
  asked: ProfileAsked,
  { ports, nowMs, signal }: Pick<Scene, 'ports' | 'nowMs' | 'signal'>,
): Promise<Reply<{ operationId: string; status: 'accepted' }>> => {
  const group = { application: lease.application, streamName: lease.streamName };
  const { shardId } = lease;
  if (lease.state === 'ended')
    return conflict('ShardEnded', `shard ${shardId} has ended; a profiling shadow needs one with records to come`);
  const policy = await policyOf(group, ports, signal);
  const { share, durationMin, budgetUsd } = profilingOf(policy);
  const request = ProfilingRequest.parse({ share, durationMin, budgetUsd, ...asked.profile });
  const live = (await ports.profiles.live(group, signal)).find((run) => run.shardId === shardId && run.lostAfterMs > nowMs);
  if (live !== undefined)
    return conflict(
      'ProfileExists',
      `shard ${shardId} is being profiled by ${live.hostId}, run ${live.profileId}, state ${live.state}; one at a time`,
    );
  const workers = await liveWorkers(group, ports, nowMs, signal);
  if (asked.workerId !== undefined && !workers.some((worker) => worker.workerId === asked.workerId))
    return notFound(
      'UnknownWorker',
      `worker ${asked.workerId} is not alive; alive are ${workers.map((worker) => worker.workerId).join(', ') || 'none'}`,
    );
  const owner = workers.find((worker) => worker.workerId === lease.owner);
  const choice = hostFor(workers, lease, owner?.shardRates?.[shardId] ?? NO_LOAD, request, policy, asked.workerId);
  if (choice.kind === 'none')
    return conflict(
      'NoHost',
      `no worker can host a profiling shadow of shard ${shardId}: ${choice.why.join('; ') || 'none is alive'}. It needs a live, active one that does not own the shard, has a shadow-safe processor and room for the sample`,
    );
  const actionId = requestedActionId('profile', lease, group, nowMs);
  const action = {
    kind: 'profile' as const,
    actionId,
    trigger: 'request' as const,
    reason: `A profile of ${shardId} was asked for: ${request.share * 100} % of its keys for ${request.durationMin} min on ${choice.worker.workerId}.`,
    expected: expectationOf(choice.worker),
    shardId,
    workerId: choice.worker.workerId,
    request,
  };
  await acceptOperations(group, [action], 'api', ports, nowMs, signal);
  return accepted({ operationId: actionId, status: 'accepted' as const });
};
