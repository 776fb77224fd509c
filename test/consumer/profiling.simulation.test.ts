import { describe, expect, it } from 'vitest';
import { memoryResults } from '../../lib/adapters/memory/profiles.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import type { Processor, ProcessorContext } from '../../lib/consumer/processor.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import type { ResultStore } from '../../lib/ports.ts';
import { isSampled, placeOfKey } from '../../lib/shadow/sampling.ts';
import { loadHash64 } from '../../lib/shadow/xxhash.ts';
import { group, profilingWorld, SHARD } from '../support/profiling-world.ts';

const hash = await loadHash64();

interface Given {
  readonly key: string;
  readonly text: string;
  readonly leg: string | null;
}
/** Notes what it is given; in a shadow writes to `results` where the primary writes to its sink. */
const noting = (
  given: Given[],
  more: Partial<Processor> = {},
  work: (record: StreamRecord, context: ProcessorContext) => Promise<void> = async () => {},
): Processor => ({
  shadowSafe: true,
  process: async (records, context) => {
    for (const record of records) {
      await context.stage('work', () => work(record, context));
      const text = Buffer.from(record.data).toString();
      context.results.tell(record, { length: text.length, at: context.leg });
      given.push({ key: record.partitionKey, text, leg: context.leg });
    }
  },
  ...more,
});
const textsOf = (given: readonly Given[], leg: string | null) => given.filter((one) => one.leg === leg).map(({ text }) => text);

/** A store that all workers of a test share, which notes what was put where and for how long. */
const sharedResults = (clock: { nowMs(): number }) => {
  const noted: { space: string; key: string; livesMs: number }[] = [];
  const store = memoryResults(clock);
  const results: ResultStore = {
    ...store,
    isShared: true,
    put: async (space, entries, untilMs) => {
      for (const [key] of entries) noted.push({ space, key, livesMs: untilMs - clock.nowMs() });
      await store.put(space, entries, untilMs);
    },
  };
  /** What of it is still there. */
  const left = async () => {
    const values = await Promise.all(noted.map(async ({ space, key }) => (await store.get(space, [key]))[0]));
    return values.filter((value) => value !== null).length;
  };
  return { results, noted, left };
};

