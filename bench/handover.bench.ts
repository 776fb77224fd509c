// bench handover: planned handovers there and back under load on the local cloud: through the deployed machine, and driven by the target. KCL beside it.
// options: --handovers N (100), --concurrent N (1: so many begin at once), --shards N (4), --rate N records/s per shard (100, at most 400 in all), --quick (10 handovers,
//   2 shards, no peer), --no-peer, --peer DIR (../shared/peers/kcl), --keep (the logs), --json
// pause: from the moment at which the source has stopped dispatching until DynamoDB has answered the target's activation. In one process with one clock.
import { setTimeout as sleep } from 'node:timers/promises';
import { awsPorts } from '../lib/adapters/aws/aws-ports.ts';
import type { Lease } from '../lib/model/lease.ts';
import type { Ports } from '../lib/ports.ts';
import type { LocalCloud } from '../local/cloud.ts';
import { deploy } from '../local/deploy.ts';
import { createStream } from '../local/stream.ts';
import { percentile } from '../local/summary.ts';
import { type Driver, HandoverMoves, type Moved } from './handover-moves.ts';
import { HandoverWorld } from './handover-world.ts';
import { kclBeside } from './kcl-beside.ts';
import { onLocalCloud, say } from './on-local-cloud.ts';
import { wholeNumber } from './options.ts';
import { printReport } from './report.ts';
import { UpdateProbe } from './update-probe.ts';

const group = { application: 'bench', streamName: 'bench' };
const NO_TABLES = { leaseTable: '-', workerTable: '-', demandTable: '-', controlTable: '-' };
/** What kinesis-local carries beside everything else on two cores. */
const MOST_RECORDS_PER_SEC = 400;
const AT_REST_MS = 5000;
const AFTER_MS = 300;
const BEGUN_WITHIN_MS = 90_000;
const RECENT = 500;

interface Settings {
  readonly handovers: number;
  readonly concurrent: number;
  readonly shards: number;
  readonly ratePerShard: number;
}

const settingsOf = (options: readonly string[]): Settings => {
  const isQuick = options.includes('--quick');
  const shards = wholeNumber(options, '--shards', isQuick ? 2 : 4, 1);
  const concurrent = wholeNumber(options, '--concurrent', 1, 1);
  if (concurrent > shards)
    throw new RangeError(`--concurrent must be at most the number of shards, ${shards}, got ${concurrent}`);
  return {
    handovers: wholeNumber(options, '--handovers', isQuick ? 10 : 100, 1),
    concurrent,
    shards,
    ratePerShard: wholeNumber(options, '--rate', Math.max(1, Math.min(100, Math.floor(MOST_RECORDS_PER_SEC / shards))), 1),
  };
};

/** The handovers of one driver, in batches that begin at once. */
interface Row {
  readonly moved: readonly Extract<Moved, { readonly kind: 'moved' }>[];
  /** Handovers that were given up: the shard stayed with its owner. */
  readonly stayed: number;
  readonly addedMs: readonly number[];
}

const row = async (
  driver: Driver,
  settings: Settings,
  shardIds: readonly string[],
  world: HandoverWorld,
  moves: HandoverMoves,
  probe: UpdateProbe,
): Promise<Row> => {
  const all: Moved[] = [];
  const addedMs: number[] = [];
  const { concurrent, handovers } = settings;
  const batchFrom = (at: number) => Array.from({ length: concurrent }, (_, i) => shardIds[(at + i) % shardIds.length] ?? '');
  while (all.length < handovers) {
    const batch = batchFrom(all.length);
    // Those of the next batch come along meanwhile.
    await Promise.all([...new Set([...batch, ...batchFrom(all.length + concurrent)])].map((id) => moves.requestShadow(id)));
    await moves.untilTracking(batch);
    const firstSeen = world.seen.length;
    const recent = world.seen.slice(-RECENT).map(({ latencyMs }) => latencyMs);
    probe.during(driver);
    const ended = await Promise.all(batch.map((shardId) => moves.move(shardId, driver)));
    probe.during('between');
    all.push(...ended);
    await sleep(AFTER_MS);
    const latencies = world.seen.slice(firstSeen).filter(({ shardId }) => batch.includes(shardId));
    addedMs.push(Math.max(0, ...latencies.map(({ latencyMs }) => latencyMs)) - (percentile(recent, 0.5) ?? 0));
    const told = ended.map((each) => (each.kind === 'moved' ? `paused ${each.pauseMs} ms` : each.detail)).join(', ');
    say(`${all.length}/${handovers} by the ${driver}: ${told}`);
  }
  const moved = all.filter((each) => each.kind === 'moved');
  return { moved, stayed: all.length - moved.length, addedMs };
};

