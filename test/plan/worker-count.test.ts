import { describe, expect, it } from 'vitest';
import type { Fleet } from '../../lib/model/fleet.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { decideWorkerCount } from '../../lib/plan/worker-count.ts';
import { NO_LEAD_TIMES, NOW, worldOf } from './world.ts';

const service = { cluster: 'c', service: 's', minWorkers: 2, maxWorkers: 6, growCooldownSec: 120, shrinkCooldownSec: 900 };
const { fleet, forecasts, policy } = worldOf({ shards: [{ now: 500 }], policy: { workerService: service } });

const decide = (
  wanted: number | null,
  state: { desired: number; running?: number },
  changedAgoSec?: number,
  change: Partial<typeof service> = {},
) => {
  const seen: Fleet = {
    ...fleet,
    workerService: { kind: 'known', desiredCount: state.desired, runningCount: state.running ?? state.desired },
    ...(changedAgoSec === undefined
      ? {}
      : { previousPlan: { createdAtMs: NOW, layout: '', workersChangedAtMs: NOW - changedAgoSec * 1000 } }),
  };
  const asked = wanted === null ? null : { workers: wanted, reason: `${wanted} are needed.` };
  const { change: made, holds } = decideWorkerCount(seen, asked, { ...policy, workerService: { ...service, ...change } }, NOW);
  return made === null ? (holds[0]?.reason ?? null) : made.to;
};

describe('decideWorkerCount', () => {
  it('grows to what is wanted at once, shrinks by one, and leaves what is right', () => {
    expect([decide(5, { desired: 3 }), decide(2, { desired: 5 }), decide(3, { desired: 3 })]).toEqual([5, 4, null]);
  });

  it('never leaves the policy’s bounds', () => {
    expect([decide(9, { desired: 3 }), decide(9, { desired: 6 }), decide(1, { desired: 3 }), decide(1, { desired: 2 })]).toEqual([
      6,
      'at-maximum',
      2,
      'at-maximum',
    ]);
    expect([decide(3, { desired: 1 }), decide(3, { desired: 9 })]).toEqual([3, 8]);
    expect([decide(null, { desired: 0 }), decide(null, { desired: 4 })]).toEqual([2, null]);
  });

  it('makes one change at a time, and rests after each, longer before it shrinks', () => {
    expect([decide(5, { desired: 3, running: 2 }), decide(2, { desired: 3, running: 4 })]).toEqual([
      'plan-in-flight',
      'plan-in-flight',
    ]);
    expect([decide(5, { desired: 3 }, 119), decide(5, { desired: 3 }, 120)]).toEqual(['cooldown', 5]);
    expect([decide(2, { desired: 3 }, 899), decide(2, { desired: 3 }, 900)]).toEqual(['cooldown', 2]);
  });

  it('never does anything without a service, and says why a service is left alone', () => {
    const { workerService: _, ...without } = policy;
    expect(decideWorkerCount(fleet, { workers: 9, reason: '' }, without, NOW)).toEqual({ change: null, holds: [] });
    const denied = { ...fleet, workerService: { kind: 'denied' as const, detail: 'service s of cluster c is not there' } };
    expect(decideWorkerCount(denied, { workers: 9, reason: '' }, policy, NOW).holds).toEqual([
      {
        kind: 'hold',
        subject: 'c/s',
        reason: 'worker-service',
        detail: 'The number of workers stays as it is: service s of cluster c is not there.',
      },
    ]);
  });
});

describe('decidePlan for the workers’ service', () => {
  const planOf = (change: Partial<Fleet>, given = policy) =>
    decidePlan(
      { ...fleet, workerService: { kind: 'known', desiredCount: 1, runningCount: 1 }, ...change },
      forecasts,
      given,
      NO_LEAD_TIMES,
      NOW,
    );

  it('names the change with its reason, and remembers when', () => {
    expect(planOf({})).toMatchObject({
      workersChangedAtMs: NOW,
      workerCountChange: {
        from: 1,
        to: 2,
        reason: expect.stringMatching(/^c\/s from 1 worker to 2 \(the policy allows 2 to 6\): 1 worker for 1 shard/),
      },
    });
    const previousPlan = { createdAtMs: NOW - 1, layout: '', workersChangedAtMs: NOW - 60_000 };
    const resting = planOf({ previousPlan });
    expect(resting).toMatchObject({ workersChangedAtMs: NOW - 60_000 });
    expect(resting.workerCountChange).toBeUndefined();
    expect(resting.holds.find(({ subject }) => subject === 'c/s')?.detail).toContain('growCooldownSec is 120');
  });

  it('only shows it where it only observes, and leaves it in a blackout', () => {
    const observed = planOf({}, { ...policy, mode: 'observe' });
    expect(observed.workerCountChange?.to).toBe(2);
    expect(observed.workersChangedAtMs).toBeUndefined();
    const blackouts = [{ fromMs: NOW - 1, untilMs: NOW + 1, reason: 'sale' }];
    expect(planOf({}, { ...policy, blackouts }).workerCountChange).toBeUndefined();
  });
});
