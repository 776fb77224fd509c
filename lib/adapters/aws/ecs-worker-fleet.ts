// lib/adapters/aws: the workers' ECS service.
// in: WorkerFleet calls · out: its counts; a new desired count
import { DescribeServicesCommand, type ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { InvariantError } from '../../errors.ts';
import type { WorkerFleet } from '../../ports.ts';
import { nameOf, translate } from './sdk-errors.ts';

/** What no repetition cures: the service is not there, is being deleted, or the role has no permission for it. */
const DENIED = new Set([
  'AccessDeniedException',
  'ClusterNotFoundException',
  'InvalidParameterException',
  'ServiceNotActiveException',
  'ServiceNotFoundException',
]);

/** The service of a cluster. */
export const ecsWorkerFleet = (client: ECSClient): WorkerFleet => ({
  describe: async ({ cluster, service }, signal) => {
    const what = `service ${service} of cluster ${cluster}`;
    try {
      const request = new DescribeServicesCommand({ cluster, services: [service] });
      const { services = [] } = await client.send(request, { ...(signal && { abortSignal: signal }) });
      const [found] = services;
      if (found === undefined || found.status !== 'ACTIVE')
        return { kind: 'denied', detail: `${what} is ${found?.status ?? 'not there'}` };
      if (found.desiredCount === undefined || found.runningCount === undefined)
        throw new InvariantError(`${what} tells no counts, got ${JSON.stringify(found)}`);
      return { kind: 'known', desiredCount: found.desiredCount, runningCount: found.runningCount };
    } catch (error) {
      if (DENIED.has(nameOf(error))) return { kind: 'denied', detail: `${what}: ${nameOf(error)}: ${(error as Error).message}` };
      throw translate(error, `describe ${what}`);
    }
  },

  setDesiredCount: async ({ cluster, service }, desiredCount, signal) => {
    const what = `service ${service} of cluster ${cluster}`;
    try {
      await client.send(new UpdateServiceCommand({ cluster, service, desiredCount }), { ...(signal && { abortSignal: signal }) });
      return { kind: 'set' };
    } catch (error) {
      if (DENIED.has(nameOf(error))) return { kind: 'denied', detail: `${what}: ${nameOf(error)}: ${(error as Error).message}` };
      throw translate(error, `set the desired count of ${what}`);
    }
  },
});
