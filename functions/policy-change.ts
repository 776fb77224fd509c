// functions: PUT /policies.
// in: a whole policy · out: the same, stored
import { api, type Endpoint, ok } from './api-shell.ts';
import { routes } from './routes.ts';

export const changePolicy: Endpoint<typeof routes.changePolicy> = {
  route: routes.changePolicy,
  run: async (policy, { ports, signal }) => {
    await ports.policies.put(policy, signal);
    return ok(policy);
  },
};

export const handler = api(changePolicy);
