import { describe, expect, it } from 'vitest';
import { monitorText, tuningLines } from '../../bin/tables.ts';
import { viewOfTuning } from '../../functions/tuning-scene.ts';
import { startTrial } from '../../lib/profile/tuning.ts';
import { group } from '../profile/tuning-world.ts';

const NOW = Date.UTC(2026, 10, 20, 12, 0);
const outcome = {
  ...{ trialId: 't0', setting: 'maxBatchRecords' as const, from: 500, to: 200, trigger: 'request' as const },
  ...{ result: 'kept' as const, because: 'held' as const, reason: 'Not worse.', startedAtMs: NOW, endedAtMs: NOW },
};
const stored = startTrial(
  group,
  { ...group, revision: 3, settings: { maxBatchRecords: 200 }, outcomes: [outcome] },
  {
    ...{ trialId: 't1', setting: 'concurrencyPerShard', from: 4, to: 8, trigger: 'request', reason: '', forMin: 10 },
    shadow: { profileId: 't1', shardId: 's1', hostId: 'h' },
  },
  NOW,
);

describe('tuningLines', () => {
  it('says what is tried, what holds, and how the last tries ended', () => {
    expect(tuningLines(viewOfTuning(stored, NOW))).toEqual([
      't1: concurrencyPerShard 8 instead of 4 is being tried in a shadow of s1 on h; the primary goes by 4.',
      'Kept: maxBatchRecords 200.',
      '12:00:00Z  maxBatchRecords 200 instead of 500 was kept. Not worse.',
    ]);
  });

  it('is a part of the monitor where anything is tuned', () => {
    const monitor = { atMs: NOW, shadows: [], profiles: [], handovers: [], outcomes: [] };
    expect(monitorText({ ...monitor, tuning: viewOfTuning(stored, NOW) })).toContain('TUNING\nt1: concurrencyPerShard 8');
    expect(monitorText({ ...monitor, tuning: viewOfTuning(null, NOW) })).not.toContain('TUNING');
  });
});
