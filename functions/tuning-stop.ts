// functions: POST /tuning/stop.
// in: a stream · out: the try ended, the former value in force again; with `reset` the workers' own values
import { stopTuning } from '../lib/profile/tuning.ts';
import { api, conflict, type Endpoint, ok } from './api-shell.ts';
import { routes } from './routes.ts';
import { viewOfTuning } from './tuning-scene.ts';

export const endTuning: Endpoint<typeof routes.stopTuning> = {
  route: routes.stopTuning,
  run: async ({ application, streamName, reset }, { ports, nowMs, signal }) => {
    const group = { application, streamName };
    const tuning = await ports.tuning.get(group, signal);
    const stopped = stopTuning(tuning, reset, nowMs);
    if (stopped === null)
      return conflict(
        'NothingTuned',
        `nothing is being tried${reset ? ', and nothing was kept' : '; what was kept goes with reset: true'}. ${viewOfTuning(tuning, nowMs).summary}`,
      );
    if ((await ports.tuning.write(stopped, signal)).kind === 'fenced')
      return conflict('TuningChanged', 'something else was tuned at the same moment; look at it and ask again');
    const profileId = tuning?.trial?.shadow?.profileId;
    const run = profileId === undefined ? null : await ports.profiles.get(group, profileId, signal);
    if (run !== null && run.state !== 'ended')
      await ports.profiles.change(run, { stop: { by: 'person', detail: 'the try was stopped by hand', atMs: nowMs } }, signal);
    await ports.workers.announce(group, signal);
    return ok(viewOfTuning(stopped, nowMs));
  },
};

export const handler = api(endTuning);
