// local: the cloud on this machine: MiniStack for the control plane, kinesis-local for the streams.
// in: a directory of its own · out: two endpoints and the environment that points the SDK at them
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ministackPython } from './ministack.ts';
import { endMarked, isAlive, MARK, signalGroup, startOf } from './process-group.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const BIN = join(PROJECT, 'node_modules', '.bin');
const NODE = join(BIN, 'node');
const START_DEADLINE_MS = 60_000;
/** kinesis-local does not heed SIGTERM; neither has anything to save. */
const GRACE_MS = 500;
/** Every change of a stream's state takes this long in kinesis-local. */
const STREAM_CHANGES = [
  'CREATE_STREAM',
  'DELETE_STREAM',
  'REGISTER_STREAM_CONSUMER',
  'DEREGISTER_STREAM_CONSUMER',
  'SPLIT_SHARD',
  'MERGE_SHARDS',
  'UPDATE_SHARD_COUNT',
  'UPDATE_STREAM_MODE',
];

export interface LocalCloud {
  /** MiniStack: everything but Kinesis. */
  readonly endpoint: string;
  readonly kinesisEndpoint: string;
  /** What a process needs in its environment to use both: endpoints, region, keys that mean nothing. */
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  stop(): Promise<void>;
}

export interface CloudOptions {
  /** Logs, state and temporary files of this cloud; one cloud per directory at a time. */
  readonly directory: string;
  /** Milliseconds that a split, a merge or the making of a stream takes. */
  readonly streamChangeMs?: number;
  readonly onProgress?: (line: string) => void;
}

interface Server {
  readonly name: string;
  readonly log: string;
  readonly keeper: ChildProcess;
  readonly ended: Promise<void>;
}

const freePorts = async (count: number): Promise<number[]> => {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((done, failed) =>
        server.once('error', failed).listen(0, '127.0.0.1', () => done(server)),
      );
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
};

/** What is inherited from the caller's environment: all but what would point the emulators at somebody's AWS. */
const inherited = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('AWS_'),
    ),
  );