const rounded = (ms: number | null): number | null => (ms === null ? null : Math.round(ms));

const pausesOf = ({ moved }: Row) => {
  const pauses = moved.map(({ pauseMs }) => pauseMs);
  return { pauseMsP50: percentile(pauses, 0.5), pauseMsP99: percentile(pauses, 0.99) };
};

/** The median of each state of the machine. */
const stateTimesOf = ({ moved }: Row): Record<string, number | null> => {
  const names = new Set(moved.flatMap(({ stateMs }) => Object.keys(stateMs)));
  const timesOf = (name: string) => moved.flatMap(({ stateMs }) => stateMs[name] ?? []);
  return Object.fromEntries([...names].map((name) => [name, percentile(timesOf(name), 0.5)]));
};

const measure = async (cloud: LocalCloud, directory: string, settings: Settings) => {
  await createStream(cloud.kinesisEndpoint, awsPorts(NO_TABLES).control, group.streamName, settings.shards);
  say('deploying');
  const deployed = await deploy({ cloud, directory, ...group, signal: new AbortController().signal, onProgress: () => {} });
  const ports = awsPorts({ ...deployed.tables, handoverMachineArn: deployed.handoverMachineArn });
  const world = new HandoverWorld(group, deployed.tables);
  const probe = new UpdateProbe(deployed.tables.leaseTable);
  try {
    await world.start(settings.shards, settings.shards * settings.ratePerShard);
    const shardIds = await allProcessing(ports, settings.shards);
    probe.during('at rest');
    await sleep(AT_REST_MS);
    probe.during('between');
    const moves = new HandoverMoves(world, ports, group);
    const machine = await row('machine', settings, shardIds, world, moves, probe);
    const target = await row('target', settings, shardIds, world, moves, probe);
    const { lost, duplicated, reordered } = await world.judge();
    await probe.stop();
    return {
      handovers: machine.moved.length,
      stayed: machine.stayed,
      concurrent: settings.concurrent,
      shards: settings.shards,
      ratePerShard: settings.ratePerShard,
      ...pausesOf(machine),
      addedLatencyMsMax: Math.round(Math.max(...machine.addedMs)),
      stateMs: stateTimesOf(machine),
      targetDriven: {
        handovers: target.moved.length,
        stayed: target.stayed,
        ...pausesOf(target),
        addedLatencyMsMax: Math.round(Math.max(...target.addedMs)),
      },
      emulator: {
        atRest: probe.latencies('at rest'),
        machine: probe.latencies('machine'),
        targetDriven: probe.latencies('target'),
        getRecordsMsP50: rounded(percentile(world.readMs, 0.5)),
        getRecordsMsP99: rounded(percentile(world.readMs, 0.99)),
      },
      lost,
      duplicated,
      reordered,
    };
  } finally {
    await world.stop();
  }
};

/** Waits until every shard has an owner that makes progress. Returns the shards. */
const allProcessing = async (ports: Ports, shards: number): Promise<string[]> => {
  const isProcessing = (lease: Lease) => lease.owner !== undefined && lease.checkpoint !== 'TRIM_HORIZON';
  for (const began = performance.now(); ; await sleep(200)) {
    const leases = await ports.leases.list(group);
    const idle = leases.filter((lease) => !isProcessing(lease)).map(({ shardId }) => shardId);
    if (leases.length === shards && idle.length === 0) return leases.map(({ shardId }) => shardId);
    if (performance.now() - began > BEGUN_WITHIN_MS)
      throw new Error(
        `${BEGUN_WITHIN_MS} ms after the start nothing is checkpointed of ${idle.join(', ')} (${leases.length} leases)`,
      );
  }
};

/** Runs the bench; 1 when a record was lost, came twice or came out of order. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const settings = settingsOf(options);
  const fields = await onLocalCloud((cloud, directory) => measure(cloud, directory, settings), options.includes('--keep'));
  printReport('handover', { ...fields, ...(await kclBeside(options, 'a', 'a worker joins')) });
  return fields.lost + fields.duplicated + fields.reordered > 0 ? 1 : 0;
};
