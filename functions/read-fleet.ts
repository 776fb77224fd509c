// functions: everything that the planner and the console look at, read as of one moment.
// in: stores · out: Fleet
import { projectSeries } from '../lib/history/project-series.ts';
import { spreadOf } from '../lib/history/spread.ts';
import { type HistoryBlock, MINUTE_MS } from '../lib/model/demand.ts';
import type { Fleet, ShardSpread } from '../lib/model/fleet.ts';
import type { Group } from '../lib/model/lease.ts';
import type { Operation } from '../lib/model/operation.ts';
import type { Policy } from '../lib/model/policy.ts';
import type { Shard } from '../lib/model/shard.ts';
import type { Rate } from '../lib/model/worker.ts';
import type { Ports } from '../lib/ports.ts';
import { liveWorkers } from './live-workers.ts';

const HOUR_MS = 3_600_000;
/** The load of now is the mean of so many minutes: one minute is noise, more is the past. */
const CURRENT_MIN = 3;
/** How the load spreads over a shard's range is steadier than its height. */
const SPREAD_MIN = 15;
/** Minutes over which two neighbours are looked at together. */
const TOGETHER_MIN = 60;
/** More operations than an hour's budget can hold. */
const OPERATIONS = 200;

export type FleetPorts = Pick<Ports, 'clock' | 'control' | 'leases' | 'workers' | 'operations' | 'history'>;

/** The end of the last minute of which anything is known. */
export const observedUntil = (blocks: readonly HistoryBlock[]): number | null => {
  const ends = blocks.map((block) => block.startMs + (block.records.findLastIndex((value) => value !== null) + 1) * MINUTE_MS);
  const known = ends.filter((endMs, i) => endMs > (blocks[i]?.startMs ?? 0));
  return known.length === 0 ? null : Math.max(...known);
};

/** Open or younger than an hour: what budgets, cool-downs and guards read. A profile changes nothing and holds nothing up. */
export const relevantOperations = (operations: readonly Operation[], nowMs: number): Operation[] =>
  operations.filter(
    ({ kind, status, acceptedAtMs, endedAtMs }) =>
      kind !== 'profile' && (status === 'accepted' || status === 'running' || nowMs - (endedAtMs ?? acceptedAtMs) < HOUR_MS),
  );

/** When UpdateShardCount was accepted; one that Kinesis refused or that never began counts too, which is the safe side. */
const resizesOf = (operations: readonly Operation[]): number[] =>
  operations.filter(({ kind }) => kind === 'resize').map(({ acceptedAtMs }) => acceptedAtMs);

/** The highest minute of a window, or nothing when a minute of it is unknown. */
const peakOf = (blocks: readonly HistoryBlock[], shard: Shard, fromMs: number, untilMs: number): Rate | undefined => {
  const highest = (metric: 'records' | 'bytes') => {
    const { values } = projectSeries(blocks, shard.hashKeyRange, metric, fromMs, untilMs);
    return values.length === 0
      ? Number.NaN
      : values.reduce((a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b)), 0);
  };
  const [recordsPerSec, bytesPerSec] = [highest('records'), highest('bytes')];
  return Number.isNaN(recordsPerSec) || Number.isNaN(bytesPerSec) ? undefined : { recordsPerSec, bytesPerSec };
};

/** Changes over so many minutes are compared: about what a forecast has to foresee. */
const CHANGE_MIN = 5;

/** How the changes of two series go together; null where too little is known. Overlapping changes are not independent: fewer samples count. */
const correlationOf = (a: Float64Array, b: Float64Array): { correlation: number; samples: number } | null => {
  const changes: [number, number][] = [];
  for (let i = CHANGE_MIN; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i]! - a[i - CHANGE_MIN]!, b[i]! - b[i - CHANGE_MIN]!];
    if (!Number.isNaN(x) && !Number.isNaN(y)) changes.push([x, y]);
  }
  const samples = Math.floor(changes.length / CHANGE_MIN);
  if (samples < 4) return null;
  const mean = (of: (pair: [number, number]) => number) => changes.reduce((sum, pair) => sum + of(pair), 0) / changes.length;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const [xx, yy, xy] = [
    mean(([x]) => (x - meanX) ** 2),
    mean(([, y]) => (y - meanY) ** 2),
    mean(([x, y]) => (x - meanX) * (y - meanY)),
  ];
  return xx > 0 && yy > 0 ? { correlation: Math.max(-1, Math.min(1, xy / Math.sqrt(xx * yy))), samples } : null;
};

