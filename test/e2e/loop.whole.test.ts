// The promise itself: `npm start -- --once`, real processes, counted by the sink. Runs alone, after everything else: it needs the machine.
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const project = resolve(import.meta.dirname, '../..');

const demo = async (...options: string[]) => {
  const child = spawn(process.execPath, [join(project, 'bin/penumbra.ts'), 'demo', '--once', '--json', ...options], {
    cwd: project,
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  if (stdout === '') throw new Error(`no summary, exit ${code}:\n${stderr}`);
  return { code, stderr, summary: JSON.parse(stdout) as Record<string, number> & { killed: string | null } };
};

describe('npm start -- --once', () => {
  it('splits before the load arrives and hands a shard over, with nothing lost, repeated or out of order', async () => {
    const { code, summary, stderr } = await demo();
    expect(summary, stderr).toMatchObject({ lost: 0, duplicated: 0, reordered: 0 });
    expect(summary.processed).toBe(summary.produced);
    expect(summary.foresightSec, stderr).toBeGreaterThan(0);
    expect(summary.splits, stderr).toBeGreaterThan(0);
    expect(summary.handovers, stderr).toBeGreaterThan(0);
    expect(summary.pauseMsP50).toBeGreaterThan(0);
    expect(code).toBe(0);
  }, 600_000);

  it('loses and disorders nothing when a worker is killed in the middle', async () => {
    const { code, summary, stderr } = await demo('--kill-worker-after', '35');
    expect(summary.killed, stderr).toMatch(/^worker-/);
    expect(summary, stderr).toMatchObject({ lost: 0, reordered: 0 });
    expect(code).toBe(0);
  }, 600_000);
});
