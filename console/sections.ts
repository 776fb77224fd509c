// console/sections: the page's other parts, each from one answer of the API.
// in: fleet, predictions, monitor, plans · out: elements
import type { FleetResponse, MonitorResponse, PredictionsResponse } from '../lib/model/api.ts';
import { type Child, empty, html, table } from './dom.ts';
import { bytes, clock, clockSeconds, count, duration, percent, rate, shardName } from './format.ts';
import { openShards } from './key-space.ts';

/** A plan as the API tells it: hash keys are strings there. */
export interface PlanView {
  readonly planId: string;
  readonly createdAtMs: number;
  readonly mode: string;
  readonly status: string;
  readonly leadTimeReason: string;
  readonly shardsReason?: string;
  readonly workersReason?: string;
  readonly actions: readonly {
    readonly actionId: string;
    readonly kind: string;
    readonly trigger: string;
    readonly shardId: string;
    readonly reason: string;
    readonly workerId?: string;
    readonly target?: string;
    readonly expected: {
      readonly costUsdPerMonth: number;
      readonly leadTimeSec: number;
      readonly recordsAtRiskPerHour: number;
      readonly benefitUsdPerHour?: number;
      readonly lagAvoidedSec?: number;
    };
  }[];
  readonly holds: readonly { readonly subject: string; readonly reason: string; readonly detail: string }[];
}

const tile = (name: string, value: Child, note: Child = ''): HTMLElement =>
  html(
    'div',
    { class: 'tile' },
    html('p', { class: 'name' }, name),
    html('p', { class: 'figure-value' }, value),
    html('p', { class: 'note' }, note),
  );

type Accuracy = NonNullable<PredictionsResponse['series'][number]['accuracy']>[number];
const HIGHEST_WITHIN_MS = 30 * 60_000;
const ACCURACY_SEC = 900;

/** What is said beside how often a bound held. */
const howGood = (held: Accuracy | undefined): string =>
  held === undefined
    ? 'no forecast’s time has come yet'
    : `of 15-minute windows, error ${percent(held.relativeError)}, over ${Math.round(held.minutes)} min`;

/** The figures that one looks at first. */
export const glance = (
  fleet: FleetResponse,
  predictions: PredictionsResponse | null,
  monitor: MonitorResponse | null,
  plans: readonly PlanView[],
): HTMLElement[] => {
  const shards = openShards(fleet);
  const now = shards.reduce((sum, shard) => sum + (shard.recordsPerSec ?? 0), 0);
  const stream = predictions?.series.find((series) => series.scope === 'stream' && series.metric === 'records');
  const shown = stream?.points.filter(({ atMs }) => atMs <= stream.issuedAtMs + HIGHEST_WITHIN_MS);
  const highest = shown?.at(-1)?.windowMax95 ?? null;
  const meanHighest = shown?.at(-1)?.windowMaxMean;
  const held = stream?.accuracy?.find(({ model, horizonSec }) => horizonSec === ACCURACY_SEC && model === stream.model);
  const fullest = shards.reduce<number | null>(
    (most, shard) =>
      shard.utilizationForeseen !== null && shard.utilizationForeseen > (most ?? -1) ? shard.utilizationForeseen : most,
    null,
  );
  const moved = monitor?.outcomes.find((outcome) => outcome.kind === 'handover' && outcome.pauseMs !== null);
  const alive = fleet.workers.filter((worker) => worker.alive).length;
  const mode = plans[0]?.mode ?? null;
  return [
    tile(
      'Records a second',
      rate(now),
      fleet.observedUntilMs === null ? 'nothing observed yet' : `until ${clock(fleet.observedUntilMs)}`,
    ),
    tile(
      'Highest in 30 min',
      rate(highest),
      highest === null
        ? 'no forecast yet'
        : `95 % sure to stay below${meanHighest === undefined ? '' : `; ${rate(meanHighest)} in the mean`}`,
    ),
    tile('That bound held', percent(held?.maxCoverage95 ?? null), howGood(held)),
    tile('Fullest shard foreseen', percent(fullest), `target ${percent(fleet.targetUtilization)}`),
    tile('Shards', String(shards.length), `stream ${fleet.streamStatus.toLowerCase()}`),
    tile(
      'Workers',
      String(alive),
      alive < fleet.workers.length ? `${fleet.workers.length - alive} without a heartbeat` : 'all with a heartbeat',
    ),
    tile(
      'Last handover paused',
      moved === undefined ? '–' : duration(moved.pauseMs),
      moved === undefined
        ? mode === null
          ? 'no plan yet'
          : `mode ${mode}`
        : `shard ${moved.shardIds.map(shardName).join(', ')} at ${clock(moved.atMs)}`,
    ),
  ];
};

