// test/console: a fleet as the API would tell it, in the middle of a foreseen split and a handover.
import type { FleetResponse, MonitorResponse, PredictionsResponse } from '../../lib/model/api.ts';

const TOP = 2n ** 128n;
const shard = (
  n: number,
  from: number,
  to: number,
  owner: string,
  now: number,
  foreseen: number,
): FleetResponse['shards'][number] => ({
  shardId: `shardId-${String(n).padStart(12, '0')}`,
  startingHashKey: ((TOP * BigInt(Math.round(from * 10_000))) / 10_000n).toString(),
  endingHashKey: ((TOP * BigInt(Math.round(to * 10_000))) / 10_000n - 1n).toString(),
  widthShare: to - from,
  state: 'active',
  owner,
  epoch: n % 3,
  replicationFactor: n === 3 ? 2 : 1,
  checkpoint: '49600000000000000000',
  utilizationNow: now,
  utilizationForeseen: foreseen,
  recordsPerSec: now * 72,
  bytesPerSec: now * 9000,
});

/** Fixtures as of one moment. */
export const fixture = (nowMs: number) => {
  const fleet: FleetResponse = {
    atMs: nowMs,
    observedUntilMs: nowMs - 30_000,
    streamStatus: 'ACTIVE',
    targetUtilization: 0.8,
    shards: [
      { ...shard(1, 0.25, 0.5, 'worker-a', 0.2, 0.3), state: 'ended' },
      shard(0, 0, 0.25, 'worker-a', 0.61, 0.93),
      shard(4, 0.25, 0.38, 'worker-b', 0.38, 0.58),
      shard(5, 0.38, 0.5, 'worker-c', 0.37, 0.57),
      shard(2, 0.5, 0.75, 'worker-a', 0.56, 0.86),
      shard(3, 0.75, 1, 'worker-b', 0.84, 1.12),
    ],
    workers: (['a', 'b', 'c'] as const).map((zone, i) => ({
      workerId: `worker-${zone}`,
      state: 'active',
      alive: true,
      zone,
      recordsPerSec: [84, 88, 27][i]!,
      capacityRecordsPerSec: 140,
      utilizationNow: [0.6, 0.63, 0.19][i]!,
      utilizationForeseen: [0.92, 1.05, 0.3][i]!,
      cpuShare: 0.07 + i / 50,
      memoryBytes: 96e6,
      eventLoopShare: 0.04,
      leaseStoreLatencyMs: 4.2,
      shardIds: [
        ['shardId-000000000000', 'shardId-000000000002'],
        ['shardId-000000000004', 'shardId-000000000003'],
        ['shardId-000000000005'],
      ][i]!,
      shadowShardIds: i === 2 ? ['shardId-000000000003'] : [],
    })),
  };
  const shape = (minute: number) => 190 + 12 * Math.sin(minute / 9) + 5 * Math.sin(minute * 2.3);
  const issuedAtMs = Math.floor(nowMs / 60_000) * 60_000;
  const predictions: PredictionsResponse = {
    atMs: nowMs,
    events: [
      { eventId: 'flash-sale', effect: '×3', fromMs: nowMs + 10 * 60_000, untilMs: nowMs + 130 * 60_000 },
      { eventId: '<i>load test</i>', effect: 'not learnt from', fromMs: nowMs - 40 * 60_000, untilMs: nowMs - 20 * 60_000 },
    ],
    series: [
      {
        scope: 'stream',
        shardId: null,
        metric: 'records',
        capacity: 360,
        model: 'incremental',
        status: 'ready',
        failures: [],
        reason: 'its error in the back-test is 0.68 of the last value’s, the lowest of four models over 36 origins',
        issuedAtMs,
        ageSec: 24,
        points: Array.from({ length: 30 }, (_, i) => {
          const median = shape(i) + 110 / (1 + Math.exp(-(i - 11) / 2));
          return {
            atMs: issuedAtMs + (i + 1) * 60_000,
            lower05: median * (0.95 - i / 300),
            median,
            upper90: median * (1.04 + i / 300),
            upper95: median * (1.05 + i / 250),
            windowMaxMean: 200 + i + 110 / (1 + Math.exp(-(i - 11) / 2)),
            windowMax95: 205 + i * 2 + 120 / (1 + Math.exp(-(i - 11) / 2)),
          };
        }),
        observed: Array.from({ length: 180 }, (_, i) => ({
          atMs: issuedAtMs - (180 - i) * 60_000,
          value: i > 96 && i < 101 ? null : shape(i - 180),
        })),
      },
    ],
  };
  const monitor: MonitorResponse = {
    atMs: nowMs,
    shadows: [
      {
        shardId: 'shardId-000000000003',
        owner: 'worker-b',
        workerId: 'worker-c',
        state: 'tracking',
        purpose: 'handover',
        from: '4960',
        ownerMark: { sequenceNumber: '49612', count: 1840, digest: '9f2c11aa00e4d1b7' },
        verifiedThrough: { sequenceNumber: '49612', count: 1840, digest: '9f2c11aa00e4d1b7' },
        divergence: null,
        verifiedAgeMs: 3100,
        bufferedRecords: 212,
        bufferedBytes: 24_300,
        lagMs: 480,
      },
    ],
    tuning: {
      settings: { concurrencyPerShard: 8 },
      summary: 'Kept: concurrencyPerShard 8.',
      trial: null,
      outcomes: [
        {
          trialId: 'tune-0',
          setting: 'concurrencyPerShard',
          from: 4,
          to: 8,
          trigger: 'recommendation',
          result: 'kept',
          because: 'held',
          reason: 'Not worse on the primary in 10 samples beside 9 before.',
          startedAtMs: nowMs - 4_000_000,
          endedAtMs: nowMs - 2_000_000,
          summary: 'concurrencyPerShard 8 instead of 4 was kept. Not worse on the primary in 10 samples beside 9 before.',
        },
      ],
    },
    profiles: [
      {
        profileId: 'request-profile-1',
        shardId: 'shardId-000000000001',
        hostId: 'worker-c',
        state: 'observing',
        trigger: 'request',
        share: 0.1,
        records: 412,
        requestedAtMs: nowMs - 200_000,
        endsAtMs: nowMs + 400_000,
        limit: null,
        capacityRecordsPerSec: null,
        utilizationForeseen: null,
        decision: null,
      },
      {
        profileId: 'profile-0',
        shardId: 'shardId-000000000002',
        hostId: 'worker-a',
        state: 'ended',
        trigger: 'utilization',
        share: 0.1,
        records: 1840,
        requestedAtMs: nowMs - 3_000_000,
        endsAtMs: nowMs - 2_400_000,
        limit: 'cpu',
        capacityRecordsPerSec: 384,
        utilizationForeseen: 0.91,
        decision: 'At 384 records/s (379 to 389) the CPU is full. split: A split leaves 50 % of the load in the fuller child.',
      },
    ],
    handovers: [
      {
        handoverId: 'h-1',
        shardId: 'shardId-000000000003',
        phase: 'redirected',
        source: 'worker-b',
        target: 'worker-c',
        requestedAtMs: nowMs - 900,
        drained: { sequenceNumber: '49630', count: 1858, digest: '03aa44c1de5590f2' },
        proof: { sequenceNumber: '49630', count: 1858, digest: '03aa44c1de5590f2' },
      },
    ],
    outcomes: [
      {
        operationId: 'h-0',
        kind: 'handover',
        shardIds: ['shardId-000000000002'],
        result: 'moved',
        trigger: 'forecast',
        pauseMs: 31,
        durationMs: 2140,
        atMs: nowMs - 65_000,
      },
      {
        operationId: 's-0',
        kind: 'reshard',
        shardIds: ['shardId-000000000001'],
        result: 'done',
        trigger: 'forecast',
        pauseMs: null,
        durationMs: 9400,
        atMs: nowMs - 120_000,
      },
      {
        operationId: 'h-9',
        kind: 'handover',
        shardIds: ['shardId-000000000002'],
        result: 'restored',
        trigger: 'request',
        pauseMs: null,
        durationMs: 5200,
        atMs: nowMs - 190_000,
      },
    ],
  };
  const expected = {
    utilizationNow: 0.7,
    peakUtilization: 1.1,
    leadTimeSec: 42,
    costUsdPerMonth: 10.95,
    recordsAtRiskPerHour: 25_300,
  };
  const holdOnly = (i: number) => ({
    planId: `p-${i}`,
    createdAtMs: issuedAtMs - i * 60_000,
    mode: 'act',
    status: 'sent',
    leadTimeReason: 'Looks 900 s ahead, the policy’s minimum; the operations need less.',
    actions: [],
    holds: [
      {
        subject: 'orders',
        reason: 'enough-capacity',
        detail: 'shardId-000000000003, the fullest of 4 shards, stays at or below 74 % within 15 min (target 80 %).',
      },
    ],
  });
  const plans = [
    {
      ...holdOnly(0),
      actions: [
        {
          actionId: 'a-1',
          kind: 'handover',
          trigger: 'forecast',
          shardId: 'shardId-000000000003',
          source: 'worker-b',
          target: 'worker-c',
          reason:
            'worker-b would reach 105 % of its records within 15 min (now 63 %); worker-c holds a verified shadow of shardId-000000000003 and would reach 64 %.',
          expected: { ...expected, costUsdPerMonth: 0 },
        },
        {
          actionId: 'a-2',
          kind: 'split',
          trigger: 'reactive',
          shardId: 'shardId-000000000003',
          reason:
            'shardId-000000000003 already takes 84 % of its records (target 80 %); cut at its weighted median, the fuller child would reach 57 %.',
          expected,
        },
      ],
      holds: [
        {
          subject: 'shardId-000000000000',
          reason: 'stream-busy',
          detail:
            'shardId-000000000000 would reach 93 % of its records within 15 min; not split: shardId-000000000003 is more urgent, and a stream takes one reshard at a time.',
        },
        {
          subject: 'worker-a',
          reason: 'no-better-worker',
          detail: 'Worker-a would reach 92 %; every other worker would be fuller.',
        },
      ],
    },
    {
      ...holdOnly(1),
      actions: [
        {
          actionId: 'a-0',
          kind: 'split',
          trigger: 'forecast',
          shardId: 'shardId-000000000001',
          reason:
            'shardId-000000000001 would reach 119 % of its records within 15 min (quantile 0.95, now 72 %), first above 80 % by 15:52 UTC; cut at its weighted median, the fuller child would reach 61 %.',
          expected,
        },
      ],
    },
    ...Array.from({ length: 6 }, (_, i) => holdOnly(i + 2)),
  ];
  return { '/fleet': fleet, '/predictions': predictions, '/shadow/monitor': monitor, '/plans': { plans } } as const;
};
