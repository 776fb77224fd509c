// lib/consumer: whether a profiling run is over, or not to be begun at all.
// in: the run as its item says, how far it is · out: its end, or null
import type { ProfilingEnd, ProfilingRun, ProfilingWindow } from '../model/profiling.ts';
import { loadOf } from './profiling-windows.ts';

/** Fewer records say nothing about their errors. */
const ERRORS_FROM_RECORDS = 20;

export interface ProfilingState {
  readonly nowMs: number;
  readonly spentUsd: number;
  /** By leg, of the whole run. */
  readonly legs: readonly { readonly leg: string; readonly records: number; readonly failed: number }[];
  readonly ownsShard: boolean;
  readonly shardEnded: boolean;
  readonly hostStops: boolean;
}

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;

/** Why the run ends now; null: it goes on. */
export const endOf = (run: ProfilingRun, state: ProfilingState): ProfilingEnd | null => {
  const { request, endsAtMs, stop } = run;
  const { nowMs } = state;
  const end = (by: ProfilingEnd['by'], detail: string): ProfilingEnd => ({ by, detail, atMs: nowMs });
  if (state.hostStops) return end('host-stopped', `worker ${run.hostId} stops`);
  if (stop !== undefined) return end('stopped', `by ${stop.by}: ${stop.detail}`);
  if (state.ownsShard)
    return end('shard-moved-here', `worker ${run.hostId} owns shard ${run.shardId} by now; a shadow runs on another worker`);
  if (state.shardEnded) return end('shard-ended', `shard ${run.shardId} was split or merged, and is read to its end`);
  const failing = state.legs.find(
    ({ records, failed }) => records >= ERRORS_FROM_RECORDS && failed / records > request.maxErrorShare,
  );
  if (failing !== undefined)
    return end(
      'errors',
      `leg ${failing.leg}: ${failing.failed} of ${failing.records} records failed (${percent(failing.failed / failing.records)}), allowed are ${percent(request.maxErrorShare)}`,
    );
  if (state.spentUsd > request.budgetUsd)
    return end('budget', `it has cost $${state.spentUsd.toFixed(4)}, allowed are $${request.budgetUsd}`);
  if (endsAtMs !== undefined && nowMs >= endsAtMs) return end('duration', `${request.durationMin} min are over`);
  return null;
};

/** What the worker that is told to host a run knows of itself. */
export interface HostState {
  readonly workerId: string;
  readonly shadowSafe: boolean;
  readonly candidateSafe: boolean | null;
  /** By which it goes where a run asks for no other number. @default 1 */
  readonly lanes?: number;
  /** The most lanes that the processor and the candidate bear; missing: they declare none. */
  readonly mostLanes?: number | undefined;
  readonly mostCandidateLanes?: number | undefined;
  readonly sharedResults: boolean;
  readonly hosting: string | null;
  /** The shard's owner; null: there is no such shard. */
  readonly owner: { readonly workerId: string | null } | null;
  readonly nowMs: number;
}

/** Why this worker does not host a run; null: it does. */
export const refusalOf = ({ request, shardId }: ProfilingRun, host: HostState): ProfilingEnd | null => {
  const refuse = (refusal: NonNullable<ProfilingEnd['refusal']>, detail: string): ProfilingEnd => ({
    by: 'refused',
    refusal,
    detail,
    atMs: host.nowMs,
  });
  if (!host.shadowSafe)
    return refuse(
      'not-shadow-safe',
      `the processor of worker ${host.workerId} does not declare shadowSafe: true; it is never run in a shadow before it does`,
    );
  if (request.other?.processor === 'candidate' && host.candidateSafe === null)
    return refuse('no-candidate', `worker ${host.workerId} has no option candidate: a processor to try`);
  if (request.other?.processor === 'candidate' && host.candidateSafe === false)
    return refuse(
      'not-shadow-safe',
      `the candidate of worker ${host.workerId} does not declare shadowSafe: true; it is never run in a shadow before it does`,
    );
  const lanes = request.other?.concurrencyPerShard ?? host.lanes ?? 1;
  const most = request.other?.processor === 'candidate' ? host.mostCandidateLanes : host.mostLanes;
  if (most !== undefined && lanes > most)
    return refuse(
      'too-many-lanes',
      `the ${request.other?.processor === 'candidate' ? 'candidate' : 'processor'} of worker ${host.workerId} bears at most ${most} calls of a shard side by side (maxConcurrencyPerShard), asked are ${lanes}`,
    );
  if (request.compare?.with === 'primary' && !host.sharedResults)
    return refuse(
      'results-not-shared',
      `worker ${host.workerId} keeps results in its own memory, where the primary's do not come; set the option results to a store that both reach, or compare legs`,
    );
  if (host.owner === null) return refuse('unknown-shard', `there is no open shard ${shardId}`);
  if (host.owner.workerId === host.workerId)
    return refuse('host-owns-the-shard', `worker ${host.workerId} owns shard ${shardId}; a shadow runs on another worker`);
  if (host.hosting !== null)
    return refuse(
      'hosting-another',
      `worker ${host.workerId} hosts ${host.hosting}; one at a time, so that each is measured alone`,
    );
  return null;
};

/** The end of a run whose host is too busy already, without the shadow; null: it has room. */
export const noRoomFor = ({ request, hostId }: ProfilingRun, window: ProfilingWindow, nowMs: number): ProfilingEnd | null => {
  const { cpuShare, eventLoopShare } = loadOf(window);
  if (Math.max(cpuShare, eventLoopShare) <= request.busyAbove) return null;
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  const detail = `worker ${hostId} has no room: its CPU is ${percent(cpuShare)} busy and its event loop ${percent(eventLoopShare)}, allowed are ${percent(request.busyAbove)}`;
  return { by: 'refused', refusal: 'host-busy', detail, atMs: nowMs };
};
