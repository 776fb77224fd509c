// console/key-space: each shard where it lies in the hash key space, as wide as its range, as high as it is full.
// in: GET /fleet · out: a picture and the same as a table
import type { FleetResponse } from '../lib/model/api.ts';
import { html, svg, table } from './dom.ts';
import { percent, rate, shardName } from './format.ts';

type ShardView = FleetResponse['shards'][number];
const HEIGHT = 236;
const TOP = 26;
const FLOOR = 40;
const GAP = 3;

/** The shards that take records now: those that ended only wait for their retirement. */
export const openShards = (fleet: FleetResponse): ShardView[] =>
  fleet.shards
    .filter((shard) => shard.state !== 'ended')
    .sort((a, b) => (BigInt(a.startingHashKey) < BigInt(b.startingHashKey) ? -1 : 1));

const levelOf = (utilization: number | null, target: number): string =>
  utilization === null ? 'unknown' : utilization > 1 ? 'over' : utilization > target ? 'high' : 'fine';

/** Draws the strip `width` pixels wide. */
export const keySpace = (fleet: FleetResponse, width: number, workerIds: readonly string[]): HTMLElement => {
  const shards = openShards(fleet);
  const tops = shards.flatMap((shard) => [shard.utilizationNow ?? 0, shard.utilizationForeseen ?? 0]);
  const scaleTop = Math.max(1.05, ...tops) * 1.04;
  const bodyHeight = HEIGHT - TOP - FLOOR;
  const y = (utilization: number) => TOP + bodyHeight * (1 - Math.min(utilization, scaleTop) / scaleTop);
  const left = 44;
  const usable = width - left - 8;
  let at = 0;
  const blocks = shards.map((shard) => {
    const x = left + at * usable + GAP / 2;
    const w = Math.max(shard.widthShare * usable - GAP, 2);
    at += shard.widthShare;
    const now = shard.utilizationNow;
    const foreseen = shard.utilizationForeseen;
    const owner = shard.owner === null ? 'no owner' : shard.owner;
    const colour = shard.owner === null ? 'none' : String(Math.max(workerIds.indexOf(shard.owner), 0) % 6);
    const title = `Shard ${shardName(shard.shardId)}: ${percent(now)} now, ${percent(foreseen)} foreseen, owner ${owner}, ${rate(shard.recordsPerSec)} records/s, epoch ${shard.epoch}`;
    return svg(
      'g',
      { class: `shard ${levelOf(now, fleet.targetUtilization)}`, role: 'listitem', 'aria-label': title },
      svg('title', {}, title),
      svg('rect', { x, y: TOP, width: w, height: bodyHeight, class: 'trough', rx: 4 }),
      foreseen !== null &&
        svg('rect', {
          x: x + 0.75,
          y: y(foreseen),
          width: w - 1.5,
          height: y(0) - y(foreseen),
          class: `foreseen ${levelOf(foreseen, fleet.targetUtilization)}`,
          rx: 4,
        }),
      now !== null && svg('rect', { x, y: y(now), width: w, height: y(0) - y(now), class: 'now', rx: 4 }),
      w > 36 &&
        svg(
          'text',
          { x: x + w / 2, y: TOP - 9, class: 'value', 'text-anchor': 'middle' },
          `${percent(now)}${foreseen !== null && w > 92 ? ` → ${percent(foreseen)}` : ''}`,
        ),
      w > 22 &&
        svg(
          'text',
          { x: x + w / 2, y: HEIGHT - 23, class: 'name', 'text-anchor': 'middle' },
          w > 74 ? `shard ${shardName(shard.shardId)}` : shardName(shard.shardId),
        ),
      w > 60 &&
        svg('circle', {
          cx: x + w / 2 - (w > 90 ? owner.length * 3.4 : 0) - (w > 90 ? 4 : 0),
          cy: HEIGHT - 10,
          r: 4,
          class: `worker-${colour}`,
        }),
      w > 90 && svg('text', { x: x + w / 2 + 5, y: HEIGHT - 6, class: 'owner', 'text-anchor': 'middle' }, owner),
    );
  });
  const gridLine = (utilization: number, name: string) => [
    svg('line', { x1: left, x2: width - 8, y1: y(utilization), y2: y(utilization), class: name }),
    svg('text', { x: left - 7, y: y(utilization) + 4, class: `tick ${name}`, 'text-anchor': 'end' }, percent(utilization)),
  ];
  return html(
    'div',
    {},
    svg(
      'svg',
      {
        viewBox: `0 0 ${width} ${HEIGHT}`,
        width,
        height: HEIGHT,
        class: 'space',
        role: 'list',
        'aria-label': `Utilisation of ${shards.length} shards in order of their hash ranges`,
      },
      ...gridLine(0, 'grid'),
      ...blocks,
      ...gridLine(1, 'full'),
      ...gridLine(fleet.targetUtilization, 'target'),
    ),
    html(
      'details',
      { 'data-id': 'space-table' },
      html('summary', {}, 'As a table'),
      table(
        'Shards',
        ['Shard', 'Share of key space', 'Now', 'Foreseen', 'Records/s', 'Owner', 'Epoch', 'Replication', 'State'],
        shards.map((shard) => [
          html('span', { title: shard.shardId }, shardName(shard.shardId)),
          `${(shard.widthShare * 100).toFixed(1)} %`,
          percent(shard.utilizationNow),
          percent(shard.utilizationForeseen),
          rate(shard.recordsPerSec),
          html('span', {}, shard.owner ?? 'nobody'),
          String(shard.epoch),
          String(shard.replicationFactor),
          shard.state,
        ]),
      ),
    ),
  );
};
