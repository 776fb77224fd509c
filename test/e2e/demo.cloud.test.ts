import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { FleetResponse } from '../../lib/model/api.ts';

const project = resolve(import.meta.dirname, '../..');
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGTERM');
});

const start = (...args: string[]) => {
  const child = spawn(process.execPath, [join(project, 'bin/penumbra.ts'), 'demo', ...args], {
    cwd: project,
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  });
  started.push(child);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const ended = new Promise<number | null>((done) => child.once('close', done));
  return { child, said: () => said, ended, directory: join(project, '.local', `run-${child.pid}`) };
};

/** Every process whose command line or environment names the run. */
const processesOf = async (directory: string): Promise<string[]> => {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [command, environment] = await Promise.all(
      ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    if (`${command}${environment}`.includes(`${directory}/`)) found.push(`${pid} ${command}`);
  }
  return found;
};

const until = async <T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  withinMs: number,
  said: () => string,
): Promise<T> => {
  for (const begun = Date.now(); Date.now() - begun < withinMs; await sleep(500)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`${what} did not come within ${withinMs / 1000} s:\n${said()}`);
};

describe('penumbra demo', () => {
  it('deploys, runs three workers, shows the deployed API in the console, and leaves nothing behind on Ctrl-C', async () => {
    const { child, said, ended, directory } = start();
    const [, console] = await until('the console', async () => /console on (\S+)/.exec(said()), 30_000, said);
    expect((await fetch(console!)).status).toBe(200);
    const fleet = await until(
      'three workers on four owned shards',
      async () => {
        const response = await fetch(`${console}api/fleet`);
        if (response.status !== 200) return null;
        const body = (await response.json()) as FleetResponse;
        return body.workers.filter((worker) => worker.alive).length === 3 && body.shards.every((shard) => shard.owner !== null)
          ? body
          : null;
      },
      150_000,
      said,
    );
    expect(fleet.shards).toHaveLength(4);
    expect(said()).toContain('synthetic load');
    expect((await processesOf(directory)).length).toBeGreaterThan(3);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(existsSync(directory)).toBe(false);
    expect(await processesOf(directory)).toEqual([]);
  }, 240_000);

  it('that was killed in the middle leaves no process, and the next start removes its files', async () => {
    const killed = start();
    await until('the local cloud', async () => killed.said().includes('cdk bootstrap'), 60_000, killed.said);
    killed.child.kill('SIGKILL');
    await killed.ended;
    await until('the end of its processes', async () => (await processesOf(killed.directory)).length === 0, 20_000, killed.said);
    expect(existsSync(killed.directory)).toBe(true);
    const next = start();
    await until('the local cloud', async () => next.said().includes('cdk bootstrap'), 60_000, next.said);
    expect(existsSync(killed.directory)).toBe(false);
    next.child.kill('SIGHUP');
    expect(await next.ended).toBe(0);
    expect(await processesOf(next.directory)).toEqual([]);
  }, 240_000);
});
