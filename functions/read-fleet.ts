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
  return {
    application,
    streamName,
    stream,
    leases,
    workers,
    operations: relevantOperations(operations, nowMs),
    spreads:
      observedUntilMs === null ? [] : open.map((shard) => spreadOfShard(blocks, shard, policy.coldWindowMin, observedUntilMs)),
    observedUntilMs,
  };
};
