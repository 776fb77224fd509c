// functions: POST /tuning.
// in: a setting and a value · out: a try of it under way; or why not, and what is allowed
import { wishFor } from '../lib/profile/tuning-wish.ts';
import { accepted, api, conflict, type Endpoint } from './api-shell.ts';
import { beginTrial } from './begin-trial.ts';
import { routes } from './routes.ts';
import { tuningScene, viewOfTuning } from './tuning-scene.ts';

export const startTuning: Endpoint<typeof routes.startTuning> = {
  route: routes.startTuning,
  run: async ({ application, streamName, setting, value, shardId }, scene) => {
    const view = await tuningScene({ application, streamName }, scene);
    const wish = wishFor({ setting, to: value }, view.tuning, view.policyBounds, view.workers);
    if (wish.kind === 'refused') return conflict(wish.error, wish.message);
    const { from, to } = wish;
    const begun = await beginTrial(
      { setting, from, to, shardId, trigger: 'request', reason: 'A person asked for it.' },
      view,
      scene,
    );
    if (begun.kind === 'refused') return begun;
    const { trialId, profileId } = begun;
    return accepted({ trialId, profileId, summary: viewOfTuning(begun.tuning, scene.nowMs).trial?.summary ?? '' });
  },
};

export const handler = api(startTuning);
