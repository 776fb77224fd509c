import { beforeEach, describe, expect, it } from 'vitest';
import { dispatchCommand } from '../../functions/dispatch-command.ts';
import { monitorShadow } from '../../functions/shadow-monitor.ts';
import { tune } from '../../functions/tune.ts';
import { showTuning } from '../../functions/tuning.ts';
import { startTuning } from '../../functions/tuning-start.ts';
import { endTuning } from '../../functions/tuning-stop.ts';
import { Policy } from '../../lib/model/policy.ts';
import type { Findings, ProfileReport } from '../../lib/model/profile-report.ts';
import { ProfilingRequest } from '../../lib/model/profiling.ts';
import type { Worker } from '../../lib/model/worker.ts';
import { difference, own, totals } from '../profile/tuning-world.ts';
import { group, lease, type TestWorld, worker, world } from './scenes.ts';

const shardId = 'shardId-000000000000';
const hosting = { shadowSafe: true, candidate: false, sharedResults: false };
const bounds = { concurrencyPerShard: { from: 1, to: 16 }, checkpointMs: { from: 1000, to: 60_000 } };
const tuningPolicy = { concurrencyPerShard: { from: 1, to: 12 }, checkpointMs: { from: 1000, to: 30_000 } };
const MINUTE = 60_000;
let w: TestWorld;

const policy = (more: object = {}, tuning: object = tuningPolicy) =>
  w.ports.policies.put(Policy.parse({ ...group, ...more, profiling: { tuning } }));
/** The workers as their reports stand, all with so many lanes, `slow` times as slow as at first. */
const report = async (concurrencyPerShard = 4, slow = 1) => {
  minute += 1;
  for (const [workerId, load, more] of [
    ['a', 0.5, { shardIds: [shardId], shardRates: { [shardId]: { recordsPerSec: 50, bytesPerSec: 5000 } } }],
    ['b', 0.1, { hosting }],
  ] as ['a' | 'b', number, Partial<Worker>][])
    await w.ports.workers.put(
      worker(workerId, load, {
        ...more,
        reportedAtMs: w.clock.nowMs(),
        tuning: { inForce: { ...own, concurrencyPerShard }, bounds },
        work: totals(minute, { latencyMs: latencyMs[workerId] }),
      }),
    );
  latencyMs = { a: latencyMs.a + 6000 * 40 * slow, b: latencyMs.b + 6000 * 40 * slow };
};
let minute = 0;
let latencyMs = { a: 0, b: 0 };
const start = (body: object) => w.call(startTuning, { body: { ...group, ...body } });
const tick = async (lanes = 4, slow = 1) => {
  await w.clock.advance(MINUTE);
  await report(lanes, slow);
  return tune.run(group, w.scene());
};
const stored = async () => (await w.ports.tuning.get(group))!;

const findings = (more: Partial<Findings>): Findings => ({
  ...{ state: 'measured', detail: '', records: 1000, seconds: 360, sampledShare: 0.1, limit: 'wait', limitReason: 'It waits.' },
  ...{ capacity: null, resources: [], errors: { share: 0, low: 0, high: 0, byClass: [] } },
  memory: { bytesPerRecord: null, low: null, high: null, hoursToFull: null },
  ...{ hotKeys: [], distinctKeys: null, stages: [], utilizationNow: null, utilizationForeseen: null },
  ...{ noise: [], differences: [], recommendations: [] },
  ...more,
});
const analysed = async (profileId: string, more: Partial<Findings>, by: 'duration' | 'host-lost' = 'duration') => {
  const found: ProfileReport = {
    ...{ ...group, profileId, shardId, hostId: 'b', owner: 'a', trigger: 'request', reason: '' },
    request: ProfilingRequest.parse({}),
    ...{ requestedAtMs: w.clock.nowMs(), analysedAtMs: w.clock.nowMs(), points: [], totals: null },
    ended: { by, detail: 'it is over', atMs: w.clock.nowMs() },
    findings: findings(more),
  };
  await w.ports.profileReports.put(found);
};
const better = { differences: [difference('turn ms/record', 0.5, 'better')] };

