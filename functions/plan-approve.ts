// functions: POST /plans/{planId}/approve.
// in: a proposed plan · out: its actions as accepted operations
import { acceptOperations } from './accept-operation.ts';
import { accepted, api, conflict, type Endpoint, notFound } from './api-shell.ts';
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
    await acceptOperations(group, plan.actions, 'api', ports, nowMs, signal);
    await ports.plans.put({ ...plan, status: 'approved' }, signal);
    return accepted({ planId, operationIds: plan.actions.map((action) => action.actionId) });
  },
};

export const handler = api(approvePlan);