describe('a profiling shadow', () => {
  it.each(['polling', 'fan-out'] as const)(
    'processes the sampled keys twice beside the primary, in order, and leaves nothing behind (%s)',
    async (retrieval) => {
      const world = profilingWorld();
      const given: Given[] = [];
      const owned: Given[] = [];
      await world.join('a', noting(owned));
      await world.join('b', noting(given));
      await world.order('b', { share: 0.3, minShare: 0.3, maxShare: 0.3, durationMin: 1, retrieval });
      const run = await world.untilEnded(90_000);
      expect(run.ended).toMatchObject({ by: 'duration' });
      expect(await world.registered()).toEqual([]);
      expect(await world.ports.profiles.live(group)).toEqual([]);
      await world.load(1000, 0);

      expect(textsOf(given, null)).toEqual([]);
      expect(new Set(textsOf(owned, null)).size).toBe(world.put());
      const [a, aa] = [textsOf(given, 'a'), textsOf(given, 'aa')];
      expect(a.length).toBeGreaterThan(2000);
      expect(aa).toEqual(a.slice(0, aa.length));
      expect(a.length - aa.length).toBeLessThanOrEqual(40);
      const sampled = Array.from({ length: 40 }, (_, i) => `k${i}`).filter((key) => isSampled(placeOfKey(key, hash), 0.3));
      expect(new Set(given.map(({ key }) => key))).toEqual(new Set(sampled));
      // Each sampled record between the first and the last, once and in order.
      const all = textsOf(owned, null).filter((text) => sampled.includes(text.split(' ')[0] ?? ''));
      const from = all.indexOf(a[0] ?? '');
      expect(a).toEqual(all.slice(from, from + a.length));

      const windows = await world.ports.profiles.windows(group, 'p1');
      expect(windows.map(({ index }) => index)).toEqual(windows.map((_, i) => i));
      expect(windows.filter(({ phase }) => phase === 'warming')).toHaveLength(2);
      const observed = windows.filter(({ phase }) => phase === 'observing');
      expect(observed.length).toBeGreaterThanOrEqual(58);
      const sum = (of: (window: (typeof windows)[number]) => number) => observed.reduce((total, window) => total + of(window), 0);
      expect(sum(({ legs }) => legs[0]?.records ?? 0)).toBe(a.length);
      expect(sum(({ sampledRecords }) => sampledRecords)).toBeGreaterThanOrEqual(a.length);
      expect(sum(({ shardRecords }) => shardRecords)).toBeGreaterThan(11_000);
      expect(sum(({ legs }) => legs[0]?.stages.work?.calls ?? 0)).toBe(a.length);
      const totals = await world.ports.profiles.totals(group, 'p1');
      expect(totals?.legs.map(({ leg }) => leg)).toEqual(['a', 'aa']);
      expect(totals?.keys.distinct).toBeGreaterThan(38);
      expect(totals?.keys.distinct).toBeLessThan(42);
      expect(totals?.keys.heavyHitters).toHaveLength(40);
      expect(
        totals?.keys.heavyHitters
          .filter(({ isSampled: is }) => is)
          .map(({ partitionKey }) => partitionKey)
          .sort(),
      ).toEqual(sampled.sort());
      await world.stopAll();
    },
  );

  it('counts what a leg is slow at, by stage', async () => {
    const world = profilingWorld();
    await world.join('a', noting([]));
    const { clock } = world;
    await world.join('b', {
      shadowSafe: true,
      process: async (records, { stage }) => {
        for (const _ of records)
          await stage('outer', async () => {
            await stage('sink', () => clock.sleep(4));
            stage('count', () => 1);
          });
      },
    });
    await world.order('b', { share: 0.2, minShare: 0.2, maxShare: 0.2, durationMin: 1, aa: false });
    await world.untilEnded(90_000);
    const totals = await world.ports.profiles.totals(group, 'p1');
    const stages = totals?.legs[0]?.stages ?? {};
    expect(Object.keys(stages).sort()).toEqual(['outer', 'outer/count', 'outer/sink']);
    expect((stages['outer/sink']?.totalMs ?? 0) / (stages['outer/sink']?.count ?? 1)).toBeCloseTo(4, 5);
    expect(stages['outer/sink']?.quantilesMs.at(-1)).toBeGreaterThanOrEqual(3.9);
    expect(stages['outer/count']?.maxMs).toBe(0);
    const windows = (await world.ports.profiles.windows(group, 'p1')).filter(({ phase }) => phase === 'observing');
    const leg = windows.map(({ legs }) => legs[0]);
    const callMs = leg.reduce((total, one) => total + (one?.callMs ?? 0), 0);
    const records = leg.reduce((total, one) => total + (one?.records ?? 0), 0);
    expect(callMs / records).toBeCloseTo(4, 1);
    await world.stopAll();
  });

  it('samples more keys while its estimates are loose, and fewer when its host gets busy', async () => {
    const world = profilingWorld({ keys: 400 });
    await world.join('a', noting([]));
    let cpuMs = 0;
    let busy = 0.1;
    const profiler = {
      start: () => ({
        ...world.ports.profiler.start(),
        spent: () => ({ cpuMs, loopBusyMs: cpuMs, loopIdleMs: 0, stolenMs: null }),
        take: () => ({ ...world.ports.profiler.start().take(), userMs: busy * 1000 }),
      }),
    };
    let n = 0;
    const uneven = noting([], {}, async () => {
      n += 1;
      cpuMs += n % 97 === 0 ? 5 : 0.01;
    });
    await world.join('b', uneven, { ports: { ...world.ports, profiler } });
    await world.order('b', { share: 0.1, maxShare: 0.4, durationMin: 5, aa: false });
    await world.load(40_000);
    const raised = await world.ports.profiles.get(group, 'p1');
    expect(raised?.share).toBe(0.4);
    busy = 0.95;
    await world.load(20_000);
    const lowered = await world.ports.profiles.get(group, 'p1');
    expect(lowered?.share).toBeCloseTo(0.01, 9);
    const shares = (await world.ports.profiles.windows(group, 'p1')).map(({ share }) => share);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.01);
    expect(Math.max(...shares)).toBeLessThanOrEqual(0.4);
    await world.stopAll();
    expect((await world.ports.profiles.get(group, 'p1'))?.ended?.by).toBe('host-stopped');
  });

  it('ends when too many records fail, with the errors by class, and each failing record found within its call', async () => {
    const world = profilingWorld();
    await world.join('a', noting([]));
    class SinkRefused extends Error {
      override readonly name = 'SinkRefused';
    }
    const failing = noting([], {}, async ({ data }) => {
      if (Number(Buffer.from(data).toString().split(' ')[1]) % 2 === 0) throw new SinkRefused('no');
    });
    await world.join('b', failing);
    await world.order('b', { share: 0.5, durationMin: 5, aa: false, maxErrorShare: 0.4 });
    const run = await world.untilEnded(60_000);
    expect(run.ended).toMatchObject({ by: 'errors' });
    expect(run.ended?.detail).toMatch(/^leg a: \d+ of \d+ records failed \((4[5-9]|5\d)/);
    const totals = await world.ports.profiles.totals(group, 'p1');
    expect(totals?.legs[0]?.errorSamples).toMatchObject([{ errorClass: 'SinkRefused', message: 'no' }]);
    await world.stopAll();
  });

  it('ends when its budget is spent: a registered consumer bills for every shard', async () => {
    const world = profilingWorld({ shards: 1 });
    await world.join('a', noting([]));
    await world.join('b', noting([]));
    await world.order('b', { durationMin: 10, budgetUsd: 0.0005 });
    const run = await world.untilEnded(200_000);
    // 0.0005 $ are two minutes of one shard's consumer at 0.015 $ an hour, less what is written.
    expect(run.ended).toMatchObject({ by: 'budget' });
    expect((run.ended?.atMs ?? 0) - (run.startedAtMs ?? 0)).toBeGreaterThan(20_000);
    expect((run.ended?.atMs ?? 0) - (run.startedAtMs ?? 0)).toBeLessThan(120_000);
    expect(await world.registered()).toEqual([]);
    await world.stopAll();
  });

  it('ends within a window when somebody says so', async () => {
    const world = profilingWorld();
    await world.join('a', noting([]));
    await world.join('b', noting([]));
    await world.order('b');
    await world.load(10_000);
    const [run] = await world.ports.profiles.live(group);
    await world.ports.profiles.change(run!, { stop: { by: 'ann', detail: 'seen enough', atMs: world.clock.nowMs() } });
    const ended = await world.untilEnded(2_500);
    expect(ended.ended).toMatchObject({ by: 'stopped', detail: 'by ann: seen enough' });
    await world.stopAll();
  });

  it('ends at once when its host stops, before the host has left', async () => {
    const world = profilingWorld();
    await world.join('a', noting([]));
    await world.join('b', noting([]));
    await world.order('b');
    await world.load(10_000);
    expect(await world.registered()).toEqual(['penumbra-app-profiling']);
    await world.stopAll();
    expect((await world.ports.profiles.get(group, 'p1'))?.ended).toMatchObject({ by: 'host-stopped' });
    expect(await world.registered()).toEqual([]);
  });

  it('is ended by the others when its host was killed, and its registered consumer taken away', async () => {
    const world = profilingWorld();
    await world.join('a', noting([]), { scanMs: 5000 });
    await world.join('b', noting([]));
    await world.join('c', noting([]), { scanMs: 5000 });
    await world.order('b');
    await world.load(10_000);
    world.killed.add('b');
    const run = await world.untilEnded(120_000);
    expect(run.ended).toMatchObject({ by: 'host-lost' });
    expect(await world.registered()).toEqual([]);
    expect(world.events.filter(({ kind }) => kind === 'profiling-ended')).toHaveLength(1);
    // The shard has room for the next one.
    expect(await world.order('c', {}, 'p2')).toEqual({ kind: 'created' });
    await world.stopAll();
  });

  it('does not keep its host when the processor never returns', async () => {
    const world = profilingWorld();
    await world.join('a', noting([]));
    await world.join('b', { shadowSafe: true, process: () => new Promise(() => {}) });
    await world.order('b', { durationMin: 1 });
    expect((await world.untilEnded(120_000)).ended).toMatchObject({ by: 'duration' });
    await world.stopAll();
  });

  it('ends when its host comes to own the shard', async () => {
    const world = profilingWorld();
    await world.join('a', noting([]));
    await world.join('b', noting([]));
    await world.order('b', { durationMin: 5 });
    await world.load(5000);
    world.killed.add('a');
    expect((await world.untilEnded(30_000)).ended).toMatchObject({ by: 'shard-moved-here' });
    await world.stopAll();
  });

  it.each([
    ['not-shadow-safe', { shadowSafe: false }, {}, /does not declare shadowSafe: true/],
    ['no-candidate', {}, { other: { processor: 'candidate' } }, /has no option candidate/],
    ['results-not-shared', {}, { compare: { with: 'primary' } }, /in its own memory/],
  ] as const)('is refused by its host: %s', async (refusal, more, request, detail) => {
    const world = profilingWorld();
    const given: Given[] = [];
    await world.join('a', noting([]));
    await world.join('b', noting(given, more));
    await world.order('b', request as never);
    const run = await world.untilEnded(5000);
    expect(run.ended).toMatchObject({ by: 'refused', refusal });
    expect(run.ended?.detail).toMatch(detail);
    await world.load(3000);
    expect(given).toEqual([]);
    await world.stopAll();
  });

  it('is refused where the candidate has not declared itself shadow-safe', async () => {
    const world = profilingWorld();
    await world.join('a', noting([]));
    const given: Given[] = [];
    await world.join('b', noting([]), { candidate: noting(given, { shadowSafe: false }) });
    await world.order('b', { other: { processor: 'candidate' } });
    const { ended } = await world.untilEnded(5000);
    expect(ended).toMatchObject({ by: 'refused', refusal: 'not-shadow-safe' });
    expect(ended?.detail).toMatch(/^the candidate of worker b/);
    expect(given).toEqual([]);
    await world.stopAll();
  });

  it('tries other settings in leg b: smaller calls, on the same records', async () => {
    const world = profilingWorld();
    await world.join('a', noting([]));
    const calls = new Map<string | null, number[]>();
    await world.join('b', {
      shadowSafe: true,
      process: async (records, { leg, lanes }) => {
        expect(lanes).toBe(leg === 'b' ? 3 : 1);
        calls.set(leg, [...(calls.get(leg) ?? []), records.length]);
      },
    });
    await world.order('b', { share: 1, durationMin: 1, other: { maxBatchRecords: 5, concurrencyPerShard: 3 } });
    await world.untilEnded(90_000);
    const sum = (leg: string) => (calls.get(leg) ?? []).reduce((a, b) => a + b, 0);
    expect(Math.max(...(calls.get('b') ?? []))).toBe(5);
    expect(Math.max(...(calls.get('a') ?? []))).toBeGreaterThan(5);
    expect(sum('a')).toBeGreaterThan(5000);
    expect(Math.abs(sum('a') - sum('b'))).toBeLessThanOrEqual(200);
    await world.stopAll();
  });

  it('gives each leg the first turn as often as the others', async () => {
    const world = profilingWorld();
    await world.join('a', noting([]));
    const turns: string[] = [];
    await world.join('b', {
      shadowSafe: true,
      process: async (_, { leg }) => void turns.push(`${leg}`),
    });
    await world.order('b', { share: 1, durationMin: 1, other: {} });
    await world.untilEnded(90_000);
    const firsts = ['a', 'aa', 'b'].map((leg) => turns.filter((one, i) => i % 3 === 0 && one === leg).length);
    expect(Math.max(...firsts) - Math.min(...firsts)).toBeLessThanOrEqual(1);
    expect(Math.min(...firsts)).toBeGreaterThan(10);
    await world.stopAll();
  });

  it('leaves the registered consumer to a run of another shard', async () => {
    const world = profilingWorld({ shards: 2 });
    for (const workerId of ['a', 'b', 'c', 'd']) await world.join(workerId, noting([]));
    const leases = await world.ports.leases.list(group);
    const idle = ['a', 'b', 'c', 'd'].filter((workerId) => leases.every(({ owner }) => owner !== workerId));
    await world.order(idle[0] ?? '', { retrieval: 'fan-out' });
    const [first] = await world.ports.profiles.live(group);
    const second = { ...first!, profileId: 'p2', shardId: 'shardId-000000000001', hostId: idle[1] ?? '' };
    await world.ports.profiles.create(second, world.clock.nowMs());
    await world.ports.workers.announce(group);
    await world.load(6000);
    const stop = async (profileId: string) => {
      const run = await world.ports.profiles.get(group, profileId);
      await world.ports.profiles.change(run!, { stop: { by: 'me', detail: 'enough', atMs: 0 } });
      expect((await world.untilEnded(4000, 20, profileId)).ended).toMatchObject({ by: 'stopped' });
    };
    // The same registration, not another one under its name.
    const before = await world.listed();
    expect(before).toHaveLength(1);
    await stop('p1');
    expect(await world.listed()).toEqual(before);
    await stop('p2');
    expect(await world.listed()).toEqual([]);
    await world.stopAll();
  });

  it('is refused by the owner of the shard, for a shard that is not there, and by a host that has one already', async () => {
    const world = profilingWorld({ shards: 2 });
    await world.join('a', noting([]));
    await world.join('b', noting([]));
    const leases = await world.ports.leases.list(group);
    const owner = leases[0]?.owner ?? '';
    await world.order(owner);
    expect((await world.untilEnded(5000)).ended).toMatchObject({ refusal: 'host-owns-the-shard' });
    const other = owner === 'a' ? 'b' : 'a';
    await world.order(other, {}, 'p2');
    await world.load(5000);
    expect((await world.ports.workers.list(group)).find(({ workerId }) => workerId === other)?.hosting?.profileId).toBe('p2');
    const [run] = await world.ports.profiles.live(group);
    await world.ports.profiles.create(
      { ...run!, profileId: 'p3', shardId: 'shardId-000000000009', state: 'requested' },
      world.clock.nowMs(),
    );
    await world.ports.workers.announce(group);
    expect((await world.untilEnded(5000, 20, 'p3')).ended).toMatchObject({ refusal: 'unknown-shard' });
    const own =
      leases.find((lease) => lease.owner === owner && lease.shardId !== SHARD) ?? leases.find((lease) => lease.shardId !== SHARD);
    await world.ports.profiles.create(
      { ...run!, profileId: 'p4', shardId: own?.shardId ?? '', state: 'requested' },
      world.clock.nowMs(),
    );
    await world.ports.workers.announce(group);
    expect((await world.untilEnded(5000, 20, 'p4')).ended?.refusal).toMatch(/hosting-another|host-owns-the-shard/);
    await world.stopAll();
  });

  it('is refused by a host without room', async () => {
    const world = profilingWorld();
    await world.join('a', noting([]));
    const profiler = {
      start: () => ({
        ...world.ports.profiler.start(),
        take: () => ({ ...world.ports.profiler.start().take(), loopBusyMs: 900 }),
      }),
    };
    await world.join('b', noting([]), { ports: { ...world.ports, profiler } });
    await world.order('b');
    const { ended } = await world.untilEnded(10_000);
    expect(ended).toMatchObject({ by: 'refused', refusal: 'host-busy' });
    expect(ended?.detail).toContain('event loop 90 %, allowed are 80 %');
    await world.stopAll();
  });
});

