// Real worker processes, every time at its default, killed, put to sleep and cut off under load. Alone on the machine: with a busy neighbour
// a worker may rightly take another for dead, and these tests would test that.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ConsumerSettings } from '../../lib/consumer/options.ts';
import { compareCheckpoints } from '../../lib/model/sequence-number.ts';
import { type LocalCloud, startCloud } from '../../local/cloud.ts';
import type { Fault } from '../../local/fault-proxy.ts';
import { FaultRun, type Verdict } from '../../local/fault-run.ts';
import type { WorkerProcess } from '../../local/process-fleet.ts';
import { createTables, type TableNames } from '../../local/tables.ts';

const SHARDS = 4;
const { failoverMs } = ConsumerSettings.parse({ application: 'defaults', streamName: 'defaults' });
/** Longer than it takes the others to take over: expiry, a look at the tables, the first records. */
const OUTAGE_MS = failoverMs * 2 + 2500;
const SOON_MS = 30_000;
const MINUTE_MS = 60_000;
const AT_MOST = { timeout: 150_000 };

let cloud: LocalCloud;
let tables: TableNames;
let directory = '';
/** Sleeps while the other tests run. */
let sleeping: Standing & { readonly sinceMs: number; readonly owned: number };

interface Standing {
  readonly run: FaultRun;
  readonly workers: readonly WorkerProcess[];
}

const open = async (
  workerIds: readonly string[],
  options: { recordsPerSec?: number; fences?: boolean } = {},
): Promise<Standing> => {
  const run = await FaultRun.open({
    name: `faults-${randomUUID()}`,
    cloud,
    tables,
    shardCount: SHARDS,
    recordsPerSec: 160,
    proxied: true,
    ...options,
  });
  run.produce();
  const workers = await Promise.all(workerIds.map((workerId) => run.fleet.start(workerId)));
  await run.untilShared(workers, 1, SOON_MS);
  await run.untilProcessed(Date.now(), SOON_MS);
  await sleep(1000);
  return { run, workers };
};

const standing = async (...workerIds: string[]): Promise<Standing> => {
  const opened = await open(workerIds);
  onTestFinished(() => opened.run.close());
  return opened;
};

/** In the end each shard is run by exactly one worker and moves on; then everything is counted. */
const soundEnd = async ({ run }: Standing): Promise<Verdict> => {
  await run.untilShared([], 0, SOON_MS);
  await run.untilProcessed(Date.now(), SOON_MS);
  const verdict = await run.judge(SOON_MS);
  expect(verdict).toMatchObject({ lost: 0, reordered: 0, unexplained: [], producer: { unknown: 0, inversions: 0 } });
  expect(verdict.produced).toBeGreaterThan(0);
  return verdict;
};

const ownedBy = async (run: FaultRun, { workerId }: WorkerProcess) =>
  (await run.leases()).filter(({ owner }) => owner === workerId);
const movedFrom = (run: FaultRun, { workerId }: WorkerProcess) => run.ledger.moves.filter(({ from }) => from === workerId);

