import { describe, expect, it } from 'vitest';
import { endOf, type HostState, type ProfilingState, refusalOf } from '../../lib/consumer/profiling-end.ts';
import { ProfilingRequest, type ProfilingRun } from '../../lib/model/profiling.ts';

const run: ProfilingRun = {
  application: 'app',
  streamName: 'orders',
  profileId: 'p1',
  shardId: 's',
  hostId: 'b',
  request: ProfilingRequest.parse({ maxErrorShare: 0.4, budgetUsd: 2 }),
  trigger: 'request',
  reason: 'because',
  state: 'observing',
  requestedAtMs: 0,
  lostAfterMs: 100_000,
  endsAtMs: 50_000,
};
const going: ProfilingState = { nowMs: 10_000, spentUsd: 0.1, legs: [], ownsShard: false, shardEnded: false, hostStops: false };
const legs = (records: number, failed: number) => [
  { leg: 'a', records: 1000, failed: 0 },
  { leg: 'b', records, failed },
];

describe('endOf', () => {
  it('goes on while nothing speaks against it', () => {
    expect(endOf(run, going)).toBeNull();
    expect(endOf(run, { ...going, nowMs: 49_999, spentUsd: 2, legs: legs(1000, 400) })).toBeNull();
  });

  it('takes no notice of the errors of fewer than twenty records', () => {
    expect(endOf(run, { ...going, legs: legs(19, 19) })).toBeNull();
    expect(endOf(run, { ...going, legs: legs(20, 9) })).toMatchObject({
      by: 'errors',
      detail: 'leg b: 9 of 20 records failed (45 %), allowed are 40 %',
    });
  });

  it.each([
    ['duration', {}, { nowMs: 50_000 }],
    ['budget', {}, { spentUsd: 2.1 }],
    ['shard-ended', {}, { shardEnded: true }],
    ['shard-moved-here', {}, { ownsShard: true }],
    ['host-stopped', {}, { hostStops: true }],
    ['stopped', { stop: { by: 'ann', detail: 'enough', atMs: 1 } }, {}],
  ] as const)('ends by %s', (by, of, state) => {
    expect(endOf({ ...run, ...of }, { ...going, ...state })).toMatchObject({ by });
  });
});

describe('refusalOf', () => {
  const host: HostState = {
    ...{ workerId: 'b', shadowSafe: true, candidateSafe: true, sharedResults: false, hosting: null, owner: { workerId: 'a' } },
    nowMs: 0,
  };
  const asking = (other: object) => ({ ...run, request: ProfilingRequest.parse({ other }) });

  it('refuses a leg with more lanes than its processor bears, whether asked for or the worker’s own', () => {
    expect(refusalOf(asking({ concurrencyPerShard: 2 }), { ...host, mostLanes: 2 })).toBeNull();
    expect(refusalOf(asking({ concurrencyPerShard: 3 }), { ...host, mostLanes: 2 })).toMatchObject({
      refusal: 'too-many-lanes',
      detail: 'the processor of worker b bears at most 2 calls of a shard side by side (maxConcurrencyPerShard), asked are 3',
    });
    expect(refusalOf(asking({ processor: 'candidate' }), { ...host, lanes: 4, mostCandidateLanes: 1 })).toMatchObject({
      refusal: 'too-many-lanes',
      detail: expect.stringContaining('the candidate of worker b'),
    });
    expect(
      refusalOf(asking({ processor: 'candidate', concurrencyPerShard: 1 }), { ...host, lanes: 4, mostCandidateLanes: 1 }),
    ).toBeNull();
  });
});
