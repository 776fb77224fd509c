// The real consumer, two workers, a SQL sink: one is frozen in the middle of a call for a minute.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { type SqlAnswer, type SqlEffect, sqlProcessor, writeOnce } from '../../examples/sql-fencing/sql-sink.ts';
import { forPostgres, RAISE_FENCE } from '../../examples/sql-fencing/statements.ts';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { FencedError } from '../../lib/errors.ts';
import { playFrozen } from './frozen-scene.ts';
import { contextOf, recordsOf } from './scenes.ts';

const schema = readFileSync(join(import.meta.dirname, '../../examples/sql-fencing/schema.sql'), 'utf8');

const openSink = () => {
  const database = new DatabaseSync(':memory:');
  database.exec(schema);
  database.exec('CREATE TABLE effects (at INTEGER PRIMARY KEY, key TEXT, body TEXT)');
  const effect: SqlEffect = (record, db) => {
    db.prepare('INSERT INTO effects (key, body) VALUES (?, ?)').run(record.partitionKey, Buffer.from(record.data).toString());
  };
  const bodies = () =>
    database
      .prepare('SELECT body FROM effects ORDER BY at')
      .all()
      .map(({ body }) => String(body));
  const fences = () =>
    database
      .prepare('SELECT epoch, through FROM shard_fence')
      .all()
      .map((row) => ({ ...row }));
  return { database, effect, bodies, fences };
};

describe('writeOnce', () => {
  const setUp = () => {
    const sink = openSink();
    const write = (epoch: number, ...positions: string[]): SqlAnswer =>
      writeOnce(sink.database, contextOf({ epoch }), recordsOf(...positions), sink.effect);
    return { ...sink, write };
  };

  it('writes records once, whatever is repeated and however it is cut', () => {
    const { write, bodies, fences } = setUp();
    expect(write(4, '9', '10/0', '10/1')).toEqual({ kind: 'written', records: 3 });
    expect(write(4, '9', '10/0', '10/1')).toEqual({ kind: 'already-written' });
    expect(write(5, '10/1', '10/2', '11')).toEqual({ kind: 'written', records: 2 });
    expect(bodies()).toEqual(['9', '10/0', '10/1', '10/2', '11']);
    expect(fences()).toEqual([{ epoch: 5, through: '11' }]);
  });

  it('answers fenced for a lower epoch, and leaves no trace of it', () => {
    const { write, bodies, fences } = setUp();
    write(5, '9');
    expect(write(4, '10')).toEqual({ kind: 'fenced' });
    expect(bodies()).toEqual(['9']);
    expect(fences()).toEqual([{ epoch: 5, through: '9' }]);
  });

  it('fails with nothing written and the fence as it was when an effect throws', () => {
    const { database, bodies, fences, effect } = setUp();
    const failing: SqlEffect = (record, db) => {
      if (record.sequenceNumber === '10') throw new Error('constraint');
      effect(record, db);
    };
    expect(() => writeOnce(database, contextOf(), recordsOf('9', '10'), failing)).toThrow('constraint');
    expect(bodies()).toEqual([]);
    expect(fences()).toEqual([]);
  });
});

describe('sqlProcessor', () => {
  it('fails with FencedError for a lower epoch', async () => {
    const { database, effect } = openSink();
    const processor = sqlProcessor(database, effect);
    await processor.process(recordsOf('9'), contextOf({ epoch: 5 }));
    await expect(processor.process(recordsOf('10'), contextOf({ epoch: 4 }))).rejects.toThrow(FencedError);
  });
});

describe('forPostgres', () => {
  it('numbers the placeholders', () => expect(forPostgres(RAISE_FENCE)).toContain('VALUES ($1, $2, $3, $4)'));
});

describe('a worker that is frozen in its call for a minute and woken', () => {
  const play = async (freezes: 'before' | 'after') => {
    const clock = scriptedClock(1_800_000_000_000);
    const sink = openSink();
    const run = await playFrozen({
      ports: memoryPorts(clock),
      pass: (ms) => clock.advance(ms),
      processorOf: () => sqlProcessor(sink.database, sink.effect),
      freezes,
      frozenForMs: 60_000,
    });
    return { ...run, sink };
  };

  it('writes nothing more: the other has written, every effect is there once and in order', async () => {
    const { calls, frozen, bodies, sink } = await play('before');
    const woken = calls.filter((call) => call.by === 'a' && call.when === 'after the frost');
    expect(woken[0]).toMatchObject({ outcome: 'FencedError', bodies: frozen });
    expect(woken.filter((call) => call.outcome === 'returned' && call.epoch === woken[0]?.epoch)).toEqual([]);
    const byOther = calls.filter((call) => call.by === 'b' && call.when === 'during the frost' && call.outcome === 'returned');
    expect(byOther.flatMap((call) => call.bodies)).toEqual(expect.arrayContaining([...frozen]));
    expect(sink.bodies()).toEqual(bodies);
  });

  it('repeats nothing either when it had written just before: the other skips what is there', async () => {
    const { calls, frozen, bodies, sink } = await play('after');
    const byOther = calls.filter((call) => call.by === 'b' && call.when === 'during the frost');
    expect(byOther.flatMap((call) => call.bodies)).toEqual(expect.arrayContaining([...frozen]));
    expect(sink.bodies()).toEqual(bodies);
  });
});
