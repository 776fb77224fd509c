import { beforeAll, describe, expect, test } from 'vitest';
import type { Tuning } from '../../lib/model/tuning.ts';
import { type World, worlds } from '../support/worlds.ts';

const group = { application: 'shop', streamName: 'orders' };
const upkeep = {
  ...{ shardMs: 8, checkpoints: 9, checkpointMs: 10.5, behindMs: 0, starvedMs: 0, heldUpMs: 0, heldUps: 0 },
  bufferByteMs: 1.5e12,
};
const totals = { sinceMs: 1, atMs: 2.5, records: 3, latencyMs: 4.25, calls: 5, callMs: 6, failedCalls: 0, cpuMs: 7.125, upkeep };
const tuningOf = (revision: number, change: Partial<Tuning> = {}): Tuning => ({
  ...group,
  revision,
  settings: { concurrencyPerShard: 8 },
  trial: {
    ...{ trialId: 't1', setting: 'maxBatchRecords', from: 500, to: 800, trigger: 'request', reason: 'somebody wants to know' },
    ...{ phase: 'watching', startedAtMs: 1_700_000_000_000, deadlineMs: 1_700_000_900_000 },
    shadow: { profileId: 't1', shardId: 'shardId-000000000001', hostId: 'b' },
    ...{ verdict: 'better', appliedAtMs: 1_700_000_600_000, watchUntilMs: 1_700_000_800_000 },
    before: Array.from({ length: 60 }, (_, i) => sampleOf(i)),
    after: [sampleOf(1)],
    seen: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`worker-${i}`, { ...totals, value: 500, lanes: 8 }])),
  },
  outcomes: [
    {
      ...{
        trialId: 't0',
        setting: 'concurrencyPerShard',
        from: 4,
        to: 8,
        trigger: 'recommendation',
        result: 'kept',
        because: 'held',
      },
      ...{ reason: 'not worse', startedAtMs: 1, appliedAtMs: 2, endedAtMs: 3 },
    },
  ],
  ...change,
});
const sampleOf = (i: number) => {
  const { sinceMs: _none, ...sums } = totals;
  return { ...sums, ms: 60_000, laneMs: 1 + i / 3, memoryShare: 0.3 };
};

describe.each(worlds)('what is tuned in $name', ({ open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });

  test('is nothing at first; the first revision is written once', async () => {
    const { tuning } = world.ports;
    expect(await tuning.get(group)).toBeNull();
    expect(await tuning.write(tuningOf(2))).toEqual({ kind: 'fenced', tuning: null });
    const first = tuningOf(1);
    expect(await tuning.write(first)).toEqual({ kind: 'written' });
    expect(await tuning.get(group)).toEqual(first);
    expect(await tuning.write(first)).toEqual({ kind: 'fenced', tuning: first });
    expect(await tuning.write(tuningOf(1, { settings: {} }))).toEqual({ kind: 'fenced', tuning: first });
    expect(await tuning.get({ ...group, application: 'other' })).toBeNull();
  });

  test('of two who write the same revision one is refused, and told what is there', async () => {
    const { tuning } = world.ports;
    const other = { ...group, application: 'two' };
    await tuning.write(tuningOf(1, other));
    const rivals = [tuningOf(2, { ...other, settings: {} }), tuningOf(2, { ...other, settings: { checkpointMs: 5 } })];
    const answers = await Promise.all(rivals.map((each) => tuning.write(each)));
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['fenced', 'written']);
    const winner = rivals[answers.findIndex(({ kind }) => kind === 'written')];
    expect(await tuning.get(other)).toEqual(winner);
    expect(answers.find(({ kind }) => kind === 'fenced')).toEqual({ kind: 'fenced', tuning: winner });
  });

  test('lets go of a try that has ended', async () => {
    const { tuning } = world.ports;
    const other = { ...group, application: 'three' };
    await tuning.write(tuningOf(1, other));
    const { trial: _ended, ...ended } = tuningOf(2, other);
    await tuning.write(ended);
    expect((await tuning.get(other))?.trial).toBeUndefined();
  });
});
