import { describe, expect, it } from 'vitest';
import type { Recommendation } from '../../lib/model/profile-report.ts';
import { findingsOf } from '../../lib/profile/findings-of.ts';
import type { ProfileTargets } from '../../lib/profile/profile-input.ts';
import type { MeasuredPrimary } from '../../lib/profile/recommend-upkeep.ts';
import { targets as plainTargets, sceneOf, type Truth } from './measured-run.ts';

const MiB = 1_048_576;
const targets: ProfileTargets = {
  ...plainTargets,
  bounds: { checkpointMs: { from: 500, to: 120_000 }, maxBufferBytes: { from: MiB / 4, to: 64 * MiB } },
};

/** A worker of two shards over ten minutes, at default settings, with nothing wrong. */
const primary = (changes: Partial<MeasuredPrimary> & { checkpointEachMs?: number } = {}): MeasuredPrimary => {
  const { checkpointEachMs = 20_000, ...given } = changes;
  const ms = 600_000;
  const checkpoints = Math.round((2 * ms) / checkpointEachMs);
  return {
    kind: 'measured',
    workerId: 'owner',
    ...{ ms, shardMs: 2 * ms, records: 120_000, checkpoints, checkpointMs: checkpoints * 5 },
    ...{ behindMs: 0, starvedMs: 0, heldUpMs: 0, heldUps: 0 },
    inForce: { maxBatchRecords: 500, concurrencyPerShard: 1, checkpointMs: checkpointEachMs, maxBufferBytes: 16 * MiB },
    ...{ bufferBytes: 100_000, memoryBytes: 200 * MiB, memoryLimitBytes: 1024 * MiB },
    ...given,
  };
};
const inForce = (maxBufferBytes: number, checkpointMs = 20_000) => ({ ...primary().inForce, maxBufferBytes, checkpointMs });
const starved = (share: number, more: Partial<MeasuredPrimary> = {}) =>
  primary({
    inForce: inForce(MiB),
    behindMs: 300_000,
    starvedMs: 300_000 * share,
    heldUpMs: 300_000 * share,
    heldUps: 500,
    ...more,
  });

const advice = (of: MeasuredPrimary, truth: Partial<Truth> = {}, wanted = targets): Recommendation[] =>
  findingsOf(sceneOf({ cpuMs: 2.5, shardRecordsPerSec: 200, ...truth }, { primary: of }), wanted).recommendations;
const setting = (of: MeasuredPrimary, truth: Partial<Truth> = {}, wanted = targets) =>
  advice(of, truth, wanted).filter((each) => each.kind === 'setting');