const actionNames: Readonly<Record<string, string>> = {
  split: 'split',
  merge: 'merge',
  resize: 'resize',
  'create-shadow': 'shadow',
  'remove-shadow': 'drop shadow',
  handover: 'handover',
};
const triggerNames: Readonly<Record<string, string>> = {
  forecast: 'foreseen',
  reactive: 'reactive net',
  replication: 'for safety',
  request: 'on request',
  utilization: 'high load',
};

/** Plans that did nothing and for the same reasons are shown as one. */
export const foldPlans = (
  plans: readonly PlanView[],
): { readonly plan: PlanView; readonly times: number; readonly sinceMs: number }[] => {
  const folded: { plan: PlanView; times: number; sinceMs: number }[] = [];
  const shape = (plan: PlanView) => plan.holds.map((hold) => `${hold.subject}/${hold.reason}`).join(' ');
  for (const plan of plans) {
    const last = folded.at(-1);
    if (last !== undefined && plan.actions.length === 0 && last.plan.actions.length === 0 && shape(plan) === shape(last.plan)) {
      last.times++;
      last.sinceMs = plan.createdAtMs;
    } else folded.push({ plan, times: 1, sinceMs: plan.createdAtMs });
  }
  return folded;
};

/** Every plan, newest first: what it does, what it leaves, and why. */
export const planList = (plans: readonly PlanView[]): HTMLElement => {
  if (plans.length === 0) return empty('No plan yet. One is made each minute, as soon as there is a policy and some history.');
  const entries = foldPlans(plans).map(({ plan, times, sinceMs }) =>
    html(
      'li',
      { class: plan.actions.length > 0 ? 'plan acts' : 'plan' },
      html(
        'p',
        { class: 'when' },
        html(
          'time',
          { datetime: new Date(plan.createdAtMs).toISOString() },
          times > 1 ? `${clock(sinceMs)} – ${clock(plan.createdAtMs)}` : clock(plan.createdAtMs),
        ),
        html('span', { class: 'quiet' }, times > 1 ? `${times} plans alike` : `${plan.mode}, ${plan.status}`),
      ),
      ...plan.actions.map((action) =>
        html(
          'div',
          { class: 'action' },
          html(
            'span',
            { class: `badge ${action.kind}` },
            `${actionNames[action.kind] ?? action.kind} ${shardName(action.shardId)}`,
          ),
          html('span', { class: `badge trigger ${action.trigger}` }, triggerNames[action.trigger] ?? action.trigger),
          html('p', {}, action.reason),
          html(
            'p',
            { class: 'quiet' },
            [
              `takes about ${duration(action.expected.leadTimeSec * 1000)}`,
              action.expected.costUsdPerMonth !== 0 &&
                `${action.expected.costUsdPerMonth > 0 ? 'costs' : 'saves'} $${Math.abs(action.expected.costUsdPerMonth).toFixed(2)} a month`,
              action.expected.benefitUsdPerHour !== undefined &&
                action.expected.benefitUsdPerHour > 0 &&
                `avoids what is worth $${action.expected.benefitUsdPerHour.toPrecision(2)} an hour`,
              action.expected.lagAvoidedSec !== undefined &&
                action.expected.lagAvoidedSec >= 1 &&
                `and a lag of ${duration(action.expected.lagAvoidedSec * 1000)}`,
              action.expected.recordsAtRiskPerHour >= 1 &&
                `without it ${count(Math.round(action.expected.recordsAtRiskPerHour), 'record')} an hour at risk`,
            ]
              .filter(Boolean)
              .join(' · '),
          ),
        ),
      ),
      plan.holds.length > 0 &&
        html(
          'details',
          { 'data-id': `holds-${plan.planId}`, ...(plan.actions.length === 0 ? { class: 'only' } : {}) },
          html(
            'summary',
            {},
            plan.actions.length === 0
              ? html('span', {}, 'Holds: ', plan.holds[0]!.detail)
              : `and ${count(plan.holds.length, 'hold')}`,
          ),
          html(
            'ul',
            { class: 'holds' },
            ...plan.holds.map((hold) =>
              html('li', {}, html('b', {}, `${shardName(hold.subject)}, ${hold.reason}`), ` ${hold.detail}`),
            ),
          ),
          html('p', { class: 'quiet' }, plan.leadTimeReason),
          ...[plan.shardsReason, plan.workersReason]
            .filter((reason) => reason !== undefined)
            .map((reason) => html('p', { class: 'quiet' }, reason)),
        ),
    ),
  );
  return html('ol', { class: 'plans', reversed: true }, ...entries);
};

