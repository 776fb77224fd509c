// The proof that never stops, by real consumers with their default settings on a scripted clock: the shadow's side of the reading is spoilt, and that is found.
import { afterEach, describe, expect, it } from 'vitest';
import { plan } from '../../functions/plan.ts';
import { activateShadow } from '../../functions/shadow-activate.ts';
import { drivenWrite } from '../../lib/handover/decide-driver.ts';
import { eventTable } from '../../lib/telemetry/event-table.ts';
import { runHandover } from '../support/handover-machine.ts';
import { asked, monitor, spoilt, spoiltScene } from './spoilt-reading.ts';
import { group, SHARD } from './two-workers.ts';

/** So long after a record was put that owner and shadow see differently, the lease item must say so. */
const FOUND_WITHIN_MS = 2000;

let stopAll: () => Promise<void> = async () => {};
afterEach(() => stopAll());

const scene = async (...options: Parameters<typeof spoiltScene>) => {
  const it = await spoiltScene(...options);
  stopAll = it.stopAll;
  return it;
};
const oneByOne = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('a shadow that saw something else than its owner', () => {
  for (const [what, how] of Object.entries(spoilt))
    for (const retrieval of ['fan-out-for-shadows', 'polling', 'fan-out'] as const)
      it(`is found within ${FOUND_WITHIN_MS} ms, by ${retrieval}: ${what}`, async () => {
        // Marks come once a second: the moment within that second decides how long it takes.
        for (const phaseMs of [0, 250, 500, 750]) {
          const it = await scene(how, { settings: { retrieval } });
          await it.shadow();
          await it.run(2000 + phaseMs);
          it.spoilNext();
          const foundAfterMs = await it.until(async () => (await it.lease()).shadow?.state === 'diverged', 10_000, 25);
          expect(it.isSpoilt()).toBe(true);
          expect(foundAfterMs).toBeLessThanOrEqual(FOUND_WITHIN_MS);
          await it.stopAll();
        }
      });

  it('says in the lease item, by an event and to the alarm where the two differ', async () => {
    const it = await scene(spoilt['one byte flipped']);
    await it.shadow();
    it.spoilNext();
    await it.until(async () => (await it.lease()).shadow?.state === 'diverged', 10_000);
    const { divergence } = (await it.lease()).shadow ?? {};
    expect(divergence?.owner.sequenceNumber).toBe(divergence?.shadow.sequenceNumber);
    expect(divergence?.owner.count).toBe(divergence?.shadow.count);
    expect(divergence?.owner.digest).not.toBe(divergence?.shadow.digest);
    const told = it.events.filter((event) => event.kind === 'shadow-diverged');
    expect(told).toMatchObject([{ by: 'b', shardId: SHARD, at: divergence?.owner.sequenceNumber }]);
    // Two ways to a person: the worker's own metric, and the lease item by the planner's next minute to the alarm ShadowDiverged (infra/alarms.ts).
    expect(eventTable['shadow-diverged']).toEqual({ level: 'error', counter: 'ShadowsDiverged' });
    await asked(it, (scene) => plan.run(group, scene));
    expect(it.world.metrics.published).toContainEqual(
      expect.objectContaining({ name: 'ShadowDiverged', value: 1, dimensions: { Application: 'app', StreamName: 'orders' } }),
    );
  });

  it('is never handed over to: not by the machine, not by a worker, not by a person, and nothing is lost by it', async () => {
    const it = await scene(spoilt['one record dropped']);
    const { owner, target } = await it.shadow();
    it.spoilNext();
    await it.until(async () => (await it.lease()).shadow?.state === 'diverged', 10_000);
    await it.run(2000);
    const { epoch } = await it.lease();
    const move = { handoverId: 'h', source: owner, target, epoch, requestedAtMs: it.clock.nowMs() };
    const run = await runHandover(it.world.leases, it.desk, it.clock, { ...group, shardId: SHARD, group: '', ...move });
    expect(run).toMatchObject({ result: 'abandoned', states: ['preparing', 'restoring'] });
    expect((await it.world.leases.write(group, SHARD, drivenWrite('prepare', move))).kind).toBe('fenced');
    const reply = await asked(it, (scene) => activateShadow.run({ ...group, shardId: SHARD }, scene));
    expect(reply).toMatchObject({ kind: 'refused', status: 409, error: 'ShadowNotReady' });
    expect(reply).toMatchObject({
      message: expect.stringMatching(/on b has diverged: it saw other records .* at sequence number \d+; remove it/),
    });
    expect(it.consumers.b.status().shadows).toEqual([]);
    await it.run(2000);
    expect(await it.lease()).toMatchObject({ owner, epoch });
    expect(it.processed).toEqual(oneByOne(it.processed.length));
  });

  for (const what of ['one byte flipped', 'one record dropped'] as const)
    it(`is found by the proof at exactly the last record before the pause, and the owner goes on: ${what}`, async () => {
      const it = await scene(spoilt[what]);
      const { owner, target } = await it.shadow();
      const { epoch } = await it.lease();
      // Spoilt right after a comparison and paused before the next mark: only the proof can tell.
      const write: typeof it.world.leases.write = async (...call) => {
        if (call[2].name === 'pause') {
          const { mark } = await it.lease();
          while ((await it.lease()).mark?.count === mark?.count) await it.clock.sleep(10);
          it.spoilNext();
          await it.clock.sleep(500);
        }
        return it.world.leases.write(...call);
      };
      const running = runHandover({ ...it.world.leases, write }, it.desk, it.clock, {
        ...group,
        shardId: SHARD,
        group: '',
        handoverId: 'h',
        source: owner,
        target,
        epoch,
        requestedAtMs: it.clock.nowMs(),
      });
      await it.run(30_000);
      expect(await running).toMatchObject({
        result: 'abandoned',
        states: ['preparing', 'pausing', 'redirecting', 'verifying', 'restoring'],
      });
      expect(it.events.filter((event) => event.kind === 'shadow-diverged').map(({ by }) => by)).toEqual([target]);
      const after = await it.lease();
      expect(after).toMatchObject({ owner, epoch: epoch + 2 });
      expect(after.shadow).toBeUndefined();
      expect(it.processed).toEqual(oneByOne(it.processed.length));
      expect(it.made() - it.processed.length).toBeLessThan(50);
    });

  it('never hands over where the last record of a shard that falls quiet was dropped, and is found with the next record', async () => {
    const it = await scene(spoilt['one record dropped'], { times: Number.POSITIVE_INFINITY });
    const { owner } = await it.shadow();
    await it.clock.advance(2000);
    it.spoilNext();
    it.put(1);
    await it.clock.advance(20_000);
    expect(it.isSpoilt()).toBe(true);
    const { shadow, mark } = await it.lease();
    expect([shadow?.state, (mark?.count ?? 0) - (shadow?.verifiedThrough?.count ?? 0)]).toEqual(['tracking', 1]);
    const reply = await asked(it, (scene) => activateShadow.run({ ...group, shardId: SHARD }, scene), 0);
    expect(reply).toMatchObject({ kind: 'refused', status: 409, error: 'ShadowBehind' });
    expect(reply).toMatchObject({
      message: expect.stringMatching(/verified nothing for 2\d\.\d s, while its owner went on by 1 record/),
    });
    it.put(1);
    await it.clock.advance(FOUND_WITHIN_MS);
    expect(await it.lease()).toMatchObject({ owner, shadow: { state: 'diverged' } });
  });
});

