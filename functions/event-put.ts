// functions: PUT /events/{eventId}.
// in: an event · out: the same, stored; one of the same name is replaced
import { z } from 'zod';
import { KnownEvent } from '../lib/model/known-event.ts';
import { api, conflict, type Endpoint, ok } from './api-shell.ts';
import { routes } from './routes.ts';

/** Events are read with every forecast: one query must stay one page. */
const MOST = 200;

export const putEvent: Endpoint<typeof routes.putEvent> = {
  route: routes.putEvent,
  run: async (request, { ports, nowMs, signal }) => {
    const known = await ports.events.list(request, signal);
    if (known.length >= MOST && !known.some(({ eventId }) => eventId === request.eventId))
      return conflict('TooManyEvents', `a stream has at most ${MOST} events, got one more; remove some first`);
    const event: KnownEvent = { ...request, createdAtMs: nowMs };
    await ports.events.put(event, signal);
    return ok(z.encode(KnownEvent, event));
  },
};

export const handler = api(putEvent);