/** What is known of each open shard together with the next one in hash order. */
const withNextOf = (
  blocks: readonly HistoryBlock[],
  open: readonly Shard[],
  coldWindowMin: number,
  untilMs: number,
): ReadonlyMap<string, NonNullable<ShardSpread['withNext']>> => {
  const ordered = [...open].sort((a, b) => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1));
  const fromMs = untilMs - TOGETHER_MIN * MINUTE_MS;
  const series = ordered.map(({ hashKeyRange }) => projectSeries(blocks, hashKeyRange, 'records', fromMs, untilMs).values);
  return new Map(
    ordered.slice(0, -1).flatMap((shard, i) => {
      const next = ordered[i + 1]!;
      const together = correlationOf(series[i]!, series[i + 1]!);
      if (together === null) return [];
      const range = {
        startingHashKey: shard.hashKeyRange.startingHashKey,
        endingHashKey: next.hashKeyRange.endingHashKey,
      };
      const recentPeak = peakOf(
        blocks,
        { ...shard, hashKeyRange: range },
        untilMs - Math.ceil(coldWindowMin) * MINUTE_MS,
        untilMs,
      );
      return [[shard.shardId, { ...together, ...(recentPeak && { recentPeak }) }]];
    }),
  );
};

const spreadOfShard = (blocks: readonly HistoryBlock[], shard: Shard, coldWindowMin: number, untilMs: number): ShardSpread => {
  const { sliceShares } = spreadOf(blocks, shard.hashKeyRange, untilMs - SPREAD_MIN * MINUTE_MS, untilMs);
  const { current } = spreadOf(blocks, shard.hashKeyRange, untilMs - CURRENT_MIN * MINUTE_MS, untilMs);
  const recentPeak = peakOf(blocks, shard, untilMs - Math.ceil(coldWindowMin) * MINUTE_MS, untilMs);
  return { shardId: shard.shardId, sliceShares, current, ...(recentPeak && { recentPeak }) };
};

/** The fleet of one stream; null when Kinesis has no such stream. Its workers are the live ones, unless another way of looking is given. */
export const readFleet = async (
  group: Group,
  policy: Policy,
  ports: FleetPorts,
  nowMs: number,
  signal?: AbortSignal,
  workersOf = liveWorkers,
): Promise<Fleet | null> => {
  const { application, streamName } = group;
  const lookBackMin = Math.max(policy.coldWindowMin, SPREAD_MIN) + policy.staleAfterSec / 60 + 60;
  const [stream, leases, workers, operations, blocks] = await Promise.all([
    ports.control.describe(streamName, signal),
    ports.leases.list(group, signal),
    workersOf(group, ports, nowMs, signal),
    ports.operations.recent(group, OPERATIONS, signal),
    ports.history.read(streamName, nowMs - lookBackMin * MINUTE_MS, nowMs, signal),
  ]);
  if (stream === null) return null;
  const observedUntilMs = observedUntil(blocks);
  const open = stream.shards.filter((shard) => !shard.closed);
  const together = observedUntilMs === null ? new Map() : withNextOf(blocks, open, policy.coldWindowMin, observedUntilMs);
  return {
    application,
    streamName,
    stream,
    leases,
    workers,
    operations: relevantOperations(operations, nowMs),
    resizesAtMs: resizesOf(operations),
    spreads:
      observedUntilMs === null
        ? []
        : open.map((shard) => {
            const withNext = together.get(shard.shardId);
            return { ...spreadOfShard(blocks, shard, policy.coldWindowMin, observedUntilMs), ...(withNext && { withNext }) };
          }),
    observedUntilMs,
  };
};
