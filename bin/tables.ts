// bin/tables: the API's answers as tables for a terminal.
// in: bodies of the API · out: text
import type { FleetResponse, MonitorResponse, TuningView } from '../lib/model/api.ts';

/** Columns as wide as their widest cell; numbers to the right. */
export const columns = (header: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (/^[\d–-][\d.,]*( [%a-zA-Z/]+)?$/.test(cell) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(header), ...rows.map(line)].join('\n');
};

const percent = (share: number | null): string => (share === null ? '–' : `${Math.round(share * 100)} %`);
const rate = (value: number | null): string => (value === null ? '–' : value.toFixed(1));
const time = (ms: number): string => `${new Date(ms).toISOString().slice(11, 19)}Z`;
const millis = (ms: number | null): string =>
  ms === null ? '–' : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

export const statusText = (fleet: FleetResponse): string => {
  const open = fleet.shards
    .filter((shard) => shard.state !== 'ended')
    .sort((a, b) => (BigInt(a.startingHashKey) < BigInt(b.startingHashKey) ? -1 : 1));
  const observed = fleet.observedUntilMs === null ? 'nothing observed yet' : `observed until ${time(fleet.observedUntilMs)}`;
  return [
    `stream ${fleet.streamStatus}, ${open.length} shards, target ${percent(fleet.targetUtilization)}, ${observed}`,
    '',
    columns(
      ['SHARD', 'KEYS', 'NOW', 'FORESEEN', 'RECORDS/S', 'OWNER', 'EPOCH', 'STATE'],
      open.map((shard) => [
        shard.shardId,
        percent(shard.widthShare),
        percent(shard.utilizationNow),
        percent(shard.utilizationForeseen),
        rate(shard.recordsPerSec),
        shard.owner ?? 'nobody',
        String(shard.epoch),
        shard.state,
      ]),
    ),
    '',
    columns(
      ['WORKER', 'ZONE', 'STATE', 'NOW', 'FORESEEN', 'RECORDS/S', 'CAPACITY', 'CPU', 'SHARDS', 'SHADOWS'],
      fleet.workers.map((worker) => [
        worker.workerId,
        worker.zone,
        worker.alive ? worker.state : 'no heartbeat',
        percent(worker.utilizationNow),
        percent(worker.utilizationForeseen),
        rate(worker.recordsPerSec),
        rate(worker.capacityRecordsPerSec),
        percent(worker.cpuShare),
        String(worker.shardIds.length),
        String(worker.shadowShardIds.length),
      ]),
    ),
  ].join('\n');
};

interface ExpectedBody {
  readonly leadTimeSec: number;
  readonly costUsdPerHour?: number | undefined;
  readonly costUsdOnce?: number | undefined;
  readonly benefitUsdPerHour?: number | undefined;
  readonly recordsAtRiskPerHour: number;
  readonly lagAvoidedSec?: number | undefined;
}

const usd = (value: number): string => `$${value !== 0 && Math.abs(value) < 0.1 ? value.toFixed(4) : value.toFixed(2)}`;

/** What an action takes and what it avoids. */
const expectedText = (expected: ExpectedBody): string => {
  const { costUsdPerHour = 0, costUsdOnce = 0, benefitUsdPerHour = 0, recordsAtRiskPerHour, lagAvoidedSec = 0 } = expected;
  return [
    `takes about ${Math.round(expected.leadTimeSec)} s`,
    costUsdPerHour < 0 ? `saves ${usd(-costUsdPerHour)} an hour` : `costs ${usd(costUsdPerHour)} an hour`,
    costUsdOnce > 0 && `${usd(costUsdOnce)} once`,
    benefitUsdPerHour < 0
      ? `risks what is worth ${usd(-benefitUsdPerHour)} an hour`
      : `avoids what is worth ${usd(benefitUsdPerHour)} an hour`,
    recordsAtRiskPerHour >= 1 && `${Math.round(recordsAtRiskPerHour)} records an hour at risk without it`,
    lagAvoidedSec >= 1 && `a lag of ${Math.round(lagAvoidedSec)} s without it`,
  ]
    .filter(Boolean)
    .join(', ');
};

/** GET /plans, as far as it is shown. */
export interface PlanBody {
  readonly plans: readonly {
    readonly planId: string;
    readonly createdAtMs: number;
    readonly mode: string;
    readonly status: string;
    readonly leadTimeReason: string;
    readonly shardsReason?: string | undefined;
    readonly workersReason?: string | undefined;
    readonly workerCountChange?: { readonly reason: string } | undefined;
    readonly priceSource?: string | undefined;
    readonly actions: readonly {
      readonly kind: string;
      readonly trigger: string;
      readonly shardId: string;
      readonly reason: string;
      readonly expected?: ExpectedBody | undefined;
    }[];
    readonly holds: readonly { readonly subject: string; readonly reason: string; readonly detail: string }[];
  }[];
}

