import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const project = resolve(import.meta.dirname, '../..');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penumbra-cli-'));
  await writeFile(
    join(folder, 'good.csv'),
    `timestamp,value\n${Array.from({ length: 60 }, (_, i) => `2026-01-01T00:${String(i).padStart(2, '0')}Z,${i + 1}`).join('\n')}\n`,
  );
  await writeFile(join(folder, 'column.csv'), 'timestamp,load\n2026-01-01T00:00Z,1\n2026-01-01T00:01Z,1\n');
  await writeFile(join(folder, 'unsorted.csv'), 'timestamp,value\n2026-01-01T00:01Z,1\n2026-01-01T00:00Z,1\n');
  await writeFile(join(folder, 'negative.csv'), 'timestamp,value\n2026-01-01T00:00Z,1\n2026-01-01T00:01Z,-1\n');
  await writeFile(join(folder, 'policy.json'), '{"mode":"sometimes"}');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const penumbra = async (...args: string[]) => {
  const child = spawn(process.execPath, [join(project, 'bin/penumbra.ts'), ...args], {
    cwd: folder,
    env: { ...process.env, NODE_NO_WARNINGS: '1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, stdout, lines: stderr.trimEnd().split('\n'), left: existsSync(join(project, '.local', `run-${child.pid}`)) };
};
describe('penumbra demo', () => {
  it.each([
    ['a file that is not there', ['--trace', 'none.csv'], 'none.csv: no such file'],
    [
      'a missing column',
      ['--trace', 'column.csv'],
      'column.csv:1: column value is missing; got timestamp,load, expected timestamp,value or timestamp,key,count',
    ],
    [
      'unsorted time',
      ['--trace', 'unsorted.csv'],
      'unsorted.csv:3: time is not sorted: 2026-01-01T00:00Z comes before the row above',
    ],
    ['a negative value', ['--trace', 'negative.csv'], 'negative.csv:3: value is negative, got -1'],
    ['an unknown option', ['--fast'], "unknown option '--fast'"],
    ['a stray word', ['now'], "too many arguments for 'demo'. Expected 0 arguments but got 1: now."],
    ['an option without its value', ['--trace'], "option '--trace <file>' argument missing"],
    [
      'a rate that chokes kinesis-local',
      ['--rate', '401'],
      '--rate must be at most 400 records a second, more chokes kinesis-local; got 401',
    ],
    ['a rate that is no number', ['--rate', 'high'], '--rate must be a number of records a second from 1 to 400, got high'],
    ['a port that is none', ['--port', '70000'], '--port must be a whole number from 0 (any free one) to 65535, got 70000'],
    [
      'a moment outside the trace',
      ['--trace', 'good.csv', '--at', '2027-01-01T00:00Z'],
      '--at must lie within the trace, from 2026-01-01T00:01Z to 2026-01-01T00:59Z, got 2027-01-01T00:00Z',
    ],
    ['a moment that is none', ['--at', 'noon'], '--at must be an ISO 8601 time, got noon'],
    ['a kill that is no time', ['--kill-worker-after', '-5'], '--kill-worker-after must be a number of seconds above 0, got -5'],
  ])('fails on %s with one line and exit code 2, before anything is started', async (_, args, line) => {
    const { code, stdout, lines, left } = await penumbra('demo', ...args);
    expect(lines).toEqual([line]);
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(left).toBe(false);
  });

  it('fails on a port in use with one line and exit code 2', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const { code, stdout, lines, left } = await penumbra('demo', '--port', String(port));
    expect(left).toBe(false);
    expect(lines).toEqual([`port ${port} is in use; choose another with --port`]);
    expect(stdout).toBe('');
    expect(code).toBe(2);
    server.close();
  });
});

describe('penumbra', () => {
  const connection = ['--api', 'http://127.0.0.1:9/', '--application', 'a', '--stream', 's'];

  it('fails on an unknown command with exit code 2', async () => {
    const { code, lines } = await penumbra('scale');
    expect(lines[0]).toBe("unknown command 'scale'");
    expect(code).toBe(2);
  });

  it('fails without the API’s address, and says how to give it', async () => {
    const { code, lines } = await penumbra('status', '--application', 'a', '--stream', 's');
    expect(lines).toEqual(["required option '--api <url>' not specified"]);
    expect(code).toBe(2);
  });

  it('fails on an address that is none', async () => {
    const { code, lines } = await penumbra('status', '--api', 'here', '--application', 'a', '--stream', 's');
    expect(lines).toEqual(['--api must be a URL, got here']);
    expect(code).toBe(2);
  });

  it('fails with exit code 1 when nothing answers', async () => {
    const { code, lines } = await penumbra('status', ...connection);
    expect(lines[0]).toMatch(/^http:\/\/127\.0\.0\.1:9 does not answer: /);
    expect(code).toBe(1);
  });

  it('fails on a policy that does not fit, naming the field', async () => {
    const { code, lines } = await penumbra('policy', 'set', 'policy.json', ...connection);
    expect(lines[0]).toMatch(/^policy\.json: mode: /);
    expect(code).toBe(2);
  });

  it('shows its help on stdout', async () => {
    const { code, stdout } = await penumbra('--help');
    expect(stdout).toContain('Predictive shadow scaling');
    expect(code).toBe(0);
  });
});
