// bench/profile-host: one worker in a process of its own hosts one profiling run of a known processor; the shard's owner is elsewhere.
// in: case, seed, seconds, share · out: one line of JSON: what was found, beside what is true
import { memoryPorts } from '../lib/adapters/memory/memory-ports.ts';
import { processProfiler } from '../lib/adapters/process-profiler.ts';
import { processUsage } from '../lib/adapters/process-usage.ts';
import { systemClock } from '../lib/adapters/system-clock.ts';
import { Consumer } from '../lib/consumer/consumer.ts';
import { ProfilingRequest } from '../lib/model/profiling.ts';
import { findingsOf } from '../lib/profile/findings-of.ts';
import { type CaseName, caseOf } from './profile-cases.ts';

const group = { application: 'bench', streamName: 'profiled' };
const HOST = 'host';
const OWNER = 'elsewhere';
const PRODUCE_MS = 50;
const RECORD_BYTES = 500;
const PLAIN_KEYS = 2000;
const TELLING_WINDOWS = 10;
const LONGEST_MS = 120_000;
const [name = '', seed = '', seconds = '', share = ''] = process.argv.slice(2);

/** Numbers in [0, 1) from a seed. */
const chanceOf = (from: number): (() => number) => {
  let state = from >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};

const random = chanceOf(Number(seed) * 7919 + 17);
const given = caseOf(name as CaseName, random);
const ports = { ...memoryPorts(systemClock), usage: processUsage(), profiler: processProfiler() };
const shard = ports.streams.createStream(group.streamName, 1).shards[0]!;
const nowMs = () => systemClock.nowMs();

// The owner only has to look alive: it would be another process on another machine.
await ports.leases.create({
  ...group,
  shardId: shard.shardId,
  hashKeyRange: shard.hashKeyRange,
  parents: [],
  owner: OWNER,
  epoch: 1,
  state: 'active',
  checkpoint: 'LATEST',
  replicationFactor: 1,
  createdAtMs: nowMs(),
});
const idle = {
  recordsPerSec: 0,
  bytesPerSec: 0,
  cpuShare: 0,
  memoryBytes: 0,
  memoryShare: 0,
  eventLoopShare: 0,
  leaseStoreLatencyMs: 1,
};
const report = () => ({
  ...group,
  workerId: OWNER,
  heartbeat: 1,
  state: 'active' as const,
  startedAtMs: nowMs(),
  zone: 'elsewhere',
  capacity: { recordsPerSec: 1000, bytesPerSec: 1_048_576 },
  load: idle,
  shardIds: [shard.shardId],
  shadowShardIds: [],
  reportedAtMs: nowMs(),
});
await ports.workers.put(report());
let heartbeat = 1;
const beating = setInterval(() => {
  heartbeat += 1;
  void ports.workers.beat(group, {
    workerId: OWNER,
    heartbeat,
    state: 'active',
    failoverMs: 60_000,
    stuck: false,
    atMs: nowMs(),
  });
}, 500);

const produced = new Map<string, number>();
const named = Object.entries(given.keys);
const keyOf = (): string => {
  let at = random();
  for (const [key, part] of named) {
    if (at < part) return key;
    at -= part;
  }
  return `plain-${Math.floor(random() * PLAIN_KEYS)}`;
};
const data = Buffer.alloc(RECORD_BYTES, 'x');
let [begunMs, put, counting] = [performance.now(), 0, false];
const producing = setInterval(() => {
  const due = Math.floor(((performance.now() - begunMs) / 1000) * given.recordsPerSec) - put;
  put += due;
  const records = Array.from({ length: due }, () => ({ partitionKey: keyOf(), data }));
  if (counting) for (const { partitionKey } of records) produced.set(partitionKey, (produced.get(partitionKey) ?? 0) + 1);
  ports.streams.putRecords(group.streamName, records);
}, PRODUCE_MS);

