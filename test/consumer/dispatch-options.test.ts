import { describe, expect, it } from 'vitest';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import type { ConsumerOptions } from '../../lib/consumer/consumer-options.ts';
import { settingsOf } from '../../lib/consumer/options.ts';

const ports = memoryPorts(scriptedClock(0));
const processor = { process: async () => {} };
const settings = (also: Record<string, unknown> = {}) =>
  settingsOf({ application: 'app', streamName: 'orders', ports, processor, ...also } as ConsumerOptions);

describe('settingsOf', () => {
  it('stops at a poison record after five attempts, one call at a time, checkpoints by itself and takes aggregates apart, unless told otherwise', () => {
    expect(settings()).toMatchObject({
      checkpoints: 'automatic',
      concurrencyPerShard: 1,
      onPoison: 'stop',
      retries: { attempts: 5, firstMs: 100, mostMs: 10_000 },
      lateAfterMs: 30_000,
      deaggregate: true,
      maxTotalBufferBytes: 268_435_456,
    });
  });

  it('fills up the retries that are given in part', () => {
    expect(settings({ retries: { attempts: 2 } }).retries).toEqual({ attempts: 2, firstMs: 100, mostMs: 10_000 });
  });

  it('takes a function for dead letters', async () => {
    const deadLetter = async () => {};
    expect(settings({ onPoison: { deadLetter } }).onPoison).toEqual({ deadLetter });
  });

  it('takes manual checkpoints with a flush', () => {
    expect(settings({ checkpoints: 'manual', processor: { ...processor, flush: async () => {} } }).checkpoints).toBe('manual');
  });

  it('fails on manual checkpoints without a flush, and says why and what to do', () => {
    expect(() => settings({ checkpoints: 'manual', processor: { ...processor, shardEnded: async () => {} } })).toThrow(
      /checkpoints 'manual' needs a processor with a method flush\(context\).*got a processor with process, shardEnded; add flush or use checkpoints 'automatic'/,
    );
  });

  it('fails on what is out of bounds, and names the setting, what it got and what is allowed', () => {
    expect(() => settings({ concurrencyPerShard: 0 })).toThrow(/concurrencyPerShard: .*>=1, got 0/);
    expect(() => settings({ concurrencyPerShard: 65 })).toThrow(/concurrencyPerShard: .*<=64, got 65/);
    expect(() => settings({ onPoison: 'ignore' })).toThrow(/onPoison: must be 'stop', 'skip' or \{ deadLetter.*got "ignore"/);
    expect(() => settings({ onPoison: { deadLetter: 'queue' } })).toThrow(TypeError);
    expect(() => settings({ retries: { attempts: 0 } })).toThrow(/retries\.attempts: .*>=1/);
    expect(() => settings({ checkpoints: 'never' })).toThrow(/checkpoints: .*"automatic"\|"manual"/);
    expect(() => settings({ maxTotalBufferBytes: -1 })).toThrow(/maxTotalBufferBytes/);
  });
});
