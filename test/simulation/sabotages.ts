// test/simulation: bugs of the runtime that the simulation must find, put between a consumer and its ports.
// in: nothing · out: a table

import type { ConsumerPorts } from '../../lib/consumer/consumer-options.ts';
import type { LeaseWrite } from '../../lib/handover/lease-write.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { WorldOptions } from './world.ts';

export interface SabotagedRun {
  readonly name: string;
  readonly options: WorldOptions;
  /** Within so many seeds it must be found. */
  readonly withinSeeds: number;
}

const withWrites = (ports: ConsumerPorts, change: (write: LeaseWrite) => LeaseWrite): ConsumerPorts => ({
  ...ports,
  leases: proxied(ports.leases, {
    write: (group, shardId, write, signal) => ports.leases.write(group, shardId, change(write), signal),
  }),
});
/** A port of which some methods are others. */
const proxied = <Port extends object>(port: Port, methods: Partial<Port>): Port =>
  new Proxy(port, { get: (target, name) => Reflect.get(methods, name) ?? Reflect.get(target, name) });

/** The table. */
export const sabotages: readonly SabotagedRun[] = [
  {
    name: 'reads on behind an answer that it never got',
    options: {
      sabotage: (ports, { memory, network }, process) => ({
        ...ports,
        reader: {
          ...ports.reader,
          poll: (streamName, shardId, position) => {
            const iterator = memory.reader.poll(streamName, shardId, position);
            return { next: (signal) => network.call(process, 'kinesis', `read ${shardId}`, () => iterator.next(), signal) };
          },
        },
      }),
    },
    withinSeeds: 200,
  },
  {
    name: 'takes over without a new epoch',
    options: {
      sabotage: (ports) =>
        withWrites(ports, (write) =>
          write.name === 'takeOver' ? { ...write, changes: write.changes.filter(({ path }) => path !== 'epoch') } : write,
        ),
    },
    withinSeeds: 200,
  },
  {
    name: 'does not notice that it was paused, and writes to a sink without a fence',
    options: {
      isFenced: false,
      sabotage: (ports, _world, process) => ({
        ...ports,
        clock: { ...ports.clock, monotonicMs: () => ports.clock.monotonicMs() - process.frozenMs },
      }),
    },
    withinSeeds: 200,
  },
  {
    name: 'begins a child before its parent has ended',
    options: {
      sabotage: (ports) => {
        const ended = (lease: Lease): Lease => ({ ...lease, state: 'ended' });
        return {
          ...ports,
          leases: proxied(ports.leases, {
            get: async (group, shardIds, signal) => {
              const leases = await ports.leases.get(group, shardIds, signal);
              const parents = new Set(leases.flatMap((lease) => lease.parents));
              return leases.map((lease) => (parents.has(lease.shardId) ? ended(lease) : lease));
            },
          }),
        };
      },
    },
    withinSeeds: 400,
  },
  {
    name: 'drains, and says that it has processed less than it has',
    options: {
      sabotage: (ports) =>
        withWrites(ports, (write) =>
          write.name === 'drain' ? { ...write, changes: write.changes.filter(({ path }) => path !== 'checkpoint') } : write,
        ),
    },
    withinSeeds: 200,
  },
];