const host = new Consumer({
  ...group,
  workerId: HOST,
  ports,
  processor: given.processor,
  retrieval: 'polling',
  rebalance: 'control-plane',
  concurrencyPerShard: given.lanes,
  profilingMs: 500,
  failoverMs: 60_000,
  preflight: 'off',
});
await host.start();
const profileId = `bench-${name}-${seed}`;
const request = ProfilingRequest.parse({
  share: Number(share),
  minShare: Number(share),
  maxShare: Number(share),
  durationMin: 60,
});
await ports.profiles.create(
  {
    ...{ ...group, profileId, shardId: shard.shardId, hostId: HOST, request },
    ...{
      trigger: 'request',
      reason: 'the bench asks for it',
      state: 'requested',
      requestedAtMs: nowMs(),
      lostAfterMs: nowMs() + 120_000,
    },
  },
  nowMs(),
);
await ports.workers.announce(group);

/** Waits until the run is in that state. */
const until = async (state: 'observing' | 'ended', withinMs: number) => {
  for (const endsAtMs = nowMs() + withinMs; nowMs() < endsAtMs; await systemClock.sleep(50)) {
    const run = await ports.profiles.get(group, profileId);
    if (run?.state === state) return run;
    if (run?.state === 'ended') throw new Error(`the run ended before it was ${state}: ${run.ended?.by} ${run.ended?.detail}`);
  }
  throw new Error(`the run was not ${state} within ${withinMs} ms`);
};
const run = await until('observing', 60_000);
counting = true;
await systemClock.sleep(Number(seconds) * 1000);
// On a crowded machine a window may take many times as long: so many must tell something, however long that takes.
const telling = async () =>
  (await ports.profiles.windows(group, profileId)).filter(({ legs }) => legs.some(({ records }) => records > 0)).length;
for (const endsAtMs = nowMs() + LONGEST_MS; nowMs() < endsAtMs && (await telling()) < TELLING_WINDOWS; )
  await systemClock.sleep(500);
await ports.profiles.change(run, { stop: { by: 'bench', detail: 'seen enough', atMs: nowMs() } });
const ended = await until('ended', 30_000);
const [windows, totals] = await Promise.all([ports.profiles.windows(group, profileId), ports.profiles.totals(group, profileId)]);
clearInterval(producing);
clearInterval(beating);
await host.stop();

const findings = findingsOf(
  {
    ...{ windows, totals, hashKeyRange: shard.hashKeyRange, sliceShares: [] },
    now: { recordsPerSec: given.recordsPerSec, bytesPerSec: given.recordsPerSec * RECORD_BYTES },
    foreseen: null,
    shardCapacity: { recordsPerSec: 1000, bytesPerSec: 1_048_576 },
    ...{ owner: null, others: [], primary: { kind: 'unknown', detail: 'The bench asks for capacities.' } },
  },
  {
    ...{ targetUtilization: 0.7, workerTargetUtilization: 0.7, maxErrorShare: 0.01, leakHorizonHours: 24 },
    ...{ shardUsdPerMonth: 10.95, workerUsdPerMonth: null, writeUsdPerMillion: 0.625, memoryThreshold: 0.7, bounds: {} },
  },
);
const all = [...produced.values()].reduce((a, b) => a + b, 0);
const shareFound = (key: string) => findings.hotKeys.find((each) => each.partitionKey === key)?.share ?? 0;
const skew = named.map(([key]) => 100 * Math.abs(shareFound(key) - (produced.get(key) ?? 0) / all));
const truth = given.capacity();
process.stdout.write(
  `${JSON.stringify({
    case: name,
    seed: Number(seed),
    limit: findings.limit,
    limitTrue: given.limit,
    capacity: findings.capacity?.at.recordsPerSec ?? null,
    low: findings.capacity?.low.recordsPerSec ?? null,
    high: findings.capacity?.high?.recordsPerSec ?? null,
    capacityTrue: truth,
    errorShare: findings.errors.share,
    bytesPerRecord: findings.memory.bytesPerRecord,
    sampledShare: findings.sampledShare,
    records: findings.records,
    skewErrorPoints: Math.max(...skew),
    reason: findings.limitReason,
    endedBy: ended.ended?.by,
  })}\n`,
);
process.exit(0);
