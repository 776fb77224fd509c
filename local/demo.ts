// local/demo: the whole loop on this machine, in its real parts.
// in: checked options · out: a running demonstration, or with --once its summary; an exit code
import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type ApiClient, apiClient } from '../console/api-client.ts';
import { startConsole } from '../console/server.ts';
import { awsPorts } from '../lib/adapters/aws/aws-ports.ts';
import { MINUTE_MS } from '../lib/model/demand.ts';
import type { IssuedForecast } from '../lib/model/forecast.ts';
import type { Ports } from '../lib/ports.ts';
import { startCloud } from './cloud.ts';
import type { DemoOptions } from './demo-options.ts';
import { demoPolicy } from './demo-policy.ts';
import { deploy } from './deploy.ts';
import { startFleet } from './fleet.ts';
import { type Lifetime, lifetime } from './lifetime.ts';
import { startProducer } from './producer.ts';
import { type Progress, progressOn } from './progress.ts';
import { encode } from './replay.ts';
import { openRunDirectory } from './run-directory.ts';
import { pastBlocks } from './seed-history.ts';
import { type SinkServer, startSink } from './sink.ts';
import { createStream } from './stream.ts';
import { complaintsOf, isForeseenHandover, isForeseenReshard, type RunFacts, summarize, summaryText } from './summary.ts';
import { type Watched, watcher } from './watch-loop.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const GROUP = { application: 'demo', streamName: 'orders' };
const SHARDS = 4;
const ONCE_WITHIN_MS = 6 * 60_000;
const AFTER_KILL_SEC = 60;
const DRAINED_WITHIN_MS = 45_000;
const CHILD_STOPS_WITHIN_MS = 12_000;
const LOOK_EVERY_MS = 2000;

/** Runs the demonstration. Resolves with the exit code when everything is down again: 0 good, 1 not, 2 could not be started as asked. */
export const runDemo = async (options: DemoOptions): Promise<number> => {
  const progress = progressOn(process.stderr);
  const life = lifetime((signal) => progress.step(`${signal}: taking everything down`));
  try {
    return await run(options, life, progress);
  } catch (error) {
    if (life.endedBy() !== null) return endCode(options, progress, `ended by ${life.endedBy()}`);
    progress.end();
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    return 1;
  } finally {
    progress.end();
    await life.end();
  }
};

/** Ending a plain demonstration is how it ends; ending `--once` before its time is a failure with its reason. */
const endCode = (options: DemoOptions, progress: Progress, reason: string): number => {
  if (!options.once) return 0;
  progress.end();
  process.stderr.write(`${reason} before the foreseen reshard and handover had come\n`);
  return 1;
};

