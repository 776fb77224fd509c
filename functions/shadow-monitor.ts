// functions: GET /shadow/monitor.
// in: a stream · out: its shadows with what they have verified or measured, what is tuned, handovers under way, outcomes
import type { z } from 'zod';
import type { MonitorResponse } from '../lib/model/api.ts';
import type { Lease } from '../lib/model/lease.ts';
import type { HandoverOutcome, ReshardOutcome } from '../lib/model/operation.ts';
import type { ProfileSummary } from '../lib/model/profile-report.ts';
import type { ProfilingRun } from '../lib/model/profiling.ts';
import { api, type Endpoint, ok } from './api-shell.ts';
import { routes } from './routes.ts';
import { viewOfTuning } from './tuning-scene.ts';

const OUTCOMES = 30;
const PROFILES = 10;
type Monitor = z.output<typeof MonitorResponse>;

const shadowView = (lease: Lease, nowMs: number): Monitor['shadows'] => {
  const { shadow } = lease;
  if (shadow === undefined) return [];
  return [
    {
      shardId: lease.shardId,
      owner: lease.owner ?? null,
      workerId: shadow.workerId,
      state: shadow.state,
      purpose: shadow.purpose,
      from: shadow.from ?? null,
      ownerMark: lease.mark ?? null,
      verifiedThrough: shadow.verifiedThrough ?? null,
      divergence: shadow.divergence ?? null,
      verifiedAgeMs: shadow.verifiedAtMs === undefined ? null : Math.max(0, nowMs - shadow.verifiedAtMs),
      bufferedRecords: shadow.bufferedRecords ?? 0,
      bufferedBytes: shadow.bufferedBytes ?? 0,
      lagMs: shadow.lagMs ?? null,
    },
  ];
};

const handoverView = ({ shardId, handover }: Lease): Monitor['handovers'] =>
  handover === undefined
    ? []
    : [
        {
          handoverId: handover.id,
          shardId,
          phase: handover.phase,
          source: handover.source,
          target: handover.target,
          requestedAtMs: handover.requestedAtMs,
          drained: handover.drained ?? null,
          proof: handover.proof ?? null,
        },
      ];

const outcomeView = (outcome: HandoverOutcome | ReshardOutcome): Monitor['outcomes'][number] => ({
  operationId: outcome.operationId,
  kind: outcome.kind,
  shardIds: outcome.kind === 'handover' ? [outcome.shardId] : outcome.shardIds,
  result: outcome.result,
  trigger: outcome.trigger,
  pauseMs: outcome.kind === 'handover' ? (outcome.pauseMs ?? null) : null,
  durationMs: outcome.kind === 'handover' ? outcome.durationMs : outcome.updatingMs + outcome.drainMs,
  atMs: outcome.atMs,
});

const runView = (run: ProfilingRun): Monitor['profiles'][number] => ({
  profileId: run.profileId,
  shardId: run.shardId,
  hostId: run.hostId,
  state: run.stop === undefined ? run.state : 'stopping',
  trigger: run.trigger,
  share: run.share ?? null,
  records: run.records ?? 0,
  requestedAtMs: run.requestedAtMs,
  endsAtMs: run.endsAtMs ?? null,
  limit: null,
  capacityRecordsPerSec: null,
  utilizationForeseen: null,
  decision: null,
});

const reportView = ({ findings, ...report }: ProfileSummary): Monitor['profiles'][number] => ({
  profileId: report.profileId,
  shardId: report.shardId,
  hostId: report.hostId,
  state: 'ended',
  trigger: report.trigger,
  share: findings.sampledShare,
  records: findings.records,
  requestedAtMs: report.requestedAtMs,
  endsAtMs: report.ended?.atMs ?? null,
  limit: findings.limit,
  capacityRecordsPerSec: findings.capacity?.at.recordsPerSec ?? null,
  utilizationForeseen: findings.utilizationForeseen,
  decision: report.decision ?? null,
});

export const monitorShadow: Endpoint<typeof routes.monitorShadow> = {
  route: routes.monitorShadow,
  run: async (group, { ports, nowMs, signal }) => {
    const [leases, live, reports, handovers, reshards, tuning] = await Promise.all([
      ports.leases.list(group, signal),
      ports.profiles.live(group, signal),
      ports.profileReports.recent(group, PROFILES, signal),
      ports.outcomes.recent(group.streamName, 'handover', OUTCOMES, signal),
      ports.outcomes.recent(group.streamName, 'reshard', OUTCOMES, signal),
      ports.tuning.get(group, signal),
    ]);
    const outcomes = [...handovers, ...reshards].flatMap((outcome) =>
      outcome.kind === 'forecast' ? [] : [outcomeView(outcome)],
    );
    return ok({
      atMs: nowMs,
      shadows: leases.flatMap((lease) => shadowView(lease, nowMs)),
      profiles: [
        ...live.filter((run) => !reports.some(({ profileId }) => profileId === run.profileId)).map(runView),
        ...reports.map(reportView),
      ],
      tuning: viewOfTuning(tuning, nowMs),
      handovers: leases.flatMap(handoverView),
      outcomes: outcomes.sort((a, b) => b.atMs - a.atMs).slice(0, OUTCOMES),
    });
  },
};

export const handler = api(monitorShadow);
