// functions: POST /shadow/stop.
// in: a profiling run · out: its host is told to end it; what was measured until then is analysed
import { api, conflict, type Endpoint, notFound, ok } from './api-shell.ts';
import { routes } from './routes.ts';

export const stopShadow: Endpoint<typeof routes.stopShadow> = {
  route: routes.stopShadow,
  run: async ({ application, streamName, profileId }, { ports, nowMs, signal }) => {
    const group = { application, streamName };
    const run = await ports.profiles.get(group, profileId, signal);
    if (run === null) return notFound('UnknownProfile', `profile ${profileId} is not known to stream ${streamName}`);
    const over = (why: string) => conflict('ProfileEnded', `profile ${profileId} has ended already: ${why}`);
    if (run.state === 'ended') return over(run.ended?.detail ?? 'no reason was kept');
    const changed = await ports.profiles.change(run, { stop: { by: 'person', detail: 'stopped by hand', atMs: nowMs } }, signal);
    return changed.kind === 'gone' ? over('just now') : ok({ profileId, state: run.state });
  },
};

export const handler = api(stopShadow);