const run = async (options: DemoOptions, life: Lifetime, progress: Progress): Promise<number> => {
  const { load } = options;
  const say = (line: string) => progress.step(line);
  // The page opens first, so that a port in use is found before anything else is started.
  let api: ApiClient | null = null;
  const client: ApiClient = (...question) =>
    api === null ? Promise.reject(new Error('the local cloud is still being set up')) : api(...question);
  const opened = await startConsole({ url: 'http://127.0.0.1/', ...GROUP }, options.port, client);
  if (opened.kind === 'refused') {
    process.stderr.write(`${opened.message}\n`);
    return 2;
  }
  life.atEnd(() => opened.server.close());
  say(`console on ${opened.server.url}`);
  say(
    `${load.synthetic ? 'synthetic load (generated here; --trace FILE replays a real one)' : `trace ${load.traceName}`}, now is ${new Date(load.atMs).toISOString()}, ${(load.now / 1440).toFixed(1)} days of past`,
  );

  const directory = await openRunDirectory(join(PROJECT, '.local'));
  life.atEnd(() => directory.remove());
  const cloud = await startCloud({ directory: join(directory.path, 'cloud'), onProgress: say });
  life.atEnd(() => cloud.stop());
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, cloud.env);
  life.signal.throwIfAborted();

  const unnamed = { leaseTable: '-', workerTable: '-', demandTable: '-', controlTable: '-' };
  const stream = await createStream(cloud.kinesisEndpoint, awsPorts(unnamed).control, GROUP.streamName, SHARDS);
  say(`stream ${GROUP.streamName} with ${SHARDS} shards`);
  const deployed = await deploy({ cloud, directory: directory.path, ...GROUP, signal: life.signal, onProgress: say });
  api = apiClient({ url: deployed.apiUrl, ...GROUP });
  say(`deployed; API at ${deployed.apiUrl}`);

  const ports = awsPorts(deployed.tables);
  const ranges = stream.shards.map((shard) => shard.hashKeyRange);
  const plan = demoPolicy(load, ranges, GROUP);
  for (const line of plan.explanation) say(line);
  await ports.policies.put(plan.policy);

  const sink = await startSink();
  life.atEnd(() => sink.close());
  // Together: the workers give their leases back while everything that they need is still there.
  const children: { stop(withinMs: number): Promise<void> }[] = [];
  life.atEnd(() => Promise.all(children.map((child) => child.stop(CHILD_STOPS_WITHIN_MS))));
  const workers = await startFleet({
    group: GROUP,
    capacity: plan.workerCapacity,
    sinkPort: sink.port,
    tables: deployed.tables,
    env: cloud.env,
    directory: directory.path,
    leases: ports.leases,
    shardCount: SHARDS,
    signal: life.signal,
    onStarted: async (child) => {
      children.push(child);
      await directory.own(child.pid);
    },
  });
  say('three workers run: worker-a and worker-b share the shards, worker-c has just joined and holds none');

  const nowMs = Math.ceil((Date.now() + 3000) / MINUTE_MS) * MINUTE_MS;
  const producer = await startProducer(
    load,
    { streamName: GROUP.streamName, kinesisEndpoint: cloud.kinesisEndpoint, startAtMs: nowMs, seed: 1 },
    cloud.env,
    directory.path,
  );
  children.push(producer.child);
  await directory.own(producer.child.pid);
  say(`the replay begins at ${new Date(nowMs).toTimeString().slice(0, 8)}, at a full minute`);
  await sleep(Math.max(nowMs - Date.now() - 2500, 0), undefined, { signal: life.signal });
  await ports.history.put(
    pastBlocks(load, ranges, GROUP.streamName, encode({ key: 'key-000', n: 1 }, nowMs).byteLength + 7, nowMs),
  );
  say('the past is in the history store; the loop has the rest');

  const outcome = await follow(options, {
    life,
    progress,
    ports,
    sink,
    nowMs,
    taken: producer.taken,
    replayEnded: producer.finished,
    workers,
  });
  if (outcome === null) return endCode(options, progress, `ended by ${life.endedBy()}`);
  progress.step('stopping the producer; what it wrote is still processed');
  const produced = await producer.stop();
  if (produced === null) throw new Error(`the producer died; see ${producer.child.log}`);
  const counts = new Map(produced.produced);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  await untilDrained(sink, total, life.signal);
  const last = await outcome.look();
  const { processed, duplicated, reordered, fenced } = sink.ledger.counts();
  const facts: RunFacts = {
    commit: await commitOf(),
    node: process.version,
    cores: cpus().length,
    trace: load.traceName,
    produced: total,
    processed,
    lost: sink.ledger.lost(counts),
    duplicated,
    reordered,
    fenced,
    load,
    nowMs,
    endMs: Date.now(),
    overCapacityAfterMin: plan.overCapacityAfterMin,
    forecast: await forecastAtFirstSplit(ports, last, nowMs),
    reshards: last.reshards,
    handovers: last.handovers,
    killed: outcome.killed,
    awaited: options.once && outcome.killed === null,
    producerInversions: produced.inversions,
  };
  const summary = summarize(facts);
  const complaints = complaintsOf(facts, summary);
  progress.end();
  if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else process.stdout.write(`${summaryText(summary, complaints)}\n`);
  if (complaints.length === 0) return 0;
  const holds = last.lastPlan?.holds.map((hold) => hold.detail).join(' ') ?? '';
  process.stderr.write(`not good: ${complaints.join('; ')}${holds === '' ? '' : `; the last plan held: ${holds}`}\n`);
  return 1;
};

