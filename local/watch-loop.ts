// local/watch-loop: follows a run through the stores that the control plane writes.
// in: ports of the deployment, what the sink and the producer count · out: what is new in words, the line of now, the outcomes so far
import type { HandoverOutcome, ReshardOutcome } from '../lib/model/operation.ts';
import type { Plan } from '../lib/model/plan.ts';
import type { Ports } from '../lib/ports.ts';

export interface Watched {
  readonly lines: readonly string[];
  readonly live: string;
  readonly reshards: readonly ReshardOutcome[];
  readonly handovers: readonly HandoverOutcome[];
  readonly lastPlan: Plan | null;
}

export interface Counts {
  readonly taken: number;
  readonly processed: number;
}

const shortName = (shardId: string): string => shardId.replace(/^shardId-0*(?=\d)/, 'shard ');

/** A watcher of one stream since `sinceMs`. Each look tells only what the looks before did not. */
export const watcher = (
  ports: Pick<Ports, 'leases' | 'plans' | 'outcomes'>,
  group: { application: string; streamName: string },
  sinceMs: number,
) => {
  const told = new Set<string>();
  let lastTaken: { readonly taken: number; readonly atMs: number } | null = null;
  const once = (key: string, line: string): string[] => {
    if (told.has(key)) return [];
    told.add(key);
    return [line];
  };
  return async (counts: Counts, nowMs: number): Promise<Watched> => {
    const [leases, plans, reshards, handovers] = await Promise.all([
      ports.leases.list(group),
      ports.plans.recent(group, 10),
      ports.outcomes.recent(group.streamName, 'reshard', 50),
      ports.outcomes.recent(group.streamName, 'handover', 100),
    ]);
    const lines: string[] = [];
    for (const plan of [...plans].reverse()) {
      if (plan.createdAtMs < sinceMs) continue;
      for (const action of plan.actions)
        lines.push(
          ...once(
            `action ${action.actionId}`,
            `plan: ${action.kind} ${shortName(action.shardId)} (${action.trigger}): ${action.reason}`,
          ),
        );
      if (plan.actions.length === 0 && plan.holds[0] !== undefined)
        lines.push(...once(`hold ${plan.holds[0].subject} ${plan.holds[0].reason}`, `plan: hold: ${plan.holds[0].detail}`));
    }
    const reshardOutcomes = reshards.filter(
      (outcome): outcome is ReshardOutcome => outcome.kind === 'reshard' && outcome.atMs >= sinceMs,
    );
    for (const outcome of reshardOutcomes) {
      const names = outcome.shardIds.map(shortName).join(' + ');
      const children = outcome.childShardIds.map(shortName).join(' + ');
      lines.push(
        ...once(
          outcome.operationId,
          `${outcome.change} of ${names} ${outcome.result} (${outcome.trigger})${outcome.result === 'done' ? `: ${children}; ${outcome.updatingMs} ms until ACTIVE, ${outcome.drainMs} ms to drain` : `: ${outcome.detail}`}`,
        ),
      );
    }
    const handoverOutcomes = handovers.filter(
      (outcome): outcome is HandoverOutcome => outcome.kind === 'handover' && outcome.atMs >= sinceMs,
    );
    for (const outcome of handoverOutcomes) {
      const pause = outcome.pauseMs === undefined ? '' : `, paused ${outcome.pauseMs} ms`;
      lines.push(
        ...once(
          outcome.operationId,
          `handover of ${shortName(outcome.shardId)} ${outcome.source} → ${outcome.target} ${outcome.result} (${outcome.trigger})${pause}`,
        ),
      );
    }
    const open = leases.filter((lease) => lease.state !== 'ended');
    const shadows = open.filter((lease) => lease.shadow !== undefined);
    const perSec =
      lastTaken === null || nowMs <= lastTaken.atMs ? null : ((counts.taken - lastTaken.taken) * 1000) / (nowMs - lastTaken.atMs);
    lastTaken = { taken: counts.taken, atMs: nowMs };
    const owners = [...Map.groupBy(open, (lease) => lease.owner ?? 'nobody')]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([owner, of]) => `${owner} ${of.length}`);
    const moved = handoverOutcomes.filter((outcome) => outcome.result === 'moved');
    const live = [
      `${counts.taken} records${perSec === null ? '' : ` (${perSec.toFixed(0)}/s)`}`,
      `${Math.max(counts.taken - counts.processed, 0)} behind`,
      `${open.length} shards: ${owners.join(', ')}`,
      `${shadows.length} shadows, ${shadows.filter((lease) => lease.shadow?.verifiedThrough !== undefined).length} verified`,
      `${reshardOutcomes.filter((outcome) => outcome.result === 'done').length} reshards`,
      `${moved.length} handovers${moved[0]?.pauseMs === undefined ? '' : ` (last paused ${moved[0].pauseMs} ms)`}`,
    ].join(' · ');
    return { lines, live, reshards: reshardOutcomes, handovers: handoverOutcomes, lastPlan: plans[0] ?? null };
  };
};
