import { describe, expect, it } from 'vitest';
import { DispatchWindow, positionAfter, unpack } from '../../lib/consumer/dispatch-window.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { aggregated } from '../support/kpl-aggregate.ts';
import { nameOf, rawRecord } from '../support/owned-shard.ts';

const packed = (n: number, count: number) =>
  rawRecord(n, 'a', aggregated(Array.from({ length: count }, (_, i) => ({ partitionKey: `k${i}`, data: new Uint8Array([i]) }))));
const how = {
  deaggregate: true,
  hashKeyRange: WHOLE_RANGE,
  maxRecords: 100,
  resumeAfter: { checkpoint: 'TRIM_HORIZON' },
  onForeign: () => {},
} as const;
const mixed = unpack([rawRecord(1, 'p'), packed(2, 3), rawRecord(3, 'p')], how);

describe('unpack', () => {
  it('gives plain records as they are', () => {
    const front = [rawRecord(1, 'p'), rawRecord(2, 'p')];
    expect(unpack(front, how)).toEqual({ raws: front, records: front, ends: null });
  });

  it('tells where the records of each raw one end', () => {
    expect(mixed.records.map(nameOf)).toEqual(['101', '102.0', '102.1', '102.2', '103']);
    expect(mixed.ends).toEqual([1, 4, 5]);
  });

  it('takes no further raw record once there are enough records, but always one', () => {
    const front = [packed(1, 3), packed(2, 3), packed(3, 3)];
    expect(unpack(front, { ...how, maxRecords: 4 }).raws).toHaveLength(2);
    expect(unpack(front, { ...how, maxRecords: 3 }).raws).toHaveLength(1);
    expect(unpack(front, { ...how, maxRecords: 1 }).raws).toHaveLength(1);
  });
});

describe('positionAfter', () => {
  it('names whole records where they end and parts where they do not', () => {
    expect([0, 1, 2, 3, 4, 5].map((count) => positionAfter(mixed, count))).toEqual([
      null,
      { checkpoint: '101' },
      { checkpoint: '102', subSequenceNumber: 0 },
      { checkpoint: '102', subSequenceNumber: 1 },
      { checkpoint: '102' },
      { checkpoint: '103' },
    ]);
  });

  it('counts plain records one by one', () => {
    const plain = unpack([rawRecord(1, 'p'), rawRecord(2, 'p')], how);
    expect([0, 1, 2].map((count) => positionAfter(plain, count))).toEqual([null, { checkpoint: '101' }, { checkpoint: '102' }]);
  });
});

describe('DispatchWindow', () => {
  it('is processed up to the first record that any lane has not finished', () => {
    const window = new DispatchWindow(0, mixed, 8);
    const works = window.works.filter((work) => work !== undefined);
    expect(works.length).toBeGreaterThan(1);
    expect(window.unfinished).toBe(works.length);
    expect(window.processed).toBe(0);
    for (const work of works) work.next = work.records.length;
    expect(window.processed).toBe(5);
    const [first] = works;
    if (first === undefined) throw new Error('no work');
    first.next = first.records.length - 1;
    expect(window.processed).toBe(first.places?.at(-1));
  });

  it('has no work when all its records were left out', () => {
    const window = new DispatchWindow(0, { raws: [rawRecord(1, 'p')], records: [], ends: [0] }, 4);
    expect([window.unfinished, window.processed]).toEqual([0, 0]);
  });
});
