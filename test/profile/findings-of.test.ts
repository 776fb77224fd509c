import { describe, expect, it } from 'vitest';
import { findingsOf } from '../../lib/profile/findings-of.ts';
import { sceneOf, type Truth, targets } from './measured-run.ts';

const found = (truth: Partial<Truth>, more: Parameters<typeof sceneOf>[1] = {}) => findingsOf(sceneOf(truth, more), targets);

describe('findingsOf', () => {
  it('finds the rate at which the CPU is full, within its interval', () => {
    const findings = found({ cpuMs: 2.5, baseCpuShare: 0.04 });
    const { at, low, high } = findings.capacity!;
    expect(findings).toMatchObject({ state: 'measured', limit: 'cpu' });
    expect(at.recordsPerSec).toBeGreaterThan(384 * 0.97);
    expect(at.recordsPerSec).toBeLessThan(384 * 1.03);
    expect(low.recordsPerSec).toBeLessThan(384);
    expect(high!.recordsPerSec).toBeGreaterThan(384);
    expect(at.bytesPerSec).toBeCloseTo(at.recordsPerSec * 500, 3);
    expect(findings.limitReason).toMatch(/At 38\d records\/s \(\d+ to \d+\) the CPU is full: 2\.\d+ ms for each record/);
    expect(findings.utilizationNow).toBeCloseTo(300 / 384, 1);
  });

  it('names the CPU though a crowded machine makes every call three times as long', () => {
    const findings = found({ cpuMs: 2.5, stolenShare: 0.66 });
    expect(findings.limit).toBe('cpu');
    expect(findings.capacity!.at.recordsPerSec / 380).toBeCloseTo(1, 1);
  });

  it('names the event loop where something else than computing holds it', () => {
    expect(found({ cpuMs: 0.5, blockedMs: 4 })).toMatchObject({
      limit: 'event-loop',
      capacity: { at: { recordsPerSec: expect.closeTo(950 / 4.5, -1) } },
    });
  });

  it('names the wait for a sink, by all lanes together', () => {
    expect(found({ cpuMs: 0.1, waitMs: 20, lanes: 4, shardRecordsPerSec: 150 })).toMatchObject({
      limit: 'wait',
      capacity: { at: { recordsPerSec: expect.closeTo(199, -1) } },
    });
  });

  it('sees that a wait for each call is divided by the records of a full call', () => {
    expect(found({ cpuMs: 0.05, waitMs: 0, waitMsPerCall: 20, batch: 4, shardRecordsPerSec: 400 })).toMatchObject({
      limit: 'nothing',
    });
    expect(found({ cpuMs: 0.05, waitMs: 0, waitMsPerCall: 20, batch: 4, maxBatchRecords: 5 })).toMatchObject({
      limit: 'wait',
      capacity: { at: { recordsPerSec: expect.closeTo(247, -1) } },
    });
  });

  it('names a hot key that one lane takes while the others wait', () => {
    const findings = found({ cpuMs: 0.1, waitMs: 5, lanes: 8, keys: { 'user-1': 0.6 } });
    expect(findings).toMatchObject({
      limit: 'hot-key',
      capacity: { at: { recordsPerSec: expect.closeTo(1000 / (0.6 * 5.1), -1) } },
    });
    expect(findings.hotKeys).toMatchObject([{ partitionKey: 'user-1', share: expect.closeTo(0.6, 2) }]);
    expect(findings.hotKeys[0]!.low).toBeLessThan(0.6);
    expect(findings.hotKeys[0]!.high).toBeGreaterThan(0.6);
    expect(findings.limitReason).toMatch(/60\.0 % of the records have the key user-1/);
  });

  it('names a leak, with when the heap is full', () => {
    const findings = found({ leakBytes: 20_000 });
    expect(findings.limit).toBe('memory');
    expect(findings.memory.bytesPerRecord).toBeGreaterThan(18_000);
    expect(findings.memory.bytesPerRecord).toBeLessThan(22_000);
    expect(findings.memory.hoursToFull).toBeCloseTo((2048 * 1024 * 1024) / (20_000 * 300) / 3600, 1);
    expect(findings.recommendations).toMatchObject([{ kind: 'repair', what: 'memory' }]);
  });

  it.each(['buffers', 'native'] as const)(
    'names a leak in %s, which fills the memory of the process and not the heap',
    (leaksIn) => {
      const { limit, memory, limitReason } = found({ leakBytes: 20_000, leaksIn });
      expect(limit).toBe('memory');
      expect(memory).toMatchObject({ where: leaksIn });
      expect(memory.bytesPerRecord).toBeGreaterThan(18_000);
      expect(memory.bytesPerRecord).toBeLessThan(22_000);
      expect(memory.hoursToFull).toBeGreaterThan((3800 * 1024 * 1024) / (20_000 * 300) / 3600);
      expect(memory.hoursToFull).toBeLessThan((4096 * 1024 * 1024) / (20_000 * 300) / 3600);
      expect(limitReason).toContain(leaksIn === 'buffers' ? 'in buffers, outside of the heap' : 'in native memory');
    },
  );

  it('takes a heap that rises while nothing is collected for no leak', () => {
    const scene = sceneOf({ leakBytes: 20_000 });
    const windows = scene.windows.map((window) => ({ ...window, process: { ...window.process, gcCount: 0 } }));
    expect(findingsOf({ ...scene, windows }, targets).memory.bytesPerRecord).toBeNull();
  });

  it('takes a heap that only moves up and down for no leak', () => {
    expect(found({}).memory.bytesPerRecord).toBeNull();
  });

  it('names errors before all else, and by class', () => {
    const findings = found({ cpuMs: 2.5, errorShare: 0.03, shardRecordsPerSec: 800 });
    expect(findings.limit).toBe('errors');
    expect(findings.errors.low).toBeLessThan(0.03);
    expect(findings.errors.high).toBeGreaterThan(0.03);
    expect(findings.errors.byClass[0]).toMatchObject({ name: 'SinkError' });
    expect(findings.recommendations).toMatchObject([{ kind: 'repair', what: 'errors' }]);
  });

  it('says that nothing limits where the shard itself is full before the worker', () => {
    const findings = found({ shardRecordsPerSec: 200 });
    expect(findings).toMatchObject({ limit: 'nothing', capacity: { at: { recordsPerSec: 1000 } }, utilizationNow: 0.2 });
    expect(findings.recommendations).toMatchObject([{ kind: 'nothing', confidence: 1 }]);
  });

  it('fails to state a capacity from too few windows, and says how few', () => {
    const findings = found({ windows: 2 });
    expect(findings).toMatchObject({ state: 'not-enough', capacity: null, limit: null, recommendations: [] });
    expect(findings.detail).toMatch(/in 2 windows of 10 s are too few/);
  });

  it('fails to state a capacity when nothing was sampled', () => {
    expect(findingsOf({ ...sceneOf(), windows: [], totals: null, now: null, foreseen: null }, targets)).toMatchObject({
      state: 'not-enough',
      records: 0,
    });
  });
});
