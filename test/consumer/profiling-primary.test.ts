import { describe, expect, it } from 'vitest';
import { memoryResults } from '../../lib/adapters/memory/profiles.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { plainResults } from '../../lib/consumer/plain-context.ts';
import { PrimaryResults } from '../../lib/consumer/profiling-primary.ts';
import { ProfilingRequest, type ProfilingRun } from '../../lib/model/profiling.ts';
import { isSampled, placeOfKey } from '../../lib/shadow/sampling.ts';
import { loadHash64 } from '../../lib/shadow/xxhash.ts';
import { rawRecord } from '../support/owned-shard.ts';

const hash = await loadHash64();
const runOf = (withWhom: 'primary' | 'legs', share = 0.1): ProfilingRun => ({
  application: 'app',
  streamName: 'orders',
  profileId: 'p1',
  shardId: 's',
  hostId: 'b',
  request: ProfilingRequest.parse({ share, maxShare: share, compare: { with: withWhom } }),
  trigger: 'request',
  reason: 'because',
  state: 'observing',
  requestedAtMs: 0,
  lostAfterMs: 100_000,
});
const primaryOf = (isShared = true) => {
  const clock = scriptedClock(0);
  const store = { ...memoryResults(clock), isShared };
  return { clock, store, primary: new PrimaryResults(store, clock, hash) };
};

describe('PrimaryResults', () => {
  it('tells results of the sampled keys only, under the run', async () => {
    const { store, primary } = primaryOf();
    primary.note([runOf('primary', 0.3)]);
    const records = Array.from({ length: 60 }, (_, i) => rawRecord(i, `k${i}`));
    for (const record of records) primary.of('s').tell(record, { n: record.sequenceNumber });
    await primary.write();
    const told = await store.get(
      'app/orders/p1/primary',
      records.map(({ sequenceNumber }) => `${sequenceNumber}.0:`),
    );
    const expected = records.map(({ partitionKey, sequenceNumber }) =>
      isSampled(placeOfKey(partitionKey, hash), 0.3) ? `{"n":"${sequenceNumber}"}` : null,
    );
    expect(told).toEqual(expected);
    expect(new Set(told).size).toBeGreaterThan(5);
  });

  it('costs nothing for other shards, for runs that compare legs, and where the store is not shared', () => {
    const { primary } = primaryOf();
    primary.note([runOf('primary')]);
    expect(primary.of('other')).toBe(plainResults);
    expect(primary.of('s')).not.toBe(plainResults);
    primary.note([runOf('legs')]);
    expect(primary.of('s')).toBe(plainResults);
    const { primary: alone } = primaryOf(false);
    alone.note([runOf('primary')]);
    expect(alone.of('s')).toBe(plainResults);
    expect(alone.isTelling).toBe(false);
  });

  it('forgets a run of which it has not heard for a while', async () => {
    const { clock, primary } = primaryOf();
    primary.note([runOf('primary')]);
    await clock.advance(99_000);
    expect(primary.of('s')).not.toBe(plainResults);
    await clock.advance(1000);
    expect(primary.of('s')).toBe(plainResults);
  });
});
