// console/shadow-list: standby shadows, each with what it has proved.
// in: the monitor's answer · out: a table
import type { MonitorResponse } from '../lib/model/api.ts';
import { empty, html, table, two } from './dom.ts';
import { bytes, count, duration, shardName } from './format.ts';

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
