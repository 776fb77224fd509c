import { beforeEach, describe, expect, it } from 'vitest';
import { dispatchCommand } from '../../functions/dispatch-command.ts';
import { profileAnalyse } from '../../functions/profile-analyse.ts';
import { profileCreate } from '../../functions/profile-create.ts';
import { profileDecide } from '../../functions/profile-decide.ts';
import { profileReport } from '../../functions/profile-report.ts';
import { profileStop } from '../../functions/profile-stop.ts';
import { profileWatch } from '../../functions/profile-watch.ts';
import { profiles } from '../../functions/profiles.ts';
import { createShadow } from '../../functions/shadow-create.ts';
import { monitorShadow } from '../../functions/shadow-monitor.ts';
import { stopShadow } from '../../functions/shadow-stop.ts';
import { Policy } from '../../lib/model/policy.ts';
import type { ProfileInput } from '../../lib/model/profile-machine.ts';
import type { ProfilingRun } from '../../lib/model/profiling.ts';
import { plainTruth, totalsOf, windowsOf } from '../profile/measured-run.ts';
import { totals } from '../profile/tuning-world.ts';
import { group, lease, NOW, type TestWorld, worker, world } from './scenes.ts';

const shardId = 'shardId-000000000000';
const hosting = { shadowSafe: true, candidate: false, sharedResults: false };
let w: TestWorld;

const ask = (body: object) => w.call(createShadow, { body: { ...group, shardId, kind: 'profiling', ...body } });
const query = { ...group };

beforeEach(async () => {
  w = world();
  w.ports.streams.createStream(group.streamName, 1);
  const stream = await w.ports.control.describe(group.streamName);
  await w.ports.leases.create(lease(stream!.shards[0]!));
  await w.ports.workers.put(worker('a', 0.5, { shardIds: [shardId] }));
  await w.ports.workers.put(worker('b', 0.4, { hosting }));
  await w.ports.workers.put(worker('c', 0.1, { hosting }));
  await w.ports.workers.put(worker('d', 0));
});

/** The input of the machine, as the dispatcher starts it. */
const started = async (): Promise<ProfileInput> => {
  await dispatchCommand(w.ports.commands.sent.at(-1)!, w.ports, w.clock.nowMs());
  return w.ports.machines.executions.at(-1)!.input as ProfileInput;
};
/** A run that the machine has created and its host has begun. */
const observing = async (truth = plainTruth): Promise<{ input: ProfileInput; run: ProfilingRun }> => {
  await ask({});
  const input = await started();
  await profileCreate.run(input, w.scene());
  const run = (await w.ports.profiles.get(group, input.operationId))!;
  await w.ports.profiles.change(run, { state: 'observing', endsAtMs: NOW + 600_000, lostAfterMs: NOW + 700_000 });
  const windows = windowsOf(truth).map((window) => ({ ...window, profileId: input.operationId }));
  for (const window of windows)
    await w.ports.profiles.putMeasures(group, window, { ...totalsOf(truth, windows), profileId: input.operationId });
  return { input, run: (await w.ports.profiles.get(group, input.operationId))! };
};

