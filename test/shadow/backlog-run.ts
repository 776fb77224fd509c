// test: a process of its own: a shadow reads a backlog far beyond its bound, then its worker takes the shard over and processes it to the end.
// in: argv: bound in bytes, records, bytes of a record · out: one line of JSON: what it held, what memory that took, what was processed

import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { ConsumerSettings } from '../../lib/consumer/options.ts';
import { ShardTable } from '../../lib/consumer/shard-table.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import type { RecordBatch, StartingPosition, StreamReader } from '../../lib/ports.ts';
import { DigestChain } from '../../lib/shadow/digest-chain.ts';
import { loadHash64 } from '../../lib/shadow/xxhash.ts';
import { sampleLease } from '../support/sample-lease.ts';

const [maxShadowBytes = 0, count = 0, recordBytes = 0] = process.argv.slice(2).map(Number);
const FIRST = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898n;
/** Source: GetRecords. */
const ANSWER_RECORDS = 10_000;
const ANSWER_BYTES = 10 * 1024 * 1024;
/** So long the shadow's share of the shard's reads is used up by one. */
const ANSWER_MS = 10_000;

/** Made when it is read, each time anew, as a record from the network is. */
const recordAt = (n: number): StreamRecord => {
  const data = Buffer.alloc(recordBytes, n);
  data.writeUInt32LE(n);
  return { sequenceNumber: (FIRST + BigInt(n)).toString(), partitionKey: `key-${n % 97}`, data, arrivedAtMs: 0 };
};
const indexAfter = (position: StartingPosition): number =>
  'sequenceNumber' in position ? Number(BigInt(position.sequenceNumber) - FIRST) + 1 : 0;

const begunAt: { type: string; index: number }[] = [];
const reader: StreamReader = {
  poll: (_stream, _shard, position) => {
    let next = indexAfter(position);
    begunAt.push({ type: position.type, index: next });
    return {
      next: async (): Promise<RecordBatch> => {
        const until = Math.min(count, next + Math.min(ANSWER_RECORDS, Math.floor(ANSWER_BYTES / recordBytes)));
        const records = Array.from({ length: until - next }, (_, i) => recordAt(next + i));
        next = until;
        return { records, millisBehindLatest: count - next, shardEnd: false };
      },
    };
  },
  subscribe: () => {
    throw new Error('this shard is polled');
  },
};

const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});
const liveBytes = (): number => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

const hash = await loadHash64();
const clock = scriptedClock(1_700_000_000_000);
let last: number | null = null;
let processed = 0;
let outOfTurn = 0;
const table = new ShardTable({
  settings: ConsumerSettings.parse({
    application: 'shop',
    streamName: 'orders',
    workerId: 'b',
    retrieval: 'polling',
    maxShadowBytes,
  }),
  ports: { ...memoryPorts(clock), reader },
  processor: {
    process: async (records) => {
      for (const { data } of records) {
        const n = Buffer.from(data).readUInt32LE();
        if (last !== null && n !== last + 1) outOfTurn += 1;
        last = n;
        processed += 1;
      }
    },
  },
  hash,
  processId: 'p',
  streamArn: 'arn',
  mayAct: () => true,
  random: () => 0,
  checkpointNow: async () => 'written',
  emit: () => {},
  onDrainedToEnd: () => {},
});

/** Longer than all of it takes. */
const untilMs = 3_600_000;
const baseBytes = liveBytes();
const baseRss = process.memoryUsage.rss();
let heldBytesMost = 0;
let countedBytesMost = 0;
let rssMost = 0;
const sample = (countedBytes: number) => {
  countedBytesMost = Math.max(countedBytesMost, countedBytes);
  rssMost = Math.max(rssMost, process.memoryUsage.rss() - baseRss);
  heldBytesMost = Math.max(heldBytesMost, liveBytes() - baseBytes);
};

// The owner stands still while the shadow reads everything.
const lease = sampleLease({
  shadow: { workerId: 'b', state: 'opened', purpose: 'request', requestedAtMs: 0, from: 'TRIM_HORIZON' },
});
table.startShadow(lease, 'TRIM_HORIZON');
const shadow = table.shadows.get(lease.shardId);
if (shadow === undefined) throw new Error('the shadow did not start');
const lastSequenceNumber = (FIRST + BigInt(count - 1)).toString();
while (shadow.markAt(lastSequenceNumber) === null && clock.monotonicMs() < untilMs) {
  await clock.advance(ANSWER_MS);
  sample(shadow.bufferedBytes);
}
const passed = shadow.bufferedRecords;

// The owner has processed a tenth by now, and is handed over there.
const drainedAt = Math.floor(count / 10);
const chain = new DigestChain('TRIM_HORIZON', hash);
for (let n = 0; n <= drainedAt; n += 1) chain.add(recordAt(n));
const proved = shadow.compare(chain.mark()).kind;
const checkpoint = chain.mark().sequenceNumber;
last = drainedAt;
table.takeUp({ ...lease, owner: 'b', epoch: lease.epoch + 1, checkpoint }, checkpoint);
const takenAtMs = clock.monotonicMs();
while (processed < count - drainedAt - 1 && clock.monotonicMs() - takenAtMs < untilMs) {
  await clock.advance(ANSWER_MS);
  sample(0);
}
const stopping = table.stopped();
await clock.advance(10_000);
await stopping;

console.log(
  JSON.stringify({
    passed,
    proved,
    countedBytesMost,
    heldBytesMost,
    rssMost,
    begunAt,
    drainedAt,
    processed,
    outOfTurn,
    last,
    answerBytes: ANSWER_BYTES,
  }),
);
