// test/simulation: one seed: a world, what happens to it, and whether everything came right.
// in: a seed · out: a verdict, and a digest of all that happened

import { actions } from './actions.ts';
import { Chance, Log } from './chance.ts';
import type { Weather } from './network.ts';
import { group, SimulatedWorld, type WorldOptions } from './world.ts';

export interface SeedResult {
  readonly seed: number;
  readonly wrong: readonly string[];
  readonly digest: string;
  readonly log: readonly string[];
  readonly effects: number;
  readonly repeated: number;
  readonly refused: number;
  readonly moved: number;
  readonly takenOver: number;
  readonly simulatedMs: number;
  readonly done: readonly string[];
}

const STEP_MS = 50;
/** Longer than every wait after which somebody goes on in another's place. */
const SETTLES_WITHIN_MS = 240_000;

const weatherOf = (chance: Chance): Weather => {
  const isBad = chance.isSo(0.6);
  const share = (most: number) => (isBad ? chance.between(0, most) : 0);
  return {
    fastMs: chance.between(1, 4),
    slowMs: chance.between(5, 80),
    slowShare: share(0.08),
    lostShare: share(0.02),
    unansweredShare: share(0.02),
    repeatedShare: share(0.03),
    timeoutMs: 40,
  };
};

/** Runs one seed to its end. `keepLog`: every line of what happened is in the result. */
export const runSeed = async (seed: number, options: WorldOptions & { readonly keepLog?: boolean } = {}): Promise<SeedResult> => {
  const chance = new Chance(seed);
  const log = new Log(options.keepLog);
  const settings = {
    retrieval: chance.oneOf(['polling', 'polling', 'fan-out-for-shadows', 'fan-out'] as const) ?? 'polling',
    concurrencyPerShard: chance.oneOf([1, 1, 3]) ?? 1,
    maxBatchRecords: chance.oneOf([2, 10, 500]) ?? 500,
    tuning: chance.oneOf([{}, {}, { concurrencyPerShard: { from: 1, to: 6 }, maxBatchRecords: { from: 1, to: 500 } }]) ?? {},
  };
  const world = new SimulatedWorld(chance, log, { ...options, settings: { ...settings, ...options.settings } });
  const { kernel, network, sink, memory } = world;
  memory.streams.createStream(group.streamName, chance.whole(1, 2));
  const workers = chance.whole(2, 3);
  for (let i = 0; i < workers; i += 1) kernel.after(chance.between(0, 30), null, () => world.startWorker(`w${i}`));
  const activeMs = chance.whole(700, 1150);
  const done: string[] = [];
  for (let serial = chance.whole(1, 3); serial > 0; serial -= 1) {
    const [name, action] = chance.oneOf(actions) ?? actions[0] ?? ['', () => {}];
    kernel.after(chance.between(200, activeMs - 50), null, () => {
      log.add(`${kernel.nowMs.toFixed(3)} ${name}`);
      done.push(name);
      action(world, serial);
    });
  }
  const weather = weatherOf(chance);
  kernel.after(150, null, () => {
    network.weather = weather;
  });
  for (let atMs = 0; atMs < activeMs; atMs += STEP_MS) {
    world.produce(chance.whole(0, 4));
    await kernel.run(STEP_MS);
  }
  heal(world);
  let unsettled = await unsettledIn(world);
  while (unsettled !== null && sink.wrong.length === 0 && kernel.nowMs < SETTLES_WITHIN_MS) {
    await kernel.run(STEP_MS * 2);
    if (world.alive.length === 0) world.startWorker('last');
    unsettled = await unsettledIn(world);
  }
  // Nothing may come after the end.
  if (unsettled === null) await kernel.run(STEP_MS * 2);
  for (const { process } of world.workers) process.kill();
  const { effects, repeated, refused } = sink;
  return {
    seed,
    wrong: [
      ...sink.wrong,
      ...(unsettled === null ? [] : [unsettled]),
      ...(sink.wrong.length === 0 && sink.missing > 0 ? [`${sink.missing} records are lost`] : []),
    ],
    digest: log.digest,
    log: log.lines,
    effects,
    repeated,
    refused,
    moved: sink.moved,
    takenOver: sink.takenOver,
    simulatedMs: kernel.nowMs,
    done,
  };
};

const heal = (world: SimulatedWorld): void => {
  world.network.mendAll();
  for (const { process } of world.workers) process.thaw();
};

/** What is not yet as it must be in the end; null: every record has taken effect, and every lease has one owner that runs it. */
const unsettledIn = async (world: SimulatedWorld): Promise<string | null> => {
  const { sink, alive } = world;
  if (sink.missing > 0) return `${sink.missing} records have not taken effect`;
  const leases = await world.leasesNow();
  const running = alive.flatMap(({ process, consumer }) =>
    consumer.status().shards.map((shard) => ({ ...shard, by: process.name, mayAct: consumer.status().mayAct })),
  );
  for (const { shardId, state, owner, epoch, handover } of leases) {
    if (handover !== undefined) return `${shardId} has a handover in ${handover.phase}`;
    const owners = running.filter((shard) => shard.shardId === shardId);
    if (state === 'ended' && owners.length > 0)
      return `${shardId} has ended and is run by ${owners.map(({ by }) => by).join(', ')}`;
    if (state === 'ended') continue;
    const [only] = owners;
    const isOwned = owners.length === 1 && only?.epoch === epoch && only.by.startsWith(`${owner}#`);
    if (!isOwned)
      return `${shardId} of ${owner} under ${epoch} is run by ${owners.map((o) => `${o.by} under ${o.epoch}`).join(', ') || 'nobody'}`;
    if (!only.mayAct || only.dispatch !== 'running' || only.pending)
      return `${shardId} is ${only.dispatch} at ${only.by}${only.pending ? ', pending' : ''}`;
  }
  const { shards = [] } = (await world.memory.control.describe(group.streamName)) ?? {};
  const missing = shards.find(({ shardId }) => !leases.some((lease) => lease.shardId === shardId));
  return missing === undefined ? null : `${missing.shardId} has no lease`;
};
