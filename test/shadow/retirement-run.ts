// test: a process of its own: one shard is handed over there and back, again and again, by the machine and by its target in turn.
// in: argv: how it is read, how many handovers, after how many to look first · out: one line of JSON: what is held at the two looks
import { DemandCounter } from '../../lib/consumer/demand-counter.ts';
import { ShardFeed } from '../../lib/consumer/shard-feed.ts';
import { ShardOwner } from '../../lib/consumer/shard-owner.ts';
import { ShardShadow } from '../../lib/consumer/shard-shadow.ts';
import { drivenWrite } from '../../lib/handover/decide-driver.ts';
import type { Retrieval } from '../../lib/model/worker.ts';
import type { StreamReader } from '../../lib/ports.ts';
import { DigestChain } from '../../lib/shadow/digest-chain.ts';
import { ShadowBuffer } from '../../lib/shadow/shadow-buffer.ts';
import { runHandover } from '../support/handover-machine.ts';
import { collectGarbage, collections, followSignals, listeners, objects } from './held-by-process.ts';
import { group, SHARD, twoWorkers } from './two-workers.ts';

const [retrieval = 'polling', handovers = '0', firstLook = '0'] = process.argv.slice(2);
const CLASSES = [
  ShardOwner,
  ShardShadow,
  ShardFeed,
  ShadowBuffer,
  DigestChain,
  DemandCounter,
  AbortController,
  AbortSignal,
  Promise,
];

followSignals();
let subscriptions = 0;
/** Counts the subscriptions that are open. */
const counted = (reader: StreamReader): StreamReader => ({
  poll: (...at) => reader.poll(...at),
  async *subscribe(...at) {
    subscriptions += 1;
    try {
      yield* reader.subscribe(...at);
    } finally {
      subscriptions -= 1;
    }
  },
});

const it = await twoWorkers({
  // They hear of each other's announcements sooner than by default, so that a thousand fit into seconds.
  settings: { retrieval: retrieval as Retrieval, observeMs: 50 },
  readerOf: (_, reader) => counted(reader),
  // The store in memory keeps every counter for ever.
  ports: { counters: { put: async () => {}, read: async () => [], late: async () => [] } },
});
let outOfTurn = 0;
let last = 0;
let abandoned = 0;
/** Checks what was processed and forgets it, and what was told. */
const settle = () => {
  for (const n of it.processed) {
    if (n !== last + 1) outOfTurn += 1;
    last = n;
  }
  it.processed.length = 0;
  abandoned += it.events.filter((event) => event.kind === 'handover-abandoned' || event.kind === 'shadow-diverged').length;
  it.events.length = 0;
};

const handOver = async (i: number) => {
  const { owner, target } = await it.shadow();
  const { epoch } = await it.lease();
  const move = { handoverId: `h${i}`, source: owner, target, epoch, requestedAtMs: it.clock.nowMs() };
  if (i % 8 >= 2) {
    await it.world.leases.write(group, SHARD, drivenWrite('prepare', move));
    await it.world.workers.announce(group);
  } else {
    await it.world.workers.announce(group);
    void runHandover(it.world.leases, it.desk, it.clock, { ...group, shardId: SHARD, group: '', ...move });
  }
  await it.until(
    async () => {
      const lease = await it.lease();
      return lease.owner === target && lease.handover === undefined;
    },
    30_000,
    100,
  );
  // The machine's own states have tokens, too, which nobody answers.
  for (let token = 1; token <= 8; token += 1) it.desk.close(`h${i}-${token}`);
  settle();
};

const look = async () => {
  // So that everything that waits for a deadline is through: the machine's longest is 20 s.
  for (let i = 0; i < 8; i += 1) await it.clock.advance(10_000);
  settle();
  await collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const { owner, shadow, handover, ...lease } = await it.lease();
  const [stream] = [await it.world.control.describe(group.streamName)];
  const consumers = await it.world.control.listConsumers(stream?.streamArn ?? '');
  return {
    heapBytes: heapUsed + arrayBuffers,
    records: it.made(),
    objects: objects(CLASSES),
    collections: { a: collections(it.consumers.a), b: collections(it.consumers.b) },
    listeners: listeners(),
    subscriptions,
    consumers: consumers.map(({ consumerName }) => consumerName).sort(),
    sleeping: it.clock.sleeping,
    handles: process.getActiveResourcesInfo().length,
    owner,
    isInTransit: shadow !== undefined || handover !== undefined,
    lease: Object.keys(lease).sort(),
    epoch: lease.epoch,
    outOfTurn,
    unprocessed: it.made() - last,
    abandoned,
  };
};

/** What one record costs the stream in memory, which keeps them all. */
const bytesPerRecord = async (): Promise<number> => {
  const before = await look();
  for (let i = 0; i < 10; i += 1) {
    it.put(1000);
    await it.clock.advance(1000);
  }
  const after = await look();
  return (after.heapBytes - before.heapBytes) / (after.records - before.records);
};

await it.run(2000);
let done = 0;
const upTo = async (count: number) => {
  for (; done < count; done += 1) await handOver(done);
};
await upTo(2);
const begin = await look();
await upTo(Number(firstLook));
const perRecord = await bytesPerRecord();
const first = await look();
await upTo(Number(handovers));
const second = await look();
console.log(JSON.stringify({ begin, first, second, perRecord, seconds: it.clock.monotonicMs() / 1000 }));
await it.stopAll();
