// bench/profile-primary: what a profiling shadow costs the owner of the shard that it profiles.
// in: pairs of stretches, the share · out: percent more CPU for a record while a run is live than while none is
//
// The owner reads from memory as fast as it can, so that nothing but its own CPU bounds it. The host is another process: all that the owner sees of the run is its
// item, which it looks at, and must tell its results to where a run compares. So the host is played by an item that stays live. CPU, not time, is compared: the
// machine may be crowded. Stretches take turns, and their medians are compared.
import { memoryPorts } from '../lib/adapters/memory/memory-ports.ts';
import { processUsage } from '../lib/adapters/process-usage.ts';
import { systemClock } from '../lib/adapters/system-clock.ts';
import { Consumer } from '../lib/consumer/consumer.ts';
import { ProfilingRequest, type ProfilingRun } from '../lib/model/profiling.ts';

const group = { application: 'bench', streamName: 'owned' };
const STRETCH_RECORDS = 60_000;
const PUT = 5000;
const KEYS = 1000;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Percent; below zero where chance outweighs it. */
export const primaryOverhead = async (pairs: number, share: number): Promise<number> => {
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
  const request = ProfilingRequest.parse({ share, durationMin: 60 });
  const nowMs = () => systemClock.nowMs();
  let runs = 0;

  /** Microseconds of CPU for a record. */
  const stretch = async (withShadow: boolean): Promise<number> => {
    runs += 1;
    const run: ProfilingRun = {
      ...{ ...group, profileId: `run-${runs}`, shardId: shard.shardId, hostId: 'another-machine', request },
      ...{ trigger: 'request', reason: 'the bench asks for it', state: 'observing', share },
      ...{ requestedAtMs: nowMs(), lostAfterMs: nowMs() + 600_000, endsAtMs: nowMs() + 600_000 },
    };
    if (withShadow) await ports.profiles.create(run, nowMs());
    await ports.workers.announce(group);
    await systemClock.sleep(600);
    const [from, before] = [processed, process.cpuUsage()];
    while (processed - from < STRETCH_RECORDS) {
      const goal = processed + PUT;
      ports.streams.putRecords(group.streamName, records);
      while (processed < goal) await systemClock.sleep(1);
    }
    const { user, system } = process.cpuUsage(before);
    const taken = (user + system) / (processed - from);
    if (withShadow) await ports.profiles.end(run, { by: 'stopped', detail: 'the stretch is over', atMs: nowMs() });
    return taken;
  };

  await stretch(false);
  const ratios: number[] = [];
  for (let i = 0; i < pairs; i++) {
    // Which comes first changes, so that a machine that gets busier favours neither.
    const first = await stretch(i % 2 === 1);
    const second = await stretch(i % 2 === 0);
    ratios.push(i % 2 === 1 ? first / second : second / first);
  }
  await owner.stop();
  return 100 * (median(ratios) - 1);
};
