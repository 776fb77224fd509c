// A shadow that is far behind is not handed over to, and whoever asked for the handover learns why: real consumers on a scripted clock.
import { Logger } from '@aws-lambda-powertools/logger';
import { afterEach, describe, expect, it } from 'vitest';
import { operationOf } from '../../functions/accept-operation.ts';
import { handoverRecord } from '../../functions/handover-record.ts';
import { activateShadow } from '../../functions/shadow-activate.ts';
import type { Scene } from '../../functions/shell.ts';
import { DRIVER_WAITS_MS, drivenWrite } from '../../lib/handover/decide-driver.ts';
import type { RecordBatch } from '../../lib/ports.ts';
import { expected } from '../functions/scenes.ts';
import { runHandover } from '../support/handover-machine.ts';
import { group, SHARD, seenThrough, twoWorkers } from './two-workers.ts';

const BEHIND_MS = 42_000;

let stopAll: () => Promise<void> = async () => {};
afterEach(() => stopAll());

/** Two workers; the shadow's one may be told that it is behind, or wait for its records. */
const scene = async () => {
  let trouble: 'none' | 'behind' | 'held' = 'none';
  const troubled = async (batch: RecordBatch): Promise<RecordBatch> => {
    while (trouble === 'held') await it.clock.sleep(100);
    return trouble === 'behind' ? { ...batch, millisBehindLatest: BEHIND_MS } : batch;
  };
  const it = await twoWorkers({
    readerOf: (workerId, reader) => (workerId === 'a' ? reader : seenThrough(reader, troubled)),
  });
  stopAll = it.stopAll;
  await it.run(1000);
  const { owner, target } = await it.shadow();
  await it.run(3000);
  const { epoch } = await it.lease();
  const move = { handoverId: 'move-1', source: owner, target, epoch, requestedAtMs: it.clock.nowMs() };
  return {
    ...it,
    move,
    set: (how: typeof trouble) => {
      trouble = how;
    },
  };
};
const functionScene = (it: Awaited<ReturnType<typeof scene>>): Scene => ({
  ports: it.world,
  streams: [group],
  nowMs: it.clock.nowMs(),
  signal: new AbortController().signal,
  log: new Logger({ serviceName: 'test', logLevel: 'SILENT' }),
});
/** Runs something of the control plane while the clock goes on, with records. */
const during = async <T>(it: Awaited<ReturnType<typeof scene>>, running: Promise<T>, ms: number): Promise<T> => {
  await it.run(ms);
  return running;
};

describe('a shadow that is far behind', () => {
  it('is refused to a person who asks for its activation, with how far behind it is', async () => {
    const it = await scene();
    it.set('behind');
    await it.run(7000);
    const ask = () => during(it, activateShadow.run({ ...group, shardId: SHARD }, functionScene(it)), 3000);
    const reply = await ask();
    expect(reply).toMatchObject({ kind: 'refused', status: 409, error: 'ShadowBehind' });
    expect(reply).toMatchObject({
      message: expect.stringMatching(
        new RegExp(
          `^the shadow of shard ${SHARD} on b is 42.0 s behind the tip of the shard .* allowed are 5.0 s; ask again when`,
        ),
      ),
    });
    expect(it.world.commands.sent).toEqual([]);
    it.set('none');
    await it.run(7000);
    expect(await ask()).toMatchObject({ kind: 'ok', status: 202 });
  });

  it('is abandoned by the machine without a pause, and the operation says how far behind it was', async () => {
    const it = await scene();
    it.set('behind');
    const { owner, epoch } = await it.lease();
    const { move, clock, world } = it;
    const input = { ...group, shardId: SHARD, group: '', ...move };
    const run = await during(it, runHandover(world.leases, it.desk, clock, input), 25_000);
    expect(run).toMatchObject({ result: 'abandoned', states: ['preparing', 'restoring'] });
    expect(await it.lease()).toMatchObject({ owner, epoch });
    expect(it.events.filter((event) => event.kind === 'paused')).toEqual([]);
    const action = {
      kind: 'handover' as const,
      actionId: move.handoverId,
      trigger: 'request' as const,
      reason: 'because',
      expected,
      shardId: SHARD,
      source: move.source,
      target: move.target,
      epoch,
    };
    await world.operations.create(operationOf(group, action, clock.nowMs()));
    const ended = {
      ...input,
      end: 'abandoned',
      failedIn: 'Prepare',
      error: 'States.Timeout',
      pausedAtMs: null,
      activatedAtMs: null,
    };
    await handoverRecord.run(handoverRecord.input.parse(ended), functionScene(it));
    const operation = await world.operations.get(group, move.handoverId);
    expect(operation?.status).toBe('failed');
    expect(operation?.result).toMatch(
      /^nothing was changed; Prepare failed: States.Timeout: the shadow of shard \S+ on b is 42.0 s behind the tip of the shard/,
    );
  });

  for (const [trouble, reason] of [
    ['behind', /is 42.0 s behind the tip of the shard, allowed are 5.0 s$/],
    ['held', /has verified \d+ records, through \d+; its owner is \d\d\d records ahead, at \d+$/],
  ] as const)
    it(`is abandoned by the worker that drives it, which tells why: ${trouble}`, async () => {
      const it = await scene();
      it.set(trouble);
      const { owner, epoch } = await it.lease();
      await it.run(2000);
      expect((await it.world.leases.write(group, SHARD, drivenWrite('prepare', it.move))).kind).toBe('written');
      await it.world.workers.announce(group);
      await it.run(DRIVER_WAITS_MS.preparing + 3000);
      const after = await it.lease();
      expect(after).toMatchObject({ owner, epoch });
      expect(after.handover).toBeUndefined();
      const told = it.events.filter((event) => event.kind === 'handover-abandoned');
      expect(told).toMatchObject([{ by: 'b', shardId: SHARD, handoverId: 'move-1', reason: expect.stringMatching(reason) }]);
      expect(it.events.filter((event) => event.kind === 'paused')).toEqual([]);
      // And it can be tried again, once it has caught up.
      it.set('none');
      await it.run(7000);
      const again = { ...it.move, handoverId: 'move-2', requestedAtMs: it.clock.nowMs() };
      expect((await it.world.leases.write(group, SHARD, drivenWrite('prepare', again))).kind).toBe('written');
      await it.world.workers.announce(group);
      await it.run(3000);
      expect(await it.lease()).toMatchObject({ owner: it.move.target, epoch: epoch + 1 });
      await it.clock.advance(2000);
      expect(it.processed).toEqual(Array.from({ length: it.made() }, (_, i) => i + 1));
    });
});
