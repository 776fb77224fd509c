import { systemClock } from '../lib/adapters/system-clock.ts';
import { DemandCounter } from '../lib/consumer/demand-counter.ts';
import { ShardOwner } from '../lib/consumer/shard-owner.ts';
import { slicesOf, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { Lease } from '../lib/model/lease.ts';
import type { StreamRecord } from '../lib/model/shard.ts';
import type { RecordBatch } from '../lib/ports.ts';
import type { Hash64 } from '../lib/shadow/digest-chain.ts';
import { loadHash64 } from '../lib/shadow/xxhash.ts';
import { printReport } from './report.ts';

const RECORD_BYTES = 1024;
const BATCH = 1000;

/** Batches that are made once and given again under new sequence numbers, so that making them is not measured. */
const sourceOf = (shard: number, batches: number) => {
  const data = Buffer.alloc(RECORD_BYTES, shard);
  const keys = Array.from({ length: 1000 }, (_, i) => `customer-${shard}-${i}`);
  const first = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898n;
  return Array.from({ length: batches }, (_, b): RecordBatch => {
    const records = Array.from(
      { length: BATCH },
      (_, i): StreamRecord => ({
        sequenceNumber: (first + BigInt(b * BATCH + i)).toString(),
        partitionKey: keys[i % keys.length] ?? '',
        data,
        arrivedAtMs: 1_800_000_000_000 + b,
      }),
    );
    return { records, millisBehindLatest: 0, shardEnd: false };
  });
};

const idleCounter = { add: () => {}, flush: () => [], total: { records: 0, bytes: 0 } } as unknown as DemandCounter;

/** Milliseconds of CPU for `total` records over `shards`. */
const run = async (hash: Hash64, shards: number, total: number, withDigestAndCounters: boolean): Promise<number> => {
  const perShard = Math.ceil(total / shards / BATCH);
  const sources = Array.from({ length: shards }, (_, shard) => sourceOf(shard, perShard));
  let done = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const before = process.cpuUsage();
  const owners = sources.map((batches, shard) => {
    const [range] = slicesOf(WHOLE_RANGE, 1);
    const lease: Lease = {
      application: 'bench',
      streamName: 'bench',
      shardId: `shardId-${shard}`,
      hashKeyRange: range ?? WHOLE_RANGE,
      parents: [],
      owner: 'bench',
      epoch: 1,
      state: 'active',
      checkpoint: 'TRIM_HORIZON',
      replicationFactor: 1,
      createdAtMs: 0,
    };
    let given = 0;
    const owner = new ShardOwner({
      lease,
      epoch: 1,
      position: 'TRIM_HORIZON',
      handed: { records: [], readOnAfter: 'TRIM_HORIZON' },
      feed: null,
      pending: false,
      reader: {
        poll: () => ({
          next: async () => {
            const batch = batches[given];
            given += 1;
            return batch ?? { records: [], millisBehindLatest: 0, shardEnd: false };
          },
        }),
        subscribe: () => {
          throw new Error('the bench polls');
        },
      },
      // A poll that is due at once yields to the event loop; one that finds nothing waits.
      clock: {
        ...systemClock,
        sleep: (ms, signal) => (given <= batches.length ? new Promise((r) => setImmediate(r)) : systemClock.sleep(ms, signal)),
      },
      processor: {
        process: async (records) => {
          done += records.length;
          if (done >= perShard * BATCH * shards) resolve();
        },
      },
      hash,
      counter: withDigestAndCounters
        ? new DemandCounter(
            { streamName: 'bench', shardId: lease.shardId, hashKeyRange: WHOLE_RANGE, workerId: 'bench' },
            () => 'x',
          )
        : idleCounter,
      mayAct: () => true,
      consumerArn: null,
      pollMs: 50,
      maxBatchRecords: 500,
      maxBufferBytes: 16 * 1024 * 1024,
      emit: () => {},
      onDrainedToEnd: () => {},
    });
    if (withDigestAndCounters) owner.openChain('shadow');
    return owner;
  });
  await promise;
  const { user, system } = process.cpuUsage(before);
  await Promise.all(owners.map((owner) => owner.stop()));
  return (user + system) / 1000;
};

/** Runs the bench. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const quick = options.includes('--quick');
  const recordsPerRun = quick ? 300_000 : 2_000_000;
  const hash = await loadHash64();
  await run(hash, 1, 200_000, true);
  const heapBefore = process.memoryUsage().heapUsed;
  const results = [];
  for (const shards of [1, 64]) {
    // The pair is run in turn and the medians are compared: the machine is noisy.
    const pairs = [];
    for (let i = 0; i < (quick ? 3 : 5); i += 1) {
      pairs.push({ off: await run(hash, shards, recordsPerRun, false), on: await run(hash, shards, recordsPerRun, true) });
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
    const on = median(pairs.map((pair) => pair.on));
    const off = median(pairs.map((pair) => pair.off));
    results.push({
      shards,
      recordsPerSecPerCore: Math.round((recordsPerRun / on) * 1000),
      withoutDigestAndCounters: Math.round((recordsPerRun / off) * 1000),
      usPerRecordForBoth: Number((((on - off) * 1000) / recordsPerRun).toFixed(3)),
    });
    console.error(results.at(-1));
  }
  const heapGrowthMB = Number(((process.memoryUsage().heapUsed - heapBefore) / 1e6).toFixed(1));
  printReport('consumer', { ...results[0], recordBytes: RECORD_BYTES, heapGrowthMB, results });
  return 0;
};
