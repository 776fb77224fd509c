// lib/adapters/memory: services that run workers, in memory.
// in: WorkerFleet calls · out: counts; a new count is running at once unless the test holds it back
import type { WorkerFleet } from '../../ports.ts';

export interface MemoryWorkerFleet extends WorkerFleet {
  /** By `cluster/service`. */
  readonly services: Map<string, { desiredCount: number; runningCount: number }>;
  /** Whether a new desired count is running at once. */
  startsAtOnce: boolean;
}

/** No service is there until a test puts one. */
export const memoryWorkerFleet = (): MemoryWorkerFleet => {
  const services: MemoryWorkerFleet['services'] = new Map();
  const denied = (cluster: string, service: string) =>
    ({ kind: 'denied', detail: `service ${service} of cluster ${cluster} is not there` }) as const;
  const fleet: MemoryWorkerFleet = {
    services,
    startsAtOnce: true,
    describe: async ({ cluster, service }) => {
      const found = services.get(`${cluster}/${service}`);
      return found === undefined ? denied(cluster, service) : { kind: 'known', ...found };
    },
    setDesiredCount: async ({ cluster, service }, desiredCount) => {
      const found = services.get(`${cluster}/${service}`);
      if (found === undefined) return denied(cluster, service);
      services.set(`${cluster}/${service}`, {
        desiredCount,
        runningCount: fleet.startsAtOnce ? desiredCount : found.runningCount,
      });
      return { kind: 'set' };
    },
  };
  return fleet;
};