const phases = ['preparing', 'pausing', 'redirected', 'verified', 'activating', 'activated', 'released'];
const phaseNames = ['Prepare', 'Pause', 'Redirect', 'Verify', 'Activate', 'Deactivate', 'Resume'];

/** What is under way, and what has ended with its pause. */
export const moveList = (monitor: MonitorResponse): HTMLElement => {
  const running = monitor.handovers.map((handover) => {
    const at = phases.indexOf(handover.phase);
    return html(
      'div',
      { class: 'running' },
      html(
        'p',
        {},
        html('b', {}, `Shard ${shardName(handover.shardId)}`),
        ` ${handover.source} → ${handover.target}`,
        html('span', { class: 'quiet' }, ` for ${duration(Math.max(monitor.atMs - handover.requestedAtMs, 0))}`),
      ),
      html(
        'ol',
        { class: 'phases', 'aria-label': `phase ${handover.phase}` },
        ...phaseNames.map((name, i) =>
          html(
            'li',
            { class: i < at ? 'past' : i === at ? 'current' : '', ...(i === at ? { 'aria-current': 'step' } : {}) },
            name,
          ),
        ),
      ),
    );
  });
  if (running.length === 0 && monitor.outcomes.length === 0) return empty('Nothing has moved yet.');
  const good = new Set(['moved', 'done']);
  return html(
    'div',
    {},
    ...running,
    monitor.outcomes.length > 0 &&
      table(
        'Finished handovers and reshards, newest first',
        ['When', 'What', 'Shards', 'Result', 'Why', 'Pause', 'Took'],
        monitor.outcomes.map((outcome) => [
          html('span', {}, clockSeconds(outcome.atMs)),
          outcome.kind,
          html('span', { title: outcome.shardIds.join(', ') }, outcome.shardIds.map(shardName).join(', ')),
          html('span', { class: good.has(outcome.result) ? 'good' : 'bad' }, outcome.result),
          triggerNames[outcome.trigger] ?? outcome.trigger,
          duration(outcome.pauseMs),
          duration(outcome.durationMs),
        ]),
      ),
  );
};

const bar = (now: number, foreseen: number | null, label: string): HTMLElement =>
  html(
    'div',
    { class: 'bar', role: 'img', 'aria-label': label },
    foreseen !== null &&
      html('span', { class: `ahead ${foreseen > 1 ? 'over' : ''}`, style: `width:${Math.min(foreseen, 1) * 100}%` }),
    html('span', { class: 'fill', style: `width:${Math.min(now, 1) * 100}%` }),
  );

/** Each worker with its load, its shards and the shadows that it keeps. */
export const workerList = (fleet: FleetResponse): HTMLElement => {
  if (fleet.workers.length === 0)
    return empty('No worker has registered yet. A worker appears as soon as a Consumer of this application starts.');
  const workers = [...fleet.workers].sort((a, b) => (a.workerId < b.workerId ? -1 : 1));
  return html(
    'ul',
    { class: 'workers' },
    ...workers.map((worker, i) =>
      html(
        'li',
        { class: worker.alive ? '' : 'dead' },
        html(
          'p',
          { class: 'title' },
          html('span', { class: `dot worker-${i % 6}`, 'aria-hidden': 'true' }),
          html('b', {}, worker.workerId),
          html('span', { class: 'quiet' }, `zone ${worker.zone}`),
          html('span', { class: worker.alive ? 'state' : 'state bad' }, worker.alive ? worker.state : 'no heartbeat'),
        ),
        bar(
          worker.utilizationNow,
          worker.utilizationForeseen,
          `${percent(worker.utilizationNow)} now, ${percent(worker.utilizationForeseen)} foreseen`,
        ),
        html(
          'p',
          { class: 'quiet' },
          `${percent(worker.utilizationNow)} now, ${percent(worker.utilizationForeseen)} foreseen · ${rate(worker.recordsPerSec)} of ${rate(worker.capacityRecordsPerSec)} records/s · CPU ${percent(worker.cpuShare)} · event loop ${percent(worker.eventLoopShare)} · ${bytes(worker.memoryBytes)} · lease store ${duration(worker.leaseStoreLatencyMs)}`,
        ),
        html(
          'p',
          { class: 'chips' },
          ...worker.shardIds.map((id) => html('span', { class: 'chip', title: id }, `shard ${shardName(id)}`)),
          ...worker.shadowShardIds.map((id) => html('span', { class: 'chip shadow', title: id }, `shadow of ${shardName(id)}`)),
          worker.shardIds.length + worker.shadowShardIds.length === 0 && html('span', { class: 'quiet' }, 'holds no shard'),
        ),
      ),
    ),
  );
};

