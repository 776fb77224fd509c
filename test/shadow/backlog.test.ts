// The bound of a shadow, in a process of its own with the garbage collector at hand: 200 MB pass it within 64 MB.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const MIB = 1024 * 1024;
const BOUND = 64 * MIB;
const HEAP_MIB = 192;
const RECORD_BYTES = 1024;
const RECORDS = (200 * MIB) / RECORD_BYTES;

interface Run {
  readonly passed: number;
  readonly proved: string;
  readonly countedBytesMost: number;
  readonly heldBytesMost: number;
  readonly rssMost: number;
  readonly begunAt: readonly { type: string; index: number }[];
  readonly drainedAt: number;
  readonly processed: number;
  readonly outOfTurn: number;
  readonly last: number;
  readonly answerBytes: number;
}

const backlog = async (boundBytes: number, records: number, recordBytes: number): Promise<Run> => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    `--max-old-space-size=${HEAP_MIB}`,
    fileURLToPath(new URL('backlog-run.ts', import.meta.url)),
    String(boundBytes),
    String(records),
    String(recordBytes),
  ]);
  return JSON.parse(stdout) as Run;
};

describe('a shadow of a shard with a backlog', () => {
  it('reads 200 MB within 64 MB, proves the owner’s mark in the middle of it, and reads again after the handover what it could not keep', async () => {
    const run = await backlog(BOUND, RECORDS, RECORD_BYTES);
    expect(run.passed).toBe(RECORDS);
    expect(run.proved).toBe('same');
    expect(run.countedBytesMost).toBeLessThanOrEqual(BOUND);
    // What is alive after a collection. Beside the bound: the answer that was just read, of at most 10 MiB.
    expect(run.heldBytesMost).toBeLessThanOrEqual(BOUND + run.answerBytes);
    // The process with its garbage: a heap as large as it is allowed comes on top. Keeping all of it would take 300 MB alive.
    expect(run.rssMost).toBeLessThan(BOUND + HEAP_MIB * MIB);
    // Once from the beginning as the shadow; then as the owner, after the last record that was kept.
    expect(run.begunAt.map(({ type }) => type)).toEqual(['TRIM_HORIZON', 'AFTER_SEQUENCE_NUMBER']);
    expect(run.begunAt[1]?.index).toBeGreaterThan(run.drainedAt + 1);
    expect(run.begunAt[1]?.index).toBeLessThan(RECORDS / 4);
    // Every record after the drained one, once and in order.
    expect([run.processed, run.outOfTurn, run.last]).toEqual([RECORDS - run.drainedAt - 1, 0, RECORDS - 1]);
  }, 60_000);

  it('counts what small records really take', async () => {
    const run = await backlog(16 * MIB, 60_000, 100);
    expect(run.countedBytesMost).toBeLessThanOrEqual(16 * MIB);
    expect(run.heldBytesMost).toBeLessThanOrEqual(16 * MIB + 60_000 * 100);
    expect(run.countedBytesMost).toBeGreaterThan(run.heldBytesMost * 0.8);
    expect([run.processed, run.outOfTurn, run.last]).toEqual([60_000 - run.drainedAt - 1, 0, 59_999]);
  }, 60_000);
});