describe('recommendUpkeep', () => {
  it('recommends nothing where neither checkpoints nor the buffer cost anything to speak of', () => {
    expect(advice(primary())).toMatchObject([{ kind: 'nothing' }]);
  });

  it('recommends a longer interval where checkpoints are a visible part of what the shard costs, with both sides of it', () => {
    // Two a second and shard: 2 × 730 × 3600 × $0.625 a million = $3.29 a month, 30 % of a shard of $10.95; 5 % are at 3 s.
    const [found] = setting(primary({ checkpointEachMs: 500 }));
    expect(found).toMatchObject({ setting: 'checkpointMs', from: 500, to: 3100, confidence: expect.closeTo(1, 3) });
    expect(found!.costUsdPerMonth).toBeCloseTo(2 * (3.285 * (500 / 3100) - 3.285), 1);
    expect(found!.reason).toMatch(/2400 checkpoints in 600 s: \$3\.29 a month and shard, 30 % of what the shard costs/);
    // 200 records/s come again for at most one interval.
    expect(found!.reason).toMatch(/up to 620 records \(1\.\d s of work\) of a shard come again, instead of 100 records/);
  });

  it('recommends a longer interval where a slow table keeps checkpoints under way for much of the time', () => {
    // Two shards each 5 s, 1 s for each write: 40 % of the time.
    const [found] = setting(primary({ checkpointEachMs: 5000, checkpointMs: 240 * 1000 }));
    expect(found).toMatchObject({ setting: 'checkpointMs', from: 5000, to: 10_000 });
    expect(found!.reason).toMatch(/40 % of the time one was being written \(1000 ms each\)/);
    expect(setting(primary({ checkpointEachMs: 5000, checkpointMs: 240 * 400 }))).toEqual([]);
    // A few that hung say little.
    expect(setting(primary({ checkpointEachMs: 20_000, checkpoints: 4, checkpointMs: 400_000 }))).toEqual([]);
  });

  it('never lets a crash repeat more than a minute of work for it', () => {
    // 40 s an interval would do for the table, which is 95 s of work at two and a half times what the shard takes.
    const slow = primary({ checkpointEachMs: 10_000, checkpointMs: 120 * 4000 });
    expect(setting(slow, { shardRecordsPerSec: 100 })[0]).toMatchObject({ to: 40_000 });
    const [found] = setting(slow, { shardRecordsPerSec: 900 });
    expect(found).toMatchObject({ setting: 'checkpointMs' });
    const { to } = found as { to: number };
    expect(to).toBeGreaterThan(20_000);
    expect(to).toBeLessThan(30_000);
  });

  it('recommends a shorter interval where a crash would repeat more than a minute of work', () => {
    const [found] = setting(primary({ checkpointEachMs: 120_000 }), { shardRecordsPerSec: 350 });
    expect(found).toMatchObject({ setting: 'checkpointMs', from: 120_000 });
    const { to } = found as { to: number };
    expect(to * (350 / 384)).toBeGreaterThan(55_000);
    expect(to * (350 / 384)).toBeLessThan(65_000);
    expect(found!.costUsdPerMonth).toBeGreaterThan(0);
    expect(setting(primary({ checkpointEachMs: 120_000 }), { shardRecordsPerSec: 100 })).toEqual([]);
  });

  it('recommends a larger buffer where reads that wait for room leave the processor without work, and says what that costs', () => {
    const [found] = setting(starved(0.2));
    expect(found).toMatchObject({ setting: 'maxBufferBytes', from: MiB, to: 2 * MiB, costUsdPerMonth: 0 });
    expect(found!.utilizationBefore! / found!.utilizationAfter!).toBeCloseTo(1 / 0.8, 5);
    expect(found!.confidence).toBeGreaterThan(0.99);
    expect(found!.reason).toMatch(
      /for 20 % only because the next read waited for room in the buffer of 1\.0 MiB \(500 times\)\. 2\.0 MiB spare that, and take up to 2\.0 MiB more memory/,
    );
  });

  it('makes the buffer as large as the gaps ask for', () => {
    // 20 gaps of 30 s, in which 384 records/s of 5,000 bytes would be processed: 55 MiB each, and twice that is past the bound.
    const [found] = setting(starved(0, { heldUpMs: 280_000, starvedMs: 280_000, heldUps: 10 }), { bytes: 5000 });
    expect(found).toMatchObject({ setting: 'maxBufferBytes', to: 64 * MiB });
  });

  it.each([
    ['the pace of reads is what starves', starved(0, { starvedMs: 200_000 })],
    ['nothing was behind', starved(0.2, { behindMs: 1000, heldUpMs: 200, starvedMs: 200 })],
    ['it happened a few times only', starved(0.2, { heldUps: 3 })],
    ['it is hardly to be seen', starved(0.02)],
    ['there is no memory for it', starved(0.2, { memoryBytes: 716.7 * MiB })],
  ])('recommends no larger buffer where %s', (_, of) => {
    expect(setting(of)).toEqual([]);
  });

  it('recommends a smaller buffer where memory is short and waiting records take a visible part of it', () => {
    const full = primary({ memoryBytes: 800 * MiB, bufferBytes: 100 * MiB, inForce: inForce(64 * MiB), behindMs: 600_000 });
    const [found] = setting(full);
    expect(found).toMatchObject({ setting: 'maxBufferBytes', from: 64 * MiB, to: 25 * MiB });
    expect(found!.utilizationBefore).toBeCloseTo(800 / 1024, 5);
    expect(found!.utilizationAfter).toBeCloseTo(750 / 1024, 5);
    expect(found!.confidence).toBeGreaterThan(0.5);
    // Not where it is other things that fill the memory, or where the limit is not known.
    expect(setting({ ...full, bufferBytes: 20 * MiB })).toEqual([]);
    expect(setting({ ...full, memoryLimitBytes: null })).toEqual([]);
    // Nor where lanes lack work already.
    expect(setting({ ...full, starvedMs: 60_000 })).toEqual([]);
    expect(setting({ ...full, memoryBytes: 700 * MiB })).toEqual([]);
  });

  it('never leaves the bounds, and changes nothing that is not named', () => {
    const bounds = { checkpointMs: { from: 500, to: 1000 } };
    expect(setting(primary({ checkpointEachMs: 500 }), {}, { ...targets, bounds })[0]).toMatchObject({ to: 1000 });
    expect(setting(starved(0.2), {}, { ...targets, bounds })).toEqual([]);
    expect(setting(primary({ checkpointEachMs: 500 }), {}, { ...targets, bounds: {} })).toEqual([]);
  });

  it('recommends it beside what the shard’s load asks for, and not against errors', () => {
    const found = advice(primary({ checkpointEachMs: 500 }), { shardRecordsPerSec: 380 });
    expect(found.map(({ kind }) => kind)).toEqual(['split', 'more-workers', 'setting']);
    expect(advice(primary({ checkpointEachMs: 500 }), { errorShare: 0.1 }).map(({ kind }) => kind)).toEqual(['repair']);
  });
});