describe('POST /shadow/create of kind profiling', () => {
  it('chooses the worker with the most room that can host, and starts the machine under the operation’s name', async () => {
    const { status, body } = await ask({ profile: { share: 0.2, durationMin: 5 } });
    expect(status).toBe(202);
    const input = await started();
    expect(input).toMatchObject({
      operationId: body.operationId,
      shardId,
      hostId: 'c',
      trigger: 'request',
      request: { share: 0.2, durationMin: 5 },
    });
    expect(w.ports.machines.executions[0]).toMatchObject({ machine: 'profile', name: body.operationId });
  });

  it('takes share, duration and budget from the policy where nothing is asked', async () => {
    await w.ports.policies.put(Policy.parse({ ...group, profiling: { share: 0.3, durationMin: 7 } }));
    await ask({});
    expect((await started()).request).toMatchObject({ share: 0.3, durationMin: 7 });
  });

  it.each([
    [{ profile: { share: 0 } }, /profile\.share: must be in \(0, 1\], got 0/],
    [{ profile: { share: 1.5 } }, /profile\.share: must be in \(0, 1\], got 1\.5/],
    [{ profile: { durationMin: 0.5 } }, /profile\.durationMin: must be from 1 to 60 minutes, got 0\.5/],
    [{ profile: { durationMin: 61 } }, /must be from 1 to 60 minutes, got 61/],
    [{ kind: 'standby', profile: { share: 0.1 } }, /profile: is only allowed with kind 'profiling'/],
    [{ kind: 'other' }, /kind: /],
  ])('fails on %j with 400 and what is allowed', async (body, message) => {
    const answer = await ask(body);
    expect(answer.status).toBe(400);
    expect(answer.body.message).toMatch(message);
  });

  it('fails with 404 on an unknown shard or worker', async () => {
    expect((await ask({ shardId: 'shardId-9' })).body).toMatchObject({
      error: 'UnknownShard',
      message: expect.stringMatching(/^shard shardId-9 .* has no lease .*; processed are shardId-000000000000$/),
    });
    expect((await ask({ workerId: 'nobody' })).body).toMatchObject({
      error: 'UnknownWorker',
      message: expect.stringContaining('alive are a, b, c, d'),
    });
  });

  it('fails with 409 where the leg would have more lanes than the processor bears', async () => {
    for (const workerId of ['b', 'c']) await w.ports.workers.put(worker(workerId, 0.1, { hosting, maxConcurrencyPerShard: 2 }));
    expect((await ask({ profile: { other: { concurrencyPerShard: 3 } } })).body).toMatchObject({
      error: 'NoHost',
      message: expect.stringContaining('b has a processor that bears at most 2 calls of a shard side by side, asked are 3'),
    });
    expect((await ask({ profile: { other: { concurrencyPerShard: 2 } } })).status).toBe(202);
  });

  it('fails with 409 where no host has room, and says of each worker why', async () => {
    await w.ports.workers.put(worker('b', 0.9, { hosting }));
    await w.ports.workers.put(worker('c', 0.1, { hosting: { ...hosting, profileId: 'other' } }));
    const { status, body } = await ask({});
    expect(status).toBe(409);
    expect(body.error).toBe('NoHost');
    expect(body.message).toMatch(
      /a owns the shard; b would be 90 % full with the sample; allowed are 70 %; c hosts other already; d has a processor that has not declared itself shadow-safe/,
    );
    expect((await ask({ workerId: 'd' })).body.message).not.toMatch(/a owns/);
  });

  it('fails with 409 while the shard is being profiled', async () => {
    const { input } = await observing();
    expect((await ask({})).body).toMatchObject({ error: 'ProfileExists', message: expect.stringContaining(input.operationId) });
  });
});

describe('profileCreate', () => {
  it('does nothing twice, and refuses a second run of the shard', async () => {
    const { input } = await observing();
    expect(await profileCreate.run(input, w.scene())).toEqual({ kind: 'created' });
    expect(await profileCreate.run({ ...input, operationId: 'second' }, w.scene())).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining(`being profiled already, by ${input.operationId}`),
    });
    expect(await w.ports.profiles.live(group)).toHaveLength(1);
  });
});

describe('profileWatch', () => {
  it('waits for the host to begin, then until its time is over', async () => {
    await ask({});
    const input = await started();
    await profileCreate.run(input, w.scene());
    const watch = (phase: 'warming' | 'observing') => profileWatch.run({ ...input, phase }, w.scene());
    expect(await watch('warming')).toEqual({ kind: 'waiting', waitSec: 3 });
    const run = (await w.ports.profiles.get(group, input.operationId))!;
    await w.ports.profiles.change(run, { state: 'observing', endsAtMs: NOW + 10_000, lostAfterMs: NOW + 99_000 });
    expect(await watch('warming')).toEqual({ kind: 'warm' });
    expect(await watch('observing')).toEqual({ kind: 'waiting', waitSec: 10 });
    await w.ports.profiles.end(run, { by: 'duration', detail: 'over', atMs: NOW + 10_000 });
    expect(await watch('observing')).toEqual({ kind: 'over' });
  });

  it('ends a run whose host never began', async () => {
    await ask({});
    const input = await started();
    await profileCreate.run(input, w.scene());
    const later = { ...w.scene(), nowMs: NOW + 121_000 };
    expect(await profileWatch.run({ ...input, phase: 'warming' }, later)).toEqual({ kind: 'over' });
    expect((await w.ports.profiles.get(group, input.operationId))?.ended).toMatchObject({ by: 'not-started' });
  });
});

