import { describe, expect, it } from 'vitest';
import type { Lease, Mark, Shadow } from '../../lib/model/lease.ts';
import { READY_LAG_MS, readinessNow, readinessTold, TOLD_EVERY_MS } from '../../lib/shadow/readiness.ts';
import { sampleLease } from '../support/sample-lease.ts';

const NOW = 1_700_000_100_000;
const at = (count: number): Mark => ({ sequenceNumber: String(100 + count), count, digest: '00000000000000ab' });
const shadowed = (change: Partial<Shadow> = {}, mark: Mark | null = at(5)): Lease =>
  sampleLease({
    ...(mark === null ? {} : { mark }),
    shadow: {
      workerId: 'b',
      state: 'tracking',
      purpose: 'request',
      requestedAtMs: 1,
      from: '100',
      verifiedThrough: at(5),
      verifiedAtMs: NOW - 1000,
      lagMs: 0,
      ...change,
    },
  });

describe('readinessNow', () => {
  it('is ready with the newest mark proved, or a later one, within the allowed lag', () => {
    expect(readinessNow(shadowed(), { verified: at(5), lagMs: READY_LAG_MS })).toEqual({ kind: 'ready' });
    expect(readinessNow(shadowed(), { verified: at(6), lagMs: 0 })).toEqual({ kind: 'ready' });
  });

  it.each([
    ['no shadow', sampleLease(), { verified: null, lagMs: 0 }, 'no-shadow', /has no standby shadow; create one first/],
    [
      'a chain that is not verified',
      shadowed({ state: 'opened' }),
      { verified: null, lagMs: 0 },
      'unverified',
      /on b is opened and/,
    ],
    ['no mark to compare with', shadowed({}, null), { verified: at(5), lagMs: 0 }, 'unverified', /verified nothing yet/],
    ['a lag', shadowed(), { verified: at(5), lagMs: READY_LAG_MS + 1 }, 'behind', /is 5.0 s behind the tip/],
    [
      'one record unproved',
      shadowed(),
      { verified: at(4), lagMs: 0 },
      'behind',
      /verified 4 records, through 104; its owner is 1 record ahead/,
    ],
    [
      'a divergence',
      shadowed({ state: 'diverged' }),
      { verified: at(5), lagMs: 0 },
      'diverged',
      /remove it and create a new one/,
    ],
  ] as const)('is not with %s, and says so', (_, lease, own, reason, detail) => {
    expect(readinessNow(lease, own)).toEqual({ kind: 'not-ready', reason, detail: expect.stringMatching(detail) });
  });
});

describe('readinessTold', () => {
  it('is ready while what was told may just be a little old', () => {
    expect(readinessTold(shadowed({ verifiedAtMs: NOW - 3 * TOLD_EVERY_MS }, at(900)), NOW)).toEqual({ kind: 'ready' });
    // A quiet shard: nothing new to verify for an hour.
    expect(readinessTold(shadowed({ verifiedAtMs: NOW - 3_600_000 }), NOW)).toEqual({ kind: 'ready' });
    expect(readinessTold(shadowed({ lagMs: undefined }), NOW)).toEqual({ kind: 'ready' });
  });

  it.each([
    ['a lag', shadowed({ lagMs: 42_000 }), 'behind', /is 42.0 s behind the tip of the shard by its last word/],
    [
      'an owner that went on alone',
      shadowed({ verifiedAtMs: NOW - 3 * TOLD_EVERY_MS - 1 }, at(6)),
      'behind',
      /verified nothing for 15.0 s, while its owner went on by 1 record;/,
    ],
    ['nothing verified', shadowed({ verifiedThrough: undefined }), 'unverified', /verified nothing yet/],
    [
      'a divergence',
      shadowed({ state: 'diverged', divergence: { owner: at(4), shadow: at(3) } }),
      'diverged',
      /saw other records than the owner at sequence number 104/,
    ],
  ] as const)('is not with %s, and says so', (_, lease, reason, detail) => {
    expect(readinessTold(lease, NOW)).toEqual({ kind: 'not-ready', reason, detail: expect.stringMatching(detail) });
  });
});
