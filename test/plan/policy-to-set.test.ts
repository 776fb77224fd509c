import { describe, expect, it } from 'vitest';
import { PolicyToSet } from '../../lib/plan/policy-to-set.ts';

const messagesOf = (change: object) => {
  const checked = PolicyToSet.safeParse({ application: 'a', streamName: 's', ...change });
  return checked.success ? [] : checked.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
};
const cron = (pattern: string, durationMin: number, timeZone = 'UTC') => ({ cron: pattern, durationMin, timeZone, reason: 'x' });

describe('PolicyToSet', () => {
  it('takes blackouts that never hold at once, and money that is enough', () => {
    expect(
      messagesOf({
        blackoutCrons: [cron('0 9 * * 1-5', 60), cron('0 10 * * *', 120), cron('30 8 * * 6', 90, 'Europe/Berlin')],
        blackouts: [{ fromMs: Date.UTC(2026, 10, 25, 12), untilMs: Date.UTC(2026, 10, 25, 13), reason: 'sale' }],
        minShards: 2,
        budgetUsdPerMonth: 21.9,
      }),
    ).toEqual([]);
  });

  it('fails on every contradiction at once, those of the calendar and of money beside the others', () => {
    expect(
      messagesOf({
        minShards: 9,
        maxShards: 3,
        coldUtilization: 0.9,
        workerService: { cluster: 'c', service: 's', minWorkers: 5, maxWorkers: 4 },
        budgetUsdPerMonth: 50,
        blackoutCrons: [cron('0 9 * * 1', 120), cron('0 10 * * *', 60)],
      }),
    ).toEqual([
      'minShards: must not exceed maxShards, got minShards 9 and maxShards 3',
      'coldUtilization: must be below targetUtilization, got 0.9 and 0.7',
      'workerService: its minWorkers must not exceed its maxWorkers, got 5 and 4',
      'blackoutCrons.1: must not overlap blackoutCrons.0, got "0 10 * * *" UTC for 60 min and "0 9 * * 1" UTC for 120 min, which both hold at 2028-01-03T10:00Z',
      'budgetUsdPerMonth: must be enough for minShards, got $50.00 and minShards 9, which cost $98.55',
    ]);
  });

  it('fails on contradictions beside fields that are wrong by themselves, and compares none of these', () => {
    expect(
      messagesOf({
        mode: 'go',
        maxReplicationFactor: 'two',
        coldUtilization: 'low',
        minShards: 9,
        maxShards: 3,
        blackouts: [{ fromMs: 10, untilMs: 5, reason: 'x' }],
        budgetUsdPerMonth: 50,
        protectedRanges: [{ startingHashKey: '-1', endingHashKey: '3', reason: 'x' }],
      }),
    ).toEqual([
      expect.stringMatching(/^mode: /),
      expect.stringMatching(/^coldUtilization: /),
      expect.stringMatching(/^maxReplicationFactor: /),
      expect.stringMatching(/^protectedRanges\.0\.startingHashKey: /),
      'minShards: must not exceed maxShards, got minShards 9 and maxShards 3',
      'blackouts.0: must end after it starts, got 10 to 5',
      'budgetUsdPerMonth: must be enough for minShards, got $50.00 and minShards 9, which cost $98.55',
    ]);
  });

  it.each([
    ['a text', 'policy'],
    ['nothing', null],
    ['a list', []],
  ])('fails on %s with one message', (_, given) => {
    const checked = PolicyToSet.safeParse(given);
    expect(checked.success ? [] : checked.error.issues.map(({ path, code }) => [path, code])).toEqual([[[], 'invalid_type']]);
  });

  it.each([
    [
      'a pattern that is none',
      cron('99 * * * *', 5),
      /^blackoutCrons\.0: cron must be a pattern of five fields, got 99 \* \* \* \*: /,
    ],
    [
      'a day that never comes',
      cron('0 0 30 2 *', 5),
      /^blackoutCrons\.0: cron must come back, got 0 0 30 2 \*, which never does$/,
    ],
    ['a zone that is none', cron('0 0 * * *', 5, 'Mars/Olympus'), /^blackoutCrons\.0: timeZone must be .*, got Mars\/Olympus$/],
    [
      'a window longer than its period',
      cron('0 * * * *', 61),
      /must end before it begins again, got "0 \* \* \* \*" UTC for 61 min, which begins again at 2028-01-01T0/,
    ],
  ])('fails on %s', (_, one, message) => {
    const messages = messagesOf({ blackoutCrons: [one] });
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatch(message);
  });

  it('fails on a blackout by cron that meets a fixed one, by its own time zone', () => {
    // 9:00 in Berlin is 8:00 UTC in November.
    const blackouts = (hour: number) => [
      { fromMs: Date.UTC(2026, 10, 25, hour), untilMs: Date.UTC(2026, 10, 25, hour + 1), reason: 'sale' },
    ];
    const blackoutCrons = [cron('0 9 * * *', 60, 'Europe/Berlin')];
    expect(messagesOf({ blackoutCrons, blackouts: blackouts(9) })).toEqual([]);
    expect(messagesOf({ blackoutCrons, blackouts: blackouts(7) })).toEqual([]);
    expect(messagesOf({ blackoutCrons, blackouts: blackouts(8) })).toEqual([
      'blackoutCrons.0: must not overlap blackouts.0, got "0 9 * * *" Europe/Berlin for 60 min and 2026-11-25T08:00Z to 2026-11-25T09:00Z',
    ]);
  });
});