/** A cell of two lines, the second one quiet. */
const two = (first: Child, ...second: Child[]): HTMLElement =>
  html('div', { class: 'two' }, html('div', {}, first), html('div', { class: 'quiet' }, ...second));

/** Each standby shadow with what it has proved. */
export const shadowList = (monitor: MonitorResponse): HTMLElement => {
  if (monitor.shadows.length === 0) return empty('No standby shadow now. One is made before each move.');
  return table(
    'Standby shadows',
    ['Shard', 'Owner → shadow', 'State', 'Verified', 'Buffered', 'Behind'],
    monitor.shadows.map((shadow) => [
      html('span', { title: shadow.shardId }, shardName(shadow.shardId)),
      `${shadow.owner ?? 'nobody'} → ${shadow.workerId}`,
      two(
        html('span', { class: shadow.state === 'diverged' ? 'bad' : shadow.state === 'tracking' ? 'good' : '' }, shadow.state),
        shadow.divergence === null
          ? `for ${shadow.purpose}`
          : `owner ${shadow.divergence.owner.digest.slice(0, 8)}, shadow ${shadow.divergence.shadow.digest.slice(0, 8)}`,
      ),
      shadow.verifiedThrough === null
        ? '–'
        : two(
            html(
              'span',
              { title: `through ${shadow.verifiedThrough.sequenceNumber}` },
              count(shadow.verifiedThrough.count, 'record'),
            ),
            html('code', {}, shadow.verifiedThrough.digest.slice(0, 8)),
            ` ${duration(shadow.verifiedAgeMs)} ago`,
          ),
      two(count(shadow.bufferedRecords, 'record'), bytes(shadow.bufferedBytes)),
      duration(shadow.lagMs),
    ]),
  );
};

/** Profiling shadows under way and what the last ones have taught; nothing where there was none. */
export const profileList = ({ profiles, atMs }: MonitorResponse): HTMLElement[] =>
  profiles.length === 0
    ? []
    : [
        table(
          'Profiling shadows',
          ['Shard', 'On', 'State', 'Sample', 'Limit', 'Foreseen'],
          profiles.map((profile) => [
            html('span', { title: profile.shardId }, shardName(profile.shardId)),
            two(profile.hostId, triggerNames[profile.trigger] ?? profile.trigger),
            two(
              html('span', { class: profile.state === 'ended' ? '' : 'good' }, profile.state),
              profile.state === 'ended' || profile.endsAtMs === null
                ? clock(profile.requestedAtMs)
                : `${duration(Math.max(profile.endsAtMs - atMs, 0))} left`,
            ),
            two(percent(profile.share), count(profile.records, 'record')),
            profile.limit === null
              ? '–'
              : two(
                  html('span', { title: profile.decision ?? '' }, profile.limit),
                  `at ${rate(profile.capacityRecordsPerSec)} records/s`,
                ),
            html('span', { class: (profile.utilizationForeseen ?? 0) > 1 ? 'bad' : '' }, percent(profile.utilizationForeseen)),
          ]),
        ),
      ];

/** What is tuned of the workers' settings, a sentence each; nothing where nothing ever was. */
export const tuningList = ({ tuning }: MonitorResponse): HTMLElement[] => {
  const { trial, outcomes, summary, settings } = tuning;
  if (trial === null && outcomes.length === 0 && Object.keys(settings).length === 0) return [];
  return [
    table(
      'Tuning',
      ['Setting', 'State', 'Why'],
      [
        ...(trial === null
          ? []
          : [[two(trial.setting, `${trial.from} → ${trial.to}`), html('span', { class: 'good' }, trial.phase), trial.summary]]),
        ...outcomes.map((outcome) => [
          two(outcome.setting, `${outcome.from} → ${outcome.to}`),
          two(
            html('span', { class: outcome.result === 'rolledBack' ? 'bad' : '' }, tuningResults[outcome.result]),
            clock(outcome.endedAtMs),
          ),
          outcome.reason,
        ]),
      ],
    ),
    html('p', {}, summary),
  ];
};

const tuningResults = { kept: 'kept', rolledBack: 'taken back', givenUp: 'not applied' } as const;
