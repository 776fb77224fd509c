// test/plan: worlds at random: shards with everything that may be under way on them, workers, past operations, policies.
import fc from 'fast-check';
import { NOW, operationOf, type ShardSpec, shardIdOf, verified, type WorldSpec } from './world.ts';

const workerIds = ['w1', 'w2', 'w3'];
const aShadow = fc.record({
  workerId: fc.constantFrom('w1', 'w2', 'w3', 'dead'),
  purpose: fc.constantFrom('handover' as const, 'replication' as const, 'request' as const),
  state: fc.constantFrom('requested' as const, 'tracking' as const, 'diverged' as const),
  requestedAtMs: fc.constantFrom(NOW - 60_000, NOW - 900_000),
});
const aShard: fc.Arbitrary<ShardSpec> = fc
  .record({
    now: fc.double({ min: 0, max: 1500, noNaN: true }),
    growth: fc.double({ min: 0.3, max: 4, noNaN: true }),
    bytesPerRecord: fc.constantFrom(100, 1000, 5000),
    owner: fc.constantFrom('w1', 'w2', 'w3', 'dead'),
    shares: fc.option(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 }), { nil: undefined }),
    withForecast: fc.boolean(),
    shadow: fc.option(aShadow, { nil: undefined }),
    verified: fc.boolean(),
    lower: fc.double({ min: 0, max: 300, noNaN: true }),
    under: fc.constantFrom('nothing', 'nothing', 'nothing', 'handover', 'reshard', 'pending'),
  })
  .map(({ growth, withForecast, shadow, verified: proved, shares, under, ...rest }) => ({
    ...rest,
    foreseen: rest.now * growth,
    ...(withForecast ? {} : { forecast: null }),
    ...(shares === undefined ? {} : { shares }),
    ...(shadow === undefined ? {} : { shadow: { ...shadow, ...(proved ? verified : {}) } }),
    ...(under === 'handover'
      ? {
          lease: {
            handover: {
              id: 'h',
              phase: 'pausing' as const,
              source: rest.owner,
              target: 'w2',
              epoch: 4,
              pauseBudgetMs: 1,
              requestedAtMs: NOW,
            },
          },
        }
      : under === 'reshard'
        ? { lease: { reshard: { operationId: 'r', childOwners: ['w1', 'w2'] } } }
        : under === 'pending'
          ? { lease: { state: 'pending' as const } }
          : {}),
  }));
/** Up to eight shards on up to three workers. */
export const aWorld: fc.Arbitrary<WorldSpec> = fc.record({
  shards: fc.array(aShard, { minLength: 1, maxLength: 8 }),
  workers: fc.constantFrom(1, 2, 3).chain((count) =>
    fc.tuple(
      ...workerIds.slice(0, count).map((workerId) =>
        fc.record({
          workerId: fc.constant(workerId),
          capacityRecords: fc.integer({ min: 200, max: 6000 }),
          state: fc.constantFrom('active' as const, 'active' as const, 'draining' as const),
          zone: fc.constantFrom('a', 'b'),
        }),
      ),
    ),
  ),
  operations: fc.array(
    fc
      .record({
        kind: fc.constantFrom(
          'split' as const,
          'merge' as const,
          'resize' as const,
          'handover' as const,
          'create-shadow' as const,
        ),
        status: fc.constantFrom('running' as const, 'accepted' as const, 'succeeded' as const, 'failed' as const),
        shard: fc.integer({ min: 0, max: 7 }),
        agoSec: fc.integer({ min: 0, max: 3500 }),
      })
      .map(({ kind, status, shard, agoSec }) =>
        operationOf({
          kind,
          status,
          shardId: shardIdOf(shard),
          acceptedAtMs: NOW - agoSec * 1000,
          ...(status === 'succeeded' || status === 'failed' ? { endedAtMs: NOW - agoSec * 1000 } : {}),
        }),
      ),
    { maxLength: 3 },
  ),
  policy: fc.record({
    minShards: fc.integer({ min: 1, max: 4 }),
    maxShards: fc.integer({ min: 4, max: 9 }),
    maxReplicationFactor: fc.constantFrom(1 as const, 2 as const),
    maxOperationsPerHour: fc.integer({ min: 1, max: 20 }),
    mergeCooldownSec: fc.constantFrom(0, 900),
  }),
  status: fc.constantFrom('ACTIVE' as const, 'ACTIVE' as const, 'UPDATING' as const),
});