beforeEach(async () => {
  w = world();
  minute = 0;
  latencyMs = { a: 0, b: 0 };
  w.ports.streams.createStream(group.streamName, 1);
  const stream = await w.ports.control.describe(group.streamName);
  await w.ports.leases.create({ ...lease(stream!.shards[0]!), owner: 'a' });
  await policy();
  await report();
});

describe('POST /tuning', () => {
  it('begins a try in a shadow of the busiest shard, whose leg b has the new value', async () => {
    const { status, body } = await start({ setting: 'concurrencyPerShard', value: 8 });
    expect(body).toMatchObject({
      summary: expect.stringContaining('concurrencyPerShard 8 instead of 4 is being tried in a shadow'),
    });
    expect(status).toBe(202);
    expect((await stored()).trial).toMatchObject({ trialId: body.trialId, phase: 'shadow', shadow: { shardId, hostId: 'b' } });
    expect(w.ports.commands.sent.at(-1)).toMatchObject({
      operationId: body.profileId,
      action: { kind: 'profile', workerId: 'b', request: { aa: true, durationMin: 10, other: { concurrencyPerShard: 8 } } },
    });
  });

  it('begins with the time before where no shadow can show the setting', async () => {
    const { body } = await start({ setting: 'checkpointMs', value: 5000 });
    expect(body).toMatchObject({
      profileId: null,
      summary: expect.stringContaining('checkpointMs 5000 instead of 20000 is applied in 10 min'),
    });
    expect(w.ports.commands.sent).toEqual([]);
  });

  it.each([
    [{ setting: 'workers', value: 8 }, 400, /setting: .*maxBatchRecords/],
    [{ setting: 'concurrencyPerShard', value: 1.5 }, 400, /value: must be a whole number from 1 on, got 1\.5/],
    [{ setting: 'concurrencyPerShard' }, 400, /value: must be a whole number/],
    [{ setting: 'concurrencyPerShard', value: 13 }, 409, /13 is not allowed: allowed is 1 to 12/],
    [{ setting: 'maxBatchRecords', value: 50 }, 409, /allowed is nothing/],
    [{ setting: 'concurrencyPerShard', value: 8, shardId: 's9' }, 404, /shard s9 is not processed.*shardId-000000000000/],
    [{ setting: 'concurrencyPerShard', value: 8, force: true }, 400, /force: unknown field/],
  ])('fails on %j with %d and what is allowed', async (body, status, message) => {
    const answer = await start(body);
    expect([answer.status, answer.body.message]).toEqual([status, expect.stringMatching(message)]);
    expect(await w.ports.tuning.get(group)).toBeNull();
  });

  it('fails where another try is under way, and where no worker can host the shadow', async () => {
    await start({ setting: 'concurrencyPerShard', value: 8 });
    expect((await start({ setting: 'concurrencyPerShard', value: 6 })).body.error).toBe('TrialUnderWay');
    await w.call(endTuning, { body: group });
    await w.ports.workers.remove(group, 'b');
    const { status, body } = await start({ setting: 'concurrencyPerShard', value: 6 });
    expect([status, body.error, body.message]).toEqual([409, 'NoHost', expect.stringContaining('a owns the shard')]);
    expect((await stored()).trial).toBeUndefined();
  });
});

