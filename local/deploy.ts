// local/deploy: the real CDK app into the local cloud, by the ordinary CDK command line.
// in: the local cloud, the stream · out: the deployed stack's outputs
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const ACCOUNT = '000000000000';

/** What the demonstration needs of the deployed stack. */
export interface Deployed {
  readonly apiUrl: string;
  readonly commandQueueUrl: string;
  readonly handoverMachineArn: string;
  readonly tables: {
    readonly leaseTable: string;
    readonly workerTable: string;
    readonly demandTable: string;
    readonly controlTable: string;
  };
}

export interface DeployOptions {
  readonly cloud: { readonly endpoint: string; readonly kinesisEndpoint: string; readonly env: Readonly<Record<string, string>> };
  /** For the CDK's own output and log. */
  readonly directory: string;
  readonly application: string;
  readonly streamName: string;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** Bootstraps and deploys. Throws with the log's end when the CDK fails. */
export const deploy = async (options: DeployOptions): Promise<Deployed> => {
  const { cloud, directory } = options;
  const env = {
    ...process.env,
    ...cloud.env,
    PATH: `${join(PROJECT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`,
    CDK_DEFAULT_ACCOUNT: ACCOUNT,
    CDK_DEFAULT_REGION: cloud.env.AWS_REGION ?? 'us-east-1',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    NODE_NO_WARNINGS: '1',
    CI: 'true',
  };
  const log = join(directory, 'cdk.log');
  const outputs = join(directory, 'outputs.json');
  const common = ['--ci', '--no-notices', '--no-version-reporting', '--output', join(directory, 'cdk.out')];
  options.onProgress('cdk bootstrap');
  await run(
    'cdk',
    ['bootstrap', `aws://${ACCOUNT}/${env.CDK_DEFAULT_REGION}`, ...common, ...contextOf(options)],
    env,
    log,
    options.signal,
  );
  options.onProgress('cdk deploy');
  await run(
    'cdk',
    ['deploy', '--all', '--require-approval', 'never', '--outputs-file', outputs, ...common, ...contextOf(options)],
    env,
    log,
    options.signal,
  );
  const written = JSON.parse(await readFile(outputs, 'utf8')) as Record<string, Record<string, string>>;
  return deployedOf(Object.values(written)[0] ?? {}, cloud.endpoint);
};

const contextOf = ({ application, streamName, cloud }: DeployOptions): string[] =>
  Object.entries({ application, streams: streamName, localKinesisEndpoint: cloud.kinesisEndpoint, removeTables: 'true' }).flatMap(
    ([key, value]) => ['-c', `${key}=${value}`],
  );

/** The outputs by what they are called here. Throws when one is not there. */
export const deployedOf = (outputs: Readonly<Record<string, string>>, endpoint: string): Deployed => {
  const output = (name: string): string => {
    const value = outputs[name];
    if (value === undefined)
      throw new Error(`the deployed stack has no output ${name}, got ${Object.keys(outputs).join(', ') || 'none'}`);
    return value;
  };
  return {
    // The name of a REST API's own host does not resolve here; MiniStack answers under this path, too.
    apiUrl: `${endpoint}/restapis/${output('ApiId')}/${output('ApiStage')}/_user_request_`,
    commandQueueUrl: output('CommandQueueUrl'),
    handoverMachineArn: output('HandoverMachineArn'),
    tables: {
      leaseTable: output('LeaseTableName'),
      workerTable: output('WorkerTableName'),
      demandTable: output('DemandTableName'),
      controlTable: output('ControlTableName'),
    },
  };
};

const run = async (
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  log: string,
  signal: AbortSignal,
): Promise<void> => {
  // Under a keeper: it ends with this process, however that ends, and the app that it starts with it.
  const child = spawn(process.execPath, [join(PROJECT, 'local', 'keeper.ts'), command, ...args], {
    cwd: PROJECT,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdin.on('error', () => {});
  const end = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  signal.addEventListener('abort', end, { once: true });
  const file = createWriteStream(log, { flags: 'a' });
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      file.write(chunk);
      tail = `${tail}${chunk}`.slice(-4000);
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  signal.removeEventListener('abort', end);
  file.end();
  signal.throwIfAborted();
  if (code !== 0)
    throw new Error(
      `${command} ${args[0]} failed with code ${code}; the end of its output:\n${tail.trim().split('\n').slice(-20).join('\n')}`,
    );
};
