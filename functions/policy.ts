// functions: GET /policies.
// in: a stream · out: the policy that holds for it
import { api, type Endpoint, ok } from './api-shell.ts';
import { policyOf } from './policy-of.ts';
import { routes } from './routes.ts';

export const policy: Endpoint<typeof routes.policy> = {
  route: routes.policy,
  run: async (group, { ports, signal }) => ok(await policyOf(group, ports, signal)),
};

export const handler = api(policy);
