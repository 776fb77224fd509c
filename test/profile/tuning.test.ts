import { describe, expect, it } from 'vitest';
import { type Tuning, type TuningBounds, TuningTrial, tuningTransitions } from '../../lib/model/tuning.ts';
import {
  startTrial,
  stepTuning,
  stopTuning,
  type TrialRun,
  type TuningScene,
  type TuningStep,
} from '../../lib/profile/tuning.ts';
import { outcomeSentence, settingsSentence, trialSentence } from '../../lib/profile/tuning-sentences.ts';
import { difference, group, MINUTE, samples, seen, totals, wide } from './tuning-world.ts';

const NOW = 1_800_000_000_000;
const wish = {
  ...{ trialId: 't1', setting: 'concurrencyPerShard' as const, from: 4, to: 8, trigger: 'request' as const },
  ...{ reason: 'A person asked for it.', forMin: 10, shadow: { profileId: 't1', shardId: 's1', hostId: 'h' } },
};
const kept: Tuning = { ...group, revision: 7, settings: { maxBatchRecords: 200 }, outcomes: [] };
const begun = startTrial(group, kept, wish, NOW);
const better: TrialRun = {
  kind: 'analysed',
  findings: { differences: [difference('turn ms/record', 0.5, 'better')], noise: [], detail: '' },
};
const worse: TrialRun = {
  ...better,
  findings: { differences: [difference('turn ms/record', 1.5, 'worse')], noise: [], detail: '' },
};
const scene = (changes: Partial<TuningScene> = {}): TuningScene => ({
  ...{ policyBounds: wide, bounds: wide, watchMin: 10, workers: [], run: { kind: 'underWay' } },
  ...changes,
});
const minute = (minutes: number) => NOW + minutes * MINUTE;
const step = (tuning: Tuning, changes: Partial<TuningScene>, minutes: number): TuningStep =>
  stepTuning(tuning, scene(changes), minute(minutes));
const written = (found: TuningStep): Tuning => {
  if (found.kind === 'nothing') throw new Error(found.reason);
  return found.tuning;
};
const endOf = (found: TuningStep) =>
  found.kind === 'ended' ? { ...found.outcome, settings: found.tuning.settings } : found.kind;

/** Applied after ten minutes, with samples of before and since. */
const watched = (before = samples(10, 1), since = samples(0, 2)): Tuning => {
  const applied = written(step(begun, { run: better }, 10));
  return { ...applied, trial: { ...applied.trial!, before, after: since } };
};

describe('startTrial', () => {
  it('writes the next revision and leaves what was kept as it is', () => {
    expect(begun).toMatchObject({ revision: 8, settings: { maxBatchRecords: 200 }, trial: { phase: 'shadow', trialId: 't1' } });
    expect(begun.trial?.deadlineMs).toBe(minute(20));
    expect(startTrial(group, null, wish, NOW)).toMatchObject({ ...group, revision: 1, settings: {} });
  });

  it('measures the time before where no shadow can show the setting', () => {
    const { shadow: _none, ...rest } = wish;
    const trial = startTrial(group, null, { ...rest, setting: 'checkpointMs' }, NOW).trial;
    expect(trial).toMatchObject({ phase: 'before', watchUntilMs: minute(10) });
  });
});