describe('profileStop', () => {
  it('asks the host once, waits, and ends the run without it after half a minute', async () => {
    const { input, run } = await observing();
    const at = (ms: number) => ({ ...w.scene(), nowMs: NOW + ms });
    expect(await profileStop.run(input, at(0))).toMatchObject({ kind: 'waiting' });
    expect((await w.ports.profiles.get(group, run.profileId))?.stop).toMatchObject({ by: 'machine', atMs: NOW });
    expect(await profileStop.run(input, at(20_000))).toMatchObject({ kind: 'waiting' });
    expect(await profileStop.run(input, at(31_000))).toEqual({ kind: 'stopped' });
    expect((await w.ports.profiles.get(group, run.profileId))?.ended).toMatchObject({ by: 'host-lost' });
  });

  it('cleans up after an error: tells the host, and ends the operation with what went wrong', async () => {
    const { input } = await observing();
    expect(await profileStop.run({ ...input, end: 'failed', detail: 'Analyse: InvariantError' }, w.scene())).toEqual({
      kind: 'cleaned',
    });
    expect((await w.ports.profiles.get(group, input.operationId))?.stop).toMatchObject({ detail: 'Analyse: InvariantError' });
    expect(await w.ports.operations.get(group, input.operationId)).toMatchObject({
      status: 'failed',
      result: 'Analyse: InvariantError',
    });
  });
});

