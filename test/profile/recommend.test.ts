import { describe, expect, it } from 'vitest';
import { findingsOf } from '../../lib/profile/findings-of.ts';
import { sceneOf, type Truth, targets } from './measured-run.ts';

const rate = (recordsPerSec: number) => ({ recordsPerSec, bytesPerSec: recordsPerSec * 500 });
const worker = (workerId: string, load: number) => ({ workerId, capacity: rate(1000), load: rate(load) });
const advice = (truth: Partial<Truth>, more: Parameters<typeof sceneOf>[1] = {}, wanted = targets) =>
  findingsOf(sceneOf(truth, more), wanted).recommendations;

describe('recommend', () => {
  it('recommends nothing while the foreseen peak stays below the target, with how sure that is', () => {
    expect(advice({ cpuMs: 2.5, shardRecordsPerSec: 200 })).toMatchObject([
      { kind: 'nothing', reason: expect.stringMatching(/5\d % of what the CPU allows/), confidence: expect.closeTo(1, 1) },
    ]);
  });

  it('goes by what is foreseen, not by the load now', () => {
    expect(advice({ cpuMs: 2.5, shardRecordsPerSec: 200 }, { foreseen: rate(350) })[0]?.kind).not.toBe('nothing');
  });

  it('moves a shard away from a worker that carries others, to the one that it fits on best', () => {
    const found = advice(
      { cpuMs: 2.5, shardRecordsPerSec: 100 },
      { owner: worker('full', 350), others: [worker('half', 190), worker('tiny', 60), worker('empty', 0)] },
    );
    expect(found.map(({ kind }) => kind)).toEqual(['move']);
    expect(found[0]).toMatchObject({
      workerId: 'empty',
      costUsdPerMonth: 0,
      utilizationBefore: expect.closeTo(350 / 380, 1),
      utilizationAfter: expect.closeTo(100 / 380, 1),
    });
  });

  it('wants another worker where none has room for the shard', () => {
    const found = advice({ cpuMs: 2.5, shardRecordsPerSec: 100 }, { owner: worker('full', 350), others: [worker('half', 250)] });
    expect(found).toMatchObject([{ kind: 'more-workers', workers: 1, costUsdPerMonth: null }]);
  });

  it('adds workers and splits where every worker is full', () => {
    const found = advice(
      { cpuMs: 2.5, shardRecordsPerSec: 330 },
      { owner: worker('full', 330), others: [worker('too', 330)] },
      { ...targets, workerUsdPerMonth: 30 },
    );
    expect(found[0]).toMatchObject({ kind: 'split', costUsdPerMonth: 10.95, utilizationAfter: expect.closeTo(0.43, 1) });
    expect(found.find(({ kind }) => kind === 'more-workers')).toMatchObject({ workers: 1, costUsdPerMonth: 30 });
  });

  it('splits where the load lies half and half', () => {
    const sliceShares = Array.from({ length: 16 }, (_, i) => (i === 0 ? 0.6 : 0.4 / 15));
    expect(advice({ cpuMs: 2.5, shardRecordsPerSec: 380 }, { sliceShares })).toContainEqual(
      expect.objectContaining({ kind: 'split', newStartingHashKey: '83' }),
    );
  });

  it('adds lanes, within their bounds, where records wait', () => {
    expect(advice({ waitMs: 20, lanes: 2, shardRecordsPerSec: 90 })[0]).toMatchObject({
      kind: 'setting',
      setting: 'concurrencyPerShard',
      from: 2,
      to: 3,
      utilizationAfter: expect.closeTo(0.6, 1),
    });
    const bound = { ...targets, bounds: { concurrencyPerShard: { from: 1, to: 2 } } };
    expect(advice({ waitMs: 20, lanes: 2, shardRecordsPerSec: 90 }, {}, bound).map(({ kind }) => kind)).not.toContain('setting');
  });

  it('makes calls larger where each takes its time whatever it carries', () => {
    expect(
      advice({ waitMs: 0, cpuMs: 0.05, waitMsPerCall: 20, batch: 4, maxBatchRecords: 5, shardRecordsPerSec: 200 }),
    ).toContainEqual(expect.objectContaining({ kind: 'setting', setting: 'maxBatchRecords', from: 5, to: 20 }));
  });

  it('never splits or adds lanes against one key', () => {
    expect(advice({ cpuMs: 0.1, waitMs: 5, lanes: 8, keys: { one: 0.6 }, shardRecordsPerSec: 320 })).toMatchObject([
      { kind: 'repair', what: 'hot-key', reason: expect.stringContaining('Neither a split nor more lanes') },
    ]);
  });

  it('names the stage that takes most of the time', () => {
    const scene = sceneOf({ waitMs: 20, shardRecordsPerSec: 45 });
    const totals = {
      ...scene.totals!,
      legs: scene.totals!.legs.map((leg) => ({ ...leg, stages: { ...stage('sink', 900), ...stage('parse', 100) } })),
    };
    const found = findingsOf({ ...scene, totals }, targets);
    expect(found.stages).toMatchObject([
      { stage: 'sink', shareOfTime: 0.9, slowest: true },
      { stage: 'parse', slowest: false },
    ]);
    expect(found.recommendations).toContainEqual(expect.objectContaining({ kind: 'repair', what: 'stage' }));
  });

  it('is half sure where the peak is just at the target', () => {
    const findings = findingsOf(sceneOf({ cpuMs: 2.5, shardRecordsPerSec: 200, noise: 0.2 }), targets);
    const peak = findings.capacity!.at.recordsPerSec * targets.workerTargetUtilization;
    const [first] = advice({ cpuMs: 2.5, shardRecordsPerSec: 200, noise: 0.2 }, { foreseen: rate(peak * 1.0001) });
    expect(first?.confidence).toBeCloseTo(0.5, 1);
  });
});

const stage = (name: string, totalMs: number) => ({
  [name]: { count: 100, totalMs, maxMs: totalMs / 50, quantilesMs: Array.from({ length: 10 }, () => totalMs / 100), errors: 0 },
});
