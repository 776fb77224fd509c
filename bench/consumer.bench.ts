// bench consumer: how many records one core dispatches, what digest and counters cost, and whether memory stays flat.
// in: --quick, or --minutes N · out: see ../shared/bench.md
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../lib/adapters/system-clock.ts';
import { DemandCounter } from '../lib/consumer/demand-counter.ts';
import { ConsumerSettings } from '../lib/consumer/options.ts';
import { ShardOwner } from '../lib/consumer/shard-owner.ts';
import { BufferBudget } from '../lib/consumer/shard-queue.ts';
import { WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { StreamRecord } from '../lib/model/shard.ts';
import type { RecordBatch, StreamReader } from '../lib/ports.ts';
import type { Hash64 } from '../lib/shadow/digest-chain.ts';
import { loadHash64 } from '../lib/shadow/xxhash.ts';
import { printReport } from './report.ts';

const RECORD_BYTES = 1024;
const BATCH = 1000;
const FIRST = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898n;

/** Batches of one shard, each under new sequence numbers. */
const batchesOf = (shard: number) => {
  const data = Buffer.alloc(RECORD_BYTES, shard);
  const keys = Array.from({ length: 1000 }, (_, i) => `customer-${shard}-${i}`);
  let made = 0n;
  return (arrivedAtMs: number): RecordBatch => {
    const first = FIRST + made;
    made += BigInt(BATCH);
    const records = keys.map(
      (partitionKey, i): StreamRecord => ({ sequenceNumber: (first + BigInt(i)).toString(), partitionKey, data, arrivedAtMs }),
    );
    return { records, millisBehindLatest: 0, shardEnd: false };
  };
};

const idleCounter = {
  add: () => {},
  flush: () => [],
  total: { records: 0, bytes: 0 },
} as unknown as DemandCounter;

interface Bed {
  readonly hash: Hash64;
  readonly shards: number;
  readonly lanes: number;
  readonly withDigestAndCounters: boolean;
  /** The next batch of a shard; null: none any more. */
  readonly next: (shard: number) => RecordBatch | null;
  readonly onProcessed: (records: number) => void;
}

/** Owners that read from memory as fast as they can. */
const startOwners = ({ hash, shards, lanes, withDigestAndCounters, next, onProcessed }: Bed) => {
  const budget = new BufferBudget(256 * 1024 * 1024);
  return Array.from({ length: shards }, (_, shard) => {
    const shardId = `shardId-${shard}`;
    let isEmpty = false;
    let skippedMs = 0;
    const reader: StreamReader = {
      poll: () => ({
        next: async () => {
          const batch = next(shard);
          isEmpty = batch === null;
          return batch ?? { records: [], millisBehindLatest: 0, shardEnd: false };
        },
      }),
      subscribe: () => {
        throw new Error('the bench polls');
      },
    };
    const counter = new DemandCounter({ streamName: 'bench', shardId, hashKeyRange: WHOLE_RANGE, workerId: 'bench' }, () => 'x');
    const owner = new ShardOwner({
      lease: {
        application: 'bench',
        streamName: 'bench',
        shardId,
        hashKeyRange: WHOLE_RANGE,
        parents: [],
        owner: 'bench',
        epoch: 1,
        state: 'active',
        checkpoint: 'TRIM_HORIZON',
        replicationFactor: 1,
        createdAtMs: 0,
      },
      settings: ConsumerSettings.parse({ application: 'bench', streamName: 'bench', concurrencyPerShard: lanes }),
      from: { checkpoint: 'TRIM_HORIZON' },
      handed: { records: [], readOnAfter: 'TRIM_HORIZON' },
      feed: null,
      pending: false,
      after: Promise.resolve(),
      reader,
      // The pauses between two polls are skipped, but yield to the event loop; one that finds nothing waits.
      clock: {
        ...systemClock,
        monotonicMs: () => systemClock.monotonicMs() + skippedMs,
        sleep: (ms, signal) => {
          if (ms > 1000 || isEmpty) return systemClock.sleep(ms, signal);
          skippedMs += ms;
          return new Promise<void>((resolve) => setImmediate(resolve));
        },
      },
      random: () => 0,
      processor: { process: async (records) => onProcessed(records.length) },
      hash,
      counter: withDigestAndCounters ? counter : idleCounter,
      budget,
      mayAct: () => true,
      consumerArn: null,
      checkpointNow: async () => 'written',
      emit: () => {},
      onDrainedToEnd: () => {},
    });
    if (withDigestAndCounters) owner.openChain('shadow');
    return { owner, counter };
  });
};

/** Milliseconds of CPU for `total` records over `shards`. The batches are made before, so that making them is not measured. */
const run = async (hash: Hash64, shards: number, lanes: number, total: number, withDigestAndCounters: boolean) => {
  const perShard = Math.ceil(total / shards / BATCH);
  const sources = Array.from({ length: shards }, (_, shard) => {
    const make = batchesOf(shard);
    return Array.from({ length: perShard }, (_, i) => make(1_800_000_000_000 + i));
  });
  const given = sources.map(() => 0);
  let done = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const before = process.cpuUsage();
  const owners = startOwners({
    hash,
    shards,
    lanes,
    withDigestAndCounters,
    next: (shard) => {
      const at = given[shard] ?? 0;
      given[shard] = at + 1;
      return sources[shard]?.[at] ?? null;
    },
    onProcessed: (records) => {
      done += records;
      if (done >= perShard * BATCH * shards) resolve();
    },
  });
  await promise;
  const { user, system } = process.cpuUsage(before);
  await Promise.all(owners.map(({ owner }) => owner.stop()));
  return (user + system) / 1000;
};

/** The garbage collector, without a flag on the command line. */
const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
};