describe('profileAnalyse and profileDecide', () => {
  const ended = async (truth = plainTruth): Promise<ProfileInput> => {
    const { input, run } = await observing(truth);
    await w.ports.profiles.end(run, { by: 'duration', detail: 'over', atMs: NOW });
    await profileAnalyse.run(input, w.scene());
    return input;
  };

  it('make a report of what was measured, and end the operation with it', async () => {
    const input = await ended({ ...plainTruth, cpuMs: 2.5, shardRecordsPerSec: 350 });
    expect(await profileDecide.run(input, w.scene())).toMatchObject({ status: 'succeeded' });
    const operation = await w.ports.operations.get(group, input.operationId);
    expect(operation).toMatchObject({
      status: 'succeeded',
      result: expect.stringMatching(/At 3\d\d records\/s .* the CPU is full.*split: /),
    });
    const report = await w.call(profileReport, { query, path: { profileId: input.operationId } });
    expect(report.status).toBe(200);
    expect(report.body).toMatchObject({ profileId: input.operationId, findings: { limit: 'cpu' }, ended: { by: 'duration' } });
    expect((report.body.points as unknown[]).length).toBe(26);
    const list = await w.call(profiles, { query });
    expect(list.body.profiles).toMatchObject([{ profileId: input.operationId, decision: expect.stringContaining('split') }]);
    expect(w.ports.metrics.published).toContainEqual(
      expect.objectContaining({ name: 'MeasuredCapacity', value: expect.closeTo(380, -1) }),
    );
  });

  it('recommend what the owner’s own measures of the run ask for, within what policy and workers allow', async () => {
    const inForce = { maxBatchRecords: 500, concurrencyPerShard: 1, checkpointMs: 500, maxBufferBytes: 1_000_000 };
    const report = (minute: number) =>
      w.ports.workers.put(
        worker('a', 0.2, {
          shardIds: [shardId],
          tuning: { inForce, bounds: { checkpointMs: { from: 100, to: 2000 } } },
          work: totals(minute, {
            upkeep: {
              ...{ shardMs: minute * 60_000, checkpoints: minute * 120, checkpointMs: minute * 600 },
              ...{ behindMs: 0, starvedMs: 0, heldUpMs: 0, heldUps: 0, bufferByteMs: minute * 60_000 * 5000 },
            },
          }),
        }),
      );
    await w.ports.policies.put(Policy.parse({ ...group, profiling: { tuning: { checkpointMs: { from: 100, to: 60_000 } } } }));
    await report(5);
    const { input, run } = await observing();
    await w.ports.profiles.end(run, { by: 'duration', detail: '10 min are over', atMs: NOW });
    await report(15);
    await profileAnalyse.run(input, w.scene());
    const { findings } = (await w.ports.profileReports.get(group, input.operationId))!;
    expect(findings.primary).toMatchObject({
      kind: 'measured',
      workerId: 'a',
      ms: 600_000,
      checkpoints: 1200,
      bufferBytes: 5000,
    });
    expect(findings.recommendations).toContainEqual(
      expect.objectContaining({ kind: 'setting', setting: 'checkpointMs', from: 500, to: 2000 }),
    );
    expect((await profileDecide.run(input, w.scene())).decision).toContain('setting: a wrote 1200 checkpoints in 600 s');
  });

  it('say that nothing was learnt where the host refused', async () => {
    await ask({});
    const input = await started();
    await profileCreate.run(input, w.scene());
    const run = (await w.ports.profiles.get(group, input.operationId))!;
    await w.ports.profiles.end(run, { by: 'refused', refusal: 'host-busy', detail: 'the host is busy', atMs: NOW });
    await profileAnalyse.run(input, w.scene());
    expect(await profileDecide.run(input, w.scene())).toMatchObject({
      status: 'failed',
      decision: expect.stringMatching(/Nothing was learnt: 0 records .* ended by refused: the host is busy/),
    });
  });

  it('may be repeated', async () => {
    const input = await ended();
    await profileAnalyse.run(input, w.scene());
    const first = await profileDecide.run(input, w.scene());
    expect(await profileDecide.run(input, w.scene())).toEqual(first);
    expect(await w.ports.profileReports.recent(group, 10)).toHaveLength(1);
  });
});

describe('GET /shadow/monitor', () => {
  it('shows a run under way, then what it has taught', async () => {
    const { input, run } = await observing();
    expect((await w.call(monitorShadow, { query })).body.profiles).toMatchObject([
      { profileId: input.operationId, state: 'observing', hostId: 'c', limit: null },
    ]);
    expect((await w.call(profileReport, { query, path: { profileId: input.operationId } })).body).toMatchObject({
      error: 'ProfileUnderWay',
    });
    await w.ports.profiles.end(run, { by: 'duration', detail: 'over', atMs: NOW });
    await profileAnalyse.run(input, w.scene());
    await profileDecide.run(input, w.scene());
    expect((await w.call(monitorShadow, { query })).body.profiles).toMatchObject([
      { profileId: input.operationId, state: 'ended', limit: 'nothing', capacityRecordsPerSec: 1000 },
    ]);
  });
});

describe('POST /shadow/stop', () => {
  it('tells the host to end the run', async () => {
    const { input } = await observing();
    expect((await w.call(stopShadow, { body: { ...group, profileId: input.operationId } })).status).toBe(200);
    expect((await w.ports.profiles.get(group, input.operationId))?.stop).toMatchObject({ by: 'person' });
  });

  it('fails on a run that is not known, or has ended', async () => {
    expect((await w.call(stopShadow, { body: { ...group, profileId: 'x' } })).status).toBe(404);
    const { input, run } = await observing();
    await w.ports.profiles.end(run, { by: 'budget', detail: 'spent', atMs: NOW });
    expect((await w.call(stopShadow, { body: { ...group, profileId: input.operationId } })).body).toMatchObject({
      error: 'ProfileEnded',
      message: expect.stringContaining('spent'),
    });
  });
});