describe('tune', () => {
  const begun = async () => (await start({ setting: 'concurrencyPerShard', value: 8 })).body.trialId as string;
  const ticks = async (count: number, lanes = 4, slow = 1) => {
    let last = '';
    for (let i = 0; i < count; i += 1) last = (await tick(lanes, slow)).kind;
    return last;
  };

  it('does nothing where nothing is tuned', async () => {
    expect(await tick()).toMatchObject({ kind: 'nothing' });
    expect(await w.ports.tuning.get(group)).toBeNull();
  });

  it('applies what is better in the shadow, watches it and keeps it', async () => {
    const trialId = await begun();
    expect(await ticks(9)).toBe('noted');
    await analysed(trialId, better);
    const before = (await w.ports.workers.beats(group, { consistent: true })).announcements;
    expect(await tick()).toMatchObject({ kind: 'applied', detail: expect.stringContaining('is 8 instead of 4 from now on') });
    expect((await w.ports.workers.beats(group, { consistent: true })).announcements).toBe(before + 1);
    // The host's own samples are not among them.
    expect((await stored()).trial?.before.map(({ records }) => records)).toEqual(new Array(9).fill(6000));
    expect((await stored()).settings).toEqual({});
    expect(await ticks(9, 8)).toBe('noted');
    expect(await tick(8)).toMatchObject({ kind: 'ended' });
    expect(await stored()).toMatchObject({ settings: { concurrencyPerShard: 8 }, outcomes: [{ trialId, result: 'kept' }] });
  });

  it('never applies what is worse in the shadow, nor what it could not try', async () => {
    const trialId = await begun();
    await analysed(trialId, { differences: [difference('turn ms/record', 1.5, 'worse')] });
    expect(await tick()).toMatchObject({ kind: 'ended', detail: expect.stringContaining('Worse in the shadow') });
    await policy({}, { ...tuningPolicy, concurrencyPerShard: { from: 1, to: 8 } });
    const second = await begun();
    await analysed(second, better, 'host-lost');
    expect(await tick()).toMatchObject({ kind: 'ended', detail: 'The shadow ended early: it is over.' });
    expect((await stored()).outcomes.map(({ result, because }) => [result, because])).toEqual([
      ['givenUp', 'failed'],
      ['givenUp', 'notBetter'],
    ]);
  });

  it('takes back what is worse on the primary before the watch is over, and says so', async () => {
    const trialId = await begun();
    await ticks(9);
    await analysed(trialId, better);
    await tick();
    let kind = '';
    let took = 0;
    for (; kind !== 'ended' && took < 10; took += 1) ({ kind } = await tick(8, 5));
    expect(took).toBeLessThan(9);
    expect(await stored()).toMatchObject({ settings: {}, outcomes: [{ trialId, result: 'rolledBack', because: 'worse' }] });
    expect(w.ports.metrics.published.filter(({ name, value }) => name === 'SettingsRolledBack' && value === 1)).toHaveLength(1);
    expect((await stored()).outcomes[0]?.reason).toMatch(/^Worse on the primary: latency ms\/record \d/);
  });

  it('ends by the next tick what a watcher has left', async () => {
    const trialId = await begun();
    await ticks(9);
    await analysed(trialId, better);
    await tick();
    await w.clock.advance(16 * MINUTE);
    expect(await tick(8)).toMatchObject({ kind: 'ended' });
    expect(await stored()).toMatchObject({ settings: {}, outcomes: [{ result: 'rolledBack', because: 'overdue' }] });
  });

  it('ends the run of a try that was stopped before its run had begun', async () => {
    const profileId = await begun();
    await w.call(endTuning, { body: group });
    await w.ports.profiles.create(
      {
        ...{ ...group, profileId, shardId, hostId: 'b', request: ProfilingRequest.parse({}), trigger: 'request', reason: '' },
        ...{ state: 'requested', requestedAtMs: w.clock.nowMs(), lostAfterMs: w.clock.nowMs() + 10 * MINUTE },
      },
      w.clock.nowMs(),
    );
    await tick();
    expect((await w.ports.profiles.live(group))[0]?.stop).toMatchObject({ by: 'machine', detail: 'Stopped by hand.' });
  });

  it('of two ticks at once lets one write', async () => {
    const trialId = await begun();
    await analysed(trialId, better);
    await w.clock.advance(MINUTE);
    await report();
    const kinds = (await Promise.all([tune.run(group, w.scene()), tune.run(group, w.scene())])).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(['applied', 'contested']);
  });

  it.each([
    ['where the policy acts', { mode: 'act' }, tuningPolicy, 'begun'],
    ['where it says so of tuning', {}, { ...tuningPolicy, automatic: true }, 'begun'],
    ['not where it only observes', {}, tuningPolicy, 'nothing'],
    ['not where it says so of tuning', { mode: 'act' }, { ...tuningPolicy, automatic: false }, 'nothing'],
    ['not where it names no bounds', { mode: 'act' }, {}, 'nothing'],
  ])('begins what a profile recommends by itself %s', async (_, more, tuning, kind) => {
    await policy(more, tuning);
    await analysed('p1', {
      recommendations: [
        {
          ...{ kind: 'setting', setting: 'concurrencyPerShard', from: 4, to: 8, reason: 'Records wait.' },
          ...{ costUsdPerMonth: 0, utilizationBefore: 1.4, utilizationAfter: 0.7, confidence: 0.9 },
        },
      ],
    });
    expect((await tick()).kind).toBe(kind);
    expect((await w.ports.tuning.get(group))?.trial?.trigger).toBe(kind === 'begun' ? 'recommendation' : undefined);
    const [command] = w.ports.commands.sent;
    if (command !== undefined) await dispatchCommand(command, w.ports, w.clock.nowMs());
    expect(w.ports.machines.executions.at(-1)?.input).toEqual(
      kind === 'begun' ? expect.objectContaining({ trigger: 'tuning' }) : undefined,
    );
    if (kind === 'begun') expect(await tick()).toMatchObject({ kind: 'noted' });
  });
});

