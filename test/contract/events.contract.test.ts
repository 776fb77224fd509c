import { beforeAll, describe, expect, test } from 'vitest';
import { importPast } from '../../bin/import.ts';
import { parsePast } from '../../bin/import-csv.ts';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { KnownEvent } from '../../lib/model/known-event.ts';
import { type World, worlds } from '../support/worlds.ts';

const group = { application: 'shop', streamName: 'orders' };
const NOW = Date.now();
const event = (eventId: string, changes: Partial<KnownEvent> = {}): KnownEvent => ({
  ...group,
  eventId,
  when: { kind: 'once', fromMs: NOW, untilMs: NOW + 60_000 },
  effect: { kind: 'factor', factor: 3 },
  createdAtMs: NOW,
  ...changes,
});

describe.each(worlds)('events in $name', ({ open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });

  test('keep every kind as it was stated, in order of their names, each group its own', async () => {
    const all = [
      event('a', { hashKeyRange: slicesOf(WHOLE_RANGE, 2)[1]! }),
      event('b', { when: { kind: 'cron', cron: '0 20 * * 5', timeZone: 'Europe/Berlin', durationMin: 120 } }),
      event('c', {
        when: { kind: 'days', dates: ['2026-12-25', '2026-12-26'], timeZone: 'UTC' },
        effect: { kind: 'like-weekday', weekday: 'sunday' },
      }),
      event('d', { effect: { kind: 'addition', recordsPerSec: 5, bytesPerSec: 0.5 } }),
    ];
    for (const one of all.toReversed()) await world.ports.events.put(one);
    await world.ports.events.put(event('a', { streamName: 'other' }));
    expect(await world.ports.events.list(group)).toEqual(all);
  });

  test('replace an event of the same name, and take one back once', async () => {
    const own = { application: 'shop', streamName: 'clicks' };
    await world.ports.events.put(event('sale', own));
    await world.ports.events.put(event('sale', { ...own, effect: { kind: 'do-not-learn' } }));
    expect(await world.ports.events.list(own)).toEqual([event('sale', { ...own, effect: { kind: 'do-not-learn' } })]);
    expect(await world.ports.events.remove(own, 'sale')).toEqual({ kind: 'removed' });
    expect(await world.ports.events.remove(own, 'sale')).toEqual({ kind: 'unknown' });
    expect(await world.ports.events.list(own)).toEqual([]);
  });
});

describe.each(worlds)('importPast into the history of $name', ({ open }) => {
  test('puts the days of a file, and again without a change', async () => {
    const { ports } = await open();
    const day = Math.floor(NOW / 86_400_000) * 86_400_000 - 3 * 86_400_000;
    const rows = Array.from(
      { length: 3000 },
      (_, i) => `${new Date(day + i * 60_000).toISOString()},${i % 7 === 3 ? '' : i * 6}`,
    );
    const past = parsePast(`timestamp,records\n${rows.join('\n')}\n`, 'past.csv', 100, NOW);
    if (past.kind === 'refused') throw new Error(past.message);
    const imported = await importPast(ports.history, past, 'orders', false, NOW);
    expect(imported).toMatchObject({ blocks: 3, ranges: 1, minutes: 3000 - Math.floor(3003 / 7), written: true });
    const once = await ports.history.read('orders', day, day + 3 * 86_400_000);
    expect(once.map(({ records }) => records.filter((value) => value !== null).length).reduce((a, b) => a + b)).toBe(
      imported.minutes,
    );
    expect(once[0]!.bytes[1]).toBe(600);
    await importPast(ports.history, past, 'orders', false, NOW);
    expect(await ports.history.read('orders', day, day + 3 * 86_400_000)).toEqual(once);
  });
});
