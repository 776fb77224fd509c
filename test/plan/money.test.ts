import { describe, expect, it } from 'vitest';
import type { Policy } from '../../lib/model/policy.ts';
import type { Worker } from '../../lib/model/worker.ts';
import {
  consumersOf,
  costAgainstBenefit,
  lagAfterSec,
  type Money,
  machineUsd,
  moneyOf,
  moveShadowUsd,
  paysOff,
  recordsAtRiskPerHour,
  replicationUsdPerHour,
} from '../../lib/plan/cost.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { pricesOf } from '../../lib/plan/prices.ts';
import { NO_LEAD_TIMES, NOW, type WorldSpec, workerOf, worldOf } from './world.ts';

const planOf = (spec: WorldSpec) => {
  const { fleet, forecasts, policy } = worldOf(spec);
  return decidePlan(fleet, forecasts, policy, NO_LEAD_TIMES, NOW);
};
const splitOf = (spec: Partial<WorldSpec> & { foreseen: number; bytesPerRecord?: number }) => {
  const { foreseen, bytesPerRecord = 100, ...rest } = spec;
  return planOf({ shards: [{ now: 100, foreseen, bytesPerRecord }], ...rest });
};
const expectedOf = (spec: Parameters<typeof splitOf>[0]) => splitOf(spec).actions[0]?.expected;
const moneyFor = (policy: Partial<Policy> = {}, workers: WorldSpec['workers'] = []): Money => {
  const world = worldOf({ shards: [{ now: 1 }], workers, policy });
  return moneyOf(world.fleet, world.policy);
};
/** 20 transitions, 16 requests of a sixth of a gigabyte-second, 24 writes and 40 reads, at list prices. */
const RESHARD_USD = 20 * 0.000025 + 16 * (0.2e-6 + (0.5 / 3) * 0.0000133334) + (24 * 0.625 + 40 * 0.125) / 1e6;

describe('splitExpectation', () => {
  it('is a shard an hour and one execution, against what the second shard keeps from throttling', () => {
    // 950 over the target of 700 is 1.357 shards: 0.357 are in excess, for 0.4 of the window, each worth a hundred idle ones.
    const expected = expectedOf({ foreseen: 950 });
    expect(expected?.costUsdPerHour).toBeCloseTo(0.015, 9);
    expect(expected?.costUsdOnce).toBeCloseTo(RESHARD_USD, 9);
    expect(expected?.benefitUsdPerHour).toBeCloseTo(100 * 0.4 * (950 / 700 - 1) * 0.015, 6);
    expect(expected).toMatchObject({ recordsAtRiskPerHour: 0, lagAvoidedSec: 0 });
  });

  it('counts the records above a full shard, and how late they would be', () => {
    const plan = splitOf({ foreseen: 1500 });
    expect(plan.actions[0]?.expected).toMatchObject({ recordsAtRiskPerHour: 500 * 3600, lagAvoidedSec: 0.5 * plan.leadTimeSec });
  });

  it('takes the policy’s price of a throttled record, by the records that fill a shard', () => {
    const policy = { throttledUsdPerMillion: 2 };
    expect(expectedOf({ foreseen: 950, policy })?.benefitUsdPerHour).toBeCloseTo(0.4 * (950 / 700 - 1) * 1000 * 3600 * 2e-6, 6);
    // Records of 4 KiB: 256 of them fill a shard.
    const byBytes = expectedOf({ foreseen: 240, bytesPerRecord: 4096, policy })?.benefitUsdPerHour;
    expect(byBytes).toBeCloseTo(0.4 * (240 / 256 / 0.7 - 1) * 256 * 3600 * 2e-6, 6);
  });

  it('holds a split that avoids less than it costs, with both numbers', () => {
    const plan = splitOf({ foreseen: 950, policy: { throttledUsdPerMillion: 0.01 } });
    expect(plan.actions).toEqual([]);
    expect(plan.holds.find(({ reason }) => reason === 'not-worth-it')?.detail).toMatch(
      /not split: what it avoids is worth \$0\.0051 an hour, and it costs \$0\.0150 an hour and \$0\.0006 once\.$/,
    );
  });

  it('names no breach where none is foreseen', () => {
    const world = worldOf({ shards: [{ now: 10 }], policy: { minShards: 2 } });
    const plan = decidePlan(world.fleet, world.forecasts, world.policy, NO_LEAD_TIMES, NOW);
    expect(plan.actions[0]?.kind).toBe('split');
    expect('breachAtMs' in (plan.actions[0]?.expected ?? {})).toBe(false);
  });
});