describe('POST /tuning/stop', () => {
  it('ends the try and its run; with reset what was kept, too', async () => {
    const { body } = await start({ setting: 'concurrencyPerShard', value: 8 });
    await w.ports.profiles.create(
      {
        ...{ ...group, profileId: body.profileId as string, shardId, hostId: 'b', request: ProfilingRequest.parse({}) },
        ...{ trigger: 'request', reason: '', state: 'observing', requestedAtMs: w.clock.nowMs() },
        lostAfterMs: w.clock.nowMs() + MINUTE,
      },
      w.clock.nowMs(),
    );
    const stopped = await w.call(endTuning, { body: group });
    expect(stopped).toMatchObject({ status: 200, body: { trial: null, outcomes: [{ because: 'stopped' }] } });
    expect((await w.ports.profiles.live(group))[0]?.stop).toMatchObject({ by: 'person' });
    expect(await w.call(endTuning, { body: group })).toMatchObject({ status: 409, body: { error: 'NothingTuned' } });
    const now = await stored();
    await w.ports.tuning.write({ ...now, revision: now.revision + 1, settings: { concurrencyPerShard: 8 } });
    expect((await w.call(endTuning, { body: { ...group, reset: true } })).body).toMatchObject({ settings: {} });
    expect((await w.call(endTuning, { body: { ...group, reset: 'yes' } })).status).toBe(400);
  });
});

describe('GET /tuning and the monitor', () => {
  it('show what is tuned, tried and allowed', async () => {
    await start({ setting: 'concurrencyPerShard', value: 8 });
    const { status, body } = await w.call(showTuning, { query: group });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      summary: 'The workers go by their own settings.',
      trial: { phase: 'shadow', summary: expect.stringContaining('concurrencyPerShard 8') },
      allowed: { concurrencyPerShard: { from: 1, to: 12 }, checkpointMs: { from: 1000, to: 30_000 } },
      workers: [{ workerId: 'a', inForce: { concurrencyPerShard: 4 } }, { workerId: 'b' }],
    });
    expect(Object.keys(body.trial as object)).not.toContain('seen');
    expect((await w.call(monitorShadow, { query: group })).body.tuning).toMatchObject({ trial: { phase: 'shadow' } });
  });
});
