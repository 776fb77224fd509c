// What the planner decides, its own dispatcher and the first step of the reshard machine accept: every action of a plan, in order, on the layout of that moment.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { operationOf as acceptedOf, commandOf } from '../../functions/accept-operation.ts';
import { dispatchCommand } from '../../functions/dispatch-command.ts';
import { reshardChange } from '../../functions/reshard-change.ts';
import { reshardGuard } from '../../functions/reshard-guard.ts';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import type { Action } from '../../lib/model/plan.ts';
import { decidePlan } from '../../lib/plan/decide-plan.ts';
import { isReshard } from '../../lib/plan/in-flight.ts';
import { world as functionsWorld } from '../functions/scenes.ts';
import { aWorld } from './random-worlds.ts';
import { GROUP, NO_LEAD_TIMES, NOW, type WorldSpec, worldOf } from './world.ts';

/** What becomes of each action, in order. */
const carriedOut = async (spec: WorldSpec): Promise<{ action: Action; done: string }[]> => {
  const { fleet, forecasts, policy } = worldOf(spec);
  const { actions } = decidePlan(fleet, forecasts, policy, NO_LEAD_TIMES, NOW);
  const ports = memoryPorts(scriptedClock(NOW));
  ports.streams.createStream(GROUP.streamName, spec.shards.length);
  for (const lease of fleet.leases) await ports.leases.create(lease);
  for (const worker of fleet.workers) await ports.workers.put(worker);
  const scene = { ...functionsWorld().scene(ports), streams: [GROUP], nowMs: NOW };
  const seen: { action: Action; done: string }[] = [];
  for (const action of actions) {
    const operation = acceptedOf(GROUP, action, NOW);
    const dispatched = await dispatchCommand(commandOf(operation, 'planner', NOW), ports, NOW);
    let done: string = dispatched.kind === 'refused' ? dispatched.reason : dispatched.kind;
    if (dispatched.kind === 'started' && isReshard(action)) {
      const input = { ...GROUP, operationId: action.actionId, action };
      const guarded = await reshardGuard.run(input, scene);
      done = guarded.kind === 'refused' ? guarded.detail : (await reshardChange.run(input, scene)).kind;
    }
    seen.push({ action, done });
  }
  return seen;
};

const accepted = (action: Action): string => (isReshard(action) ? 'changed' : action.kind === 'handover' ? 'started' : 'written');
const check = async (spec: WorldSpec) => {
  const seen = await carriedOut(spec);
  expect(seen.map(({ done }) => done)).toEqual(seen.map(({ action }) => accepted(action)));
  return seen.length;
};

describe('a plan', () => {
  it('can be carried out in order from the present layout, for every world', async () => {
    let actions = 0;
    await fc.assert(
      fc.asyncProperty(aWorld, async (spec) => {
        actions += await check(spec);
      }),
      { numRuns: 250 },
    );
    expect(actions).toBeGreaterThan(50);
  });

  it('can be carried out where it resizes, for every even load', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 4, max: 20 }),
        fc.double({ min: 5, max: 1390, noNaN: true }),
        async (count, foreseen) => {
          const shards = Array.from({ length: count }, () => ({ now: Math.min(foreseen, 600), foreseen }));
          await check({ shards, workers: [{ workerId: 'w1', capacityRecords: 90_000 }] });
        },
      ),
      { numRuns: 60 },
    );
  });
});
