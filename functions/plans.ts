// functions: GET /plans.
// in: a stream · out: its newest plans
import { z } from 'zod';
import { Plan } from '../lib/model/plan.ts';
import { api, type Endpoint, ok } from './api-shell.ts';
import { routes } from './routes.ts';

export const plans: Endpoint<typeof routes.plans> = {
  route: routes.plans,
  run: async ({ application, streamName, limit }, { ports, signal }) => {
    const recent = await ports.plans.recent({ application, streamName }, limit, signal);
    return ok({ plans: recent.map((plan) => z.encode(Plan, plan)) });
  },
};

export const handler = api(plans);
