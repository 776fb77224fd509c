// test/support: a few workers on one stream in memory, one of which is told to host a profiling shadow; hosts that can be killed.
// in: processors, a request · out: the run as it went, and what it left behind
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import type { ConsumerOptions, ConsumerPorts } from '../../lib/consumer/consumer-options.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import type { Processor } from '../../lib/consumer/processor.ts';
import { ProfilingRequest, type ProfilingRun } from '../../lib/model/profiling.ts';

export const group = { application: 'app', streamName: 'orders' };
export const SHARD = 'shardId-000000000000';

/** Everything that a killed process was about to do never happens. */
const killable = <T extends object>(target: T, isKilled: () => boolean): T =>
  new Proxy(target, {
    get: (of, name) => {
      const member: unknown = Reflect.get(of, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        const result: unknown =
          isKilled() && name !== 'nowMs' && name !== 'monotonicMs' ? new Promise(() => {}) : member.apply(of, args);
        if (!(result instanceof Promise)) return result;
        return result.then((value) => (isKilled() ? new Promise(() => {}) : value));
      };
    },
  });

/** Records come as `key n`, `perStep` every 100 ms. */
export const profilingWorld = (options: { keys?: number; shards?: number; keyOf?: (i: number) => string } = {}) => {
  const clock = scriptedClock(1_800_000_000_000);
  const ports = memoryPorts(clock);
  ports.streams.createStream(group.streamName, options.shards ?? 1);
  const events: (ConsumerEvent & { worker: string })[] = [];
  const consumers = new Map<string, Consumer>();
  const killed = new Set<string>();
  let put = 0;

  const join = async (workerId: string, processor: Processor, also: Partial<ConsumerOptions> = {}) => {
    const isKilled = () => killed.has(workerId);
    const { ports: own, ...settings } = also;
    const all: ConsumerPorts = { ...ports, ...own };
    const mine = Object.fromEntries(
      Object.entries(all).map(([name, port]) => [name, typeof port === 'object' ? killable(port, isKilled) : port]),
    ) as unknown as ConsumerPorts;
    const consumer = new Consumer({
      ...group,
      workerId,
      profilingMs: 1000,
      rebalance: 'control-plane',
      ...settings,
      ports: mine,
      processor,
      onEvent: (event) => {
        if (!isKilled()) events.push({ ...event, worker: workerId });
      },
    });
    consumers.set(workerId, consumer);
    const started = consumer.start();
    for (let i = 0; i < 15; i += 1) await clock.advance(100);
    // Its hash is compiled in real time, however long the scripted clock has gone on meanwhile.
    await started;
    for (let i = 0; i < 10; i += 1) await clock.advance(100);
  };
  /** Puts records for so long. */
  const load = async (ms: number, perStep = 20) => {
    for (let at = 0; at < ms; at += 100) {
      ports.streams.putRecords(
        group.streamName,
        Array.from({ length: perStep }, () => {
          put += 1;
          const key = options.keyOf?.(put) ?? `k${(put * 7) % (options.keys ?? 40)}`;
          return { partitionKey: key, data: Buffer.from(`${key} ${put}`) };
        }),
      );
      await clock.advance(100);
    }
  };
  /** Orders a run as the control plane does. */
  const order = async (hostId: string, request: Parameters<typeof ProfilingRequest.parse>[0] = {}, profileId = 'p1') => {
    const run: ProfilingRun = {
      ...group,
      profileId,
      shardId: SHARD,
      hostId,
      request: ProfilingRequest.parse(request),
      trigger: 'request',
      reason: 'test',
      state: 'requested',
      requestedAtMs: clock.nowMs(),
      lostAfterMs: clock.nowMs() + 30_000,
    };
    const created = await ports.profiles.create(run, clock.nowMs());
    await ports.workers.announce(group);
    return created;
  };
  /** Under load until the run has ended, or so long is over. */
  const untilEnded = async (withinMs: number, perStep = 20, profileId = 'p1'): Promise<ProfilingRun> => {
    for (let at = 0; at < withinMs; at += 500) {
      const run = await ports.profiles.get(group, profileId);
      if (run?.state === 'ended') return run;
      await load(500, perStep);
    }
    const run = await ports.profiles.get(group, profileId);
    if (run === null) throw new Error(`there is no run ${profileId}`);
    return run;
  };
  const stopAll = async () => {
    const stopping = Promise.all([...consumers].filter(([id]) => !killed.has(id)).map(([, consumer]) => consumer.stop()));
    let isStopped = false;
    void stopping.then(() => {
      isStopped = true;
    });
    for (let i = 0; i < 400 && !isStopped; i += 1) await clock.advance(100);
    await stopping;
  };
  const listed = async () => {
    const stream = await ports.control.describe(group.streamName);
    return ports.control.listConsumers(stream?.streamArn ?? '');
  };
  const registered = async () => (await listed()).map(({ consumerName }) => consumerName);
  return { clock, ports, events, consumers, killed, join, load, order, untilEnded, stopAll, listed, registered, put: () => put };
};
