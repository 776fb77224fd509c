// console/glance: the figures that one looks at first.
// in: fleet, predictions, monitor, the newest plan's mode · out: tiles
import type { FleetResponse, MonitorResponse, PredictionsResponse } from '../lib/model/api.ts';
import { type Child, html } from './dom.ts';
import { clock, duration, percent, rate, shardName } from './format.ts';
import { openShards } from './key-space.ts';
import type { PlanView } from './plan-list.ts';

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
