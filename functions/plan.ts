// functions: the decision of each tick.
// in: a tick · out: a recorded plan; in mode `act` its actions on the command queue
import { leadTimesOf } from '../lib/feedback/lead-times.ts';
import { proposerTrustOf } from '../lib/feedback/proposer-trust.ts';
import { suitabilityOf } from '../lib/feedback/worker-suitability.ts';
import { MINUTE_MS } from '../lib/model/demand.ts';
import type { Fleet, LeadTimes } from '../lib/model/fleet.ts';
import type { Group } from '../lib/model/lease.ts';
import type { Plan } from '../lib/model/plan.ts';
import { decidePlan } from '../lib/plan/decide-plan.ts';
import { isReshard } from '../lib/plan/in-flight.ts';
import type { Ports } from '../lib/ports.ts';
import { acceptOperations } from './accept-operation.ts';
import { changeWorkerCount } from './change-worker-count.ts';
import { withMeasured } from './measured-capacity.ts';
import { planProfile } from './plan-profile.ts';
import { policyOf } from './policy-of.ts';
import { readFleet } from './read-fleet.ts';
import { type Task, Tick, task } from './shell.ts';

const OUTCOMES = 50;
const RECENT_OPERATIONS = 20;
const REPORTS = 30;
/** Each stream's tick reads the operations of so many; past that, Kinesis refuses and the reshard machine tries again. */
const STREAMS_COUNTED = 20;

type Planned =
  | {
      readonly kind: 'planned';
      readonly planId: string;
      readonly mode: string;
      readonly actions: string[];
      readonly holds: string[];
    }
  | { readonly kind: 'skipped'; readonly reason: string };

const measured = async (
  streamName: string,
  ports: Pick<Ports, 'outcomes'>,
  nowMs: number,
  signal: AbortSignal,
): Promise<{ leadTimes: LeadTimes } & Required<Pick<Fleet, 'unsuitableWorkers' | 'distrustedProposers'>>> => {
  const [reshards, handovers] = await Promise.all([
    ports.outcomes.recent(streamName, 'reshard', OUTCOMES, signal),
    ports.outcomes.recent(streamName, 'handover', OUTCOMES, signal),
  ]);
  const moved = handovers.filter((outcome) => outcome.kind === 'handover');
  const leadTimes = leadTimesOf(
    reshards.filter((outcome) => outcome.kind === 'reshard'),
    moved,
  );
  return {
    leadTimes,
    unsuitableWorkers: suitabilityOf(moved).filter(({ verdict }) => verdict === 'underperforms'),
    distrustedProposers: proposerTrustOf(moved, nowMs).filter(({ verdict }) => verdict === 'distrusted'),
  };
};

/** What the plan before this one saw of the shards. */
const previous = async (group: Group, ports: Pick<Ports, 'plans'>, signal: AbortSignal): Promise<Fleet['previousPlan']> => {
  const [plan] = await ports.plans.recent(group, 1, signal);
  if (plan?.layout === undefined) return undefined;
  const { createdAtMs, layout, foreignChangeAtMs, resizesAtMs, workersChangedAtMs, busyWorkers } = plan;
  return {
    createdAtMs,
    layout,
    ...(foreignChangeAtMs !== undefined && { foreignChangeAtMs }),
    ...(busyWorkers && { busyWorkers }),
    ...(resizesAtMs !== undefined && { resizesAtMs }),
    ...(workersChangedAtMs !== undefined && { workersChangedAtMs }),
  };
};

/** When reshards of any stream of this deployment began lately: the account's limits are of all of them. */
const accountReshards = async (
  streams: readonly Group[],
  ports: Pick<Ports, 'operations'>,
  nowMs: number,
  signal: AbortSignal,
): Promise<number[]> => {
  const recent = await Promise.all(
    streams.slice(0, STREAMS_COUNTED).map((group) => ports.operations.recent(group, RECENT_OPERATIONS, signal)),
  );
  return recent
    .flat()
    .filter((operation) => isReshard(operation) && nowMs - operation.acceptedAtMs < MINUTE_MS)
    .map(({ acceptedAtMs }) => acceptedAtMs);
};

/** The plan with what kept the workers' service from its change. */
const withHold = (decided: Plan, detail: string): Plan => ({
  ...decided,
  holds: [
    ...decided.holds,
    {
      kind: 'hold',
      subject: decided.streamName,
      reason: 'worker-service',
      detail: `The number of workers stays as it is: ${detail}.`,
    },
  ],
});

export const plan = {
  name: 'plan',
  input: Tick,
  run: async (group: Group, { ports, streams, nowMs, signal }): Promise<Planned> => {
    const policy = await policyOf(group, ports, signal);
    const [read, forecasts, { leadTimes, ...suitability }, previousPlan, accountReshardsAtMs, reports, workerService] =
      await Promise.all([
        readFleet(group, policy, ports, nowMs, signal),
        ports.forecasts.latest(group.streamName, signal),
        measured(group.streamName, ports, nowMs, signal),
        previous(group, ports, signal),
        accountReshards(streams, ports, nowMs, signal),
        ports.profileReports.recent(group, REPORTS, signal),
        policy.workerService && ports.workerFleet.describe(policy.workerService, signal),
      ]);
    if (read === null) return { kind: 'skipped', reason: `stream ${group.streamName} does not exist` };
    const seen = {
      ...read,
      ...suitability,
      accountReshardsAtMs,
      ...(previousPlan !== undefined && { previousPlan }),
      ...(workerService !== undefined && { workerService }),
    };
    const { fleet, policy: planned } = withMeasured(seen, policy, reports, nowMs);
    const profile = await planProfile(fleet, forecasts, policy, previousPlan?.busyWorkers ?? [], reports, ports, nowMs, signal);
    const scaling = decidePlan(fleet, forecasts, planned, leadTimes, nowMs);
    // A run may begin by itself though the plan is only shown or proposed: then it is no part of what is approved.
    const shown = profile.action !== null && scaling.mode === 'act' ? [profile.action] : [];
    const decided = {
      ...scaling,
      actions: [...scaling.actions, ...shown],
      holds: [...scaling.holds, ...profile.holds],
      busyWorkers: profile.busyWorkers,
    };
    await ports.plans.put(decided, signal);
    if (profile.action !== null && shown.length === 0)
      await acceptOperations(group, [profile.action], 'planner', ports, nowMs, signal);
    if (decided.mode === 'act') {
      await acceptOperations(group, decided.actions, 'planner', ports, nowMs, signal);
      const changed = await changeWorkerCount(decided, policy, ports, signal);
      if (changed.kind === 'left') await ports.plans.put(withHold(decided, changed.detail), signal);
    }
    const dimensions = { Application: group.application, StreamName: group.streamName };
    const point = (name: string, value: number) => ({ name, value, unit: 'Count' as const, dimensions, atMs: nowMs });
    const diverged = fleet.leases.filter((lease) => lease.shadow?.state === 'diverged').length;
    await ports.metrics.publish(
      [
        point('ShadowDiverged', diverged),
        point('OpenShards', decided.shardCount),
        point('LiveWorkers', decided.workerCount),
        ...(decided.shardsWanted === undefined ? [] : [point('ShardsWanted', decided.shardsWanted)]),
        ...(decided.workersWanted === undefined ? [] : [point('WorkersWanted', decided.workersWanted)]),
        point('CircuitOpen', decided.holds.some((hold) => hold.reason === 'circuit-open') ? 1 : 0),
        point('PlannedActions', decided.actions.length),
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
