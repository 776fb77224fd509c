// bench handover: planned handovers there and back under load, through the deployed machine on the local cloud.
// options: --handovers N (100), --shards N (4), --rate N records/s per shard (100), --quick (10 handovers, 2 shards), --json
// pause: the source stops dispatching until the target may dispatch, as both stamp it on the lease. In one process with one clock, so that they compare.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { GetExecutionHistoryCommand, SFNClient } from '@aws-sdk/client-sfn';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { awsPorts } from '../lib/adapters/aws/aws-ports.ts';
import { groupKey } from '../lib/adapters/group-key.ts';
import { Consumer } from '../lib/consumer/consumer.ts';
import { requestShadow } from '../lib/handover/control-writes.ts';
import type { HandoverInput } from '../lib/model/handover.ts';
import type { Lease } from '../lib/model/lease.ts';
import { startCloud } from '../local/cloud.ts';
import { deploy } from '../local/deploy.ts';
import { createStream } from '../local/stream.ts';
import { printReport } from './report.ts';

const group = { application: 'bench', streamName: 'bench' };
const numberOf = (options: readonly string[], name: string, otherwise: number): number => {
  const at = options.indexOf(name);
  const value = at < 0 ? otherwise : Number(options[at + 1]);
  if (!(value > 0)) throw new RangeError(`${name} must be a number above 0, got ${options[at + 1]}`);
  return value;
};
const percentile = (values: readonly number[], share: number): number | null =>
  [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? null;

interface Seen {
  readonly key: string;
  readonly n: number;
  readonly latencyMs: number;
}

/** Milliseconds that each state of an execution took, by Step Functions' own record. */
const stateTimes = async (sfn: SFNClient, executionArn: string): Promise<Record<string, number>> => {
  const { events = [] } = await sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
  const entered = new Map<string, number>();
  const times: Record<string, number> = {};
  for (const event of events) {
    const atMs = event.timestamp?.getTime() ?? 0;
    if (event.stateEnteredEventDetails?.name !== undefined) entered.set(event.stateEnteredEventDetails.name, atMs);
    const name = event.stateExitedEventDetails?.name;
    if (name !== undefined) times[name] = atMs - (entered.get(name) ?? atMs);
  }
  return times;
};

/** Runs the bench. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const quick = options.includes('--quick');
  const wanted = numberOf(options, '--handovers', quick ? 10 : 100);
  const shardCount = numberOf(options, '--shards', quick ? 2 : 4);
  const rate = numberOf(options, '--rate', 100);
  const root = join(import.meta.dirname, '..');
  const directory = await mkdtemp(join(root, '.local', 'bench-'));
  const cloud = await startCloud({ directory: join(directory, 'cloud') });
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, cloud.env);
  const consumers: Consumer[] = [];
  let producing = true;
  try {
    const unnamed = { leaseTable: '-', workerTable: '-', demandTable: '-', controlTable: '-' };
    await createStream(cloud.kinesisEndpoint, awsPorts(unnamed).control, group.streamName, shardCount);
    console.error('deploying');
    const deployed = await deploy({ cloud, directory, ...group, signal: new AbortController().signal, onProgress: () => {} });
    const ports = awsPorts({ ...deployed.tables, handoverMachineArn: deployed.handoverMachineArn });
    const seen: Seen[] = [];
    for (const workerId of ['worker-a', 'worker-b']) {
      const consumer = new Consumer({
        ...group,
        workerId,
        zone: workerId,
        ports: awsPorts(deployed.tables),
        checkpointMs: 1000,
        failoverMs: 8000,
        rebalance: 'control-plane',
        processor: {
          process: async (records) => {
            const atMs = Date.now();
            for (const record of records) {
              const { key, n, t } = JSON.parse(Buffer.from(record.data).toString()) as { key: string; n: number; t: number };
              seen.push({ key, n, latencyMs: atMs - t });
            }
          },
        },
      });
      consumers.push(consumer);
    }
    await Promise.all(consumers.map((consumer) => consumer.start()));
    const produced = new Map<string, number>();
    const kinesis = new KinesisClient({ requestHandler: new NodeHttpHandler() });
    const producer = (async () => {
      const perBatch = Math.max(1, Math.round((rate * shardCount) / 10));
      for (let turn = 0; producing; turn += 1) {
        const began = Date.now();
        const Records = Array.from({ length: perBatch }, (_, i) => {
          const key = `key-${(turn * perBatch + i) % 211}`;
          const n = (produced.get(key) ?? 0) + 1;
          produced.set(key, n);
          return { PartitionKey: key, Data: Buffer.from(JSON.stringify({ key, n, t: began })) };
        });
        const { FailedRecordCount } = await kinesis.send(new PutRecordsCommand({ StreamName: group.streamName, Records }));
        if (FailedRecordCount) throw new Error(`${FailedRecordCount} records were not taken`);
        await sleep(Math.max(0, 100 - (Date.now() - began)));
      }
    })();
    const leaseOf = async (shardId: string): Promise<Lease> => {
      const [lease] = await ports.leases.get(group, [shardId]);
      if (lease === undefined) throw new Error(`no lease of ${shardId}`);
      return lease;
    };
    for (;;) {
      const leases = await ports.leases.list(group);
      if (
        leases.length === shardCount &&
        leases.every((lease) => lease.owner !== undefined && lease.checkpoint !== 'TRIM_HORIZON')
      )
        break;
      await sleep(200);
    }
    const sfn = new SFNClient({});
    const shardIds = (await ports.leases.list(group)).map((lease) => lease.shardId);
    const pauses: number[] = [];
    const added: number[] = [];
    const stateMs: Record<string, number[]> = {};
    for (let i = 0; i < wanted; i += 1) {
      const shardId = shardIds[i % shardIds.length] ?? '';
      const before = await leaseOf(shardId);
      const source = before.owner ?? '';
      const target = source === 'worker-a' ? 'worker-b' : 'worker-a';
      await ports.leases.write(group, shardId, requestShadow(source, target, 'request', Date.now()));
      await ports.workers.announce(group);
      while ((await leaseOf(shardId)).shadow?.state !== 'tracking') await sleep(100);
      const firstSeen = seen.length;
      const rest =
        percentile(
          seen.slice(-500).map((each) => each.latencyMs),
          0.5,
        ) ?? 0;
      const { epoch } = await leaseOf(shardId);
      const input: HandoverInput = {
        handoverId: `bench-${i}`,
        ...group,
        group: groupKey(group),
        shardId,
        source,
        target,
        epoch,
        requestedAtMs: Date.now(),
      };
      const { executionArn } = await ports.machines.start('handover', input.handoverId, input);
      await ports.workers.announce(group);
      for (;;) {
        const [outcome] = await ports.outcomes.recent(group.streamName, 'handover', 1);
        if (outcome?.kind === 'handover' && outcome.operationId === input.handoverId) {
          if (outcome.result !== 'moved' || outcome.pauseMs === undefined)
            throw new Error(`handover ${i} ended as ${outcome.result}`);
          pauses.push(outcome.pauseMs);
          break;
        }
        await sleep(100);
      }
      await sleep(300);
      added.push(Math.max(0, ...seen.slice(firstSeen).map((each) => each.latencyMs)) - rest);
      for (const [state, ms] of Object.entries(await stateTimes(sfn, executionArn)))
        stateMs[state] = [...(stateMs[state] ?? []), ms];
      console.error(`${i + 1}/${wanted} ${source} → ${target} paused ${pauses.at(-1)} ms`);
    }
    producing = false;
    await producer;
    const total = [...produced.values()].reduce((a, b) => a + b, 0);
    for (let i = 0; i < 100 && seen.length < total; i += 1) await sleep(100);
    const byKey = Map.groupBy(seen, (each) => each.key);
    const firsts = [...byKey.values()].map((each) => [...new Set(each.map(({ n }) => n))]);
    const distinct = firsts.reduce((sum, numbers) => sum + numbers.length, 0);
    printReport('handover', {
      handovers: pauses.length,
      shards: shardCount,
      ratePerShard: rate,
      pauseMsP50: percentile(pauses, 0.5),
      pauseMsP99: percentile(pauses, 0.99),
      addedLatencyMsMax: Math.round(Math.max(...added)),
      stateMs: Object.fromEntries(Object.entries(stateMs).map(([state, values]) => [state, percentile(values, 0.5)])),
      lost: total - distinct,
      duplicated: seen.length - distinct,
      reordered: firsts.filter((numbers) => numbers.some((n, i) => i > 0 && n < (numbers[i - 1] ?? 0))).length,
      peer: null,
      peerWhy: 'KCL beside it: ../shared/peers/kcl/run.sh DIR a, by itself, as it needs Java and its own emulators',
    });
    return 0;
  } finally {
    producing = false;
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    await cloud.stop();
    await rm(directory, { recursive: true, force: true });
  }
};