describe('stepTuning', () => {
  it('does nothing where nothing is tried', () => {
    expect(stepTuning(null, scene(), NOW).kind).toBe('nothing');
    expect(stepTuning(kept, scene(), NOW).kind).toBe('nothing');
  });

  it('measures the primary while the shadow tries it, without the shadow’s host', () => {
    const one = step(begun, { workers: [seen(1, 4), seen(1, 4, 'h')] }, 1);
    expect(one.kind).toBe('noted');
    const two = written(step(written(one), { workers: [seen(2, 4), seen(2, 4, 'h')] }, 2));
    expect(two.revision).toBe(10);
    expect(two.trial?.before).toMatchObject([{ records: 6000 }]);
    expect(Object.keys(two.trial?.seen ?? {})).toEqual(['a']);
  });

  it('applies what is better in the shadow, lent until the watch is over', () => {
    const found = step(begun, { run: better }, 10);
    expect(found).toMatchObject({
      kind: 'applied',
      reason: expect.stringMatching(
        /^concurrencyPerShard is 8 instead of 4 from now on, and watched for 10 min\. Better in the shadow/,
      ),
    });
    expect(written(found)).toMatchObject({
      revision: 9,
      settings: { maxBatchRecords: 200 },
      trial: { phase: 'watching', appliedAtMs: minute(10), watchUntilMs: minute(20), deadlineMs: minute(25) },
    });
  });

  it('never applies what is not better there', () => {
    expect(endOf(step(begun, { run: worse }, 10))).toMatchObject({
      result: 'givenUp',
      because: 'notBetter',
      settings: kept.settings,
    });
  });

  it.each([
    ['the run was lost', { run: { kind: 'lost' as const, detail: 'the host is gone' } }, 3, 'failed', 'the host is gone'],
    ['nobody ends it', {}, 20, 'overdue', `Nothing decided it by ${new Date(minute(20)).toISOString()}.`],
    [
      'the policy forbids it by now',
      { bounds: { concurrencyPerShard: { from: 1, to: 6 } } },
      3,
      'forbidden',
      /8 any more; allowed is 1 to 6/,
    ],
    ['a worker forbids it by now', { bounds: {} }, 3, 'forbidden', /allowed is none/],
  ])('gives it up where %s', (_, changes, minutes, because, reason) => {
    expect(endOf(step(begun, changes, minutes))).toMatchObject({
      ...{ result: 'givenUp', because, settings: kept.settings, from: 4, to: 8 },
      reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
    });
  });

  it('keeps what is not worse on the primary at the end of the watch', () => {
    expect(step(watched(samples(10, 1), samples(8, 2)), {}, 19).kind).toBe('noted');
    const found = step(watched(samples(10, 1), samples(10, 2)), {}, 20);
    expect(endOf(found)).toMatchObject({
      ...{ result: 'kept', because: 'held', appliedAtMs: minute(10), endedAtMs: minute(20) },
      settings: { maxBatchRecords: 200, concurrencyPerShard: 8 },
      reason: expect.stringMatching(/^Better in the shadow, and nothing worse: .*\. Not worse on the primary in 10 samples/),
    });
    expect(written(found).trial).toBeUndefined();
  });

  it('takes back what is plainly worse, before the watch is over, to exactly what was', () => {
    const found = step(watched(samples(10, 1), samples(4, 2, { latencyMs: 4 })), {}, 14);
    expect(endOf(found)).toMatchObject({ result: 'rolledBack', because: 'worse', settings: kept.settings });
    expect(written(found).trial).toBeUndefined();
  });

  it.each([
    ['too little was seen', samples(2, 2), {}, 20, 'unclear'],
    ['nobody looked in time', samples(10, 2), {}, 25, 'overdue'],
    ['a worker forbids it by now', samples(10, 2), { bounds: {} }, 12, 'forbidden'],
  ])('takes it back where %s', (_, since, changes, minutes, because) => {
    expect(endOf(step(watched(samples(10, 1), since), changes, minutes))).toMatchObject({
      result: 'rolledBack',
      because,
      settings: kept.settings,
    });
  });

  it('takes it back where a worker ended and began anew with it', () => {
    const one = written(step(watched(samples(10, 1), samples(3, 2)), { workers: [seen(1, 8), seen(1, 8, 'b')] }, 11));
    const again = { ...seen(1, 8), totals: totals(1, { sinceMs: 7 }) };
    expect(endOf(step(one, { workers: [again, seen(2, 8, 'b')] }, 12))).toMatchObject({
      ...{ result: 'rolledBack', because: 'worse', settings: kept.settings },
      reason: 'While it was watched, a ended and began anew.',
    });
    // One that has left, or has come, tells nothing of the setting.
    expect(step(one, { workers: [seen(2, 8, 'b'), seen(2, 8, 'c')] }, 12).kind).toBe('noted');
  });

  it('samples with the new value only from workers that run with it', () => {
    const one = written(step(watched(), { workers: [seen(1, 4), seen(1, 8, 'b')] }, 11));
    const two = written(step(one, { workers: [seen(2, 8), seen(2, 8, 'b')] }, 12));
    expect(two.trial?.after).toMatchObject([{ records: 6000 }]);
    expect(two.trial?.before).toHaveLength(10);
  });

  it('applies a setting that no shadow can show after the time before was measured', () => {
    const { shadow: _none, ...rest } = wish;
    const bounds: TuningBounds = { ...wide, checkpointMs: { from: 1, to: 60_000 } };
    const measuring = startTrial(group, kept, { ...rest, setting: 'checkpointMs', from: 20_000, to: 5_000 }, NOW);
    const allowed = { bounds, policyBounds: bounds, run: null };
    expect(step(measuring, allowed, 9).kind).toBe('noted');
    expect(step(measuring, allowed, 10)).toMatchObject({
      kind: 'applied',
      reason: expect.stringContaining('A shadow cannot show'),
    });
  });

  it.each([
    [
      'recommendation',
      40,
      'rolledBack',
      /^Not worse, but not seen to be better\. 20\.0 checkpoints a minute and shard instead of 20\.0\. Not worse/,
    ],
    ['recommendation', 14, 'kept', /^7\.0 checkpoints a minute and shard instead of 20\.0\. Not worse/],
    ['request', 40, 'kept', /^20\.0 checkpoints a minute/],
  ] as const)('of a %s that no shadow can show asks whether it helps', (trigger, since, result, reason) => {
    const upkeep = (checkpoints: number) => ({
      ...{ shardMs: 2 * MINUTE, checkpoints, checkpointMs: 0, behindMs: 0, starvedMs: 0 },
      ...{ heldUpMs: 0, heldUps: 0, bufferByteMs: 0 },
    });
    const told = (seed: number, checkpoints: number) =>
      samples(10, seed).map((each) => ({ ...each, upkeep: upkeep(checkpoints) }));
    const { shadow: _none, ...rest } = { ...wish, trigger };
    const bounds: TuningBounds = { checkpointMs: { from: 1000, to: 60_000 } };
    const trial = startTrial(group, null, { ...rest, setting: 'checkpointMs', from: 3000, to: 9000 }, NOW);
    const applied = written(step(trial, { policyBounds: bounds, bounds, run: null }, 10));
    const now = { ...applied, trial: { ...applied.trial!, before: told(1, 40), after: told(2, since) } };
    expect(endOf(step(now, { policyBounds: bounds, bounds, run: null }, 20))).toMatchObject({
      result,
      reason: expect.stringMatching(reason),
    });
  });

  it('lets go of what was kept when the policy does not allow it any more', () => {
    const narrow = { policyBounds: { concurrencyPerShard: { from: 1, to: 16 } } };
    const found = step(kept, narrow, 0);
    expect(found).toMatchObject({ kind: 'noted', reason: expect.stringContaining('does not allow maxBatchRecords any more') });
    expect(written(found).settings).toEqual({});
  });

  it('keeps ten outcomes, the newest first', () => {
    const old = { ...begun, outcomes: Array.from({ length: 10 }, (_, i) => ({ ...outcome, trialId: `o${i}` })) };
    const { outcomes } = written(step(old, { run: worse }, 10));
    expect(outcomes.map(({ trialId }) => trialId)).toEqual(['t1', ...Array.from({ length: 9 }, (_, i) => `o${i}`)]);
  });
});

