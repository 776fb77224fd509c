import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { WHOLE_RANGE, widthOf } from '../../lib/model/hash-key-range.ts';
import { Policy } from '../../lib/model/policy.ts';
import type { Demand } from '../../lib/simulate/demand.ts';
import { runEvenStream } from '../../lib/simulate/even-stream.ts';
import { foresee } from '../../lib/simulate/foresight.ts';
import { penumbraSizer } from '../../lib/simulate/penumbra-sizer.ts';
import { tracking } from '../../lib/simulate/rivals.ts';
import { runLoop } from '../../lib/simulate/run-loop.ts';
import { evenLoad, keyedLoad } from '../../lib/simulate/simulated-load.ts';
import { SimulatedStream } from '../../lib/simulate/simulated-stream.ts';

const DAY = 1440;
/** Days with a broad peak at noon and a little ripple. */
const daily = (days: number, low: number, high: number): Demand => ({
  startMs: Date.UTC(2026, 0, 5),
  minutes: Float64Array.from({ length: days * DAY }, (_, t) => {
    const wave = (1 - Math.cos((2 * Math.PI * (t % DAY)) / DAY)) / 2;
    return low + (high - low) * wave ** 2 + 0.02 * high * Math.sin(t * 1.7);
  }),
});
const policyOf = (change: Partial<Policy> = {}) =>
  Policy.parse({
    application: 'a',
    streamName: 's',
    mode: 'act',
    reshardDurationPriorSec: 30,
    maxReplicationFactor: 1,
    ...change,
  });
const options = { fromMinute: 3 * DAY, operationSec: 30, startShards: 3, workers: 4, shardsPerWorker: 3 };

describe('runLoop', () => {
  it('splits before the peak of the day, merges after it, and throttles nothing', () => {
    const policy = policyOf({ allowResize: false });
    const outcome = runLoop(evenLoad(daily(5, 0.8, 4), options.fromMinute), { ...options, policy });
    expect(outcome.throttledShare).toBe(0);
    expect(outcome.splits).toBeGreaterThan(3);
    expect(outcome.merges).toBeGreaterThan(1);
    const first = outcome.actions.find(({ action }) => action.kind === 'split')!.action;
    expect(first.trigger).toBe('forecast');
  });

  it('resizes an even stream before the peak of the day and after it where a resize is known to be quick, in fewer changes than splits and merges are', () => {
    const load = evenLoad(daily(5, 0.8, 4), options.fromMinute);
    const cautious = { coldUtilization: 0.35 };
    const resized = runLoop(load, { ...options, resizeSec: 60, policy: policyOf({ ...cautious, resizeDurationPriorSec: 60 }) });
    const split = runLoop(load, { ...options, policy: policyOf({ ...cautious, allowResize: false }) });
    expect(resized.throttledShare).toBe(0);
    const counts = resized.actions.flatMap(({ action }) =>
      action.kind === 'resize' ? [action.targetCount - action.fromCount] : [],
    );
    expect(counts.some((change) => change > 0) && counts.some((change) => change < 0)).toBe(true);
    const changes = ({ splits, merges, resizes }: typeof split) => splits + merges + resizes;
    expect(changes(resized)).toBeLessThan(changes(split));
  });

  it('moves a shard before its worker passes its target', () => {
    // Worker 0 has the quarters 0 and 2, whose load peaks at noon; worker 1 has the calm ones.
    const { minutes } = daily(5, 0.2, 0.65);
    const keys = [0n, 1n, 2n, 3n].map((quarter) => ({
      hashKey: quarter * 2n ** 126n + 2n ** 125n,
      minutes: quarter % 2n === 0n ? minutes : minutes.map(() => 0.15),
    }));
    const policy = policyOf({ minShards: 4, maxShards: 4 });
    const outcome = runLoop(keyedLoad(keys, Date.UTC(2026, 0, 5)), {
      ...options,
      startShards: 4,
      workers: 2,
      shardsPerWorker: 1.5,
      policy,
    });
    expect(outcome.handovers).toBe(1);
    expect(outcome.fullestWorker).toBeLessThanOrEqual(0.7);
    expect(outcome.actions.map(({ action }) => action.kind)).toEqual(['create-shadow', 'handover']);
  });

  it('never does more than the policy’s operations in any hour, nor leaves its bounds, on a load that bursts', () => {
    const bursts = daily(4, 1, 4);
    for (let t = 3 * DAY; t < 4 * DAY; t += 97) bursts.minutes.fill(9, t, t + 12);
    const policy = policyOf({ maxOperationsPerHour: 6, minShards: 2, maxShards: 7, mergeCooldownSec: 0 });
    const { actions } = runLoop(evenLoad(bursts, options.fromMinute), { ...options, policy });
    const times = actions.filter(({ action }) => action.kind !== 'remove-shadow').map(({ atMs }) => atMs);
    expect(times.length).toBeGreaterThan(15);
    for (const from of times)
      expect(times.filter((atMs) => atMs >= from && atMs < from + 3_600_000).length).toBeLessThanOrEqual(6);
    let shards = options.startShards;
    for (const { action } of actions) {
      if (action.kind === 'resize') shards = action.targetCount;
      else shards += action.kind === 'split' ? 1 : action.kind === 'merge' ? -1 : 0;
      expect(shards).toBeGreaterThanOrEqual(2);
      expect(shards).toBeLessThanOrEqual(7);
    }
  });

  it('gives the same outcome for the same trace', () => {
    const run = () => runLoop(evenLoad(daily(4, 1, 3), options.fromMinute), { ...options, policy: policyOf() });
    expect(run()).toEqual(run());
  });

  it('does nothing but look in observe', () => {
    const outcome = runLoop(evenLoad(daily(4, 1, 6), options.fromMinute), { ...options, policy: policyOf({ mode: 'observe' }) });
    expect(outcome.actions).toEqual([]);
    expect(outcome.throttledShare).toBeGreaterThan(0);
  });

  it('splits the hot part of a keyed stream, and stops at the key that no split shares out', () => {
    const hashOf = (name: string) => BigInt(`0x${createHash('md5').update(name).digest('hex')}`);
    const keys = Array.from({ length: 40 }, (_, i) => ({
      hashKey: hashOf(`key-${i}`),
      minutes: new Float64Array(4 * DAY).map((_, t) => (i === 7 ? 1.3 : 0.03) * (1 + 0.1 * Math.sin(t / 200))),
    }));
    const outcome = runLoop(keyedLoad(keys, 0), { ...options, startShards: 1, policy: policyOf() });
    expect(outcome.splits).toBeGreaterThan(0);
    // The key takes more than a shard: it stays throttled, and no split is spent on it for ever.
    expect(outcome.throttledShare).toBeGreaterThan(0.05);
    expect(outcome.splits).toBeLessThan(20);
  });
});

