// test/simulation: what may happen to a world: crashes, pauses, cuts, stops, joins, splits, merges, handovers by the machine and by workers, other settings.
// in: a world · out: it is hurt, or asked to change, and healed some time later
import { clearReshard, markReshard, requestShadow } from '../../lib/handover/control-writes.ts';
import { drivenWrite } from '../../lib/handover/decide-driver.ts';
import type { Lease } from '../../lib/model/lease.ts';
import { runHandover } from '../support/handover-machine.ts';
import { SimulatedProcess } from './kernel.ts';
import type { Destination } from './network.ts';
import { group, type SimulatedWorker, type SimulatedWorld } from './world.ts';

type Action = (world: SimulatedWorld, serial: number) => void;

const anyWorker = (world: SimulatedWorld): SimulatedWorker | undefined =>
  world.chance.oneOf(world.alive.filter(({ isStopping }) => !isStopping));

const crash: Action = (world) => {
  const worker = anyWorker(world);
  if (worker === undefined) return;
  worker.process.kill();
  const again = world.chance.isSo(0.7);
  world.kernel.after(world.chance.between(5, 600), null, () =>
    world.startWorker(again ? worker.workerId : `${worker.workerId}x`),
  );
};

const freeze: Action = (world) => {
  const worker = anyWorker(world);
  worker?.process.freeze();
  world.kernel.after(world.chance.between(20, 700), null, () => worker?.process.thaw());
};

const cut: Action = (world) => {
  const worker = anyWorker(world);
  const from: readonly Destination[] =
    world.chance.oneOf([['leases'], ['workers'], ['kinesis'], ['leases', 'workers']] as const) ?? [];
  if (worker === undefined) return;
  for (const destination of from) world.network.cut(worker.process, destination);
  world.kernel.after(world.chance.between(20, 700), null, () => {
    for (const destination of from) world.network.mend(worker.process, destination);
  });
};

const stop: Action = (world, serial) => {
  const worker = anyWorker(world);
  if (worker === undefined) return;
  world.stopWorker(worker);
  if (world.chance.isSo(0.6) || world.alive.length < 3)
    world.kernel.after(world.chance.between(0, 200), null, () => world.startWorker(`s${serial}`));
};

const join: Action = (world, serial) => world.startWorker(`j${serial}`);

const openShards = async (world: SimulatedWorld) =>
  (await world.memory.control.describe(group.streamName))?.shards.filter((s) => !s.closed) ?? [];

/** Half of them are announced, with the children's owners, as the control plane does. */
const split: Action = async (world, serial) => {
  const shard = world.chance.oneOf(await openShards(world));
  if (shard === undefined) return;
  const { shardId, hashKeyRange } = shard;
  const operationId = `r${serial}`;
  const childOwners = [0, 1].flatMap(() => anyWorker(world)?.workerId ?? []);
  const isMarked = world.chance.isSo(0.5);
  if (isMarked && (await world.leases.write(group, shardId, markReshard(operationId, childOwners))).kind === 'fenced') return;
  const { startingHashKey, endingHashKey } = hashKeyRange;
  await world.memory.control.split(group.streamName, shardId, (startingHashKey + endingHashKey) / 2n);
  if (isMarked) world.kernel.after(300, null, () => void world.leases.write(group, shardId, clearReshard(operationId)));
};

const merge: Action = async (world) => {
  const inOrder = (await openShards(world)).sort((a, b) =>
    a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1,
  );
  const at = world.chance.whole(0, Math.max(0, inOrder.length - 2));
  const [lower, upper] = [inOrder[at], inOrder[at + 1]];
  if (lower !== undefined && upper !== undefined)
    await world.memory.control.merge(group.streamName, lower.shardId, upper.shardId);
};

/** Asks for a shadow and waits until it is proved; null when it does not come. */
const shadowed = async (world: SimulatedWorld): Promise<{ lease: Lease; target: string } | null> => {
  const lease = world.chance.oneOf((await world.leasesNow()).filter((one) => one.state === 'active' && one.owner !== undefined));
  const target = world.chance.oneOf(
    world.alive.filter((worker) => worker.workerId !== lease?.owner && !worker.isStopping),
  )?.workerId;
  if (lease?.owner === undefined || target === undefined) return null;
  await world.leases.write(group, lease.shardId, requestShadow(lease.owner, target, 'request', world.kernel.clock.nowMs()));
  await world.workerStore.announce(group);
  for (let i = 0; i < 60; i += 1) {
    await world.kernel.clock.sleep(25);
    const [now] = await world.leases.get(group, [lease.shardId]);
    if (now?.shadow?.state === 'tracking' && now.owner !== undefined) return { lease: now, target: now.shadow.workerId };
  }
  return null;
};

const handOverByMachine: Action = async (world, serial) => {
  const machine = new SimulatedProcess(`machine-${serial}`, world.kernel, { isReliable: true });
  const isKilled = world.chance.isSo(0.1);
  const killInMs = world.chance.between(0, 150);
  const ready = await shadowed(world);
  if (ready?.lease.owner === undefined) return;
  await world.workerStore.announce(group);
  if (isKilled) world.kernel.after(killInMs, null, () => machine.kill());
  const { shardId, owner, epoch } = ready.lease;
  const input = { ...group, handoverId: `h${serial}`, shardId, group: '', source: owner, target: ready.target, epoch };
  const run = await runHandover(world.network.seenBy(machine, 'leases', world.leases), world.desk, machine.clock, {
    ...input,
    requestedAtMs: world.kernel.clock.nowMs(),
  });
  world.log.add(`${machine.name} ${run.result}`);
  world.handovers[run.result] += 1;
};

const handOverByTarget: Action = async (world, serial) => {
  const ready = await shadowed(world);
  if (ready?.lease.owner === undefined) return;
  const { shardId, owner, epoch } = ready.lease;
  const input = {
    handoverId: `d${serial}`,
    source: owner,
    target: ready.target,
    epoch,
    requestedAtMs: world.kernel.clock.nowMs(),
  };
  await world.leases.write(group, shardId, drivenWrite('prepare', input));
  await world.workerStore.announce(group);
};

/** Other lanes and calls for everybody, or the workers' own again. */
const tune: Action = async (world) => {
  const before = await world.memory.tuning.get(group);
  const settings = world.chance.isSo(0.3)
    ? {}
    : { concurrencyPerShard: world.chance.whole(1, 5), maxBatchRecords: world.chance.whole(1, 20) };
  await world.memory.tuning.write({ ...group, revision: (before?.revision ?? 0) + 1, settings, outcomes: [] });
  await world.workerStore.announce(group);
};

/** What a plan chooses from; a handover is the likeliest. */
export const actions: readonly (readonly [name: string, action: Action])[] = [
  ['crash', crash],
  ['freeze', freeze],
  ['freeze', freeze],
  ['cut', cut],
  ['stop', stop],
  ['join', join],
  ['split', split],
  ['merge', merge],
  ['hand over by the machine', handOverByMachine],
  ['hand over by the machine', handOverByMachine],
  ['hand over by the target', handOverByTarget],
  ['hand over by the target', handOverByTarget],
  ['tune', tune],
];
