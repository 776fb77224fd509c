// The real CDK app, deployed into the local cloud by the CDK's own command line; real consumers; everything asked of the deployed API.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { apiClient } from '../../console/api-client.ts';
import { awsPorts } from '../../lib/adapters/aws/aws-ports.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import { FleetResponse, MonitorResponse, PredictionsResponse, TuningResponse } from '../../lib/model/api.ts';
import type { Lease } from '../../lib/model/lease.ts';
import { Policy } from '../../lib/model/policy.ts';
import { ProfileReport } from '../../lib/model/profile-report.ts';
import type { Ports } from '../../lib/ports.ts';
import { deploy } from '../../local/deploy.ts';
import { createStream } from '../../local/stream.ts';
import { eventually, useCloud } from '../support/worlds.ts';

const group = { application: 'e2e', streamName: 'e2e-orders' };
const produced = new Map<string, number>();
const processed = new Map<string, number[]>();
let api: ReturnType<typeof apiClient>;
let ports: Ports;
let consumers: Consumer[] = [];
let producing = true;
let producer: Promise<void> = Promise.resolve();

const produce = async (kinesis: KinesisClient): Promise<void> => {
  while (producing) {
    const Records = Array.from({ length: 10 }, (_, i) => {
      const key = `key-${(i * 7 + produced.size) % 23}`;
      const n = (produced.get(key) ?? 0) + 1;
      produced.set(key, n);
      return { PartitionKey: key, Data: Buffer.from(JSON.stringify({ key, n })) };
    });
    const { FailedRecordCount } = await kinesis.send(new PutRecordsCommand({ StreamName: group.streamName, Records }));
    if (FailedRecordCount) throw new Error(`${FailedRecordCount} records were not taken`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
const call = async (
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  query: Record<string, string> = {},
  body?: unknown,
): Promise<{ status: number; body: Record<string, string> }> => {
  const { status, body: text } = await api(method, path, query, body);
  return { status, body: JSON.parse(text) as Record<string, string> };
};
const openLeases = async (): Promise<Lease[]> => (await ports.leases.list(group)).filter((lease) => lease.state !== 'ended');
const ended = (operationId: string) =>
  eventually(async () => {
    const { body } = await call('GET', `/operations/${operationId}`);
    return body.status === 'succeeded' || body.status === 'failed' ? body : undefined;
  }, 60_000);

beforeAll(async () => {
  useCloud();
  const cloud = inject('cloud');
  const directory = join(cloud.directory, 'e2e');
  await mkdir(directory, { recursive: true });
  const unnamed = { leaseTable: '-', workerTable: '-', demandTable: '-', controlTable: '-' };
  await createStream(cloud.kinesisEndpoint, awsPorts(unnamed).control, group.streamName, 2);
  const deployed = await deploy({ cloud, directory, ...group, signal: new AbortController().signal, onProgress: () => {} });
  api = apiClient({ url: deployed.apiUrl, ...group });
  ports = awsPorts({ ...deployed.tables, commandQueueUrl: deployed.commandQueueUrl });
  await ports.policies.put(Policy.parse({ ...group, mode: 'observe' }));
  consumers = ['a', 'b', 'c'].map(
    (zone) =>
      new Consumer({
        ...group,
        workerId: `worker-${zone}`,
        zone,
        ports: awsPorts(deployed.tables),
        failoverMs: 8000,
        checkpointMs: 1000,
        profilingMs: 1000,
        tuning: { concurrencyPerShard: { from: 1, to: 8 }, checkpointMs: { from: 100, to: 20_000 } },
        processor: {
          shadowSafe: true,
          process: async (records, { shadow }) => {
            if (shadow) return;
            for (const record of records) {
              const { key, n } = JSON.parse(Buffer.from(record.data).toString()) as { key: string; n: number };
              processed.set(key, [...(processed.get(key) ?? []), n]);
            }
          },
        },
      }),
  );
  await Promise.all(consumers.map((consumer) => consumer.start()));
  const kinesis = new KinesisClient({ requestHandler: new NodeHttpHandler() });
  producer = produce(kinesis);
  await eventually(
    async () =>
      (await openLeases()).every((lease) => lease.owner !== undefined && lease.checkpoint !== 'TRIM_HORIZON') ? true : undefined,
    30_000,
  );
}, 240_000);

afterAll(async () => {
  producing = false;
  await producer;
  await Promise.all(consumers.map((consumer) => consumer.stop()));
});

describe('the deployed control plane', () => {
  it('fails on bad input with 400 and names each field', async () => {
    const missing = await call('POST', '/shadow/create', {}, { application: 'e2e', streamName: 'e2e-orders' });
    expect(missing.status).toBe(400);
    expect(JSON.stringify(missing.body)).toMatch(/shardId/);
    const extra = await call('POST', '/shadow/activate', {}, { ...group, shardId: 'x', force: true });
    expect(extra.status).toBe(400);
    expect(JSON.stringify(extra.body)).toMatch(/force/);
    const policy = await call('PUT', '/policies', {}, { ...group, minShards: 9, maxShards: 2 });
    expect(policy.status).toBe(400);
    expect(JSON.stringify(policy.body)).toMatch(/minShards 9.*maxShards 2/);
  });

  it('fails with 404 on a stream or shard that it does not know', async () => {
    expect((await call('POST', '/shadow/create', {}, { ...group, shardId: 'shardId-999999999999' })).status).toBe(404);
    expect((await call('GET', '/fleet', { streamName: 'unknown' })).status).toBe(404);
  });

  it('takes a known event, lists it, and takes it back', async () => {
    const when = { kind: 'cron', cron: '0 20 * * 5', timeZone: 'Europe/Berlin', durationMin: 120 };
    const stated = await call('PUT', '/events/sale', {}, { ...group, when, effect: { kind: 'factor', factor: 3 } });
    expect(stated).toMatchObject({ status: 200, body: { eventId: 'sale', when } });
    expect(await call('GET', '/events')).toMatchObject({ status: 200, body: { events: [{ eventId: 'sale', when }] } });
    expect(await call('PUT', '/events/sale', {}, { ...group, when, effect: { kind: 'factor', factor: 0 } })).toMatchObject({
      status: 400,
      body: { fields: [{ field: 'effect.factor', received: 0 }] },
    });
    expect(await call('DELETE', '/events/sale')).toEqual({ status: 200, body: { eventId: 'sale' } });
    expect(await call('DELETE', '/events/sale')).toMatchObject({ status: 404, body: { error: 'UnknownEvent' } });
  });

  it('refuses to activate where no shadow stands', async () => {
    const [lease] = await openLeases();
    expect((await call('POST', '/shadow/activate', {}, { ...group, shardId: lease?.shardId })).status).toBe(409);
  });

  it('creates a shadow, shows what it has verified, and hands the shard over to it', async () => {
    const [lease] = await openLeases();
    const target = consumers.map((consumer) => consumer.workerId).find((id) => id !== lease?.owner);
    const created = await call('POST', '/shadow/create', {}, { ...group, shardId: lease?.shardId, workerId: target });
    expect(created.status).toBe(202);
    expect(await ended(created.body.operationId ?? '')).toMatchObject({ status: 'succeeded' });
    const shadow = await eventually(async () => {
      const monitor = MonitorResponse.parse((await call('GET', '/shadow/monitor')).body);
      return monitor.shadows.find(
        (each) => each.shardId === lease?.shardId && each.verifiedThrough !== null && each.verifiedThrough.count > 0,
      );
    }, 30_000);
    expect(shadow).toMatchObject({ workerId: target, state: 'tracking', owner: lease?.owner });
    const activated = await call('POST', '/shadow/activate', {}, { ...group, shardId: lease?.shardId });
    expect(activated.status).toBe(202);
    expect(await ended(activated.body.operationId ?? '')).toMatchObject({
      status: 'succeeded',
      result: expect.stringMatching(/moved from .* paused for \d+ ms/),
    });
    const moved = (await openLeases()).find((each) => each.shardId === lease?.shardId);
    expect(moved).toMatchObject({ owner: target, epoch: (lease?.epoch ?? 0) + 1 });
    expect(moved?.handover).toBeUndefined();
    const monitor = MonitorResponse.parse((await call('GET', '/shadow/monitor')).body);
    expect(monitor.outcomes[0]).toMatchObject({ kind: 'handover', result: 'moved', trigger: 'request' });
    expect(monitor.outcomes[0]?.pauseMs).toBeLessThan(3000);
  }, 120_000);

  it('profiles a shard on a worker that does not own it, until it is stopped, and makes a report', async () => {
    const [lease] = await openLeases();
    const wrong = await call(
      'POST',
      '/shadow/create',
      {},
      { ...group, shardId: lease?.shardId, kind: 'profiling', profile: { share: 2 } },
    );
    expect(wrong).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('profile.share: must be in (0, 1], got 2') },
    });
    const profile = { share: 0.5, durationMin: 1, retrieval: 'polling' };
    const created = await call('POST', '/shadow/create', {}, { ...group, shardId: lease?.shardId, kind: 'profiling', profile });
    expect(created.status).toBe(202);
    const profileId = created.body.operationId ?? '';
    const seen = await eventually(async () => {
      const monitor = MonitorResponse.parse((await call('GET', '/shadow/monitor')).body);
      return monitor.profiles.find((each) => each.profileId === profileId && each.state === 'observing' && each.records > 20);
    }, 60_000);
    expect(seen.hostId).not.toBe(lease?.owner);
    await eventually(async () => ((await ports.profiles.windows(group, profileId)).length >= 8 ? true : undefined), 30_000);
    expect((await call('POST', '/shadow/stop', {}, { ...group, profileId })).status).toBe(200);
    expect(await ended(profileId)).toMatchObject({ status: 'succeeded', kind: 'profile' });
    const report = ProfileReport.parse((await call('GET', `/profiles/${profileId}`)).body);
    expect(report).toMatchObject({ shardId: lease?.shardId, ended: { by: 'stopped' }, findings: { state: 'measured' } });
    expect(report.findings.resources.map(({ resource }) => resource)).toContain('shard');
    expect(await ports.profiles.live(group)).toEqual([]);
  }, 150_000);

  it('tunes the workers while they run: lanes change and change back, a try begins and is stopped', async () => {
    const tuning = { concurrencyPerShard: { from: 1, to: 4 }, checkpointMs: { from: 500, to: 2000 } };
    await ports.policies.put(Policy.parse({ ...group, mode: 'observe', profiling: { tuning } }));
    const refused = await call('POST', '/tuning', {}, { ...group, setting: 'concurrencyPerShard', value: 5 });
    expect(refused).toMatchObject({ status: 409, body: { message: expect.stringContaining('allowed is 1 to 4') } });
    const lanes = async () =>
      TuningResponse.parse((await call('GET', '/tuning')).body).workers.map(({ inForce }) => inForce?.concurrencyPerShard);
    expect(await lanes()).toEqual([1, 1, 1]);
    await ports.tuning.write({ ...group, revision: 1, settings: { concurrencyPerShard: 3 }, outcomes: [] });
    await ports.workers.announce(group);
    await eventually(async () => ((await lanes()).every((each) => each === 3) ? true : undefined), 20_000);
    expect((await call('POST', '/tuning', {}, { ...group, setting: 'checkpointMs', value: 1500 })).status).toBe(202);
    const { tuning: now } = MonitorResponse.parse((await call('GET', '/shadow/monitor')).body);
    expect(now).toMatchObject({
      settings: { concurrencyPerShard: 3 },
      trial: { setting: 'checkpointMs', from: 1000, to: 1500, phase: 'before' },
    });
    expect(await call('POST', '/tuning/stop', {}, { ...group, reset: true })).toMatchObject({
      status: 200,
      body: { settings: {}, trial: null },
    });
    await eventually(async () => ((await lanes()).every((each) => each === 1) ? true : undefined), 20_000);
  }, 90_000);

  it('carries a split through from the queue to processed children, once however often the command is sent', async () => {
    const [parent] = await openLeases();
    const operationId = `split-e2e-${Date.now().toString(36)}`;
    const { startingHashKey, endingHashKey } = parent!.hashKeyRange;
    const command = {
      operationId,
      ...group,
      requestedBy: 'api' as const,
      requestedAtMs: Date.now(),
      action: {
        kind: 'split' as const,
        actionId: operationId,
        trigger: 'request' as const,
        reason: 'the test asks for it',
        expected: { utilizationNow: 0, peakUtilization: 0, leadTimeSec: 0, costUsdPerMonth: 0, recordsAtRiskPerHour: 0 },
        shardId: parent!.shardId,
        hashKeyRange: parent!.hashKeyRange,
        newStartingHashKey: (startingHashKey + endingHashKey) / 2n,
        childOwners: ['worker-a', 'worker-b'] as [string, string],
      },
    };
    await ports.commands.send([command]);
    await ports.commands.send([command]);
    expect(await ended(operationId)).toMatchObject({ status: 'succeeded' });
    const children = (await openLeases()).filter((lease) => lease.parents.includes(parent!.shardId));
    expect(children.map((child) => [child.owner, child.state])).toEqual([
      ['worker-a', 'active'],
      ['worker-b', 'active'],
    ]);
    const stream = await ports.control.describe(group.streamName);
    expect(stream?.shards.filter((shard) => shard.parents.includes(parent!.shardId))).toHaveLength(2);
    const [outcome] = await ports.outcomes.recent(group.streamName, 'reshard', 1);
    expect(outcome).toMatchObject({ kind: 'reshard', result: 'done', change: 'split', operationId });
  }, 120_000);

  it('collects, forecasts and plans by its own schedule', async () => {
    const predictions = await eventually(async () => {
      const { status, body } = await call('GET', '/predictions');
      const parsed = status === 200 ? PredictionsResponse.parse(body) : undefined;
      return parsed?.series.some((series) => series.observed.some((point) => point.value !== null)) ? parsed : undefined;
    }, 200_000);
    expect(predictions.series.map((series) => series.scope)).toContain('stream');
    const fleet = FleetResponse.parse((await call('GET', '/fleet')).body);
    expect(fleet.workers.filter((worker) => worker.alive)).toHaveLength(3);
    const [plan] = await ports.plans.recent(group, 1);
    expect(plan).toMatchObject({ mode: 'observe', status: 'shown' });
    expect(plan?.holds.length).toBeGreaterThan(0);
  }, 240_000);

  it('has lost, repeated and reordered nothing in all of this', async () => {
    producing = false;
    await producer;
    const total = [...produced.values()].reduce((a, b) => a + b, 0);
    const count = () => [...processed.values()].reduce((sum, numbers) => sum + numbers.length, 0);
    await eventually(async () => (count() >= total ? true : undefined), 30_000);
    for (const [key, n] of produced) expect(processed.get(key)).toEqual(Array.from({ length: n }, (_, i) => i + 1));
  }, 60_000);
});
