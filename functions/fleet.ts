// functions: GET /fleet.
// in: a stream · out: its shards and workers, with their utilisation now and foreseen
import type { Fleet } from '../lib/model/fleet.ts';
import { type Forecast, QUANTILES } from '../lib/model/forecast.ts';
import { type HashKeyRange, rangeText, shareWithin, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { Policy } from '../lib/model/policy.ts';
import type { Rate } from '../lib/model/worker.ts';
import { plus, utilizationOf } from '../lib/plan/rates.ts';
import { api, type Endpoint, notFound, ok } from './api-shell.ts';
import { isFresh, knownWorkers } from './live-workers.ts';
import { policyOf } from './policy-of.ts';
import { readFleet } from './read-fleet.ts';
import { routes } from './routes.ts';

/** How far `utilizationForeseen` looks. */
const FORESEEN_SEC = 1800;

/** The acted-on quantile of the highest rate of a range within the next 30 minutes; null without both forecasts. */
export const foreseenOf = (forecasts: readonly Forecast[], range: HashKeyRange, policy: Policy): Rate | null => {
  const highest = (metric: Forecast['metric']): number | undefined => {
    const found = forecasts.find(
      (each) => each.scope === 'shard' && each.metric === metric && rangeText(each.hashKeyRange) === rangeText(range),
    );
    const h = found?.horizonsSec.findLastIndex((horizon) => horizon <= FORESEEN_SEC) ?? -1;
    return found?.windowMaxQuantiles[QUANTILES.indexOf(policy.actOnQuantile)]?.[h];
  };
  const [recordsPerSec, bytesPerSec] = [highest('records'), highest('bytes')];
  return recordsPerSec === undefined || bytesPerSec === undefined ? null : { recordsPerSec, bytesPerSec };
};

export const fleetView = (fleet: Fleet, forecasts: readonly Forecast[], policy: Policy, nowMs: number) => {
  const open = fleet.stream.shards.filter((shard) => !shard.closed);
  const foreseen = new Map(open.map((shard) => [shard.shardId, foreseenOf(forecasts, shard.hashKeyRange, policy)]));
  const leases = new Map(fleet.leases.map((lease) => [lease.shardId, lease]));
  // Closed shards that are still being processed stand beside the open ones.
  const shown = fleet.stream.shards.filter((shard) => !shard.closed || (leases.get(shard.shardId)?.state ?? 'ended') !== 'ended');
  return {
    atMs: nowMs,
    observedUntilMs: fleet.observedUntilMs,
    streamStatus: fleet.stream.status as string,
    targetUtilization: policy.targetUtilization,
    shards: shown.map((shard) => {
      const lease = leases.get(shard.shardId);
      const current = fleet.spreads.find((spread) => spread.shardId === shard.shardId)?.current;
      const coming = foreseen.get(shard.shardId) ?? null;
      return {
        shardId: shard.shardId,
        startingHashKey: shard.hashKeyRange.startingHashKey.toString(),
        endingHashKey: shard.hashKeyRange.endingHashKey.toString(),
        widthShare: shareWithin(WHOLE_RANGE, shard.hashKeyRange),
        state: shard.closed ? 'closed' : (lease?.state ?? 'unleased'),
        owner: lease?.owner ?? null,
        epoch: lease?.epoch ?? 0,
        replicationFactor: lease?.replicationFactor ?? 1,
        checkpoint: lease?.checkpoint ?? 'none',
        utilizationNow: current === undefined ? null : utilizationOf(current, policy.shardCapacity),
        utilizationForeseen: coming === null ? null : utilizationOf(coming, policy.shardCapacity),
        recordsPerSec: current?.recordsPerSec ?? null,
        bytesPerSec: current?.bytesPerSec ?? null,
      };
    }),
    workers: fleet.workers.map((worker) => {
      const owned = fleet.leases.filter((lease) => lease.owner === worker.workerId && lease.state !== 'ended');
      const coming = owned.map((lease) => foreseen.get(lease.shardId) ?? null);
      const sum =
        coming.every((rate) => rate !== null) && coming.length > 0
          ? coming.reduce<Rate>((a, b) => plus(a, b), { recordsPerSec: 0, bytesPerSec: 0 })
          : null;
      return {
        workerId: worker.workerId,
        state: worker.state,
        alive: isFresh(worker, nowMs),
        zone: worker.zone,
        recordsPerSec: worker.load.recordsPerSec,
        capacityRecordsPerSec: worker.capacity.recordsPerSec,
        utilizationNow: utilizationOf(worker.load, worker.capacity),
        utilizationForeseen: sum === null ? null : utilizationOf(sum, worker.capacity),
        cpuShare: worker.load.cpuShare,
        memoryBytes: worker.load.memoryBytes,
        eventLoopShare: worker.load.eventLoopShare,
        leaseStoreLatencyMs: worker.load.leaseStoreLatencyMs,
        shardIds: owned.map((lease) => lease.shardId),
        shadowShardIds: fleet.leases.filter((lease) => lease.shadow?.workerId === worker.workerId).map((lease) => lease.shardId),
      };
    }),
  };
};

export const fleet: Endpoint<typeof routes.fleet> = {
  route: routes.fleet,
  run: async (group, { ports, nowMs, signal }) => {
    const policy = await policyOf(group, ports, signal);
    const [read, forecasts] = await Promise.all([
      readFleet(group, policy, ports, nowMs, signal, knownWorkers),
      ports.forecasts.latest(group.streamName, signal),
    ]);
    if (read === null) return notFound('UnknownStream', `Kinesis has no stream ${group.streamName}`);
    return ok(fleetView(read, forecasts, policy, nowMs));
  },
};

export const handler = api(fleet);
