import { describe, expect, it } from 'vitest';
import type { ProfileSummary, Recommendation } from '../../lib/model/profile-report.ts';
import type { Tuning } from '../../lib/model/tuning.ts';
import { recommendedTry, tunableBounds, wishFor } from '../../lib/profile/tuning-wish.ts';
import { worker } from '../functions/scenes.ts';
import { group, MINUTE, own, wide } from './tuning-world.ts';

const NOW = 1_800_000_000_000;
const tunable = (workerId: string, concurrencyPerShard = 4, bounds = wide) =>
  worker(workerId, 0.5, { tuning: { inForce: { ...own, concurrencyPerShard }, bounds } });
const asked = { setting: 'concurrencyPerShard' as const, to: 8 };
const kept: Tuning = { ...group, revision: 1, settings: {}, outcomes: [] };

describe('wishFor', () => {
  it('allows what the policy and every worker allow', () => {
    expect(wishFor(asked, null, wide, [tunable('a'), tunable('b')])).toEqual({ kind: 'try', ...asked, from: 4 });
  });

  it.each([
    [
      'fails outside the policy’s bounds',
      { ...asked, to: 17 },
      wide,
      [tunable('a')],
      'OutsideBounds',
      /8?17 is not allowed: allowed is 1 to 16/,
    ],
    [
      'fails where the policy names no bounds',
      asked,
      {},
      [tunable('a')],
      'OutsideBounds',
      /profiling\.tuning allows nothing; by their option tuning a 1 to 16/,
    ],
    [
      'fails where one worker’s code allows less',
      asked,
      wide,
      [tunable('a'), tunable('b', 4, { concurrencyPerShard: { from: 1, to: 6 } })],
      'OutsideBounds',
      /allowed is 1 to 6.*b 1 to 6/,
    ],
    [
      'fails where one worker’s code allows nothing',
      asked,
      wide,
      [tunable('a'), worker('b')],
      'OutsideBounds',
      /allowed is nothing.*b nothing/,
    ],
    ['fails where workers differ', asked, wide, [tunable('a'), tunable('b', 2)], 'WorkersDiffer', /a 4, b 2/],
    [
      'fails where it is so already',
      { ...asked, to: 4 },
      wide,
      [tunable('a')],
      'AlreadySo',
      /with concurrencyPerShard 4 already/,
    ],
    ['fails without workers', asked, wide, [], 'NoWorkers', /no worker is alive/],
  ])('%s', (_, wish, policy, workers, error, message) => {
    expect(wishFor(wish, null, policy, workers)).toMatchObject({
      kind: 'refused',
      error,
      message: expect.stringMatching(message),
    });
  });
});

const setting = (to: number, from = 4): Recommendation => ({
  ...{ kind: 'setting', setting: 'concurrencyPerShard', from, to, reason: 'Records wait.' },
  ...{ costUsdPerMonth: 0, utilizationBefore: 1.4, utilizationAfter: 0.7, confidence: 0.9 },
});
const report = (minutesAgo: number, ...recommendations: Recommendation[]): ProfileSummary =>
  ({
    ...{ profileId: `p${minutesAgo}`, shardId: 's1', analysedAtMs: NOW - minutesAgo * MINUTE },
    findings: { recommendations },
  }) as unknown as ProfileSummary;
const recommended = (reports: ProfileSummary[], tuning: Tuning | null = null, workers = [tunable('a')]) =>
  recommendedTry(reports, tuning, wide, workers, 60, NOW);

