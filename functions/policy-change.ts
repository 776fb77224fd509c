// functions: PUT /policies.
// in: a whole policy · out: the same, stored
import { api, conflict, type Endpoint, ok } from './api-shell.ts';
import { routes } from './routes.ts';

export const changePolicy: Endpoint<typeof routes.changePolicy> = {
  route: routes.changePolicy,
  run: async (policy, { ports, nowMs, signal }) => {
    const { override } = policy;
    if (override !== undefined && override.untilMs <= nowMs)
      return conflict(
        'OverrideEnded',
        `override.untilMs must be later than now, got ${new Date(override.untilMs).toISOString()}, now is ${new Date(nowMs).toISOString()}`,
      );
    await ports.policies.put(policy, signal);
    return ok(policy);
  },
};

export const handler = api(changePolicy);