describe('a shadow from which a push kept a record', () => {
  it('gets it by asking, where the shard falls quiet, and is proved', async () => {
    const it = await scene(spoilt['one record dropped']);
    await it.shadow();
    it.spoilNext();
    it.put(1);
    await it.clock.advance(20_000);
    expect(it.isSpoilt()).toBe(true);
    const { shadow, mark } = await it.lease();
    expect(shadow?.verifiedThrough).toEqual(mark);
    expect(mark?.count).toBeGreaterThan(0);
  });
});

describe('verifiedThrough', () => {
  it('grows with each mark of the owner, and the monitor tells it with its true age', async () => {
    const it = await scene();
    await it.shadow();
    const [marks, verified, told] = [new Set<string>(), new Set<string>(), new Set<number>()];
    for (let i = 0; i < 400; i += 1) {
      const { mark } = await it.lease();
      marks.add(mark?.sequenceNumber ?? '');
      verified.add(it.consumers.b.status().shadows[0]?.verifiedThrough ?? '');
      const shown = await monitor(it);
      expect(shown.state).toBe('tracking');
      told.add(shown.verifiedThrough?.count ?? 0);
      // Told every 5 s; of a mark that was compared no longer than a second and two looks before.
      expect(shown.verifiedAgeMs).toBeLessThanOrEqual(6500);
      await it.run(50);
    }
    // Twenty seconds of marks; of the last one the comparison may be to come.
    expect(marks.size).toBeGreaterThanOrEqual(20);
    expect([...marks].slice(0, -1).filter((mark) => !verified.has(mark))).toEqual([]);
    expect(told.size).toBeGreaterThanOrEqual(4);
    expect([...told]).toEqual([...told].sort((x, y) => x - y));
  });

  it('is told once more when the shard falls quiet, and then costs no write', async () => {
    const it = await scene();
    await it.shadow();
    await it.run(7000);
    await it.clock.advance(8000);
    const { mark, shadow } = await it.lease();
    expect(shadow?.verifiedThrough).toEqual(mark);
    expect(mark?.count).toBeGreaterThan(0);
    const written: string[] = [];
    const { write } = it.world.leases;
    it.world.leases.write = (...call) => {
      written.push(call[2].name);
      return write(...call);
    };
    await it.clock.advance(60_000);
    expect(written).toEqual([]);
    expect((await it.lease()).shadow).toEqual(shadow);
    // It says how long ago that was, not that it is new.
    expect((await monitor(it)).verifiedAgeMs).toBe(it.clock.nowMs() - (shadow?.verifiedAtMs ?? 0));
  });
});
