// One fault of every kind, in every state of a handover, on real processes and the deployed machine. The whole matrix: npm run bench -- faults
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const MINUTE_MS = 60_000;

describe('a handover that meets a fault in each of its states', () => {
  it(
    'loses nothing, disorders nothing, repeats nothing without reason and leaves every shard with one owner',
    async () => {
      const { stdout } = await promisify(execFile)(process.execPath, ['bench/run.ts', 'faults', '--quick'], { cwd: ROOT });
      const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { readonly states: readonly string[] };
      const states = ['activated', 'activating', 'pausing', 'preparing', 'proved', 'redirected', 'resuming', 'verified'];
      expect(report.states.toSorted()).toEqual(states);
      expect(report).toMatchObject({
        cases: 9,
        lost: 0,
        reordered: 0,
        unexplainedDuplicates: 0,
        withoutOneOwner: 0,
      });
    },
    10 * MINUTE_MS,
  );
});
