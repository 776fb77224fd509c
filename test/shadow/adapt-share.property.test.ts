import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProfilingRequest } from '../../lib/model/profiling.ts';
import { type HostLoad, nextShare, relativeHalfWidth, shareBoundsOf, TIGHT } from '../../lib/shadow/adapt-share.ts';
import { costUsd } from '../../lib/shadow/profiling-cost.ts';

const calm: HostLoad = { cpuShare: 0.1, eventLoopShare: 0.1, laneShare: 0.1, lagMs: 0 };
const bounds = { minShare: 0.01, maxShare: 0.5, busyAbove: 0.8 };
const unit = fc.double({ min: 0, max: 1.5, noNaN: true });
const load = fc.record({
  cpuShare: unit,
  eventLoopShare: unit,
  laneShare: unit,
  lagMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
});

describe('nextShare', () => {
  it('never leaves its bounds', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        load,
        fc.double({ min: 0, max: 2, noNaN: true }),
        (share, at, width) => {
          const next = nextShare(share, bounds, at, width).share;
          return next >= bounds.minShare && next <= bounds.maxShare;
        },
      ),
    );
  });

  it('never raises it for a busy host, nor when the estimates are tight', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 0.5, noNaN: true }),
        load,
        fc.double({ min: 0, max: 2, noNaN: true }),
        (share, at, width) => {
          const busy = Math.max(at.cpuShare, at.eventLoopShare, at.laneShare) > bounds.busyAbove || at.lagMs > 15_000;
          return !(busy || width <= TIGHT) || nextShare(share, bounds, at, width).share <= share;
        },
      ),
    );
  });

  it('for every busy host comes down to the least within a few windows', () => {
    fc.assert(
      fc.property(fc.constantFrom('cpuShare', 'eventLoopShare', 'laneShare'), (what) => {
        let share = bounds.maxShare;
        for (let i = 0; i < 7; i += 1)
          share = nextShare(share, bounds, { ...calm, [what]: 0.81 }, Number.POSITIVE_INFINITY).share;
        return share === bounds.minShare;
      }),
    );
  });

  it('goes up while the estimates are loose, and says why', () => {
    expect(nextShare(0.1, bounds, calm, 0.2)).toEqual({
      kind: 'raise',
      share: 0.15000000000000002,
      reason: 'the estimates are not tight yet',
    });
    expect(nextShare(0.5, bounds, calm, 0.2)).toEqual({ kind: 'hold', share: 0.5, reason: '50 % is the most' });
    expect(nextShare(0.1, bounds, calm, 0.04).kind).toBe('hold');
  });

  it('does not go up to where the host would be busy', () => {
    expect(nextShare(0.1, bounds, { ...calm, laneShare: 0.6 }, 1)).toMatchObject({ kind: 'hold', share: 0.1 });
    expect(nextShare(0.1, bounds, { ...calm, laneShare: 0.5 }, 1)).toMatchObject({ kind: 'raise' });
  });

  it('names what is busy', () => {
    expect(nextShare(0.1, bounds, { ...calm, eventLoopShare: 0.9 }, 1)).toEqual({
      kind: 'lower',
      share: 0.05,
      reason: "the host's event loop is 90 % busy, allowed are 80 %",
    });
    expect(nextShare(0.01, bounds, { ...calm, lagMs: 20_000 }, 1)).toEqual({
      kind: 'hold',
      share: 0.01,
      reason: 'the shadow is 20 s behind the tip; 1 % is the least',
    });
  });
});

describe('shareBoundsOf', () => {
  it('takes a tenth and five times the share where nothing is said, at most all', () => {
    const bounds = shareBoundsOf(ProfilingRequest.parse({ share: 0.4 }));
    expect(bounds.minShare).toBeCloseTo(0.04, 12);
    expect(bounds).toMatchObject({ maxShare: 1, busyAbove: 0.8 });
    expect(shareBoundsOf(ProfilingRequest.parse({ share: 0.1, minShare: 0.1, maxShare: 0.2 }))).toMatchObject({
      minShare: 0.1,
      maxShare: 0.2,
    });
  });
});

describe('relativeHalfWidth', () => {
  it('is infinite for fewer than four windows with records', () => {
    const window = { records: 5, ms: 1 };
    expect(relativeHalfWidth([window, window, window, { records: 0, ms: 0 }])).toBe(Number.POSITIVE_INFINITY);
    expect(relativeHalfWidth([window, window, window, window])).toBe(0);
  });

  it('holds the true ratio in about 95 of 100 cases', () => {
    // A linear congruential generator: the same numbers in each run.
    let state = 12_345;
    const chance = () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state / 2 ** 31;
    };
    let held = 0;
    for (let trial = 0; trial < 400; trial += 1) {
      const windows = Array.from({ length: 12 }, () => {
        const records = 20 + Math.floor(chance() * 200);
        return { records, ms: records * 3 * (0.7 + 0.6 * chance()) };
      });
      const ratio = windows.reduce((sum, { ms }) => sum + ms, 0) / windows.reduce((sum, { records }) => sum + records, 0);
      if (Math.abs(ratio - 3) / ratio <= relativeHalfWidth(windows)) held += 1;
    }
    expect(held / 400).toBeGreaterThan(0.9);
    expect(held / 400).toBeLessThan(0.99);
  });
});

describe('costUsd', () => {
  it('adds up a consumer on all shards, what it reads, and writes', () => {
    expect(costUsd({ consumerMs: 600_000, shards: 4, consumerBytes: 0, writeUnits: 0 })).toBeCloseTo(0.01, 9);
    expect(costUsd({ consumerMs: 0, shards: 4, consumerBytes: 2e9, writeUnits: 0 })).toBeCloseTo(0.026, 9);
    expect(costUsd({ consumerMs: 0, shards: 4, consumerBytes: 0, writeUnits: 1e6 })).toBeCloseTo(0.625, 9);
  });
});

describe('ProfilingRequest', () => {
  const messageOf = (request: object): string =>
    ProfilingRequest.safeParse(request)
      .error?.issues.map(({ message }) => message)
      .join('; ') ?? '';
  it.each([
    [{ share: 0 }, 'must be in (0, 1], got 0'],
    [{ share: 1.2 }, 'must be in (0, 1], got 1.2'],
    [{ share: 'half' }, 'must be in (0, 1], got half'],
    [{ durationMin: 0.5 }, 'must be from 1 to 60 minutes, got 0.5'],
    [{ durationMin: 61 }, 'must be from 1 to 60 minutes, got 61'],
    [{ share: 0.1, minShare: 0.2 }, 'must lie from minShare to maxShare, got 0.1 with minShare 0.2 and maxShare open'],
  ])('fails for %j with what is allowed', (request, message) => {
    expect(messageOf(request)).toBe(message);
  });

  it('takes nothing at all: ten minutes of a tenth of the keys, twice', () => {
    expect(ProfilingRequest.parse({})).toEqual({
      share: 0.1,
      durationMin: 10,
      aa: true,
      maxErrorShare: 0.5,
      budgetUsd: 1,
      busyAbove: 0.8,
    });
  });
});
