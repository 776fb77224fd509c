import { randomUUID } from 'node:crypto';
import { CreateClusterCommand, CreateServiceCommand, ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { beforeAll, describe, expect, test } from 'vitest';
import type { MemoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { type World, worlds } from '../support/worlds.ts';

/** A service of no tasks: the emulator has no containers to run. */
const createService = async (world: World, name: string): Promise<{ cluster: string; service: string }> => {
  const [cluster, service] = [`cluster-${randomUUID()}`, `service-${randomUUID()}`];
  if (name === 'memory') {
    (world.ports as MemoryPorts).workerFleet.services.set(`${cluster}/${service}`, { desiredCount: 0, runningCount: 0 });
    return { cluster, service };
  }
  const ecs = new ECSClient({ requestHandler: new NodeHttpHandler() });
  const family = `workers-${randomUUID()}`;
  await ecs.send(new CreateClusterCommand({ clusterName: cluster }));
  await ecs.send(
    new RegisterTaskDefinitionCommand({ family, containerDefinitions: [{ name: 'worker', image: 'none', memory: 64 }] }),
  );
  await ecs.send(new CreateServiceCommand({ cluster, serviceName: service, taskDefinition: family, desiredCount: 0 }));
  return { cluster, service };
};

describe.each(worlds)('worker fleet in $name', ({ name, open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });

  test('sets the desired count of a service and tells it', async () => {
    const { workerFleet } = world.ports;
    const service = await createService(world, name);
    expect(await workerFleet.describe(service)).toEqual({ kind: 'known', desiredCount: 0, runningCount: 0 });
    expect(await workerFleet.setDesiredCount(service, 3)).toEqual({ kind: 'set' });
    expect(await workerFleet.describe(service)).toMatchObject({ kind: 'known', desiredCount: 3 });
    expect(await workerFleet.setDesiredCount(service, 0)).toEqual({ kind: 'set' });
    expect(await workerFleet.describe(service)).toMatchObject({ kind: 'known', desiredCount: 0 });
  });

  test('says of a service that is not there that it is not, instead of failing', async () => {
    const { workerFleet } = world.ports;
    const { cluster } = await createService(world, name);
    for (const wrong of [
      { cluster, service: 'none' },
      { cluster: 'none', service: 'none' },
    ]) {
      expect(await workerFleet.describe(wrong)).toMatchObject({ kind: 'denied', detail: expect.stringContaining('none') });
      expect(await workerFleet.setDesiredCount(wrong, 2)).toMatchObject({
        kind: 'denied',
        detail: expect.stringContaining('none'),
      });
    }
  });
});
