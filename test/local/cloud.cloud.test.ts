import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startCloud } from '../../local/cloud.ts';
import { findPython } from '../../local/ministack.ts';
import { markedProcesses } from '../../local/process-group.ts';
import { eventually } from '../support/worlds.ts';

const CLOUD = fileURLToPath(new URL('../../local/cloud.ts', import.meta.url));
const NODE = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));
const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
    () => true,
    () => false,
  );

describe('startCloud', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'penumbra-cloud-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test('two run side by side, and each stops alone and wholly', async () => {
    const [one, two] = await Promise.all([
      startCloud({ directory: join(directory, 'one') }),
      startCloud({ directory: join(directory, 'two') }),
    ]);
    expect(new Set([one.endpoint, one.kinesisEndpoint, two.endpoint, two.kinesisEndpoint]).size).toBe(4);
    expect(await markedProcesses(one.directory)).not.toEqual([]);
    await one.stop();
    expect(await markedProcesses(one.directory)).toEqual([]);
    expect(await Promise.all([answers(one.endpoint), answers(one.kinesisEndpoint)])).toEqual([false, false]);
    expect(await Promise.all([answers(two.endpoint), answers(two.kinesisEndpoint)])).toEqual([true, true]);
    await two.stop();
    await two.stop();
    expect(await markedProcesses(two.directory)).toEqual([]);
  });

  test('refuses a directory in use, and takes one whose user is gone', async () => {
    const cloud = await startCloud({ directory });
    await expect(startCloud({ directory })).rejects.toThrow(/is in use by the local cloud of process \d+/);
    expect(await answers(cloud.endpoint)).toBe(true);
    await cloud.stop();
    await writeFile(join(directory, 'cloud.pid'), '999999999 1');
    await (await startCloud({ directory })).stop();
  });

  test('ends with a parent that was killed', async () => {
    const script = `import { startCloud } from ${JSON.stringify(CLOUD)}; const cloud = await startCloud({ directory: process.argv[1] }); console.log(cloud.endpoint); setInterval(() => {}, 1000);`;
    const parent = spawn(NODE, ['--input-type=module', '--eval', script, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => parent.stdout.once('data', resolve));
    expect((await markedProcesses(directory)).length).toBeGreaterThan(0);
    parent.kill('SIGKILL');
    await eventually(async () => ((await markedProcesses(directory)).length === 0 ? true : undefined), 10_000);
    expect(await readFile(join(directory, 'cloud.pid'), 'utf8')).toContain(String(parent.pid));
    await (await startCloud({ directory })).stop();
  });
});

describe('findPython', () => {
  test('fails with what was found when no Python is new enough', async () => {
    await expect(findPython({ PATH: '/nowhere' })).rejects.toThrow(
      'the local cloud needs Python 3.10 or newer on PATH (or its path in PYTHON), found none',
    );
    await expect(findPython({ ...process.env, PYTHON: '/bin/false' })).rejects.toThrow('found /bin/false does not run');
  });
});
