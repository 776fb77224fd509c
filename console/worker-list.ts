// console/worker-list: the fleet.
// in: the fleet's answer · out: each worker with its load, its shards and its shadows
import type { FleetResponse } from '../lib/model/api.ts';
import { empty, html } from './dom.ts';
import { bytes, duration, percent, rate, shardName } from './format.ts';

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