describe('a comparison', () => {
  const telling = (version: 1 | 2, given: (string | null)[] = []): Processor => ({
    shadowSafe: true,
    process: async (records, { results, leg, shadow }) => {
      for (const record of records) {
        const n = Number(Buffer.from(record.data).toString().split(' ')[1]);
        const total = version === 2 && n % 10 === 0 ? n + 1 : n;
        results.tell(record, { order: { total, at: `${leg}` }, lines: [1n, 2n] });
        if (shadow) await results.put(record.partitionKey, total);
        given.push(leg);
      }
    },
  });

  it('of a candidate finds the records that come out differently, ignores what may differ, and finds no difference between equal legs', async () => {
    const world = profilingWorld({ keyOf: (i) => `k${i % 50}` });
    await world.join('a', telling(1));
    await world.join('b', telling(1), { candidate: telling(2) });
    await world.order('b', { share: 1, durationMin: 1, other: { processor: 'candidate' }, compare: { ignore: ['order.at'] } });
    expect((await world.untilEnded(90_000)).ended).toMatchObject({ by: 'duration' });
    const totals = await world.ports.profiles.totals(group, 'p1');
    const [equal, candidate] = totals?.comparisons ?? [];
    expect(equal).toMatchObject({ left: 'a', right: 'aa', different: 0, onlyRight: 0 });
    expect(equal?.compared).toBeGreaterThan(10_000);
    expect(candidate).toMatchObject({ left: 'a', right: 'b' });
    expect((candidate?.different ?? 0) / (candidate?.compared ?? 1)).toBeCloseTo(0.1, 2);
    expect(candidate?.fields).toEqual({ 'order.total': candidate?.different });
    const [sample] = candidate?.samples ?? [];
    const [difference] = sample?.differences ?? [];
    expect(Number(difference?.right)).toBe(Number(difference?.left) + 1);
    await world.stopAll();
  });

  it('with the primary counts what only its owner told, and what only the copy told', async () => {
    const world = profilingWorld();
    const { results } = sharedResults(world.clock);
    /** Tells the total of every record but those of one key. */
    const silentOn = (key: string): Processor => ({
      shadowSafe: true,
      process: async (records, context) => {
        for (const record of records) {
          context.results.tell(record, 1);
          if (record.partitionKey !== key) context.results.tell(record, 2, 'total');
        }
      },
    });
    const [first = '', second = ''] = Array.from({ length: 40 }, (_, i) => `k${i}`).filter((key) =>
      isSampled(placeOfKey(key, hash), 0.3),
    );
    await world.join('a', silentOn(first), { results });
    await world.join('b', silentOn(second), { results });
    const request = {
      share: 0.3,
      minShare: 0.3,
      maxShare: 0.3,
      durationMin: 2,
      aa: false,
      compare: { with: 'primary' as const },
    };
    await world.order('b', request);
    await world.untilEnded(150_000, 8);
    const [compared] = (await world.ports.profiles.totals(group, 'p1'))?.comparisons ?? [];
    // A fortieth of 80 records a second: 2 a second, of the first 60 s on the left and the first 90 s on the right.
    expect(compared?.onlyLeft).toBeGreaterThan(100);
    expect(compared?.onlyRight).toBeGreaterThan(150);
    expect(compared?.onlyRight).toBeLessThan(200);
    expect(compared).toMatchObject({ different: 0 });
    await world.stopAll();
  });

  it('with the primary finds what its owner told of the same records, where both reach the store', async () => {
    const world = profilingWorld();
    const { results, noted, left } = sharedResults(world.clock);
    await world.join('a', telling(2), { results });
    await world.join('b', telling(1), { results });
    await world.order('b', { share: 0.3, durationMin: 1, aa: false, compare: { with: 'primary', ignore: ['order.at'] } });
    expect((await world.untilEnded(90_000)).ended).toMatchObject({ by: 'duration' });
    const [compared] = (await world.ports.profiles.totals(group, 'p1'))?.comparisons ?? [];
    expect(compared).toMatchObject({ left: 'a', right: 'primary', onlyLeft: 0 });
    expect(compared?.compared).toBeGreaterThan(2000);
    expect((compared?.different ?? 0) / (compared?.compared ?? 1)).toBeGreaterThan(0.05);
    expect(Object.keys(compared?.fields ?? {})).toEqual(['order.total']);
    expect(new Set(noted.map(({ space }) => space))).toEqual(new Set(['app/orders/p1/a', 'app/orders/p1/primary']));
    expect(Math.max(...noted.map(({ livesMs }) => livesMs))).toBeLessThanOrEqual(120_000);
    const told = noted.filter(({ space }) => space.endsWith('primary')).length;
    // The host has cleared up; the primary may tell a little more until it hears.
    const ofLeg = noted.filter(({ space }) => space.endsWith('/a'));
    expect(
      (
        await results.get(
          'app/orders/p1/a',
          ofLeg.map(({ key }) => key),
        )
      ).filter((value) => value !== null),
    ).toEqual([]);
    await world.load(10_000, 2);
    // It has heard of the run's end: what it told last goes by its TTL.
    expect(noted.filter(({ space }) => space.endsWith('primary')).length - told).toBeLessThan(100);
    await world.stopAll();
    await world.clock.advance(121_000);
    expect(await left()).toBe(0);
  });
});

describe('Consumer', () => {
  const { ports } = profilingWorld();
  const processor: Processor = { process: async () => {} };
  it.each([
    [{ candidate: {} }, 'candidate must have a method process(records, context), got a processor with no method'],
    [{ results: { put: async () => {} } }, 'got something without get, remove, clear'],
    [{ profilingMs: 100 }, 'profilingMs'],
  ])('fails for %j', (wrong, message) => {
    expect(() => new Consumer({ ...group, ports, processor, ...wrong } as never)).toThrow(message);
  });
});
