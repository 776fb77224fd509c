import { describe, expect, it } from 'vitest';
import type { Worker } from '../../lib/model/worker.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { measuredCapacity } from '../../lib/plan/worker-outlook.ts';
import { NO_LEAD_TIMES, NOW, workerOf, worldOf } from './world.ts';

const busy = (recordsPerSec: number, cpuShare: number, change: Partial<Worker> = {}): Worker => {
  const worker = workerOf({ workerId: 'w1', capacityRecords: 4000, steady: true, ...change });
  return { ...worker, load: { ...worker.load, recordsPerSec, bytesPerSec: recordsPerSec * 100, cpuShare } };
};

describe('measuredCapacity', () => {
  it('is what the processor can take where that is less than stated', () => {
    expect(measuredCapacity(busy(500, 0.5))).toEqual({
      capacity: { recordsPerSec: 1000, bytesPerSec: 100_000 },
      byProcessor: true,
    });
    const looping = { ...busy(500, 0.1), load: { ...busy(500, 0.1).load, eventLoopShare: 0.8 } };
    expect(measuredCapacity(looping).capacity.recordsPerSec).toBe(625);
  });

  it('is what was stated where the processor could take more, or tells nothing', () => {
    const stated = busy(0, 0).capacity;
    for (const worker of [busy(3000, 0.5), busy(500, 0.19), busy(0, 0.9), busy(500, 0.9, { steady: false })])
      expect(measuredCapacity(worker)).toEqual({ capacity: stated, byProcessor: false });
  });
});

describe('decidePlan by measured capacity', () => {
  it('moves a shard from a worker whose processor will be full, though it stated more', () => {
    const { fleet, forecasts, policy } = worldOf({
      shards: [{ now: 300 }, { now: 300 }],
      workers: [
        { workerId: 'w1', capacityRecords: 4000 },
        { workerId: 'w2', capacityRecords: 4000 },
      ],
    });
    const planOf = (first: Worker) =>
      decidePlan(
        { ...fleet, workers: [{ ...first }, fleet.workers[1]!] },
        forecasts,
        { ...policy, coldUtilization: 0.1 },
        NO_LEAD_TIMES,
        NOW,
      );
    expect(planOf(fleet.workers[0]!).actions).toEqual([]);
    const [action] = planOf(busy(600, 0.8)).actions;
    expect(action).toMatchObject({
      kind: 'create-shadow',
      reason: expect.stringMatching(/^w1 already carries 80 % of what its processor can take \(target 70 %\); /),
    });
  });
});
