// The whole of operator tuning with real Consumers on a scripted clock: the shadow, the apply, the watch, and what happens to the records meanwhile.
import { describe, expect, it } from 'vitest';
import { dispatchCommand } from '../../functions/dispatch-command.ts';
import { profileAnalyse } from '../../functions/profile-analyse.ts';
import { profileCreate } from '../../functions/profile-create.ts';
import { tune } from '../../functions/tune.ts';
import { startTuning } from '../../functions/tuning-start.ts';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import type { ProcessorContext } from '../../lib/consumer/processor.ts';
import { Policy } from '../../lib/model/policy.ts';
import type { ProfileInput } from '../../lib/model/profile-machine.ts';
import type { TuningBounds } from '../../lib/model/tuning.ts';
import { world as sceneWorld } from '../functions/scenes.ts';

const group = { application: 'shop', streamName: 'orders' };
const MINUTE_MS = 60_000;
const STEP_MS = 1000;
const wide: TuningBounds = { concurrencyPerShard: { from: 1, to: 8 } };

/** Worker `a` owns the shard, `b` hosts shadows. `msOf`: how long one record takes. */
const tunedWorld = async (
  msOf: (context: ProcessorContext) => number,
  bounds: Record<string, TuningBounds> = { a: wide, b: wide },
) => {
  const clock = scriptedClock(1_800_000_000_000);
  const ports = memoryPorts(clock);
  ports.streams.createStream(group.streamName, 1);
  await ports.policies.put(
    Policy.parse({
      ...group,
      profiling: { share: 0.5, durationMin: 6, tuning: { concurrencyPerShard: { from: 1, to: 6 }, watchMin: 5 } },
    }),
  );
  const sink: { key: string; n: number; lanes: number }[] = [];
  const events: (ConsumerEvent & { worker: string })[] = [];
  const consumers: Consumer[] = [];
  for (const workerId of ['a', 'b']) {
    const consumer = new Consumer({
      ...group,
      ...{ workerId, ports, retrieval: 'polling', rebalance: 'control-plane' },
      ...{ heartbeatMs: 8000, failoverMs: 20_000, observeMs: 2000, pollMs: 2000, shardSyncMs: 3_600_000, scanMs: 600_000 },
      tuning: bounds[workerId],
      capacity: { recordsPerSec: 200, bytesPerSec: 1_000_000 },
      processor: {
        shadowSafe: true,
        process: async (records, context) => {
          await clock.sleep(records.length * msOf(context));
          if (context.shadow) return;
          for (const record of records) {
            const [key = '', n = ''] = Buffer.from(record.data).toString().split(' ');
            sink.push({ key, n: Number(n), lanes: context.lanes });
          }
        },
      },
      onEvent: (event) => void events.push({ ...event, worker: workerId }),
    });
    consumers.push(consumer);
    const started = consumer.start();
    for (let i = 0; i < 3; i += 1) await clock.advance(STEP_MS);
    await started;
    for (let i = 0; i < 3; i += 1) await clock.advance(STEP_MS);
  }
  const counts = new Map<string, number>();
  let put = 0;
  const load = async (ms: number) => {
    for (let at = 0; at < ms; at += STEP_MS) {
      const batch = Array.from({ length: 24 }, () => {
        put += 1;
        const key = `k${(put * 7) % 40}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
        return { partitionKey: key, data: Buffer.from(`${key} ${counts.get(key)}`) };
      });
      ports.streams.putRecords(group.streamName, batch);
      await clock.advance(STEP_MS);
    }
  };
  const { scene } = sceneWorld();
  const sceneNow = () => ({ ...scene(), ports, streams: [group], nowMs: clock.nowMs() });

  /** A minute of load, then what the control plane does each minute: the profile machine's steps, and the tick. */
  const minute = async (ticks = true): Promise<string> => {
    await load(MINUTE_MS);
    for (const { input } of ports.machines.executions) {
      const asked = input as ProfileInput;
      const run = await ports.profiles.get(group, asked.operationId);
      const isNew = (await ports.profileReports.get(group, asked.operationId)) === null;
      if (run?.state === 'ended' && isNew) await profileAnalyse.run(asked, sceneNow());
    }
    return ticks ? (await tune.run(group, sceneNow())).kind : '';
  };
  const tryLanes = async (value: number) => {
    const reply = await startTuning.run({ ...group, setting: 'concurrencyPerShard', value }, sceneNow());
    if (reply.kind === 'refused') return reply.message;
    const command = ports.commands.sent.at(-1);
    if (command === undefined) throw new Error('no run was ordered');
    await dispatchCommand(command, ports, clock.nowMs());
    await profileCreate.run(ports.machines.executions.at(-1)?.input as ProfileInput, sceneNow());
    return null;
  };
  /** Until the try has ended, at most so many minutes. */
  const untilEnded = async (most: number) => {
    const kinds: string[] = [];
    for (let i = 0; i < most && kinds.at(-1) !== 'ended'; i += 1) kinds.push(await minute());
    return kinds;
  };
  /** Worker `a` leaves; `b` has processed the shard for a while when it resolves. */
  const handOn = async () => {
    const stopping = consumers[0]?.stop();
    await load(30_000);
    await stopping;
    const before = sink.length;
    await load(10_000);
    if (sink.length === before) throw new Error('nobody has taken the shard over');
  };
  const lanesNow = () => sink.at(-1)?.lanes;
  const stop = async () => {
    const stopping = Promise.all(consumers.map((consumer) => consumer.stop()));
    let isStopped = false;
    void stopping.then(() => {
      isStopped = true;
    });
    for (let i = 0; i < 200 && !isStopped; i += 1) await clock.advance(STEP_MS);
    await stopping;
  };
  /** Everything that was put has been processed once, each key's records in order. */
  const verdict = async () => {
    for (let i = 0; i < 60; i += 1) await clock.advance(STEP_MS);
    const byKey = new Map<string, number[]>();
    for (const { key, n } of sink) byKey.set(key, [...(byKey.get(key) ?? []), n]);
    const wrong = [...counts].filter(([key, count]) => {
      const numbers = byKey.get(key) ?? [];
      return numbers.length !== count || numbers.some((n, i) => n !== i + 1);
    });
    return { put, processed: sink.length, wrong: wrong.length };
  };
  const tuning = async () => {
    const stored = await ports.tuning.get(group);
    if (stored === null) throw new Error('nothing is tuned');
    return stored;
  };
  return { clock, ports, events, sink, load, minute, handOn, tryLanes, untilEnded, lanesNow, stop, verdict, tuning };
};

const settled = async (world: Awaited<ReturnType<typeof tunedWorld>>) => {
  const found = await world.verdict();
  await world.stop();
  expect(found).toEqual({ put: found.put, processed: found.put, wrong: 0 });
  expect(world.events.filter(({ kind }) => kind === 'failed')).toEqual([]);
};

describe('operator tuning with real workers', () => {
  it('tries a better setting in the shadow, applies it within seconds, and keeps it', async () => {
    const world = await tunedWorld(() => 10);
    await world.minute();
    expect(await world.tryLanes(4)).toBeNull();
    const kinds: string[] = [];
    while (!kinds.includes('applied') && kinds.length < 12) {
      expect(world.lanesNow()).toBe(1);
      kinds.push(await world.minute());
    }
    expect(kinds.at(-1)).toBe('applied');
    await world.load(5000);
    expect(world.lanesNow()).toBe(4);
    const reported = (await world.ports.workers.list(group)).map(({ tuning }) => tuning?.inForce.concurrencyPerShard);
    expect(reported).toEqual([4, 4]);
    expect(await world.untilEnded(8)).toContain('ended');
    const { settings, outcomes, trial } = await world.tuning();
    expect(trial).toBeUndefined();
    expect(settings).toEqual({ concurrencyPerShard: 4 });
    expect(outcomes[0]).toMatchObject({
      result: 'kept',
      reason: expect.stringMatching(/^Better in the shadow, and nothing worse: .* Not worse on the primary in \d samples/),
    });
    // What the primary did meanwhile by its own measure: one shard, and a checkpoint each 20 s.
    const [run] = await world.ports.profileReports.recent(group, 1);
    const primary = run?.findings.primary;
    if (primary?.kind !== 'measured') throw new Error(primary?.detail);
    expect(primary.workerId).toBe('a');
    expect(primary.shardMs / primary.ms).toBeCloseTo(1, 1);
    expect(primary.checkpoints / (primary.ms / 20_000)).toBeCloseTo(1, 0);
    expect(primary).toMatchObject({ heldUpMs: 0, inForce: { concurrencyPerShard: 1 } });
    expect(world.lanesNow()).toBe(4);
    const changes = world.events.filter((event) => event.kind === 'setting-changed');
    expect(changes.map(({ worker, from, to, why }) => [worker, from, to, why]).sort()).toEqual([
      ['a', 1, 4, 'tried'],
      ['b', 1, 4, 'tried'],
    ]);
    // The next shadow begins with it, and so does who takes the shard over.
    expect(await world.tryLanes(6)).toBeNull();
    await world.minute();
    const [window] = (await world.ports.profiles.windows(group, (await world.tuning()).trial?.trialId ?? '')).slice(-1);
    expect(window?.legs.map(({ lanes }) => lanes)).toEqual([4, 4, 6]);
    await world.handOn();
    expect(world.lanesNow()).toBe(4);
    await settled(world);
  });

  it('never applies what is worse in the shadow', async () => {
    const world = await tunedWorld(({ lanes }) => (lanes > 1 ? 100 : 10));
    await world.minute();
    await world.tryLanes(4);
    await world.untilEnded(12);
    const { settings, outcomes } = await world.tuning();
    expect(settings).toEqual({});
    expect(outcomes[0]).toMatchObject({
      result: 'givenUp',
      because: 'notBetter',
      reason: expect.stringContaining('turn ms/record'),
    });
    expect(new Set(world.sink.map(({ lanes }) => lanes))).toEqual(new Set([1]));
    expect(world.events.filter(({ kind }) => kind === 'setting-changed')).toEqual([]);
    await settled(world);
  });

  it('takes back what is good in the shadow and bad on the primary, to exactly what was', async () => {
    const world = await tunedWorld(({ lanes, shadow }) => (lanes > 1 && !shadow ? 60 : 10));
    await world.minute();
    await world.tryLanes(4);
    await world.untilEnded(16);
    const { settings, outcomes } = await world.tuning();
    expect(settings).toEqual({});
    expect(outcomes[0]).toMatchObject({
      result: 'rolledBack',
      because: 'worse',
      reason: expect.stringMatching(/^Worse on the primary: .*lane ms\/record/),
    });
    expect(outcomes[0]!.endedAtMs - outcomes[0]!.appliedAtMs!).toBeLessThanOrEqual(5 * MINUTE_MS);
    await world.load(30_000);
    expect(world.lanesNow()).toBe(1);
    expect(world.sink.some(({ lanes }) => lanes === 4)).toBe(true);
    await settled(world);
  });

  it('goes back by itself where the control plane falls silent during the watch', async () => {
    const world = await tunedWorld(() => 10);
    await world.minute();
    await world.tryLanes(4);
    for (let i = 0; i < 12 && (await world.tuning()).trial?.phase !== 'watching'; i += 1) await world.minute();
    for (let i = 0; i < 9; i += 1) await world.minute(false);
    expect(world.lanesNow()).toBe(4);
    await world.minute(false);
    await world.load(5000);
    expect(world.lanesNow()).toBe(1);
    expect(await world.minute()).toBe('ended');
    expect((await world.tuning()).outcomes[0]).toMatchObject({ result: 'rolledBack', because: 'overdue' });
    await settled(world);
  });

  it('changes how often positions are published', async () => {
    const bounds = { checkpointMs: { from: 1000, to: 60_000 } };
    const world = await tunedWorld(() => 1, { a: bounds, b: bounds });
    const published = async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 12; i += 1) {
        await world.load(1000);
        seen.add((await world.ports.leases.list(group))[0]?.checkpoint ?? '');
      }
      return seen.size;
    };
    expect(await published()).toBeLessThanOrEqual(2);
    await world.ports.tuning.write({ ...group, revision: 1, settings: { checkpointMs: 1000 }, outcomes: [] });
    await world.ports.workers.announce(group);
    await world.load(5000);
    expect(await published()).toBeGreaterThan(4);
    await settled(world);
  });

  it('keeps out of workers whose code declares no bounds', async () => {
    const world = await tunedWorld(() => 10, { a: wide });
    await world.minute();
    expect(await world.tryLanes(4)).toMatch(/concurrencyPerShard 4 is not allowed: allowed is nothing .*b nothing/);
    await world.ports.tuning.write({ ...group, revision: 1, settings: { concurrencyPerShard: 4 }, outcomes: [] });
    await world.ports.workers.announce(group);
    await world.load(5000);
    expect(world.events.filter((event) => event.kind === 'setting-changed').map(({ worker }) => worker)).toEqual(['a']);
    await settled(world);
  });
});
