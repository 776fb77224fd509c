// functions: GET /profiles.
// in: a stream · out: what its profiles have taught, newest first, without their plots
import { api, type Endpoint, ok } from './api-shell.ts';
import { routes } from './routes.ts';

export const profiles: Endpoint<typeof routes.profiles> = {
  route: routes.profiles,
  run: async ({ application, streamName, limit }, { ports, signal }) =>
    ok({ profiles: await ports.profileReports.recent({ application, streamName }, limit, signal) }),
};

export const handler = api(profiles);
