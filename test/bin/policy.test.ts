import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ok } from '../../bin/checked.ts';
import { runCommandLine } from '../../bin/command-line.ts';
import { named, overrideOf, readPolicy } from '../../bin/policy.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const folder = mkdtempSync(join(tmpdir(), 'penumbra-policy-'));
const connection = { api: 'https://x.example', application: 'shop', stream: 'orders' };
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fileOf = (text: string): string => {
  const file = join(folder, 'policy.json');
  writeFileSync(file, text);
  return file;
};
const read = async (text: string) => {
  const answer = await readPolicy(fileOf(text), named(connection));
  return answer.kind === 'ok' ? answer.value : answer.message.replace(`${folder}/`, '');
};

describe('readPolicy', () => {
  it('takes the names of the command line and the defaults for the rest', async () => {
    expect(await read('{"minShards":2}')).toMatchObject({
      application: 'shop',
      streamName: 'orders',
      minShards: 2,
      mode: 'observe',
    });
    expect(await read('{"application":"shop"}')).toMatchObject({ application: 'shop' });
    expect(await readPolicy(fileOf('{"mode":"act"}'), () => ok({ application: 'a', streamName: 's' }))).toMatchObject({
      value: { mode: 'observe' },
    });
  });

  it('fails on a policy of another stream, with both names', async () => {
    expect(await read('{"application":"store","streamName":"clicks"}')).toBe(
      'policy.json: application must be shop as on the command line, got store; streamName must be orders as on the command line, got clicks',
    );
  });

  it('fails on every contradiction at once, and on what is no object', async () => {
    expect(await read('{"minShards":9,"maxShards":3,"coldUtilization":0.8}')).toBe(
      'policy.json: minShards: must not exceed maxShards, got minShards 9 and maxShards 3; coldUtilization: must be below targetUtilization, got 0.8 and 0.7',
    );
    expect(await read('[]')).toBe('policy.json: must be a JSON object');
    expect(await read('{')).toMatch(/^policy\.json: is not JSON: /);
    expect(await readPolicy(join(folder, 'none.json'), ok)).toMatchObject({
      kind: 'refused',
      message: /none.json: cannot be read$/,
    });
  });
});

describe('overrideOf', () => {
  it('ends after the given time', () => {
    expect(overrideOf({ for: '2h', reason: 'incident', mode: 'observe', maxShards: '8', target: '0.5' }, NOW)).toEqual({
      kind: 'ok',
      value: { untilMs: NOW + 7_200_000, reason: 'incident', mode: 'observe', maxShards: 8, targetUtilization: 0.5 },
    });
  });

  it.each([
    [{ reason: 'x', mode: 'act' }, '--for must be a duration like 90m, 2h or 3d, got none'],
    [{ for: '0m', reason: 'x', mode: 'act' }, '--for must be a duration like 90m, 2h or 3d, got 0m'],
    [{ for: '1h', mode: 'act' }, '--reason must say why, got none'],
    [{ for: '1h', reason: 'x' }, 'one of --mode, --min-shards, --max-shards, --target must be given, got none'],
    [
      { for: '1h', reason: 'x', target: '1.2', minShards: '0' },
      'override.minShards: Too small: expected number to be >=1; targetUtilization: must be in (0, 1), got 1.2',
    ],
    [{ for: '1h', reason: 'x', mode: 'sleep' }, 'override.mode: Invalid option: expected one of "observe"|"recommend"|"act"'],
  ])('fails on %j', (given, message) => {
    expect(overrideOf(given, NOW)).toEqual({ kind: 'refused', message });
  });
});

describe('penumbra policy override, policy resume and approve', () => {
  const stored = { application: 'shop', streamName: 'orders', minShards: 2, maxShards: 6, mode: 'act' };
  const heard: { method: string; path: string; body: Record<string, unknown> | null }[] = [];
  let answer: object = stored;
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      heard.push({ method: request.method!, path: request.url!.split('?')[0]!, body: text === '' ? null : JSON.parse(text) });
      response.end(JSON.stringify(answer));
    });
  });
  const said: string[] = [];
  const run = async (...words: string[]) => {
    heard.length = said.length = 0;
    const { port } = server.address() as AddressInfo;
    process.argv = [
      'node',
      'penumbra',
      ...words,
      '--api',
      `http://127.0.0.1:${port}`,
      '--application',
      'shop',
      '--stream',
      'orders',
    ];
    await runCommandLine(() => {});
    const code = process.exitCode;
    process.exitCode = undefined;
    return code;
  };
  const argv = process.argv;
  beforeAll(async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test').stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    for (const stream of [process.stdout, process.stderr])
      vi.spyOn(stream, 'write').mockImplementation((text) => said.push(String(text)) > 0);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  });
  afterAll(() => {
    process.argv = argv;
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    server.close();
  });

  it('puts an override into the policy that is there, with its end', async () => {
    expect(await run('policy', 'override', '--for', '2h', '--reason', 'incident', '--mode', 'observe')).toBeUndefined();
    expect(heard.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /policies', 'PUT /policies']);
    const { override, ...rest } = heard[1]!.body as { override: { untilMs: number; mode: string } };
    expect(rest).toMatchObject(stored);
    expect(override).toMatchObject({ mode: 'observe', reason: 'incident' });
    expect(Math.abs(override.untilMs - Date.now() - 7_200_000)).toBeLessThan(60_000);
  });

  it('fails on an override that contradicts the policy, with both values, and sets nothing', async () => {
    expect(await run('policy', 'override', '--for', '2h', '--reason', 'sale', '--min-shards', '9')).toBe(2);
    expect(said.join('')).toBe('override: its minShards must not exceed its maxShards, got minShards 9 and maxShards 6\n');
    expect(heard.map(({ method }) => method)).toEqual(['GET']);
  });

  it('takes an override back and leaves the rest', async () => {
    answer = { ...stored, override: { untilMs: NOW, reason: 'incident', mode: 'observe' } };
    expect(await run('policy', 'resume')).toBeUndefined();
    expect(heard[1]?.body).toEqual(stored);
  });

  it('approves a proposed plan by its id', async () => {
    answer = { planId: 'p-1', operationIds: ['split-7'] };
    expect(await run('approve', 'p-1')).toBeUndefined();
    expect(heard).toEqual([{ method: 'POST', path: '/plans/p-1/approve', body: { application: 'shop', streamName: 'orders' } }]);
    expect(said.join('')).toBe('approved: operation split-7\n');
  });
});
