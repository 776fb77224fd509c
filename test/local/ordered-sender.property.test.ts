import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderedSender } from '../../local/ordered-sender.ts';
import { type DueRecord, RecordSource } from '../../local/record-source.ts';

describe('OrderedSender', () => {
  it('never lets a record overtake one of its key, whatever is refused or fails, as long as no key is too hot', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 12 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 50 }),
        async (ticks, luck) => {
          const stream: DueRecord[] = [];
          let turn = 0;
          const sender = new OrderedSender(async (records) => {
            const perKey = new Set(records.map(({ key }) => key));
            if (perKey.size < records.length) throw new Error('two records of one key in one request');
            if (luck[turn++ % luck.length] === 0 && turn < 500) throw new Error('no answer');
            return records.map((record) => {
              const taken = luck[turn++ % luck.length] !== 1 || turn > 500;
              if (taken) stream.push(record);
              return taken;
            });
          });
          const next = new Map<string, number>();
          const all: DueRecord[] = [];
          for (const tick of ticks) {
            // At most one record of a key a tick: what the made-up keys of a trace do.
            const records = [...new Set(tick)].map((k) => {
              const key = `k${k}`;
              next.set(key, (next.get(key) ?? 0) + 1);
              return { key, n: next.get(key)! };
            });
            all.push(...records);
            sender.add(records);
            for (let i = 0; i < 4 && sender.counts.waiting > 0; i++) await sender.sendOnce();
            while (sender.counts.waiting > 20) await sender.sendOnce();
            while (sender.counts.waiting > 0) await sender.sendOnce();
          }
          expect(stream).toHaveLength(all.length);
          for (const [key, last] of next) {
            expect(stream.filter((record) => record.key === key).map(({ n }) => n)).toEqual(
              Array.from({ length: last }, (_, i) => i + 1),
            );
            expect(sender.accepted.get(key)).toBe(last);
          }
          expect(sender.counts.inversions).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('holds a key’s later record back until the refused one is taken', async () => {
    const requests: string[][] = [];
    const sender = new OrderedSender(async (records) => {
      requests.push(records.map(({ key, n }) => `${key}${n}`));
      return records.map(({ key }) => key !== 'a' || requests.length > 1);
    });
    sender.add([
      { key: 'a', n: 1 },
      { key: 'b', n: 1 },
      { key: 'a', n: 2 },
    ]);
    while (sender.counts.waiting > 0) await sender.sendOnce();
    expect(requests).toEqual([['a1', 'b1'], ['a1'], ['a2']]);
    expect(sender.counts).toMatchObject({ taken: 3, resent: 1, inversions: 0 });
  });

  it('sends a key that is too hot in runs, and owns up when a refusal then breaks its order', async () => {
    let first = true;
    const sender = new OrderedSender(async (records) => {
      const answers = records.map((_, i) => !first || i > 0);
      first = false;
      return answers;
    });
    sender.add(Array.from({ length: 40 }, (_, i) => ({ key: 'hot', n: i + 1 })));
    await sender.sendOnce();
    expect(sender.counts.inversions).toBeGreaterThan(0);
  });

  it('keeps what is added while a request is under way behind what waits', async () => {
    const seen: number[] = [];
    const sender = new OrderedSender(async (records) => {
      if (seen.length === 0) sender.add([{ key: 'a', n: 3 }]);
      seen.push(...records.map(({ n }) => n));
      return records.map(() => true);
    });
    sender.add([
      { key: 'a', n: 1 },
      { key: 'a', n: 2 },
    ]);
    while (sender.counts.waiting > 0) await sender.sendOnce();
    expect(seen).toEqual([1, 2, 3]);
  });
});

describe('RecordSource', () => {
  const replay = {
    rates: [10, 30],
    keys: [
      { key: 'a', share: 0.8 },
      { key: 'b', share: 0.2 },
    ],
  };

  it('hands out each minute’s records evenly and numbers them densely within each key', () => {
    const source = new RecordSource(replay, 1);
    const seconds = Array.from({ length: 120 }, (_, i) => source.due((i + 1) * 1000 - 1e-6));
    expect(seconds.slice(0, 60).every((records) => Math.abs(records.length - 10) <= 1)).toBe(true);
    expect(seconds.slice(61).every((records) => Math.abs(records.length - 30) <= 1)).toBe(true);
    const all = seconds.flat();
    expect(Math.abs(all.length - 2400)).toBeLessThanOrEqual(1);
    for (const key of ['a', 'b'])
      expect(all.filter((record) => record.key === key).map(({ n }) => n)).toEqual(
        Array.from({ length: all.filter((record) => record.key === key).length }, (_, i) => i + 1),
      );
    expect(all.filter(({ key }) => key === 'a').length / all.length).toBeCloseTo(0.8, 1);
  });

  it('gives the same records for the same seed, however often it is asked', () => {
    const [one, two] = [new RecordSource(replay, 5), new RecordSource(replay, 5)];
    const coarse = [one.due(500), one.due(1000)].flat();
    const fine = Array.from({ length: 10 }, (_, i) => two.due((i + 1) * 100)).flat();
    expect(fine).toEqual(coarse);
  });
});
