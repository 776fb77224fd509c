import { describe, expect, it } from 'vitest';
import type { Upkeep } from '../../lib/model/tuning.ts';
import { judgeGain } from '../../lib/profile/judge-gain.ts';
import { sampleOf, seenOf } from '../../lib/profile/work-samples.ts';
import { MINUTE, sample, seen, totals } from './tuning-world.ts';

const told = (changes: Partial<Upkeep>) =>
  Array.from({ length: 5 }, () =>
    sample({
      upkeep: {
        ...{ shardMs: MINUTE, checkpoints: 3, checkpointMs: 15, behindMs: 0, starvedMs: 0, heldUpMs: 0, heldUps: 0 },
        bufferByteMs: MINUTE * 1_048_576,
        ...changes,
      },
    }),
  );
const behind = (heldUpMs: number) => told({ behindMs: 30_000, heldUpMs });

describe('judgeGain', () => {
  const buffer = { setting: 'maxBufferBytes', from: 1_048_576, to: 4_194_304 } as const;

  it('leaves to the shadow what a shadow shows', () => {
    expect(judgeGain({ setting: 'concurrencyPerShard', from: 1, to: 2 }, [], [])).toBeNull();
  });

  it('asks of a larger buffer that reads that wait for room leave the lanes without work for half as long at most', () => {
    expect(judgeGain(buffer, behind(6000), behind(1000))).toEqual({
      kind: 'gain',
      reason: 'Reads that waited for room left lanes without work for 3.3 % of the time behind instead of 20 %.',
    });
    expect(judgeGain(buffer, behind(6000), behind(5000))?.kind).toBe('none');
  });

  it('cannot tell of a buffer without a backlog, nor of workers that do not tell', () => {
    expect(judgeGain(buffer, behind(6000), told({}))?.kind).toBe('unknown');
    expect(judgeGain(buffer, [sample()], [sample()])?.kind).toBe('unknown');
  });

  it('asks of a smaller buffer that less is held', () => {
    const smaller = { ...buffer, to: 524_288 };
    expect(judgeGain(smaller, told({}), told({ bufferByteMs: MINUTE * 524_288 }))).toEqual({
      kind: 'gain',
      reason: 'Buffers of 0.5 MiB a worker instead of 1.0 MiB in the mean.',
    });
    expect(judgeGain(smaller, told({}), told({}))?.kind).toBe('none');
  });

  it('asks of a shorter interval that checkpoints are written more often', () => {
    const shorter = { setting: 'checkpointMs', from: 20_000, to: 5000 } as const;
    expect(judgeGain(shorter, told({}), told({ checkpoints: 12 }))?.kind).toBe('gain');
    expect(judgeGain(shorter, told({}), told({}))?.kind).toBe('none');
  });
});

describe('sampleOf', () => {
  const [first] = told({});
  const worker = (minute: number, upkeep: Partial<Upkeep> | null, workerId = 'a') => ({
    ...seen(minute, 4, workerId),
    totals: totals(minute, upkeep === null ? {} : { upkeep: { ...first!.upkeep!, ...upkeep } }),
  });

  it('adds up what checkpoints and reading ahead grew by, of all workers', () => {
    const before = seenOf([worker(1, { checkpoints: 3 }), worker(1, { checkpoints: 30 }, 'b')]);
    const now = [worker(2, { checkpoints: 5 }), worker(2, { checkpoints: 37 }, 'b')];
    expect(sampleOf(now, before, 4)?.upkeep).toMatchObject({ checkpoints: 9, heldUpMs: 0 });
  });

  it('tells nothing of it where one worker does not', () => {
    const before = seenOf([worker(1, {}), worker(1, null, 'b')]);
    expect(sampleOf([worker(2, {}), worker(2, null, 'b')], before, 4)).not.toHaveProperty('upkeep');
  });
});
