// The example as a user builds it: the packed package installed, compiled by its own tsconfig, its processes on the local cloud, one of them killed.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CreateTableCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { CreateStreamCommand, DescribeStreamSummaryCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { createTables, type TableNames } from '../../local/tables.ts';
import { install, type Packed, pack, project, run } from '../package/installed.ts';
import { eventually, useCloud } from '../support/worlds.ts';

/** Docker, with a way to its base image. */
const hasDocker = spawnSync('docker', ['pull', '--quiet', 'node:24-slim'], { timeout: 120_000 }).status === 0;
const EXAMPLE = join(project, 'examples/orders-consumer');
const ORDERS = 300;
const CUSTOMERS = 20;
const folder = mkdtempSync(join(tmpdir(), 'penumbra-orders-'));
const streamName = `orders-${randomUUID()}`;
const totalsTable = `totals-${randomUUID()}`;
const children: ChildProcess[] = [];
let dynamodb: DynamoDBClient;
let kinesis: KinesisClient;
let tables: TableNames;
let packed: Packed;

beforeAll(async () => {
  useCloud();
  packed = pack(folder);
  install(packed, folder);
  cpSync(join(EXAMPLE, 'src'), join(folder, 'src'), { recursive: true });
  cpSync(join(EXAMPLE, 'tsconfig.json'), join(folder, 'tsconfig.json'));
  const built = run(join(project, 'node_modules/.bin/tsc'), ['-p', folder], folder);
  if (built.status !== 0) throw new Error(`the example does not compile: ${built.stdout}`);
  dynamodb = new DynamoDBClient({});
  kinesis = new KinesisClient({ requestHandler: new NodeHttpHandler() });
  tables = await createTables(dynamodb, `orders-${randomUUID()}`);
  await dynamodb.send(
    new CreateTableCommand({
      TableName: totalsTable,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'customerId', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'customerId', AttributeType: 'S' }],
    }),
  );
  await kinesis.send(new CreateStreamCommand({ StreamName: streamName, ShardCount: 2 }));
  await eventually(async () => {
    const { StreamDescriptionSummary: stream } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: streamName }));
    return stream?.StreamStatus === 'ACTIVE' || undefined;
  });
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
};

interface Task {
  readonly child: ChildProcess;
  readonly env: NodeJS.ProcessEnv;
  /** The lines of its standard output, each in JSON. */
  readonly lines: Record<string, unknown>[];
  readonly ended: Promise<number | null>;
}

const start = async (change: Record<string, string> = {}): Promise<Task> => {
  const env = {
    ...process.env,
    APPLICATION: 'orders-app',
    STREAM_NAME: streamName,
    LEASE_TABLE: tables.leaseTable,
    WORKER_TABLE: tables.workerTable,
    DEMAND_TABLE: tables.demandTable,
    CONTROL_TABLE: tables.controlTable,
    TOTALS_TABLE: totalsTable,
    HEALTH_PORT: String(await freePort()),
    ...change,
  };
  const child = spawn(process.execPath, ['dist/main.js'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines: Record<string, unknown>[] = [];
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const all = `${rest}${text}`.split('\n');
    rest = all.pop() ?? '';
    for (const line of all) lines.push(JSON.parse(line) as Record<string, unknown>);
  });
  return { child, env, lines, ended: once(child, 'exit').then(([code]) => code as number | null) };
};

const putOrders = async (from: number, until: number): Promise<void> => {
  for (let i = from; i < until; i += 50) {
    const Records = Array.from({ length: Math.min(50, until - i) }, (_, j) => {
      const customerId = `c${(i + j) % CUSTOMERS}`;
      const order = JSON.stringify({ orderId: `o${i + j}`, customerId, amountCents: i + j });
      return { PartitionKey: customerId, Data: new TextEncoder().encode(order) };
    });
    await kinesis.send(new PutRecordsCommand({ StreamName: streamName, Records }));
    await systemClock.sleep(200);
  }
};

const totals = async () => {
  const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: totalsTable, ConsistentRead: true }));
  const sum = (name: string) => Items.reduce((all, item) => all + Number(item[name]?.N ?? 0), 0);
  return { customers: Items.length, orders: sum('orders'), amountCents: sum('amountCents') };
};

describe('orders-consumer', () => {
  it('counts every order once, through a killed worker and a stopped one', async () => {
    const [first, second] = [await start(), await start()];
    const isTaking = ({ lines }: Task) => lines.some(({ event }) => event === 'lease-taken');
    await eventually(async () => [first, second].some(isTaking) || undefined, 30_000);
    await putOrders(0, ORDERS / 2);
    const [victim, survivor] = isTaking(first) ? [first, second] : [second, first];
    victim.child.kill('SIGKILL');
    await putOrders(ORDERS / 2, ORDERS);
    await eventually(async () => ((await totals()).orders >= ORDERS ? true : undefined), 40_000);
    // What would be counted twice has had its time to come.
    await systemClock.sleep(2_000);
    expect(await totals()).toEqual({ customers: CUSTOMERS, orders: ORDERS, amountCents: (ORDERS * (ORDERS - 1)) / 2 });

    const check = spawnSync(process.execPath, ['dist/health-check.js'], { cwd: folder, env: survivor.env });
    expect(check.status).toBe(0);
    survivor.child.kill('SIGTERM');
    expect(await survivor.ended).toBe(0);
    expect(survivor.lines.filter(({ event }) => event === 'lease-given-back')).toHaveLength(2);
    expect(survivor.lines.some((line) => '_aws' in line)).toBe(true);
    expect(spawnSync(process.execPath, ['dist/health-check.js'], { cwd: folder, env: survivor.env }).status).toBe(1);
  }, 120_000);

  it('fails to start on tables that are not its own, with exit code 1 and what to do', async () => {
    const { ended, lines } = await start({ LEASE_TABLE: totalsTable });
    expect(await ended).toBe(1);
    const [refusal] = lines.filter(({ level }) => level === 'error');
    expect(refusal?.message).toContain(`leaseTable ${totalsTable} in us-east-1: got the keys customerId (HASH, S)`);
    expect(refusal?.findings).toMatchObject([{ kind: 'table-of-another-schema', fatal: true }]);
  });

  it.skipIf(!hasDocker)(
    'becomes an image that does not run as root and says what its environment lacks',
    () => {
      const context = join(folder, 'image');
      cpSync(EXAMPLE, context, { recursive: true });
      cpSync(packed.tarball, join(context, basename(packed.tarball)));
      const docker = (...args: string[]) => run('docker', args, context);
      expect(docker('build', '--quiet', '--tag', 'penumbra-orders-consumer:test', '.')).toMatchObject({ status: 0 });
      const { stdout } = docker(
        'inspect',
        '--format',
        '{{.Config.User}} {{.Config.StopSignal}}',
        'penumbra-orders-consumer:test',
      );
      expect(stdout.trim()).toBe('node SIGTERM');
      const { status, stderr } = docker('run', '--rm', '--init', 'penumbra-orders-consumer:test');
      expect(status).not.toBe(0);
      expect(stderr).toContain('the environment must have APPLICATION, STREAM_NAME');
    },
    600_000,
  );
});