export const planText = ({ plans }: PlanBody, why: boolean): string => {
  if (plans.length === 0) return 'no plan yet';
  return plans
    .map((plan) =>
      [
        `plan of ${time(plan.createdAtMs)}, mode ${plan.mode}, ${plan.status}: ${plan.actions.length} actions, ${plan.holds.length} holds`,
        ...plan.actions.flatMap((action) => [
          `  ${action.kind} ${action.shardId === '*' ? 'all shards' : action.shardId} (${action.trigger}): ${action.reason}`,
          ...(why && action.expected !== undefined ? [`    ${expectedText(action.expected)}`] : []),
        ]),
        ...(plan.workerCountChange === undefined ? [] : [`  workers: ${plan.workerCountChange.reason}`]),
        ...(plan.status === 'proposed' && (plan.actions.length > 0 || plan.workerCountChange !== undefined)
          ? [`  waits for approval: penumbra approve ${plan.planId}`]
          : []),
        ...(why
          ? [
              ...plan.holds.map((hold) => `  hold ${hold.subject} (${hold.reason}): ${hold.detail}`),
              `  ${plan.leadTimeReason}`,
              ...[plan.shardsReason, plan.workersReason].flatMap((reason) => (reason === undefined ? [] : [`  ${reason}`])),
              ...(plan.priceSource === undefined ? [] : [`  Money by ${plan.priceSource}.`]),
            ]
          : []),
      ].join('\n'),
    )
    .join('\n');
};

/** What is tuned, a sentence for each thing. */
export const tuningLines = ({ summary, trial, outcomes }: TuningView): string[] => [
  ...(trial === null ? [] : [`${trial.trialId}: ${trial.summary}`]),
  summary,
  ...outcomes.map((outcome) => `${time(outcome.endedAtMs)}  ${outcome.summary}`),
];

export const monitorText = (monitor: MonitorResponse): string =>
  [
    columns(
      ['SHADOW OF', 'OWNER', 'WORKER', 'STATE', 'FOR', 'VERIFIED', 'DIGEST', 'BUFFERED', 'BEHIND'],
      monitor.shadows.map((shadow) => [
        shadow.shardId,
        shadow.owner ?? 'nobody',
        shadow.workerId,
        shadow.state,
        shadow.purpose,
        shadow.verifiedThrough === null ? '–' : `${shadow.verifiedThrough.count}`,
        shadow.verifiedThrough?.digest ?? '–',
        String(shadow.bufferedRecords),
        millis(shadow.lagMs),
      ]),
    ),
    ...monitor.shadows.flatMap(({ shardId, divergence }) =>
      divergence === null
        ? []
        : [
            `\nthe shadow of ${shardId} differs: at ${divergence.owner.sequenceNumber} the owner has ${divergence.owner.count} records, digest ${divergence.owner.digest}, the shadow ${divergence.shadow.count}, digest ${divergence.shadow.digest}`,
          ],
    ),
    ...(monitor.profiles.length === 0
      ? []
      : [
          '',
          columns(
            ['PROFILE', 'SHARD', 'ON', 'STATE', 'WHY', 'SHARE', 'RECORDS', 'LIMIT', 'CAPACITY', 'FORESEEN'],
            monitor.profiles.map((profile) => [
              profile.profileId,
              profile.shardId,
              profile.hostId,
              profile.state,
              profile.trigger,
              percent(profile.share),
              String(profile.records),
              profile.limit ?? '–',
              rate(profile.capacityRecordsPerSec),
              percent(profile.utilizationForeseen),
            ]),
          ),
        ]),
    ...(monitor.tuning.trial === null && monitor.tuning.outcomes.length === 0
      ? []
      : ['', 'TUNING', ...tuningLines(monitor.tuning)]),
    ...monitor.handovers.map(
      (handover) =>
        `\nhandover ${handover.handoverId} of ${handover.shardId}, ${handover.source} → ${handover.target}: ${handover.phase}`,
    ),
    '',
    columns(
      ['ENDED', 'WHAT', 'SHARDS', 'RESULT', 'WHY', 'PAUSE', 'TOOK'],
      monitor.outcomes.map((outcome) => [
        time(outcome.atMs),
        outcome.kind,
        outcome.shardIds.join(' '),
        outcome.result,
        outcome.trigger,
        millis(outcome.pauseMs),
        millis(outcome.durationMs),
      ]),
    ),
  ].join('\n');

/** GET /policies: the fields of a policy. */
export type PolicyBody = Readonly<Record<string, unknown>>;

export const policyText = (policy: PolicyBody): string =>
  columns(
    ['FIELD', 'VALUE'],
    Object.entries(policy).map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)]),
  );
