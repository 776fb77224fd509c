import { describe, expect, it } from 'vitest';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { ProfilingIntake } from '../../lib/consumer/profiling-intake.ts';
import { ProfiledKeys } from '../../lib/consumer/profiling-keys.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { StreamReader } from '../../lib/ports.ts';
import { loadHash64 } from '../../lib/shadow/xxhash.ts';
import { aggregated } from '../support/kpl-aggregate.ts';
import { rawRecord } from '../support/owned-shard.ts';
import { sampleLease } from '../support/sample-lease.ts';

const hash = await loadHash64();

describe('ProfilingIntake', () => {
  it('reads no further while too much waits for its turn, and goes on when it is taken', async () => {
    const clock = scriptedClock(0);
    const abort = new AbortController();
    let reads = 0;
    const data = new Uint8Array(1024 * 1024);
    const reader: StreamReader = {
      poll: () => ({
        next: async () => {
          reads += 1;
          return { records: [rawRecord(reads, 'k', data)], millisBehindLatest: 1000, shardEnd: false };
        },
      }),
      subscribe: () => {
        throw new Error('this shard is polled');
      },
    };
    const intake = new ProfilingIntake({
      lease: sampleLease(),
      ports: { ...memoryPorts(clock), reader, clock },
      retrieval: 'polling',
      deaggregate: true,
      hash,
      streamArn: 'arn',
      signal: abort.signal,
      share: () => 1,
      isWanted: () => true,
      onShardEnd: () => {},
      emit: () => {},
    });
    await clock.advance(120_000);
    expect(reads).toBe(17);
    expect(await intake.next(10)).toHaveLength(10);
    await clock.advance(120_000);
    expect(reads).toBe(27);
    abort.abort();
    await intake.stop();
    expect(await intake.next(1)).toEqual([]);
  });
});

describe('ProfiledKeys', () => {
  it('counts and samples the records of an aggregate by their own keys', () => {
    const keys = new ProfiledKeys(WHOLE_RANGE, true, hash);
    const packed = rawRecord(
      1,
      'packed',
      aggregated(['x', 'y', 'x'].map((partitionKey) => ({ partitionKey, data: new Uint8Array(3) }))),
    );
    expect(keys.take([packed, rawRecord(2, 'plain')], 1).map(({ partitionKey }) => partitionKey)).toEqual([
      'x',
      'y',
      'x',
      'plain',
    ]);
    expect(keys.totals(1).keys).toMatchObject({ records: 4, top1Share: 0.5 });
    const whole = new ProfiledKeys(WHOLE_RANGE, false, hash);
    expect(whole.take([packed], 1)).toEqual([packed]);
  });

  it('counts all keys, whatever share is taken', () => {
    const keys = new ProfiledKeys(WHOLE_RANGE, true, hash);
    expect(
      keys.take(
        Array.from({ length: 50 }, (_, i) => rawRecord(i, `k${i}`)),
        1e-9,
      ),
    ).toEqual([]);
    expect(keys.records).toBe(50);
    expect(keys.totals(1e-9).keys.heavyHitters.every(({ isSampled }) => !isSampled)).toBe(true);
  });
});
