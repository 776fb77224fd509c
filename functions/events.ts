// functions: GET /events.
// in: a stream · out: what is known to come, and what is not to be learnt from
import { z } from 'zod';
import { KnownEvent } from '../lib/model/known-event.ts';
import { api, type Endpoint, ok } from './api-shell.ts';
import { routes } from './routes.ts';

export const events: Endpoint<typeof routes.events> = {
  route: routes.events,
  run: async ({ application, streamName }, { ports, signal }) => {
    const known = await ports.events.list({ application, streamName }, signal);
    return ok({ events: known.map((event) => z.encode(KnownEvent, event)) });
  },
};

export const handler = api(events);
