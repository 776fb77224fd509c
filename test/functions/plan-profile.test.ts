import { beforeEach, describe, expect, it } from 'vitest';
import { withMeasured } from '../../functions/measured-capacity.ts';
import { plan } from '../../functions/plan.ts';
import { readFleet } from '../../functions/read-fleet.ts';
import { Policy } from '../../lib/model/policy.ts';
import type { ProfileReport } from '../../lib/model/profile-report.ts';
import { ProfilingRequest } from '../../lib/model/profiling.ts';
import { findingsOf } from '../../lib/profile/findings-of.ts';
import { sceneOf, type Truth, targets } from '../profile/measured-run.ts';
import { own } from '../profile/tuning-world.ts';
import { group, lease, NOW, type TestWorld, worker, world } from './scenes.ts';

const shardId = 'shardId-000000000000';
const hosting = { shadowSafe: true, candidate: false, sharedResults: false };
const unsaid = { recordsPerSec: 1000, bytesPerSec: 1_048_576 };
let w: TestWorld;

const reportOf = (truth: Partial<Truth>, changes: Partial<ProfileReport> = {}): ProfileReport => ({
  ...group,
  profileId: 'p1',
  shardId,
  hostId: 'b',
  owner: 'a',
  trigger: 'request',
  reason: 'test',
  request: ProfilingRequest.parse({}),
  requestedAtMs: NOW - 600_000,
  analysedAtMs: NOW - 1000,
  ended: { by: 'duration', detail: 'over', atMs: NOW - 2000 },
  findings: findingsOf(sceneOf(truth), targets),
  points: [],
  totals: null,
  ...changes,
});

beforeEach(async () => {
  w = world();
  w.ports.streams.createStream(group.streamName, 1);
  const stream = await w.ports.control.describe(group.streamName);
  await w.ports.leases.create(lease(stream!.shards[0]!));
  const busy = worker('a', 0.5, { shardIds: [shardId], capacity: unsaid });
  await w.ports.workers.put({ ...busy, load: { ...busy.load, cpuShare: 0.9 } });
  await w.ports.workers.put(worker('b', 0.1, { hosting }));
});

describe('plan', () => {
  const tick = async (minutes: number) => {
    await w.clock.advance(minutes * 60_000 - (w.clock.nowMs() - NOW));
    for (const each of await w.ports.workers.list(group)) await w.ports.workers.put({ ...each, reportedAtMs: w.clock.nowMs() });
    await plan.run(group, w.scene());
  };

  it('begins a profile when a worker has been busy for minutes, once', async () => {
    await w.ports.policies.put(Policy.parse({ ...group, mode: 'act', profiling: { sustainedMin: 2, durationMin: 3 } }));
    for (const minute of [0, 1]) await tick(minute);
    expect(w.ports.commands.sent).toEqual([]);
    await tick(2);
    expect(w.ports.commands.sent).toMatchObject([
      {
        requestedBy: 'planner',
        action: { kind: 'profile', shardId, workerId: 'b', trigger: 'reactive', request: { durationMin: 3 } },
      },
    ]);
    const [newest] = await w.ports.plans.recent(group, 1);
    expect(newest?.actions.map(({ kind }) => kind)).toEqual(['profile']);
    await w.ports.profiles.create(
      {
        ...group,
        profileId: 'live',
        shardId,
        hostId: 'b',
        request: ProfilingRequest.parse({}),
        trigger: 'utilization',
        reason: '',
        state: 'observing',
        requestedAtMs: w.clock.nowMs(),
        lostAfterMs: w.clock.nowMs() + 999_999,
      },
      w.clock.nowMs(),
    );
    await tick(3);
    expect(w.ports.commands.sent).toHaveLength(1);
  });

  it('says why a profile that is wanted cannot be', async () => {
    await w.ports.workers.put(worker('b', 0.1));
    await w.ports.policies.put(Policy.parse({ ...group, mode: 'act', profiling: { sustainedMin: 1 } }));
    for (const minute of [0, 1]) await tick(minute);
    const [newest] = await w.ports.plans.recent(group, 1);
    expect(newest?.holds.find(({ reason }) => reason === 'no-host')).toEqual({
      ...{ kind: 'hold', subject: shardId, reason: 'no-host' },
      detail:
        `a has had more than 70 % of its cpu in use for 1 min (90 % now); ${shardId} is its fullest shard. ` +
        'It is not profiled: a owns the shard; b has a processor that has not declared itself shadow-safe (shadowSafe: true).',
    });
  });

  it('begins none by itself where the policy only observes, unless it says so', async () => {
    await w.ports.policies.put(Policy.parse({ ...group, profiling: { sustainedMin: 1 } }));
    for (const minute of [0, 1, 2]) await tick(minute);
    expect(w.ports.commands.sent).toEqual([]);
    await w.ports.policies.put(Policy.parse({ ...group, profiling: { sustainedMin: 1, automatic: true } }));
    await tick(3);
    expect(w.ports.commands.sent).toHaveLength(1);
  });
});