beforeAll(async () => {
  const project = resolve(import.meta.dirname, '../..');
  directory = await mkdtemp(join(project, '.local', 'faults-'));
  cloud = await startCloud({ directory });
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, cloud.env);
  tables = await createTables(new DynamoDBClient({}), 'faults');
  const begun = await open(['a', 'b'], { recordsPerSec: 40, fences: false });
  const [sleeper] = begun.workers as [WorkerProcess];
  sleeping = { ...begun, owned: (await ownedBy(begun.run, sleeper)).length, sinceMs: Date.now() };
  begun.run.fleet.suspend(sleeper);
}, 120_000);
afterAll(async () => {
  await sleeping?.run.close();
  await cloud?.stop();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

describe('a worker killed by SIGKILL', () => {
  it(
    'is replaced: nothing lost or out of order, repeated only what it had done since its last checkpoints',
    AT_MOST,
    async () => {
      const { run, workers } = await standing('a', 'b', 'c');
      const [victim] = workers as [WorkerProcess];
      const before = new Map((await ownedBy(run, victim)).map(({ shardId, checkpoint }) => [shardId, checkpoint]));
      await run.fleet.kill(victim);
      const verdict = await soundEnd({ run, workers });
      expect(
        movedFrom(run, victim)
          .map(({ shardId }) => shardId)
          .sort(),
      ).toEqual([...before.keys()].sort());
      for (const { shardId, sequenceNumber, first } of verdict.duplicates) {
        expect(first.workerId).toBe('a');
        expect(compareCheckpoints(sequenceNumber, before.get(shardId) ?? 'SHARD_END')).toBeGreaterThan(0);
      }
    },
  );
});

describe('a whole fleet killed by SIGKILL', () => {
  it('is replaced by the next worker that starts', AT_MOST, async () => {
    const { run, workers } = await standing('a', 'b');
    await Promise.all(workers.map((worker) => run.fleet.kill(worker)));
    const heir = await run.fleet.start('heir');
    await run.untilShared([heir], SHARDS, SOON_MS);
    await soundEnd({ run, workers });
  });
});

describe('a worker put to sleep by SIGSTOP', () => {
  it('is replaced, and nothing that it writes when it wakes is stored', AT_MOST, async () => {
    const { run, workers } = await standing('a', 'b');
    const [sleeper] = workers as [WorkerProcess];
    const owned = await ownedBy(run, sleeper);
    run.fleet.suspend(sleeper);
    await sleep(OUTAGE_MS);
    await run.untilProcessed(Date.now(), SOON_MS);
    run.fleet.wake(sleeper);
    await sleep(2000);
    await soundEnd({ run, workers });
    expect(movedFrom(run, sleeper).length).toBeGreaterThanOrEqual(owned.length);
  });
});

describe.each([
  ['cut off from DynamoDB', ['dynamodb'], { kind: 'cut' }, 'cut'],
  ['cut off from Kinesis', ['kinesis'], { kind: 'cut' }, 'cut'],
  ['in a black hole, half-open to both', ['dynamodb', 'kinesis'], { kind: 'blackhole' }, 'held'],
] as const)('a worker %s', (_, sides, fault: Fault, count) => {
  it('comes back to nothing lost, out of order or repeated without reason', AT_MOST, async () => {
    const { run, workers } = await standing('a', 'b');
    const [victim] = workers as [WorkerProcess];
    const { network } = victim;
    const owned = await ownedBy(run, victim);
    for (const side of sides) network?.[side].set(fault);
    await sleep(OUTAGE_MS);
    // Who cannot say that it lives has been replaced by now.
    if (sides.some((side) => side === 'dynamodb')) {
      await run.untilProcessed(Date.now(), SOON_MS);
      expect(movedFrom(run, victim).length).toBeGreaterThanOrEqual(owned.length);
    }
    for (const side of sides) network?.[side].set({ kind: 'pass' });
    for (const side of sides) expect(network?.[side].counts[count]).toBeGreaterThan(0);
    await sleep(1000);
    const { fenced } = await soundEnd({ run, workers });
    // One call per shard may have been under way when its right to act ended.
    expect(fenced).toBeLessThanOrEqual(owned.length);
  });
});

describe.each([
  ['throttled by DynamoDB', ['dynamodb'], { kind: 'throttle', share: 0.4 }, 'throttled'],
  ['behind a network that loses answers', ['dynamodb', 'kinesis'], { kind: 'lose-answers', share: 0.25 }, 'answersLost'],
] as const)('a fleet %s', (_, sides, fault: Fault, count) => {
  it('loses, reorders and repeats nothing without reason', AT_MOST, async () => {
    const { run, workers } = await standing('a', 'b');
    for (const { network } of workers) for (const side of sides) network?.[side].set(fault);
    await sleep(OUTAGE_MS);
    for (const { network } of workers)
      for (const side of sides) {
        network?.[side].set({ kind: 'pass' });
        expect(network?.[side].counts[count]).toBeGreaterThan(0);
      }
    await soundEnd({ run, workers });
  });
});

describe('three workers replaced one after the other by SIGTERM', () => {
  it('lose, repeat and reorder nothing', AT_MOST, async () => {
    const { run, workers } = await standing('old-a', 'old-b', 'old-c');
    for (const worker of workers) {
      await run.fleet.leave(worker, SOON_MS);
      await run.fleet.start(worker.workerId.replace('old', 'new'));
      await run.untilShared([], 0, SOON_MS);
      await run.untilProcessed(Date.now(), SOON_MS);
    }
    const verdict = await soundEnd({ run, workers });
    expect(verdict).toMatchObject({ duplicated: 0, duplicates: [], fenced: 0 });
  });
});

describe('a worker that gets SIGTERM while it is cut off from DynamoDB', () => {
  it('ends by itself all the same, and is replaced', AT_MOST, async () => {
    const { run, workers } = await standing('a', 'b');
    const [leaving] = workers as [WorkerProcess];
    leaving.network?.dynamodb.set({ kind: 'cut' });
    await run.fleet.leave(leaving, SOON_MS);
    await soundEnd({ run, workers });
  });
});

describe('a worker asleep for a minute, before a sink that knows nothing of epochs', () => {
  it('does not write when it wakes, but for the calls that were under way when it fell asleep', AT_MOST, async () => {
    const { run, workers, owned, sinceMs } = sleeping;
    const [sleeper] = workers as [WorkerProcess];
    await sleep(Math.max(0, sinceMs + MINUTE_MS - Date.now()));
    // It cannot learn from the table that its shards are gone: only its own clock keeps it from going on.
    sleeper.network?.dynamodb.set({ kind: 'blackhole' });
    run.fleet.wake(sleeper);
    await sleep(3000);
    expect(sleeper.network?.dynamodb.counts.held).toBeGreaterThan(0);
    sleeper.network?.dynamodb.set({ kind: 'pass' });
    await run.untilShared([], 0, SOON_MS);
    const verdict = await run.judge(SOON_MS);
    expect(verdict).toMatchObject({ lost: 0, reordered: 0 });
    expect(verdict.fenced).toBeLessThanOrEqual(owned);
    expect(verdict.unexplained.every(({ workerId }) => workerId === sleeper.workerId && verdict.fenced > 0)).toBe(true);
  });
});