const outcome = {
  ...{ trialId: 'o', setting: 'concurrencyPerShard' as const, from: 4, to: 8, trigger: 'request' as const },
  ...{ result: 'rolledBack' as const, because: 'worse' as const, reason: 'It was.', startedAtMs: NOW, endedAtMs: NOW },
};

describe('stopTuning', () => {
  it('gives a try up in the shadow, and takes it back from the primary', () => {
    expect(stopTuning(begun, false, NOW)).toMatchObject({
      revision: 9,
      settings: kept.settings,
      outcomes: [{ result: 'givenUp', because: 'stopped' }],
    });
    const stopped = stopTuning(watched(), false, NOW);
    expect(stopped).toMatchObject({ settings: kept.settings, outcomes: [{ result: 'rolledBack', because: 'stopped' }] });
    expect(stopped?.trial).toBeUndefined();
  });

  it('with reset also lets go of what was kept, in one revision', () => {
    expect(stopTuning(begun, true, NOW)).toMatchObject({ revision: 9, settings: {} });
    expect(stopTuning(kept, true, NOW)).toMatchObject({ revision: 8, settings: {} });
  });

  it('has nothing to end where nothing is tried', () => {
    expect(stopTuning(null, true, NOW)).toBeNull();
    expect(stopTuning(kept, false, NOW)).toBeNull();
    expect(stopTuning({ ...kept, settings: {} }, true, NOW)).toBeNull();
  });
});

describe('tuningTransitions', () => {
  it('names only states that there are, and every phase of a try', () => {
    const states = Object.keys(tuningTransitions);
    expect(
      Object.values(tuningTransitions)
        .flatMap((row) => Object.values(row))
        .filter((state) => !states.includes(state)),
    ).toEqual([]);
    expect(states).toEqual(expect.arrayContaining(TuningTrial.shape.phase.options));
  });
});

describe('sentences of tuning', () => {
  it('say what is, with its numbers', () => {
    expect(trialSentence(begun.trial!, NOW)).toBe(
      'concurrencyPerShard 8 instead of 4 is being tried in a shadow of s1 on h; the primary goes by 4.',
    );
    expect(trialSentence(watched().trial!, minute(11))).toMatch(
      /^All workers go by concurrencyPerShard 8 instead of 4, watched for 9 min more \(0 samples beside 10 before\)\. Better in the shadow/,
    );
    expect(outcomeSentence(outcome)).toBe('concurrencyPerShard 8 instead of 4 was taken back. It was.');
    expect(settingsSentence(kept)).toBe('Kept: maxBatchRecords 200.');
    expect(settingsSentence({ settings: {} })).toBe('The workers go by their own settings.');
  });
});
