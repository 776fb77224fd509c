// functions: POST /plans/{planId}/approve.
// in: a proposed plan · out: its actions as accepted operations
import { whyNotApprovable } from '../lib/plan/approval.ts';
import { acceptOperations } from './accept-operation.ts';
import { accepted, api, conflict, type Endpoint, notFound } from './api-shell.ts';
import { changeWorkerCount } from './change-worker-count.ts';
import { policyOf } from './policy-of.ts';
import { routes } from './routes.ts';

const RECENT = 60;

export const approvePlan: Endpoint<typeof routes.approvePlan> = {
  route: routes.approvePlan,
  run: async ({ application, streamName, planId }, { ports, nowMs, signal }) => {
    const group = { application, streamName };
    const recent = await ports.plans.recent(group, RECENT, signal);
    const plan = recent.find((each) => each.planId === planId);
    if (plan === undefined)
      return notFound('UnknownPlan', `plan ${planId} is not among the last ${RECENT} of stream ${streamName}`);
    const policy = await policyOf(group, ports, signal);
    const obstacle = whyNotApprovable(plan, recent[0] ?? plan, policy, nowMs);
    if (obstacle !== null) return conflict(obstacle.error, obstacle.detail);
    await acceptOperations(group, plan.actions, 'api', ports, nowMs, signal);
    const workers = await changeWorkerCount(plan, policy, ports, signal);
    // The next plan's cool-down begins with what was done, not with what was proposed.
    const changedAt = workers.kind === 'changed' ? { workersChangedAtMs: nowMs } : {};
    await ports.plans.put({ ...plan, ...changedAt, status: 'approved' }, signal);
    const [newest] = recent;
    if (workers.kind === 'changed' && newest !== undefined && newest.planId !== planId)
      await ports.plans.put({ ...newest, ...changedAt }, signal);
    return accepted({ planId, operationIds: plan.actions.map((action) => action.actionId) });
  },
};

export const handler = api(approvePlan);
