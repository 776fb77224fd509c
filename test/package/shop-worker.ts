// test/package: what a user writes against the installed package: a processor, and a test of it on ports in memory. Type-checked and run from outside.
// in: nothing · out: one line of JSON on stdout
import {
  type AwsConfig,
  awsPorts,
  Consumer,
  type ConsumerEvent,
  type ConsumerOptions,
  type ConsumerStatus,
  type Finding,
  memoryPorts,
  type Processor,
  type ProcessorContext,
  StartRefusedError,
  type StreamRecord,
  systemClock,
} from 'penumbra';

const tables: AwsConfig = { leaseTable: 'l', workerTable: 'w', demandTable: 'd', controlTable: 'c', region: 'eu-west-1' };
const decoder = new TextDecoder();
const seen: string[] = [];
const events: ConsumerEvent['kind'][] = [];

const processor: Processor = {
  process: async (records: readonly StreamRecord[], { epoch, shardId, signal }: ProcessorContext) => {
    signal.throwIfAborted();
    if (epoch < 1 || shardId === '') throw new Error(`no fencing token: ${epoch}`);
    for (const { data } of records) seen.push(decoder.decode(data));
  },
};

const ports = memoryPorts(systemClock);
ports.streams.createStream('orders', 2);
const options: ConsumerOptions = {
  application: 'shop',
  streamName: 'orders',
  ports,
  processor,
  settleMs: 10,
  onEvent: ({ kind }) => events.push(kind),
};

/** Whatever awsPorts gives is good for a Consumer. */
export const onAws = (): Consumer => new Consumer({ ...options, ports: awsPorts(tables) });

const refusal = async (): Promise<readonly Finding[]> => {
  try {
    await new Consumer({ ...options, streamName: 'nowhere' }).start();
    return [];
  } catch (error) {
    if (error instanceof StartRefusedError) return error.findings;
    throw error;
  }
};

const consumer = new Consumer(options);
await consumer.start();
ports.streams.putRecords(
  'orders',
  Array.from({ length: 100 }, (_, i) => ({ partitionKey: `k${i % 7}`, data: new TextEncoder().encode(`order ${i}`) })),
);
for (let waits = 0; seen.length < 100 && waits < 500; waits += 1) await systemClock.sleep(20);
const { shards }: ConsumerStatus = consumer.status();
await consumer.stop();
console.log(
  JSON.stringify({
    seen: new Set(seen).size,
    calls: seen.length,
    shards: shards.length,
    taken: events.filter((kind) => kind === 'lease-taken').length,
    refusal: (await refusal()).map(({ kind }) => kind),
  }),
);