/** Dispatches for so many minutes and follows the heap. */
const soak = async (hash: Hash64, minutes: number) => {
  const shards = 4;
  const sources = Array.from({ length: shards }, (_, shard) => batchesOf(shard));
  let done = 0;
  let isOver = false;
  const owners = startOwners({
    hash,
    shards,
    lanes: 4,
    withDigestAndCounters: true,
    next: (shard) => (isOver ? null : (sources[shard]?.(Date.now()) ?? null)),
    onProcessed: (records) => {
      done += records;
    },
  });
  const samples: { minute: number; heapMB: number }[] = [];
  const begunAtMs = performance.now();
  const before = process.cpuUsage();
  const minuteNow = () => (performance.now() - begunAtMs) / 60_000;
  while (minuteNow() < minutes) {
    await systemClock.sleep(Math.min(15_000, (minutes * 60_000) / 8));
    for (const { counter } of owners) counter.flush(Date.now());
    collectGarbage();
    samples.push({ minute: minuteNow(), heapMB: process.memoryUsage().heapUsed / 1e6 });
    console.error(`${minuteNow().toFixed(1)} min: ${(done / 1e6).toFixed(0)} M records, ${samples.at(-1)?.heapMB.toFixed(1)} MB`);
  }
  isOver = true;
  const { user, system } = process.cpuUsage(before);
  await Promise.all(owners.map(({ owner }) => owner.stop()));
  // The first quarter is warm-up: optimised code, the counters' first minutes.
  const steady = samples.slice(samples.length >> 2);
  const meanMinute = steady.reduce((sum, each) => sum + each.minute, 0) / steady.length;
  const meanMB = steady.reduce((sum, each) => sum + each.heapMB, 0) / steady.length;
  const slope =
    steady.reduce((sum, each) => sum + (each.minute - meanMinute) * (each.heapMB - meanMB), 0) /
    steady.reduce((sum, each) => sum + (each.minute - meanMinute) ** 2, 0);
  return {
    minutes,
    shards,
    lanes: 4,
    records: done,
    // Making the records is part of this one.
    recordsPerSecPerCore: Math.round(done / ((user + system) / 1e6)),
    heapMB: Number(meanMB.toFixed(1)),
    heapGrowthMB: Number(((steady.at(-1)?.heapMB ?? 0) - (steady[0]?.heapMB ?? 0)).toFixed(2)),
    heapGrowthMBPerMinute: Number(slope.toFixed(3)),
  };
};

/** Runs the bench. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const hash = await loadHash64();
  const at = options.indexOf('--minutes');
  if (at >= 0) {
    const minutes = Number(options[at + 1]);
    if (!(minutes > 0)) {
      process.stderr.write(`--minutes must be followed by a number above 0, got ${options[at + 1] ?? 'nothing'}\n`);
      return 2;
    }
    printReport('consumer', { ...(await soak(hash, minutes)), recordBytes: RECORD_BYTES });
    return 0;
  }
  const quick = options.includes('--quick');
  const recordsPerRun = quick ? 300_000 : 2_000_000;
  await run(hash, 1, 1, 200_000, true);
  collectGarbage();
  const heapBefore = process.memoryUsage().heapUsed;
  const results = [];
  for (const [shards, lanes] of [
    [1, 1],
    [64, 1],
    [1, 16],
  ] as const) {
    // The pair is run in turn and the medians are compared: the machine is noisy.
    const pairs = [];
    for (let i = 0; i < (quick ? 3 : 5); i += 1) {
      pairs.push({
        off: await run(hash, shards, lanes, recordsPerRun, false),
        on: await run(hash, shards, lanes, recordsPerRun, true),
      });
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
    const on = median(pairs.map((pair) => pair.on));
    const off = median(pairs.map((pair) => pair.off));
    results.push({
      shards,
      lanes,
      recordsPerSecPerCore: Math.round((recordsPerRun / on) * 1000),
      withoutDigestAndCounters: Math.round((recordsPerRun / off) * 1000),
      usPerRecordForBoth: Number((((on - off) * 1000) / recordsPerRun).toFixed(3)),
    });
    console.error(results.at(-1));
  }
  collectGarbage();
  const heapGrowthMB = Number(((process.memoryUsage().heapUsed - heapBefore) / 1e6).toFixed(1));
  printReport('consumer', { ...results[0], recordBytes: RECORD_BYTES, heapGrowthMB, results });
  return 0;
};
