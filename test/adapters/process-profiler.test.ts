import { describe, expect, it } from 'vitest';
import { processProfiler } from '../../lib/adapters/process-profiler.ts';

const burn = (ms: number): void => {
  for (const until = performance.now() + ms; performance.now() < until; );
};

describe('processProfiler', () => {
  it('tells CPU from waiting, and counts from the last look', async () => {
    const profile = processProfiler().start();
    const before = profile.spent();
    burn(60);
    const burnt = profile.spent();
    expect(burnt.cpuMs - before.cpuMs).toBeGreaterThan(10);
    await new Promise((resolve) => setTimeout(resolve, 80));
    const waited = profile.spent();
    expect(waited.loopIdleMs - burnt.loopIdleMs).toBeGreaterThan(40);
    const window = profile.take();
    expect(window.userMs + window.systemMs).toBeGreaterThan(10);
    expect(window.loopBusyMs).toBeGreaterThan(10);
    expect(window.heapLimitBytes).toBeGreaterThan(window.heapLowBytes);
    const next = profile.take();
    expect(next.userMs + next.systemMs).toBeLessThan(window.userMs + window.systemMs);
    profile.stop();
  });

  it('counts garbage collections', async () => {
    const profile = processProfiler().start();
    let kept: unknown[] = [];
    for (let i = 0; i < 200; i += 1) kept = Array.from({ length: 20_000 }, () => ({ i }));
    expect(kept).toHaveLength(20_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { gcMs, gcCount } = profile.take();
    expect(gcCount).toBeGreaterThan(0);
    expect(gcMs).toBeGreaterThan(0);
    expect(profile.take().gcCount).toBe(0);
    profile.stop();
  });

  it('tells buffers, the rest, and what the process may take', () => {
    const profile = processProfiler().start();
    const before = profile.take();
    const kept = Array.from({ length: 40 }, () => Buffer.alloc(1024 * 1024, 1));
    profile.take();
    const after = profile.take();
    expect(kept).toHaveLength(40);
    expect(after.externalBytes - before.externalBytes).toBeGreaterThan(39 * 1024 * 1024);
    expect(after.heapLowBytes - before.heapLowBytes).toBeLessThan(20 * 1024 * 1024);
    expect(after.nativeBytes).toBeGreaterThanOrEqual(0);
    expect(after.memoryLimitBytes).toBeGreaterThan(after.rssBytes);
    profile.stop();
  });

  it.skipIf(process.platform !== 'linux')('tells what was read and written, and how long a disk was waited for, on Linux', () => {
    const profile = processProfiler().start();
    const { readBytes, writtenBytes, blockIoMs } = profile.take();
    expect([typeof readBytes, typeof writtenBytes, typeof blockIoMs]).toEqual(['number', 'number', 'number']);
    expect(blockIoMs).toBeLessThan(60_000);
    profile.stop();
  });
});
