import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignmentsFor } from '../../lib/consumer/balance.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { Worker } from '../../lib/model/worker.ts';

const worker = (workerId: string, recordsPerSec: number): Worker => ({
  application: 'app',
  streamName: 's',
  workerId,
  heartbeat: 1,
  state: 'active',
  startedAtMs: 0,
  zone: 'z',
  capacity: { recordsPerSec, bytesPerSec: 1 },
  load: {
    recordsPerSec: 0,
    bytesPerSec: 0,
    cpuShare: 0,
    memoryBytes: 0,
    memoryShare: 0,
    eventLoopShare: 0,
    leaseStoreLatencyMs: 0,
  },
  shardIds: [],
  shadowShardIds: [],
  reportedAtMs: 0,
});
const lease = (i: number, owner?: string, shadow?: string): Lease => ({
  application: 'app',
  streamName: 's',
  shardId: `shardId-${String(i).padStart(12, '0')}`,
  hashKeyRange: WHOLE_RANGE,
  parents: [],
  ...(owner === undefined ? {} : { owner }),
  epoch: 1,
  state: 'active',
  checkpoint: 'TRIM_HORIZON',
  replicationFactor: 1,
  ...(shadow === undefined
    ? {}
    : { shadow: { workerId: shadow, state: 'tracking' as const, purpose: 'handover' as const, requestedAtMs: 0 } }),
  createdAtMs: 0,
});

describe('assignmentsFor', () => {
  it('assigns for every fleet each takeable lease to exactly one live worker, evenly by capacity', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 40 }), (workerCount, leaseCount) => {
        const workers = Array.from({ length: workerCount }, (_, i) => worker(`w${i}`, 100));
        const leases = Array.from({ length: leaseCount }, (_, i) => lease(i));
        const taken = workers.map((w) => assignmentsFor(w.workerId, leases, leases, workers));
        expect(
          taken
            .flat()
            .map((l) => l.shardId)
            .sort(),
        ).toEqual(leases.map((l) => l.shardId).sort());
        const counts = taken.map((l) => l.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('gives a lease to the worker that holds its shadow', () => {
    const workers = [worker('a', 100), worker('b', 1)];
    const orphan = lease(0, undefined, 'b');
    expect(assignmentsFor('b', [orphan], [orphan], workers)).toEqual([orphan]);
    expect(assignmentsFor('a', [orphan], [orphan], workers)).toEqual([]);
  });

  it('counts what a worker already owns', () => {
    const all = [lease(0, 'a'), lease(1, 'a'), lease(2)];
    expect(assignmentsFor('b', [all[2]!], all, [worker('a', 100), worker('b', 100)])).toEqual([all[2]]);
  });

  it('gives nothing to a draining worker', () => {
    const orphan = lease(0);
    expect(assignmentsFor('a', [orphan], [orphan], [{ ...worker('a', 100), state: 'draining' }])).toEqual([]);
  });
});
