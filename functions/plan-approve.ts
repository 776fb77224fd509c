// functions: POST /plans/{planId}/approve.
// in: a proposed plan · out: its actions as accepted operations
import { policyInForce } from '../lib/plan/policy-in-force.ts';
import { acceptOperations } from './accept-operation.ts';
import { accepted, api, conflict, type Endpoint, notFound } from './api-shell.ts';
import { changeWorkerCount } from './change-worker-count.ts';
import { policyOf } from './policy-of.ts';
import { routes } from './routes.ts';

/** A plan is made each minute; an older one speaks of a world that is gone. */
const APPROVABLE_MS = 15 * 60_000;
const RECENT = 60;

export const approvePlan: Endpoint<typeof routes.approvePlan> = {
  route: routes.approvePlan,
  run: async ({ application, streamName, planId }, { ports, nowMs, signal }) => {
    const group = { application, streamName };
    const recent = await ports.plans.recent(group, RECENT, signal);
    const plan = recent.find((each) => each.planId === planId);
    if (plan === undefined)
      return notFound('UnknownPlan', `plan ${planId} is not among the last ${RECENT} of stream ${streamName}`);
    if (plan.status !== 'proposed')
      return conflict(
        'NotProposed',
        `plan ${planId} is ${plan.status} (mode ${plan.mode}); only a proposed plan can be approved`,
      );
    const ageMs = nowMs - plan.createdAtMs;
    if (ageMs > APPROVABLE_MS)
      return conflict(
        'PlanTooOld',
        `plan ${planId} is ${Math.round(ageMs / 60_000)} minutes old, allowed are ${APPROVABLE_MS / 60_000}; approve a newer one`,
      );
    const [newest] = recent;
    if (newest?.layout !== undefined && plan.layout !== undefined && newest.layout !== plan.layout)
      return conflict(
        'WorldChanged',
        `plan ${planId} was made for other shards than plan ${newest.planId} found since; approve a newer one`,
      );
    const policy = await policyOf(group, ports, signal);
    if (newest?.mode === 'observe' || policyInForce(policy, nowMs).mode === 'observe')
      return conflict(
        'OnlyObserving',
        `stream ${streamName} is only observed by now (its policy, an override or the circuit breaker), and plan ${planId} is void`,
      );
    await acceptOperations(group, plan.actions, 'api', ports, nowMs, signal);
    const workers = await changeWorkerCount(plan, policy, ports, signal);
    // The next plan's cool-down begins with what was done, not with what was proposed.
    const changedAt = workers.kind === 'changed' ? { workersChangedAtMs: nowMs } : {};
    await ports.plans.put({ ...plan, ...changedAt, status: 'approved' }, signal);
    if (workers.kind === 'changed' && newest !== undefined && newest.planId !== planId)
      await ports.plans.put({ ...newest, ...changedAt }, signal);
    return accepted({ planId, operationIds: plan.actions.map((action) => action.actionId) });
  },
};

export const handler = api(approvePlan);