interface Scene {
  readonly life: Lifetime;
  readonly progress: Progress;
  readonly ports: Ports;
  readonly sink: SinkServer;
  readonly nowMs: number;
  readonly taken: () => number;
  readonly replayEnded: Promise<unknown>;
  readonly workers: readonly { readonly name: string; signal(signal: NodeJS.Signals): void; hasEnded(): boolean }[];
}

interface Followed {
  readonly killed: RunFacts['killed'];
  look(): Promise<Watched>;
}

/** Watches until the run has what it waits for, its time is over or the trace ends. Null when it was ended from outside. */
const follow = async (options: DemoOptions, scene: Scene): Promise<Followed | null> => {
  const { life, progress, ports, sink, nowMs } = scene;
  const watch = watcher(ports, GROUP, nowMs - MINUTE_MS);
  const look = () => watch({ taken: scene.taken(), processed: sink.ledger.counts().processed }, Date.now());
  let killed: RunFacts['killed'] = null;
  let replayEnded = false;
  void scene.replayEnded.then(() => {
    replayEnded = true;
  });
  while (!life.signal.aborted && !replayEnded) {
    const seen = await look();
    for (const line of seen.lines) progress.step(line);
    progress.live(seen.live);
    const afterSec = Math.round((Date.now() - nowMs) / 1000);
    if (options.killWorkerAfterSec !== null && killed === null && afterSec >= options.killWorkerAfterSec) {
      const victim = await fullest(ports, scene.workers);
      victim.signal('SIGKILL');
      killed = { workerId: victim.name, afterSec };
      progress.step(`kill -9 of ${victim.name}`);
    }
    const died = scene.workers.find((worker) => worker.hasEnded() && worker.name !== killed?.workerId);
    if (died !== undefined) throw new Error(`${died.name} ended by itself`);
    const bothCame = seen.reshards.some(isForeseenReshard) && seen.handovers.some(isForeseenHandover);
    // After a kill the two that remain may have no room for a move: what is watched then is that they carry on.
    const enough =
      options.killWorkerAfterSec === null ? bothCame : killed !== null && afterSec - killed.afterSec >= AFTER_KILL_SEC;
    if (options.once && enough) return { killed, look };
    if (options.once && Date.now() - nowMs > ONCE_WITHIN_MS) return { killed, look };
    await sleep(LOOK_EVERY_MS, undefined, { signal: life.signal }).catch(() => {});
  }
  return life.signal.aborted ? null : { killed, look };
};

/** The worker with the most shards: the one whose loss shows most. */
const fullest = async (ports: Ports, workers: Scene['workers']): Promise<Scene['workers'][number]> => {
  const leases = await ports.leases.list(GROUP);
  const held = (name: string) => leases.filter((lease) => lease.owner === name && lease.state === 'active').length;
  return [...workers].sort((a, b) => held(b.name) - held(a.name))[0]!;
};

/** Waits until the sink has everything, as long as it keeps coming. */
const untilDrained = async (sink: SinkServer, total: number, signal: AbortSignal): Promise<void> => {
  let before = -1;
  let changedAt = performance.now();
  while (!signal.aborted) {
    const { processed } = sink.ledger.counts();
    if (processed >= total) break;
    if (processed !== before) changedAt = performance.now();
    else if (performance.now() - changedAt > DRAINED_WITHIN_MS) break;
    before = processed;
    await sleep(200);
  }
  // A duplicate would come last.
  await sleep(1000);
};

const forecastAtFirstSplit = async (ports: Ports, watched: Watched, nowMs: number): Promise<IssuedForecast | null> => {
  const first = watched.reshards
    .filter((outcome) => outcome.change === 'split' && isForeseenReshard(outcome))
    .sort((a, b) => a.startedAtMs - b.startedAtMs)[0];
  if (first === undefined) return null;
  const issued = await ports.forecasts.issued(GROUP.streamName, nowMs - 5 * MINUTE_MS, first.startedAtMs);
  return (
    issued
      .filter((forecast) => forecast.scope === 'stream' && forecast.metric === 'records')
      .sort((a, b) => b.issuedAtMs - a.issuedAtMs)[0] ?? null
  );
};

const commitOf = async (): Promise<string | null> =>
  promisify(execFile)('git', ['rev-parse', '--short', 'HEAD'], { cwd: PROJECT }).then(
    ({ stdout }) => stdout.trim(),
    () => null,
  );