describe('moneyOf', () => {
  it('bills each shard for the fan-out consumers that are registered', () => {
    const reading = (...retrievals: ('fan-out' | 'polling')[]) =>
      retrievals.map((retrieval, i): Worker => ({ ...workerOf({ workerId: `w${i}` }), retrieval }));
    const consumers = (workers: Worker[], shadow: boolean) =>
      consumersOf({
        workers,
        leases: worldOf({ shards: [{ now: 1, ...(shadow ? { shadow: { workerId: 'w1' } } : {}) }] }).fleet.leases,
      });
    expect(consumers(reading('polling', 'fan-out'), false)).toBe(2);
    expect(consumers(reading('polling', 'polling'), true)).toBe(0);
    expect(consumers([workerOf({ workerId: 'w1' })], true)).toBe(1);
    expect(consumers([workerOf({ workerId: 'w1' })], false)).toBe(0);
    expect(moneyFor({}, reading('fan-out')).shardUsdPerHour).toBeCloseTo(3 * 0.015, 9);
  });

  it('values a throttled record as so many idle ones, or by the policy’s price; a late one as much, by criticality', () => {
    const idle = 0.015 / 3_600_000;
    expect(moneyFor().throttledRecordUsd).toBeCloseTo(100 * idle, 12);
    expect(moneyFor({ throttledToIdle: 7 }).throttledRecordUsd).toBeCloseTo(7 * idle, 12);
    expect(moneyFor({ throttledUsdPerMillion: 3 })).toMatchObject({ throttledRecordUsd: 3e-6, lateRecordUsd: 3e-6 });
    expect(moneyFor({ lateUsdPerMillion: 5 }).lateRecordUsd).toBeCloseTo(5e-6, 12);
    const late = (criticality: 'low' | 'high') => moneyFor({ lateUsdPerMillion: 5, criticality }).lateRecordUsd;
    expect([late('low'), late('high')]).toEqual([expect.closeTo(0.5e-6, 12), expect.closeTo(50e-6, 12)]);
  });
});

describe('machineUsd', () => {
  it('counts transitions, requests and the tables; a resize writes the lease of every shard', () => {
    expect(machineUsd('reshard', moneyFor())).toBeCloseTo(RESHARD_USD, 12);
    expect(machineUsd('reshard', moneyFor(), 11) - RESHARD_USD).toBeCloseTo((40 * 0.625 + 40 * 0.125) / 1e6, 12);
    const handover = 20 * 0.000025 + 4 * (0.2e-6 + (0.5 / 3) * 0.0000133334) + (12 * 0.625 + 12 * 0.125) / 1e6;
    expect(machineUsd('handover', moneyFor())).toBeCloseTo(handover, 12);
  });
});

describe('replicationUsdPerHour', () => {
  const load = { recordsPerSec: 10, bytesPerSec: 1_000_000 };
  const data = (1_000_000 * 3600 * 0.013) / 1e9;
  const costWith = (retrieval: 'fan-out' | 'polling' | undefined, others: number) => {
    const { fleet } = worldOf({ shards: [{ now: 1 }] });
    const workers = [{ ...workerOf({ workerId: 'w1' }), ...(retrieval === undefined ? {} : { retrieval }) }];
    return replicationUsdPerHour({ ...fleet, workers }, 4, others, load, moneyFor());
  };

  it('is a consumer of every shard and the data, only the data where one is registered, nothing where shadows poll', () => {
    expect(costWith(undefined, 0)).toBeCloseTo(4 * 0.015 + data, 9);
    expect(costWith(undefined, 1)).toBeCloseTo(data, 9);
    expect(costWith('fan-out', 0)).toBeCloseTo(data, 9);
    expect(costWith('polling', 0)).toBe(0);
  });

  it('costs a quarter of an hour for a move', () => {
    const { fleet } = worldOf({ shards: [{ now: 1 }] });
    expect(moveShadowUsd(fleet, 4, 1, load, moneyFor())).toBeCloseTo(data / 4, 9);
  });
});

describe('paysOff', () => {
  it('is more benefit in an hour than an hour and the action itself cost', () => {
    const of = (benefitUsdPerHour: number) => paysOff({ ...EXPECTED, benefitUsdPerHour, costUsdPerHour: 2, costUsdOnce: 1 });
    expect([of(3), of(3.01)]).toEqual([false, true]);
    expect(paysOff({ ...EXPECTED, costUsdPerHour: -1, costUsdOnce: 0.5 })).toBe(true);
    expect(costAgainstBenefit({ ...EXPECTED, benefitUsdPerHour: 0.1, costUsdPerHour: -0.05 })).toBe(
      'what it avoids is worth $0.10 an hour, and it saves $0.0500 an hour',
    );
    expect(costAgainstBenefit(EXPECTED)).toBe('what it avoids is worth $0.00 an hour, and it costs $0.00 an hour');
  });
});
const EXPECTED = { utilizationNow: 0, peakUtilization: 0, leadTimeSec: 0, costUsdPerMonth: 0, recordsAtRiskPerHour: 0 };

describe('recordsAtRiskPerHour and lagAfterSec', () => {
  const capacity = { recordsPerSec: 1000, bytesPerSec: 1_000_000 };

  it('lose the same share of the records where bytes are what is over', () => {
    expect(recordsAtRiskPerHour({ recordsPerSec: 500, bytesPerSec: 2_000_000 }, capacity)).toBe(250 * 3600);
    expect(recordsAtRiskPerHour({ recordsPerSec: 1000, bytesPerSec: 1 }, capacity)).toBe(0);
    expect(lagAfterSec({ recordsPerSec: 1250, bytesPerSec: 1 }, capacity, 60)).toBe(15);
    expect(lagAfterSec({ recordsPerSec: 900, bytesPerSec: 1 }, capacity, 60)).toBe(0);
  });
});

describe('pricesOf', () => {
  const arn = (region: string) => `arn:aws:kinesis:${region}:000000000000:stream/s`;

  it('names the table and its date, that none is known for a region, and what the policy replaces', () => {
    expect(pricesOf(arn('us-west-2'), {}).source).toBe('list prices of us-east-1, 2026-11');
    const elsewhere = pricesOf(arn('sa-east-1'), { prices: { shardHour: 0.03 } });
    expect(elsewhere.source).toBe(
      'list prices of us-east-1, 2026-11 (none are known for sa-east-1), with the policy’s own for shardHour',
    );
    expect(elsewhere.prices).toMatchObject({ shardHour: 0.03, consumerShardHour: 0.015 });
  });
});
