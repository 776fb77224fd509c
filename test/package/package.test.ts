import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '../../functions/needs.ts';
import { install, type Packed, pack, project, run, typeCheck, write } from './installed.ts';

const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { types: string; default: string }>;
  dependencies: Record<string, string>;
};
const folder = mkdtempSync(join(tmpdir(), 'penumbra-package-'));
const consumer = join(folder, 'consumer');
const app = join(folder, 'app');
let packed: Packed;
beforeAll(() => {
  packed = pack(folder);
  mkdirSync(consumer);
  install(packed, consumer);
  mkdirSync(app);
  install(packed, app, ['aws-cdk-lib', 'constructs']);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const node = (cwd: string, ...args: string[]) => run(process.execPath, args, cwd);

describe('npm pack', () => {
  it('ships what is built, and neither sources nor tests', () => {
    const outside = packed.files.filter((file) => !file.startsWith('dist/'));
    expect(outside.sort()).toEqual(['README.md', 'package.json']);
    expect(packed.files.filter((file) => /\btest\b|\.test\.|(?<!\.d)\.ts$|bench|shared/.test(file))).toEqual([]);
  });

  it('ships what every export names, and the thread that beats', () => {
    const named = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? target : Object.values(target),
    );
    const missing = [...named, './dist/bin/installed.js', './dist/lib/adapters/aws/heartbeat-thread.js'].filter(
      (file) => !packed.files.includes(file.slice(2)),
    );
    expect(missing).toEqual([]);
  });

  it('stays below three megabytes, of which the forecasting libraries’ WebAssembly is one', () => {
    expect(packed.bytes).toBeLessThan(3 * 1024 * 1024);
  });

  it('asks a consumer neither for the CDK nor for what only the functions use', () => {
    expect(
      Object.keys(manifest.dependencies).filter((name) => /cdk|constructs|middy|powertools|augurs|esbuild/.test(name)),
    ).toEqual([]);
  });
});

describe('import from penumbra', () => {
  it.each(['nodenext', 'bundler'] as const)(
    'type-checks a user’s worker by moduleResolution %s',
    (moduleResolution) => {
      write(consumer, 'shop-worker.ts');
      expect(typeCheck(consumer, ['shop-worker.ts'], { moduleResolution, declarations: true })).toEqual({
        status: 0,
        stdout: '',
        stderr: '',
      });
    },
    60_000,
  );

  it('fails to type-check a processor that is none', () => {
    writeFileSync(
      join(consumer, 'wrong.ts'),
      "import { Consumer } from 'penumbra';\nnew Consumer({ processor: { process: 1 } });\n",
    );
    const { status, stdout } = typeCheck(consumer, ['wrong.ts']);
    expect(status).not.toBe(0);
    expect(stdout).toMatch(/wrong\.ts\(2,/);
  }, 60_000);

  it('runs a user’s worker on ports in memory', () => {
    write(consumer, 'shop-worker.ts');
    const { status, stdout, stderr } = node(consumer, 'shop-worker.ts');
    expect(stderr).toBe('');
    expect({ status, said: JSON.parse(stdout) }).toEqual({
      status: 0,
      said: { seen: 100, calls: 100, shards: 2, taken: 2, refusal: ['stream-missing'] },
    });
  });

  it('lets every sub-path that needs nothing more be imported', () => {
    const paths = Object.keys(manifest.exports)
      .filter((path) => path !== './infra' && path !== './package.json')
      .map((path) => path.replace('.', 'penumbra'));
    const { status, stderr } = node(consumer, '--input-type=module', '-e', paths.map((path) => `import '${path}';`).join(''));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('fails to import what is not promised', () => {
    const { stderr } = node(consumer, '--input-type=module', '-e', "import 'penumbra/dist/lib/consumer/lease-agent.js'");
    expect(stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('beats from a thread of the compiled package', () => {
    const program = `
      import { awsPorts } from 'penumbra';
      const ports = awsPorts({ leaseTable: 'l', workerTable: 'w', demandTable: 'd', controlTable: 'c', region: 'us-east-1' });
      const told = Promise.withResolvers();
      const task = { group: { application: 'a', streamName: 's' }, workerId: 'w', heartbeatMs: 100, failoverMs: 500, stallMs: 1e15,
        firstHeartbeat: 1, cells: new SharedArrayBuffer(4096) };
      const thread = ports.heartbeats.start(task, told.resolve);
      // The thread lets the process end: something has to wait for it.
      setTimeout(() => told.resolve({ kind: 'silent' }), 10_000);
      const news = await told.promise;
      await thread.stop();
      console.log(news.kind, news.message);
      process.exit();`;
    writeFileSync(
      join(consumer, 'beat.mjs'),
      `Object.assign(process.env, { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' });${program}`,
    );
    const { stdout, stderr } = node(consumer, 'beat.mjs');
    expect(stderr).toBe('');
    // It ran, and nobody listens on port 1.
    expect(stdout).toMatch(/^failed .*ECONNREFUSED/);
  });
});

describe('import from penumbra/infra', () => {
  it('fails without the CDK, which the message names', () => {
    const { stderr } = node(consumer, '--input-type=module', '-e', "import 'penumbra/infra'");
    expect(stderr).toMatch(/Cannot find package '(aws-cdk-lib|constructs)'/);
  });

  it('type-checks and synthesises a user’s stack with the functions as they were bundled', () => {
    write(app, 'shop-stack.ts');
    expect(typeCheck(app, ['shop-stack.ts'])).toEqual({ status: 0, stdout: '', stderr: '' });
    const { stdout, stderr, status } = node(app, 'shop-stack.ts');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const names = Object.keys(needs);
    expect(JSON.parse(stdout)).toEqual({
      functions: names.length,
      tables: 4,
      code: [
        ...names.map((name) => `${name}.mjs`),
        'forecast-worker.mjs',
        ...['ets_bg', 'mstl_bg', 'prophet_bg', 'prophet-wasmstan.core', 'prophet-wasmstan.core2'].map((name) => `${name}.wasm`),
      ].sort(),
    });
  }, 60_000);
});

describe('penumbra, the command line', () => {
  const penumbra = (...args: string[]) => node(consumer, join('node_modules/penumbra/dist/bin/installed.js'), ...args);

  it('tells its commands', () => {
    const { status, stdout } = penumbra('--help');
    expect(status).toBe(0);
    for (const command of ['status', 'plan', 'policy', 'shadow', 'console', 'simulate', 'backtest', 'event', 'import'])
      expect(stdout).toContain(`  ${command} `);
  });

  it('fails on the demonstration with where it is to be had', () => {
    expect(penumbra('demo', '--once')).toMatchObject({
      status: 2,
      stderr: 'the demonstration needs the sources: clone the repository and run npm start\n',
    });
  });

  it('asks forecasting libraries that the consumer has not installed, from the bundled thread', () => {
    const rows = Array.from({ length: 3 * 288 + 24 }, (_, i) => {
      const load = 100 + 50 * Math.sin((2 * Math.PI * i) / 288) + (i % 7);
      return `${new Date(Date.UTC(2026, 0, 5) + i * 300_000).toISOString()},${load.toFixed(2)}`;
    });
    writeFileSync(join(consumer, 'trace.csv'), `timestamp,value\n${rows.join('\n')}\n`);
    const models = ['arima', 'mstl', 'prophet'];
    const { status, stdout } = penumbra(
      'backtest',
      '--trace',
      'trace.csv',
      '--models',
      models.join(),
      '--origins',
      '2',
      '--json',
    );
    expect(status).toBe(0);
    const { traces } = JSON.parse(stdout) as { traces: Record<string, { models: Record<string, { failed?: number }> }> };
    expect(models.map((name) => traces['trace.csv']!.models[name]!.failed)).toEqual([0, 0, 0]);
  }, 60_000);

  it('serves the console’s page as it was bundled', () => {
    const program = `
      import { startConsole } from './node_modules/penumbra/dist/console/server.js';
      const { server } = await startConsole({ url: 'http://127.0.0.1:1/', application: 'a', streamName: 's' }, 0);
      const sizes = await Promise.all(['', 'console.css', 'console.js'].map(async (file) => (await (await fetch(server.url + file)).text()).length));
      console.log(sizes.every((size) => size > 500));
      await server.close();`;
    writeFileSync(join(consumer, 'console.mjs'), program);
    expect(node(consumer, 'console.mjs')).toEqual({ status: 0, stdout: 'true\n', stderr: '' });
  });
});
