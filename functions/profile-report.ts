// functions: GET /profiles/{profileId}.
// in: a profile's id · out: its report; while it runs, how it stands
import { api, conflict, type Endpoint, notFound, ok } from './api-shell.ts';
import { routes } from './routes.ts';

export const profileReport: Endpoint<typeof routes.profileReport> = {
  route: routes.profileReport,
  run: async ({ application, streamName, profileId }, { ports, nowMs, signal }) => {
    const group = { application, streamName };
    const report = await ports.profileReports.get(group, profileId, signal);
    if (report !== null) return ok(report);
    const run = await ports.profiles.get(group, profileId, signal);
    if (run === null) {
      const known = (await ports.profileReports.recent(group, 5, signal)).map((each) => each.profileId);
      return notFound(
        'UnknownProfile',
        `profile ${profileId} is not known to stream ${streamName}; the newest are ${known.join(', ') || 'none'}`,
      );
    }
    const left = run.endsAtMs === undefined ? '' : `, ${Math.max(0, Math.round((run.endsAtMs - nowMs) / 1000))} s are left`;
    return conflict(
      'ProfileUnderWay',
      `profile ${profileId} is ${run.state} on ${run.hostId}${left}; its report is made when it has ended`,
    );
  },
};

export const handler = api(profileReport);
