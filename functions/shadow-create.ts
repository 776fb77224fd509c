// functions: POST /shadow/create.
// in: a shard, perhaps a worker, what kind of shadow · out: an accepted operation; the dispatcher asks the worker, or starts the profile machine
import { acceptOperations } from './accept-operation.ts';
import { accepted, api, conflict, type Endpoint, notFound } from './api-shell.ts';
import { liveWorkers } from './live-workers.ts';
import { requestProfile } from './profile-request.ts';
import { expectationOf, requestedActionId, roomiest, underWay } from './requested-action.ts';
import { routes } from './routes.ts';
import { unknownShard } from './unknown-shard.ts';

export const createShadow: Endpoint<typeof routes.createShadow> = {
  route: routes.createShadow,
  run: async (request, { ports, nowMs, signal }) => {
    const { application, streamName, shardId } = request;
    const group = { application, streamName };
    const [lease] = await ports.leases.get(group, [shardId], signal);
    if (lease === undefined) return unknownShard(group, shardId, ports, signal);
    if (request.kind === 'profiling') return requestProfile(lease, request, { ports, nowMs, signal });
    const workers = await liveWorkers(group, ports, nowMs, signal);
    const others = workers.filter((worker) => worker.workerId !== lease.owner);
    const target =
      request.workerId === undefined ? roomiest(others) : workers.find((worker) => worker.workerId === request.workerId);
    if (target === undefined && request.workerId !== undefined)
      return notFound(
        'UnknownWorker',
        `worker ${request.workerId} is not alive; alive are ${workers.map((worker) => worker.workerId).join(', ') || 'none'}`,
      );
    if (lease.owner === undefined) return conflict('NoOwner', `shard ${shardId} has no owner at the moment`);
    if (target === undefined) return conflict('NoWorker', `no worker but the owner ${lease.owner} is alive and takes shards`);
    if (target.workerId === lease.owner)
      return conflict('OwnShard', `worker ${lease.owner} owns shard ${shardId}; a shadow must be on another worker`);
    if (lease.shadow !== undefined)
      return conflict('ShadowExists', `shard ${shardId} has a shadow on ${lease.shadow.workerId}, state ${lease.shadow.state}`);
    const busy = underWay(lease);
    if (busy !== null) return conflict('ShardBusy', busy);
    const actionId = requestedActionId('create-shadow', lease, group, nowMs);
    const chosen = request.workerId === undefined ? `, which has the most room of ${others.length}` : '';
    const action = {
      kind: 'create-shadow' as const,
      actionId,
      trigger: 'request' as const,
      reason: `A standby shadow of ${shardId} was asked for on ${target.workerId}${chosen}.`,
      expected: expectationOf(target),
      shardId,
      workerId: target.workerId,
      purpose: 'request' as const,
    };
    await acceptOperations(group, [action], 'api', ports, nowMs, signal);
    return accepted({ operationId: actionId, status: 'accepted' as const });
  },
};

export const handler = api(createShadow);
