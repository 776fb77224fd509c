// bench/profile-owner: the owner of a shard in a process of its own, with a profiling run live or without.
// in: "with" or "without", the share · out: microseconds of CPU for a record
//
// The owner reads from memory as fast as it can, so that nothing but its own CPU bounds it. The host is another process: all that the owner sees of the run is its
// item, which it looks at, and must tell its results to where a run compares. So the host is played by an item that stays live.
import { memoryPorts } from '../lib/adapters/memory/memory-ports.ts';
import { processUsage } from '../lib/adapters/process-usage.ts';
import { systemClock } from '../lib/adapters/system-clock.ts';
import { Consumer } from '../lib/consumer/consumer.ts';
import { ProfilingRequest } from '../lib/model/profiling.ts';

const group = { application: 'bench', streamName: 'owned' };
const WARM_UP_RECORDS = 60_000;
const RECORDS = 200_000;
const PUT = 5000;
const KEYS = 1000;
const [how = '', share = ''] = process.argv.slice(2);

const ports = { ...memoryPorts(systemClock), usage: processUsage() };
const shard = ports.streams.createStream(group.streamName, 1).shards[0]!;
let processed = 0;
const owner = new Consumer({
  ...group,
  workerId: 'owner',
  ports,
  retrieval: 'fan-out',
  initialPosition: 'TRIM_HORIZON',
  failoverMs: 60_000,
  scanMs: 1000,
  preflight: 'off',
  processor: {
    process: async (records) => {
      for (const { data } of records) processed += data.length > 0 ? 1 : 0;
    },
  },
});
await owner.start();
const data = Buffer.alloc(500, 'x');
const records = Array.from({ length: PUT }, (_, i) => ({ partitionKey: `key-${i % KEYS}`, data }));
const nowMs = () => systemClock.nowMs();
if (how === 'with') {
  const request = ProfilingRequest.parse({ share: Number(share), durationMin: 60 });
  await ports.profiles.create(
    {
      ...{ ...group, profileId: 'run', shardId: shard.shardId, hostId: 'another-machine', request },
      ...{ trigger: 'request', reason: 'the bench asks for it', state: 'observing', share: Number(share) },
      ...{ requestedAtMs: nowMs(), lostAfterMs: nowMs() + 600_000, endsAtMs: nowMs() + 600_000 },
    },
    nowMs(),
  );
}
await ports.workers.announce(group);
await systemClock.sleep(600);

const work = async (count: number): Promise<void> => {
  for (const until = processed + count; processed < until; ) {
    const goal = processed + PUT;
    ports.streams.putRecords(group.streamName, records);
    while (processed < goal) await systemClock.sleep(1);
  }
};
await work(WARM_UP_RECORDS);
const before = process.cpuUsage();
await work(RECORDS);
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${(user + system) / RECORDS}\n`);
process.exit(0);