describe('withMeasured', () => {
  const policy = Policy.parse(group);
  const measured = async (reports: ProfileReport[], of = policy) =>
    withMeasured((await readFleet(group, of, w.ports, NOW))!, of, reports, NOW);

  it('gives a worker that did not say its capacity the measured one, and leaves the others', async () => {
    const { fleet } = await measured([reportOf({ cpuMs: 2.5 })]);
    expect(fleet.workers.find(({ workerId }) => workerId === 'a')?.capacity.recordsPerSec).toBeCloseTo(380, -1);
    expect(fleet.workers.find(({ workerId }) => workerId === 'b')?.capacity.recordsPerSec).toBe(100);
  });

  it('gives shards what their lanes take, where the policy leaves it open', async () => {
    const waits = reportOf({ waitMs: 10, cpuMs: 0.1 });
    expect((await measured([waits])).policy.shardCapacity.recordsPerSec).toBeCloseTo(99, -1);
    const said = Policy.parse({ ...group, shardCapacity: { recordsPerSec: 500, bytesPerSec: 500_000 } });
    expect((await measured([waits], said)).policy.shardCapacity.recordsPerSec).toBe(500);
  });

  it('takes from it what the primary’s lanes lose to a buffer that is too small', async () => {
    const waits = reportOf({ waitMs: 10, cpuMs: 0.1 });
    const told = (behindMs: number): ProfileReport => ({
      ...waits,
      findings: {
        ...waits.findings,
        primary: {
          ...{ kind: 'measured', workerId: 'a', ms: 600_000, shardMs: 600_000, records: 1, checkpoints: 1, checkpointMs: 1 },
          ...{ behindMs, starvedMs: behindMs / 5, heldUpMs: behindMs / 5, heldUps: 9 },
          ...{ bufferBytes: 1, memoryBytes: 1, memoryLimitBytes: null, inForce: own },
        },
      },
    });
    expect((await measured([told(100_000)])).policy.shardCapacity.recordsPerSec).toBeCloseTo(79, -1);
    const capacityOf = async (report: ProfileReport) =>
      (await measured([report])).fleet.workers.find(({ workerId }) => workerId === 'a')?.capacity;
    expect(await capacityOf(told(100_000))).toEqual(await capacityOf(waits));
    expect((await measured([told(1000)])).policy.shardCapacity.recordsPerSec).toBeCloseTo(99, -1);
  });

  it('takes the newest report of a shard, and none that is old or has measured nothing', async () => {
    const capacityAfter = async (...reports: ProfileReport[]) =>
      (await measured(reports)).fleet.workers[0]?.capacity.recordsPerSec;
    const older = reportOf({ cpuMs: 5 }, { profileId: 'p0', analysedAtMs: NOW - 99_000 });
    expect(await capacityAfter(older, reportOf({ cpuMs: 2.5 }))).toBeCloseTo(380, -1);
    expect(await capacityAfter(reportOf({ cpuMs: 2.5 }, { analysedAtMs: NOW - 15 * 86_400_000 }))).toBe(1000);
    expect(await capacityAfter(reportOf({ windows: 1 }))).toBe(1000);
  });
});
