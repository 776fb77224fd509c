// functions: GET /tuning.
// in: a stream · out: what is tuned of its workers' settings, what is being tried, what is allowed
import { api, type Endpoint, ok } from './api-shell.ts';
import { routes } from './routes.ts';
import { tuningScene, viewOfTuning } from './tuning-scene.ts';

export const showTuning: Endpoint<typeof routes.tuning> = {
  route: routes.tuning,
  run: async (group, scene) => {
    const { tuning, bounds, workers } = await tuningScene(group, scene);
    return ok({
      ...viewOfTuning(tuning, scene.nowMs),
      atMs: scene.nowMs,
      allowed: bounds,
      workers: workers.map(({ workerId, tuning: own }) => ({
        workerId,
        inForce: own?.inForce ?? null,
        bounds: own?.bounds ?? {},
      })),
    });
  },
};

export const handler = api(showTuning);
