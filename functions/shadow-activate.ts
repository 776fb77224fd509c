// functions: POST /shadow/activate.
// in: a shard · out: an accepted handover to the worker that holds its verified shadow, or why that cannot be yet
import { readinessTold } from '../lib/shadow/readiness.ts';
import { acceptOperations } from './accept-operation.ts';
import { accepted, api, conflict, type Endpoint } from './api-shell.ts';
import { liveWorkers } from './live-workers.ts';
import { expectationOf, requestedActionId, underWay } from './requested-action.ts';
import { routes } from './routes.ts';
import { unknownShard } from './unknown-shard.ts';

export const activateShadow: Endpoint<typeof routes.activateShadow> = {
  route: routes.activateShadow,
  run: async ({ application, streamName, shardId }, { ports, nowMs, signal }) => {
    const group = { application, streamName };
    const [lease] = await ports.leases.get(group, [shardId], signal);
    if (lease === undefined) return unknownShard(group, shardId, ports, signal);
    const { shadow, owner } = lease;
    if (owner === undefined) return conflict('NoOwner', `shard ${shardId} has no owner at the moment`);
    if (shadow === undefined) return conflict('NoShadow', `shard ${shardId} has no standby shadow; create one first`);
    const busy = underWay(lease);
    if (busy !== null) return conflict('ShardBusy', busy);
    const ready = readinessTold(lease, nowMs);
    if (ready.kind === 'not-ready') return conflict(ready.reason === 'behind' ? 'ShadowBehind' : 'ShadowNotReady', ready.detail);
    const target = (await liveWorkers(group, ports, nowMs, signal)).find((worker) => worker.workerId === shadow.workerId);
    if (target === undefined)
      return conflict('WorkerNotAlive', `worker ${shadow.workerId}, which holds the shadow of shard ${shardId}, is not alive`);
    const actionId = requestedActionId('handover', lease, group, nowMs);
    const action = {
      kind: 'handover' as const,
      actionId,
      trigger: 'request' as const,
      reason: `The activation of the shadow of ${shardId} on ${shadow.workerId} was asked for.`,
      expected: expectationOf(target),
      shardId,
      source: owner,
      target: shadow.workerId,
      epoch: lease.epoch,
    };
    await acceptOperations(group, [action], 'api', ports, nowMs, signal);
    return accepted({ operationId: actionId, status: 'accepted' as const });
  },
};

export const handler = api(activateShadow);
