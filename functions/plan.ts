// functions: the decision of each tick.
// in: a tick · out: a recorded plan; in mode `act` its actions on the command queue
import { leadTimesOf } from '../lib/feedback/lead-times.ts';
import type { LeadTimes } from '../lib/model/fleet.ts';
import type { Group } from '../lib/model/lease.ts';
import { decidePlan } from '../lib/plan/decide-plan.ts';
import type { Ports } from '../lib/ports.ts';
import { acceptOperations } from './accept-operation.ts';
import { policyOf } from './policy-of.ts';
import { readFleet } from './read-fleet.ts';
import { type Task, Tick, task } from './shell.ts';

const OUTCOMES = 50;

type Planned =
  | {
      readonly kind: 'planned';
      readonly planId: string;
      readonly mode: string;
      readonly actions: string[];
      readonly holds: string[];
    }
  | { readonly kind: 'skipped'; readonly reason: string };

const measured = async (streamName: string, ports: Pick<Ports, 'outcomes'>, signal: AbortSignal): Promise<LeadTimes> => {
  const [reshards, handovers] = await Promise.all([
    ports.outcomes.recent(streamName, 'reshard', OUTCOMES, signal),
    ports.outcomes.recent(streamName, 'handover', OUTCOMES, signal),
  ]);
  return leadTimesOf(
    reshards.filter((outcome) => outcome.kind === 'reshard'),
    handovers.filter((outcome) => outcome.kind === 'handover'),
  );
};

export const plan = {
  name: 'plan',
  input: Tick,
  run: async (group: Group, { ports, nowMs, signal }): Promise<Planned> => {
    const policy = await policyOf(group, ports, signal);
    const [fleet, forecasts, leadTimes] = await Promise.all([
      readFleet(group, policy, ports, nowMs, signal),
      ports.forecasts.latest(group.streamName, signal),
      measured(group.streamName, ports, signal),
    ]);
    if (fleet === null) return { kind: 'skipped', reason: `stream ${group.streamName} does not exist` };
    const decided = decidePlan(fleet, forecasts, policy, leadTimes, nowMs);
    await ports.plans.put(decided, signal);
    if (decided.mode === 'act') await acceptOperations(group, decided.actions, 'planner', ports, nowMs, signal);
    const dimensions = { Application: group.application, StreamName: group.streamName };
    const diverged = fleet.leases.filter((lease) => lease.shadow?.state === 'diverged').length;
    await ports.metrics.publish(
      [
        { name: 'ShadowDiverged', value: diverged, unit: 'Count', dimensions, atMs: nowMs },
        { name: 'OpenShards', value: decided.shardCount, unit: 'Count', dimensions, atMs: nowMs },
        { name: 'LiveWorkers', value: decided.workerCount, unit: 'Count', dimensions, atMs: nowMs },
        { name: 'PlannedActions', value: decided.actions.length, unit: 'Count', dimensions, atMs: nowMs },
      ],
      signal,
    );
    return {
      kind: 'planned',
      planId: decided.planId,
      mode: decided.mode,
      actions: decided.actions.map((action) => action.actionId),
      holds: decided.holds.map((hold) => `${hold.subject}: ${hold.reason}`),
    };
  },
} satisfies Task<typeof Tick, Planned>;

export const handler = task(plan);
