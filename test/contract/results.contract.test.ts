import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { memoryResults } from '../../lib/adapters/memory/profiles.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { type ValkeyResults, valkeyResults } from '../../lib/adapters/valkey/valkey-results.ts';
import { TransientError } from '../../lib/errors.ts';
import type { ResultStore } from '../../lib/ports.ts';

/** The real server, of Debian's package valkey-server or redis-server. */
const server = ['valkey-server', 'redis-server'].find((name) => spawnSync(name, ['--version']).status === 0);

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

let folder = '';
let port = 0;
let running: ChildProcess | null = null;
const start = async () => {
  running = spawn(
    server ?? '',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
    {
      stdio: 'ignore',
    },
  );
  const probe = valkeyResults({ url: `redis://127.0.0.1:${port}` });
  for (let i = 0; i < 100; i += 1) {
    const isThere = await probe.get('probe', ['x']).then(
      () => true,
      () => false,
    );
    if (isThere) return probe.close();
    await systemClock.sleep(30);
  }
  throw new Error(`${server} did not answer on port ${port}`);
};
const stop = async () => {
  const exited = new Promise((resolve) => running?.once('exit', resolve));
  running?.kill('SIGKILL');
  await exited;
};
beforeAll(async () => {
  if (server === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'penumbra-valkey-'));
  port = await freePort();
  await start();
});
afterAll(async () => {
  if (server === undefined) return;
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

const opened: ValkeyResults[] = [];
const openValkey = (): ValkeyResults => {
  const store = valkeyResults({ url: `redis://127.0.0.1:${port}` });
  opened.push(store);
  return store;
};
afterAll(async () => {
  for (const store of opened) await store.close();
});

describe.each([
  { name: 'memory', skip: false, open: (): ResultStore => memoryResults(systemClock) },
  { name: server ?? 'valkey-server', skip: server === undefined, open: openValkey as () => ResultStore },
])('results in $name', ({ skip, open }) => {
  const soon = () => Date.now() + 60_000;
  const space = () => `app/orders/${randomUUID()}/a`;

  test.skipIf(skip)('what is put is got, in the order of the keys, and null where there is nothing', async () => {
    const [store, of] = [open(), space()];
    await store.put(
      of,
      [
        ['a', '1'],
        ['größe', '{"x":"ü"}'],
      ],
      soon(),
    );
    await store.put(of, [['a', '2']], soon());
    await store.put(of, [], soon());
    expect(await store.get(of, ['größe', 'missing', 'a'])).toEqual(['{"x":"ü"}', null, '2']);
    expect(await store.get(of, [])).toEqual([]);
  });

  test.skipIf(skip)('spaces are apart; removing takes some, clearing takes one space', async () => {
    const [store, one, other] = [open(), space(), space()];
    for (const of of [one, other])
      await store.put(
        of,
        [
          ['a', '1'],
          ['b', '2'],
          ['c', '3'],
        ],
        soon(),
      );
    await store.remove(one, ['a', 'missing']);
    await store.remove(one, []);
    expect(await store.get(one, ['a', 'b', 'c'])).toEqual([null, '2', '3']);
    await store.clear(one);
    await store.clear(one);
    expect(await store.get(one, ['b', 'c'])).toEqual([null, null]);
    expect(await store.get(other, ['a', 'b', 'c'])).toEqual(['1', '2', '3']);
  });

  test.skipIf(skip)('nothing outlives its TTL, and a later put prolongs its space', async () => {
    const [store, short, long] = [open(), space(), space()];
    await store.put(short, [['a', '1']], Date.now() + 150);
    await store.put(long, [['a', '1']], Date.now() + 150);
    await store.put(long, [['b', '2']], soon());
    await store.put(short, [['late', '1']], Date.now() - 1);
    expect(await store.get(short, ['a', 'late'])).toEqual(['1', null]);
    await systemClock.sleep(250);
    expect(await store.get(short, ['a'])).toEqual([null]);
    expect(await store.get(long, ['a', 'b'])).toEqual(['1', '2']);
  });

  test.skipIf(skip)('takes thousands at once', async () => {
    const [store, of] = [open(), space()];
    const entries = Array.from({ length: 20_000 }, (_, i) => [`k${i}`, `{"n":${i}}`] as const);
    await store.put(of, entries, soon());
    const got = await store.get(
      of,
      entries.map(([key]) => key),
    );
    expect(got).toEqual(entries.map(([, value]) => value));
    await store.clear(of);
  });
});

describe('memoryResults', () => {
  it('forgets the oldest of a space that is too large', async () => {
    const store = memoryResults(systemClock, 1000);
    const value = 'x'.repeat(90);
    for (let i = 0; i < 20; i += 1) await store.put('s', [[`k${i}`, value]], Date.now() + 60_000);
    const got = await store.get(
      's',
      Array.from({ length: 20 }, (_, i) => `k${i}`),
    );
    expect(got.filter((one) => one !== null)).toHaveLength(5);
    expect(got.at(-1)).toBe(value);
  });

  it('is seen by its own process only', () => expect(memoryResults(systemClock).isShared).toBe(false));
});

describe('valkeyResults', () => {
  it('fails for an address that is none, with what is allowed', () => {
    expect(() => valkeyResults({ url: 'localhost:6379' })).toThrow(
      new TypeError('valkeyResults: url must be redis://host:port or rediss://host:port, got localhost:6379'),
    );
  });

  it('fails soon, as something that may pass, where nothing answers, and does not tell the password', async () => {
    const store = valkeyResults({ url: 'redis://user:secret@127.0.0.1:1', timeoutMs: 300 });
    const error = await store.get('s', ['a']).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TransientError);
    expect(String(error)).toContain('get 1 results at redis://127.0.0.1:1');
    expect(String(error)).not.toContain('secret');
    await expect(store.put('s', [['a', '1']], Date.now() + 1000)).rejects.toThrow(TransientError);
    await store.close();
  });

  it.skipIf(server === undefined)(
    'two workers see the same, and go on when the server comes back',
    async () => {
      const [one, other] = [openValkey(), openValkey()];
      await one.put('shared', [['a', '1']], Date.now() + 60_000);
      expect(await other.get('shared', ['a'])).toEqual(['1']);
      await stop();
      await expect(other.get('shared', ['a'])).rejects.toThrow(TransientError);
      await start();
      let back: unknown = null;
      for (let i = 0; i < 100 && back === null; i += 1) {
        back = await other.get('shared', ['a']).catch(() => null);
        await systemClock.sleep(50);
      }
      expect(back).toEqual([null]);
      await other.close();
      await expect(other.get('shared', ['a'])).rejects.toThrow('the result store is closed');
    },
    20_000,
  );
});