const startServer = (
  directory: string,
  name: string,
  command: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Server => {
  const log = join(directory, `${name}.log`);
  const keeper = spawn(NODE, [join(PROJECT, 'local', 'keeper.ts'), ...command], {
    cwd,
    env: { ...env, [MARK]: directory },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const file = createWriteStream(log);
  keeper.stdout?.pipe(file, { end: false });
  keeper.stderr?.pipe(file, { end: false });
  keeper.stdin?.on('error', () => {});
  const ended = new Promise<void>((done) => {
    keeper.once('error', (error) => {
      file.end(`cannot start: ${error.message}\n`);
      done();
    });
    keeper.once('close', () => {
      file.end();
      done();
    });
  });
  return { name, log, keeper, ended };
};

const stopServer = async (server: Server): Promise<void> => {
  const leader = server.keeper.pid;
  if (leader === undefined) return;
  signalGroup(leader, 'SIGTERM');
  const force = setTimeout(() => signalGroup(leader, 'SIGKILL'), GRACE_MS);
  // Its output closes when the last process of the group that holds it is gone.
  await server.ended;
  clearTimeout(force);
};

const untilAnswers = async (server: Server, url: string): Promise<void> => {
  let gone = false;
  server.ended.then(() => {
    gone = true;
  });
  for (const began = performance.now(); performance.now() - began < START_DEADLINE_MS && !gone; await sleep(50)) {
    const answered = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
      (response) => response.ok,
      () => false,
    );
    if (answered) return;
  }
  const tail = (await readFile(server.log, 'utf8').catch(() => '')).trim().split('\n').slice(-15).join('\n');
  throw new Error(
    `${server.name} ${gone ? 'ended while starting' : `did not answer ${url} within ${START_DEADLINE_MS / 1000} s`}; the end of ${server.log}:\n${tail}`,
  );
};

/** One cloud per directory: refuses a directory in use, ends what a killed start left behind. */
const occupy = async (directory: string): Promise<string> => {
  const pidFile = join(directory, 'cloud.pid');
  const claim = async () => writeFile(pidFile, `${process.pid} ${await startOf(process.pid)}`, { flag: 'wx' });
  try {
    await claim();
  } catch {
    const [pid = '', start = ''] = (await readFile(pidFile, 'utf8')).split(' ');
    if (isAlive(Number(pid)) && (await startOf(Number(pid))) === start)
      throw new Error(
        `directory ${directory} is in use by the local cloud of process ${pid}; stop that one or name another directory`,
      );
    await rm(pidFile, { force: true });
    await claim();
  }
  await endMarked(directory);
  await Promise.all(['tmp', 'state', 's3'].map((folder) => rm(join(directory, folder), { recursive: true, force: true })));
  await mkdir(join(directory, 'tmp'), { recursive: true });
  // MiniStack's Lambda workers are CommonJS scripts in here; the project's own package.json would make them modules.
  await writeFile(join(directory, 'tmp', 'package.json'), '{"type":"commonjs"}');
  return pidFile;
};

/** Starts both emulators on free loopback ports, keeps their files in `directory`, resolves when each answers. They end with this process, however it ends. */
export const startCloud = async (options: CloudOptions): Promise<LocalCloud> => {
  const directory = resolve(options.directory);
  const say = options.onProgress ?? (() => {});
  await mkdir(directory, { recursive: true });
  const python = await ministackPython(join(PROJECT, '.local'), inherited(), say);
  const pidFile = await occupy(directory);
  const [port = 0, plainPort = 0, tlsPort = 0] = await freePorts(3);
  const endpoint = `http://127.0.0.1:${port}`;
  const kinesisEndpoint = `http://127.0.0.1:${plainPort}`;
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ENDPOINT_URL_KINESIS: kinesisEndpoint,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const changes = Object.fromEntries(STREAM_CHANGES.map((change) => [`${change}_DURATION`, `${options.streamChangeMs ?? 50}ms`]));
  say(`starting kinesis-local on ${kinesisEndpoint}`);
  const kinesis = startServer(
    directory,
    'kinesis-local',
    [NODE, '--require', join(PROJECT, 'local', 'loopback-only.cjs'), 'main.js'],
    join(PROJECT, 'node_modules', 'kinesis-local'),
    {
      ...inherited(),
      ...changes,
      KINESIS_MOCK_PLAIN_PORT: String(plainPort),
      KINESIS_MOCK_TLS_PORT: String(tlsPort),
      SHARD_LIMIT: '10000',
      AWS_ACCOUNT_ID: '000000000000',
      LOG_LEVEL: 'WARN',
    },
  );
  say(`starting MiniStack on ${endpoint}`);
  const ministack = startServer(directory, 'ministack', [python, '-m', 'ministack'], directory, {
    ...inherited(),
    // Functions inherit the server's environment.
    AWS_ENDPOINT_URL_KINESIS: kinesisEndpoint,
    GATEWAY_PORT: String(port),
    BIND_HOST: '127.0.0.1',
    PATH: `${BIN}${delimiter}${process.env.PATH ?? ''}`,
    TMPDIR: join(directory, 'tmp'),
    STATE_DIR: join(directory, 'state'),
    S3_DATA_DIR: join(directory, 's3'),
    // Else two servers meet on port 8883 where the package `cryptography` is installed.
    IOT_MTLS_ENABLED: '0',
    PYTHONUNBUFFERED: '1',
  });
  const servers = [ministack, kinesis];
  let stopping: Promise<void> | undefined;
  const stopAll = async () => {
    await Promise.all(servers.map(stopServer));
    await endMarked(directory);
    await rm(pidFile, { force: true });
  };
  const stop = () => (stopping ??= stopAll());
  try {
    await Promise.all([
      untilAnswers(kinesis, `${kinesisEndpoint}/healthcheck`),
      untilAnswers(ministack, `${endpoint}/_ministack/health`),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  say('the local cloud answers');
  return { endpoint, kinesisEndpoint, env, directory, stop };
};
