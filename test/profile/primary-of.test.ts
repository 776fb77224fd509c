import { describe, expect, it } from 'vitest';
import type { Upkeep } from '../../lib/model/tuning.ts';
import type { Worker } from '../../lib/model/worker.ts';
import { primaryOf } from '../../lib/profile/primary-of.ts';
import { worker } from '../functions/scenes.ts';
import { own, totals } from './tuning-world.ts';

const upkeep = (minute: number, changes: Partial<Upkeep> = {}): Upkeep => ({
  ...{ shardMs: minute * 120_000, checkpoints: minute * 6, checkpointMs: minute * 30, behindMs: minute * 600 },
  ...{ starvedMs: minute * 60, heldUpMs: minute * 30, heldUps: minute, bufferByteMs: minute * 60_000 * 5000 },
  ...changes,
});
const at = (minute: number, changes: Partial<Worker> = {}): Worker =>
  worker('a', 0.5, {
    tuning: { inForce: own, bounds: { checkpointMs: { from: 1, to: 2 } } },
    work: totals(minute, { upkeep: upkeep(minute) }),
    ...changes,
  });
const begun = (minute: number, changes: Partial<Worker> = {}) => {
  const { workerId, work, tuning } = at(minute, changes);
  return { workerId, work: work!, inForce: tuning!.inForce };
};

describe('primaryOf', () => {
  it('is what the owner’s totals grew by during the run', () => {
    expect(primaryOf(begun(5), at(15))).toEqual({
      ...{ kind: 'measured', workerId: 'a', ms: 600_000, shardMs: 1_200_000, inForce: own, records: 60_000 },
      ...{ checkpoints: 60, checkpointMs: 300, behindMs: 6000, starvedMs: 600, heldUpMs: 300, heldUps: 10 },
      ...{ bufferBytes: 5000, memoryBytes: 1, memoryLimitBytes: null },
    });
  });

  const { tuning: _tuning, work: _work, ...silent } = at(15);
  it.each([
    ['nobody owns the shard', begun(5), undefined, /no live owner/],
    ['the owner’s code names no setting', begun(5), silent, /a does not tell: workers do whose option tuning names a setting/],
    ['it is of an older version', begun(5), at(15, { work: totals(15) }), /a does not tell/],
    ['nobody told it when the run began', undefined, at(15), /No worker told/],
    ['the shard has changed hands', { ...begun(5), workerId: 'b' }, at(15), /when the run began it was b/],
    ['the process began anew', begun(5), at(15, { work: totals(15, { sinceMs: 1, upkeep: upkeep(15) }) }), /another process/],
    ['it reported for a moment only', begun(14.8), at(15), /has reported for 12 s of the run only/],
    [
      'a setting was changed meanwhile',
      begun(5),
      at(15, { tuning: { inForce: { ...own, checkpointMs: 1 }, bounds: {} } }),
      /were changed/,
    ],
    [
      'the buffer was changed meanwhile',
      begun(5),
      at(15, { tuning: { inForce: { ...own, maxBufferBytes: 1 }, bounds: {} } }),
      /were changed/,
    ],
    ['it had no shard', begun(5), at(15, { work: totals(15, { upkeep: upkeep(5) }) }), /has processed no shard/],
  ])('is not known where %s', (_, then, owner, detail) => {
    expect(primaryOf(then, owner)).toEqual({ kind: 'unknown', detail: expect.stringMatching(detail) });
  });
});
