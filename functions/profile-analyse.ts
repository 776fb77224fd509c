// functions: what a run has taught.
// in: a run that has ended · out: its report in the store

import { PoisonError } from '../lib/errors.ts';
import { ProfileInput } from '../lib/model/profile-machine.ts';
import type { ProfileReport } from '../lib/model/profile-report.ts';
import { findingsOf } from '../lib/profile/findings-of.ts';
import { reportPointsOf } from '../lib/profile/report-points.ts';
import { policyOf } from './policy-of.ts';
import { profileScene, targetsOf } from './profile-scene.ts';
import { readFleet } from './read-fleet.ts';
import { type Task, task } from './shell.ts';

interface Analysed {
  readonly kind: 'analysed';
  readonly limit: string | null;
  readonly detail: string;
}

export const profileAnalyse = {
  name: 'profile-analyse',
  input: ProfileInput,
  run: async ({ operationId, ...asked }, { ports, nowMs, signal }): Promise<Analysed> => {
    const policy = await policyOf(asked, ports, signal);
    const [run, windows, totals, fleet, forecasts] = await Promise.all([
      ports.profiles.get(asked, operationId, signal),
      ports.profiles.windows(asked, operationId, signal),
      ports.profiles.totals(asked, operationId, signal),
      readFleet(asked, policy, ports, nowMs, signal),
      ports.forecasts.latest(asked.streamName, signal),
    ]);
    if (fleet === null) throw new PoisonError(`stream ${asked.streamName} is not there any more`);
    const findings = findingsOf(
      profileScene(asked.shardId, windows, totals, fleet, forecasts, policy, run),
      targetsOf(fleet, policy),
    );
    const report: ProfileReport = {
      ...asked,
      profileId: operationId,
      owner: fleet.leases.find(({ shardId }) => shardId === asked.shardId)?.owner ?? null,
      requestedAtMs: run?.requestedAtMs ?? nowMs,
      analysedAtMs: nowMs,
      ended: run?.ended ?? null,
      findings,
      points: reportPointsOf(windows),
      totals,
    };
    await ports.profileReports.put(report, signal);
    return { kind: 'analysed', limit: findings.limit, detail: findings.detail };
  },
} satisfies Task<typeof ProfileInput, Analysed>;

export const handler = task(profileAnalyse);
