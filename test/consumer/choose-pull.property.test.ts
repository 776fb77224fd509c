import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullnessOf } from '../../lib/consumer/balance.ts';
import { choosePull, MIN_GAP } from '../../lib/consumer/choose-pull.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { Worker } from '../../lib/model/worker.ts';
import { sampleLease } from '../support/sample-lease.ts';

const idle = { cpuShare: 0, memoryBytes: 0, memoryShare: 0, eventLoopShare: 0, leaseStoreLatencyMs: 0 };

/** A fleet in which shard `i` asks for `rates[i]` records/s of worker `owners[i]`. */
const fleetOf = (rates: readonly number[], owners: readonly number[], capacities: readonly number[], cpuPerRecord = 0) => {
  const leases = rates.map((_, i): Lease => sampleLease({ shardId: `s${i}`, owner: `w${owners[i]}` }));
  const workers = capacities.map((recordsPerSec, w): Worker => {
    const own = rates.flatMap((rate, i) =>
      owners[i] === w ? [[`s${i}`, { recordsPerSec: rate, bytesPerSec: 0 }] as const] : [],
    );
    const total = own.reduce((sum, [, rate]) => sum + rate.recordsPerSec, 0);
    return {
      application: 'app',
      streamName: 's',
      workerId: `w${w}`,
      heartbeat: 1,
      state: 'active',
      startedAtMs: 0,
      zone: 'z',
      capacity: { recordsPerSec, bytesPerSec: 1e9 },
      load: { ...idle, recordsPerSec: total, bytesPerSec: 0, cpuShare: total * cpuPerRecord },
      shardIds: own.map(([id]) => id),
      shardRates: Object.fromEntries(own),
      steady: true,
      shadowShardIds: [],
      reportedAtMs: 0,
    };
  });
  return { leases, workers };
};

/** The pull that some worker of the fleet chooses, if any. */
const pullOf = ({ leases, workers }: ReturnType<typeof fleetOf>) => {
  const pulls = workers.flatMap(({ workerId }) => {
    const pull = choosePull(workerId, leases, workers, new Set());
    return pull.kind === 'pull' ? [{ ...pull, by: workerId }] : [];
  });
  expect(pulls.length).toBeLessThanOrEqual(1);
  return pulls[0];
};

const worlds = fc.record({
  rates: fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 12 }),
  seed: fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
  capacities: fc.array(fc.integer({ min: 200, max: 1000 }), { minLength: 1, maxLength: 4 }),
});

describe('choosePull', () => {
  it('lowers the fullest worker with every pull, comes to rest for every fleet, and then moves nothing', () => {
    fc.assert(
      fc.property(worlds, ({ rates, seed, capacities }) => {
        const owners = rates.map((_, i) => (seed[i] ?? 0) % capacities.length);
        let before = Number.POSITIVE_INFINITY;
        for (let moves = 0; ; moves += 1) {
          const world = fleetOf(rates, owners, capacities);
          const fullest = Math.max(...world.workers.map(fullnessOf));
          expect(fullest).toBeLessThanOrEqual(before + 1e-9);
          const pull = pullOf(world);
          if (pull === undefined) break;
          expect(moves).toBeLessThan(100);
          before = fullest;
          owners[Number(pull.shardId.slice(1))] = Number(pull.by.slice(1));
        }
      }),
    );
  });

  it('never moves anything while all workers are within the floor of each other, however large their relative difference is', () => {
    fc.assert(
      fc.property(worlds, ({ rates, seed, capacities }) => {
        const small = rates.map((rate) => (rate * MIN_GAP * 200) / 400 / rates.length);
        const owners = rates.map((_, i) => (seed[i] ?? 0) % capacities.length);
        expect(pullOf(fleetOf(small, owners, capacities))).toBeUndefined();
      }),
    );
  });

  it('moves the biggest shard where that helps most', () => {
    const pull = pullOf(fleetOf([400, 90, 90], [0, 0, 0], [600, 600]));
    expect(pull).toMatchObject({ shardId: 's0', from: 'w0', by: 'w1' });
    expect(pull?.reason).toBe('w0 goes from 97 % to 30 %, w1 from 0 % to 67 %');
  });

  it('goes by CPU where that is the scarcest', () => {
    expect(pullOf(fleetOf([50, 50], [0, 0], [10_000, 10_000], 0.008))).toMatchObject({ by: 'w1' });
    expect(pullOf(fleetOf([50, 50], [0, 0], [10_000, 10_000]))).toBeUndefined();
  });

  it('holds while a load was measured over other shards than are owned now, and says so', () => {
    const { leases, workers } = fleetOf([400, 90], [0, 0], [600, 600]);
    const pull = choosePull('w1', leases, [{ ...workers[0]!, steady: false }, workers[1]!], new Set());
    expect(pull).toEqual({ kind: 'hold', reason: 'w0 has got or given a shard since its load was measured' });
  });

  it('leaves alone what is in a handover, a reshard, shadowed for somebody else, or resting', () => {
    const { leases, workers } = fleetOf([300, 300], [0, 0], [600, 600]);
    const busy = (change: Partial<Lease>) => leases.map((lease) => ({ ...lease, ...change }));
    expect(choosePull('w1', busy({ reshard: { operationId: 'o', childOwners: [] } }), workers, new Set()).kind).toBe('hold');
    expect(
      choosePull(
        'w1',
        busy({ shadow: { workerId: 'w9', state: 'tracking', purpose: 'replication', requestedAtMs: 0 } }),
        workers,
        new Set(),
      ).kind,
    ).toBe('hold');
    expect(choosePull('w1', leases, workers, new Set(['s0', 's1'])).kind).toBe('hold');
    expect(choosePull('w1', leases, workers, new Set(['s0']))).toMatchObject({ kind: 'pull', shardId: 's1' });
  });
});
