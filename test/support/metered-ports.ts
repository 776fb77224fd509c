// test/support: counts what the calls of the table ports would be billed, by DynamoDB's rules, with the sizes of the items as stored.
// A write takes a unit per KB of the item; a read of single items a unit per 4 KB each; a query one per 4 KB of all that it reads; half of it where it is not strongly consistent.
import { marshall } from '@aws-sdk/util-dynamodb';
import { z } from 'zod';
import { DemandCounters } from '../../lib/model/demand.ts';
import { Lease } from '../../lib/model/lease.ts';
import type { CounterStore, LeaseStore, ProfilingStore, WorkerStore } from '../../lib/ports.ts';

interface Units {
  reads: number;
  writes: number;
}

const attributeBytes = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 1;
  const [[type, inner] = ['', null]] = Object.entries(value);
  if (type === 'S') return Buffer.byteLength(String(inner));
  if (type === 'N') return Math.ceil(String(inner).length / 2) + 1;
  if (type === 'M') return 3 + itemBytes(inner as Record<string, unknown>);
  if (type === 'L') return 3 + (inner as unknown[]).reduce<number>((sum, each) => sum + 1 + attributeBytes(each), 0);
  return 1;
};
/** The size of a marshalled item. Source: DynamoDB developer guide, item sizes and formats. */
const itemBytes = (item: Record<string, unknown>): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + attributeBytes(value), 0);
/** As stored, with its keys (they are in the values already, or as long as the group). */
const bytesOf = (item: object): number =>
  40 + itemBytes(marshall(JSON.parse(JSON.stringify(item)), { removeUndefinedValues: true }));
const writeUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / 1024));
const readUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / 4096));

export interface Meter {
  leases(store: LeaseStore): LeaseStore;
  workers(store: WorkerStore): WorkerStore;
  counters(store: CounterStore): CounterStore;
  profiles(store: ProfilingStore): ProfilingStore;
  reset(): void;
  units(): Record<string, Units>;
}

/** Wraps stores so that their calls are counted under what they are for. */
export const meteredPorts = (): Meter => {
  let counted: Record<string, Units> = {};
  const note = (name: string, kind: keyof Units, units: number) => {
    const so = counted[name] ?? { reads: 0, writes: 0 };
    so[kind] += units;
    counted[name] = so;
  };
  const leaseBytes = (lease: Lease | null): number => (lease === null ? 0 : bytesOf(z.encode(Lease, lease)));
  const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
  return {
    leases: (store) => ({
      ...store,
      list: async (...call) => {
        const leases = await store.list(...call);
        note('looking at the lease table', 'reads', readUnits(sum(leases.map(leaseBytes))));
        return leases;
      },
      get: async (...call) => {
        const leases = await store.get(...call);
        note('watching leases', 'reads', sum(leases.map((lease) => readUnits(leaseBytes(lease)))));
        return leases;
      },
      write: async (...call) => {
        const result = await store.write(...call);
        note('checkpoints and other changes of leases', 'writes', writeUnits(leaseBytes(result.lease)));
        return result;
      },
    }),
    workers: (store) => ({
      ...store,
      put: async (...call) => {
        note('reports', 'writes', writeUnits(bytesOf(call[0])));
        return store.put(...call);
      },
      beat: async (...call) => {
        note('heartbeats', 'writes', writeUnits(bytesOf(call[1])));
        return store.beat(...call);
      },
      beats: async (group, options, signal) => {
        const found = await store.beats(group, options, signal);
        note(
          "looking at the others' heartbeats",
          'reads',
          readUnits(sum(found.beats.map(bytesOf))) * (options.consistent ? 1 : 0.5),
        );
        return found;
      },
      announce: async (...call) => {
        note('announcements', 'writes', 1);
        return store.announce(...call);
      },
      list: async (...call) => {
        const workers = await store.list(...call);
        note('reading reports', 'reads', readUnits(sum(workers.map(bytesOf))));
        return workers;
      },
    }),
    counters: (store) => ({
      ...store,
      put: async (...call) => {
        // The slices are stored packed: see lib/adapters/aws/dynamodb-counters.ts, about 700 bytes.
        note(
          'demand counters',
          'writes',
          sum(
            call[0].map((c) => writeUnits(bytesOf({ ...z.encode(DemandCounters, c), sliceRecords: [], sliceBytes: [] }) + 400)),
          ),
        );
        return store.put(...call);
      },
    }),
    profiles: (store) => ({
      ...store,
      live: async (...call) => {
        const runs = await store.live(...call);
        note('looking for profiling runs', 'reads', readUnits(sum(runs.map(bytesOf))));
        return runs;
      },
    }),
    reset: () => {
      counted = {};
    },
    units: () => counted,
  };
};
