import { describe, expect, it } from 'vitest';
import { profileAsked } from '../../bin/profile.ts';
import { profileHtml } from '../../bin/profile-html.ts';
import { hostText, primaryText } from '../../bin/profile-measures-text.ts';
import { profileText } from '../../bin/profile-text.ts';
import { ProfileReport } from '../../lib/model/profile-report.ts';
import type { ComparedResults } from '../../lib/model/profiling.ts';
import { findingsOf } from '../../lib/profile/findings-of.ts';
import { sceneOf, targets } from '../profile/measured-run.ts';
import { own } from '../profile/tuning-world.ts';

const compared: ComparedResults = {
  ...{ left: 'a', right: 'b', compared: 100, equal: 90, different: 10, onlyLeft: 1, onlyRight: 0 },
  fields: { 'order.total': 10 },
  samples: Array.from({ length: 7 }, (_, i) => ({
    ...{ sequenceNumber: `49${i}`, partitionKey: `<k${i}>`, name: 'order' },
    differences: [{ path: 'order.total', left: '1', right: null }],
  })),
};
const primary = {
  ...{
    kind: 'measured' as const,
    workerId: 'owner',
    ms: 600_000,
    shardMs: 1_200_000,
    records: 1,
    checkpoints: 60,
    checkpointMs: 6000,
  },
  ...{ behindMs: 120_000, starvedMs: 24_000, heldUpMs: 12_000, heldUps: 40, bufferBytes: 2_097_152 },
  ...{ memoryBytes: 1, memoryLimitBytes: null, inForce: own },
};
const report = (): ProfileReport => {
  const scene = sceneOf({ cpuMs: 2.5, shardRecordsPerSec: 380, errorShare: 0.001 }, { primary });
  const leg = {
    ...scene.totals!.legs[0]!,
    errorSamples: [{ errorClass: 'SinkError', message: 'full', sequenceNumber: '7', count: 3 }],
  };
  return ProfileReport.parse({
    ...{ profileId: 'p1', application: 'shop', streamName: 'orders', shardId: 's1', hostId: 'b', owner: 'a', trigger: 'request' },
    ...{ reason: 'asked', request: {}, requestedAtMs: 0, analysedAtMs: 0, ended: null, points: [] },
    findings: findingsOf(scene, targets),
    totals: { ...scene.totals, legs: [leg], comparisons: [compared] },
  });
};

describe('profileText', () => {
  const text = profileText(report());

  it('shows what was measured of primary, host, keys and errors', () => {
    expect(text).toMatch(
      /^PRIMARY {4}owner in 600 s, with 2 shards: 60 checkpoints, one being written 1\.0 % of the time; behind the stream 10 %/m,
    );
    expect(text).toMatch(
      /^HOST {7}CPU \d+ % of a core, event loop .* collector 0\.0 % \(\d+ times\); waiting .* disks not told; heap \d+ MiB, resident/m,
    );
    expect(text).toMatch(/^KEYS {7}about \d+; of the records the top key has .* records of \d+ bytes \(half\)/m);
    expect(text).toContain('ERROR      leg a: 3 SinkError, the newest at 7: full');
  });

  it('shows compared results with the fields that differ and five samples', () => {
    expect(text).toMatch(/a and b {2,}100 {2,}90 {2,}10 {2,}1 and 0 {2,}order\.total 10/);
    expect(text).toContain('  order of <k0>, record 490\n    order.total: 1 | missing');
    expect(text.match(/order of <k/g)).toHaveLength(5);
  });

  it('shows every recommendation with its cost, before what was decided', () => {
    expect(text).toMatch(/split at \d+ {2,}\$10\.95 {2,}100 % {2,}50 %/);
  });
});

describe('profileHtml', () => {
  it('shows all stored samples, and takes no key as markup', () => {
    const page = profileHtml(report());
    expect(page).toContain('&#60;k6&#62;');
    expect(page).not.toContain('<k6>');
    expect(page).toContain('<h2>The primary meanwhile</h2>');
  });
});

describe('primaryText', () => {
  it('says why the primary was not measured', () => {
    expect(primaryText({ kind: 'unknown', detail: 'Nobody told.' })).toBe('not measured: Nobody told.');
  });
});

describe('hostText', () => {
  it('shows disks where the system tells of them', () => {
    expect(
      hostText({
        ...{ cpuShare: 0.5, loopShare: 0.4, gcShare: 0.012, collections: 7, ioWaitShare: null, diskWaitShare: 0.2 },
        ...{ readBytesPerSec: 1_048_576, writtenBytesPerSec: 0, heapBytes: 1_048_576, rssBytes: 104_857_600 },
      }),
    ).toBe(
      "CPU 50 % of a core, event loop 40 %, collector 1.2 % (7 times); waiting – of the legs' time, for disks 20 % (1.0 MiB/s read, 0.0 MiB/s written); heap 1.0 MiB, resident 100 MiB",
    );
  });
});

describe('profileAsked', () => {
  it('makes the request of a comparison with a candidate', () => {
    expect(
      profileAsked({ profile: true, share: '0.2', budget: '2', candidate: true, compare: 'primary', ignore: ['at'] }),
    ).toEqual({
      kind: 'asked',
      body: {
        kind: 'profiling',
        profile: { share: 0.2, budgetUsd: 2, other: { processor: 'candidate' }, compare: { with: 'primary', ignore: ['at'] } },
      },
    });
    expect(profileAsked({})).toEqual({ kind: 'asked', body: {} });
  });

  it.each([
    [{ candidate: true as const }, '--candidate is only allowed with --profile, got true'],
    [{ share: '0.5' }, '--share is only allowed with --profile, got 0.5'],
    [{ profile: true as const, ignore: ['at', 'by'] }, '--ignore is only allowed with --compare, got at by'],
    [{ profile: true as const, budget: 'much' }, '--budget must be a number, got much'],
  ])('fails on %j', (options, message) => {
    expect(profileAsked(options)).toEqual({ kind: 'refused', message });
  });
});