describe('penumbraSizer', () => {
  it('throttles less than target tracking with fewer shards, on a load that repeats', () => {
    const demand = daily(6, 2, 20);
    const fromMinute = 3 * DAY;
    const run = { fromMinute, operationSec: 30, startShards: 4 };
    const policy = policyOf({ targetUtilization: 0.99, maxShards: 100 });
    const ours = runEvenStream(demand, penumbraSizer(foresee(demand, fromMinute), fromMinute, policy, 30), run);
    const theirs = runEvenStream(demand, tracking(), run);
    expect(ours.score).toBeLessThan(0.85 * theirs.score);
  });

  it('never sees the minute that it decides for', () => {
    const demand = daily(4, 2, 20);
    const changed = { ...demand, minutes: demand.minutes.map((value, t) => (t >= 4 * DAY - 10 ? 500 : value)) };
    const at = (of: Demand) => foresee(of, 3 * DAY).slice(0, DAY - 9);
    expect(at(changed)).toEqual(at(demand));
  });
});

describe('SimulatedStream', () => {
  const split = (shardId: string, at: bigint) => ({
    kind: 'split' as const,
    actionId: 'split-1',
    trigger: 'forecast' as const,
    reason: 'as the test says',
    expected: { utilizationNow: 0, peakUtilization: 0, leadTimeSec: 0, costUsdPerMonth: 0, recordsAtRiskPerHour: 0 },
    shardId,
    hashKeyRange: WHOLE_RANGE,
    newStartingHashKey: at,
    childOwners: ['w', 'w'] as [string, string],
  });
  const id = (i: number) => `shardId-${i.toString().padStart(12, '0')}`;

  it('covers the key space once, with new ids, after a split has taken its time', () => {
    const stream = new SimulatedStream('s', 2);
    stream.begin(split(id(1), 2n ** 127n + 5n), 30_000, 0);
    expect(stream.describe().status).toBe('UPDATING');
    expect(stream.endDue(29_999)).toBeNull();
    expect(stream.endDue(30_000)?.children.map((child) => child.shardId)).toEqual([id(2), id(3)]);
    expect(stream.describe().status).toBe('ACTIVE');
    expect(stream.shards.map((shard) => shard.shardId)).toEqual([id(0), id(2), id(3)]);
    expect(stream.shards.reduce((sum, shard) => sum + widthOf(shard.hashKeyRange), 0n)).toBe(2n ** 128n);
  });

  it('fails on a second operation, a split outside its shard, and a shard that is not open', () => {
    const stream = new SimulatedStream('s', 2);
    expect(() => stream.begin(split(id(1), 5n), 1, 0)).toThrow('outside of');
    expect(() => stream.begin(split(id(7), 5n), 1, 0)).toThrow('not open');
    stream.begin(split(id(0), 5n), 1000, 0);
    expect(() => stream.begin(split(id(1), 2n ** 127n + 1n), 1000, 10)).toThrow('under way');
  });
});