describe('recommendedTry', () => {
  it('tries what the newest profile recommends', () => {
    expect(recommended([report(30, setting(6)), report(5, setting(8))])).toEqual({
      ...{ kind: 'try', ...asked, from: 4, shardId: 's1' },
      reason: 'Profile p5 of s1: Records wait.',
    });
  });

  it('asks for no more than the workers allow', () => {
    const workers = [tunable('a', 4, { concurrencyPerShard: { from: 1, to: 6 } })];
    expect(recommended([report(5, setting(8))], null, workers)).toMatchObject({ kind: 'try', to: 6 });
    expect(recommended([report(5, setting(8))], null, [tunable('a', 4, { concurrencyPerShard: { from: 1, to: 4 } })]).kind).toBe(
      'hold',
    );
  });

  it.each([
    ['nothing was profiled lately', [report(61, setting(8))], null, /no profile of the last hour/],
    ['the workers run with another value by now', [report(5, setting(8, 2))], null, /is 4 by now, p5 was of 2/],
    [
      'a try is under way',
      [report(5, setting(8))],
      { ...kept, trial: { trialId: 't', phase: 'shadow', setting: 'maxBatchRecords', to: 3 } } as unknown as Tuning,
      /is being tried/,
    ],
  ])('holds where %s', (_, reports, tuning, reason) => {
    expect(recommended(reports, tuning)).toMatchObject({ kind: 'hold', reason: expect.stringMatching(reason) });
  });

  it('lets a setting rest that was taken back or given up, but not one that was kept', () => {
    const ended = (result: 'rolledBack' | 'givenUp' | 'kept', minutesAgo: number): Tuning => ({
      ...kept,
      outcomes: [
        {
          ...{ trialId: 't0', setting: 'concurrencyPerShard', from: 4, to: 8, trigger: 'request', reason: '', startedAtMs: 0 },
          ...{ result, because: 'worse', endedAtMs: NOW - minutesAgo * MINUTE },
        },
      ],
    });
    expect(recommended([report(5, setting(8))], ended('rolledBack', 59))).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(/rests until .* \(t0: worse\)/),
    });
    expect(recommended([report(5, setting(8))], ended('givenUp', 59)).kind).toBe('hold');
    expect(recommended([report(5, setting(8))], ended('rolledBack', 60)).kind).toBe('try');
    expect(recommended([report(5, setting(8))], ended('kept', 1)).kind).toBe('try');
  });
});

describe('recommendedTry of a smaller value', () => {
  const smaller = (from: number, to: number): Recommendation => ({
    ...{ kind: 'setting', setting: 'checkpointMs', from, to, reason: 'Much would come again.' },
    ...{ costUsdPerMonth: 0.1, utilizationBefore: null, utilizationAfter: null, confidence: 0.9 },
  });
  const bounds = { checkpointMs: { from: 5000, to: 60_000 } };

  it('begins it as far as the workers allow', () => {
    expect(
      recommendedTry(
        [report(5, smaller(20_000, 1000))],
        null,
        { checkpointMs: { from: 500, to: 60_000 } },
        [tunable('a', 4, bounds)],
        60,
        NOW,
      ),
    ).toMatchObject({ kind: 'try', setting: 'checkpointMs', from: 20_000, to: 5000 });
  });

  it('never turns it into a larger one', () => {
    const from = { checkpointMs: { from: 30_000, to: 60_000 } };
    expect(recommendedTry([report(5, smaller(20_000, 1000))], null, bounds, [tunable('a', 4, from)], 60, NOW)).toMatchObject({
      kind: 'hold',
    });
  });
});

describe('tunableBounds', () => {
  it('is what the policy and those workers allow that say something of it', () => {
    const narrow = { concurrencyPerShard: { from: 2, to: 6 } };
    expect(tunableBounds(wide, [tunable('a', 4, narrow), worker('b')])).toEqual(narrow);
    expect(tunableBounds(wide, [])).toEqual(wide);
  });

  it('never allows more lanes than a processor bears', () => {
    const one = worker('a', 0.5, { maxConcurrencyPerShard: 1 });
    expect(tunableBounds(wide, [one]).concurrencyPerShard).toEqual({ from: 1, to: 1 });
    expect(tunableBounds({ concurrencyPerShard: { from: 2, to: 8 } }, [one])).toEqual({});
  });
});
