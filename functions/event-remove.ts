// functions: DELETE /events/{eventId}.
// in: an event's name · out: that it is gone
import { api, type Endpoint, notFound, ok } from './api-shell.ts';
import { routes } from './routes.ts';

export const removeEvent: Endpoint<typeof routes.removeEvent> = {
  route: routes.removeEvent,
  run: async ({ application, streamName, eventId }, { ports, signal }) => {
    const { kind } = await ports.events.remove({ application, streamName }, eventId, signal);
    return kind === 'removed'
      ? ok({ eventId })
      : notFound('UnknownEvent', `event ${eventId} is not known to stream ${streamName}`);
  },
};

export const handler = api(removeEvent);
