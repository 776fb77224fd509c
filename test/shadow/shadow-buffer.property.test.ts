import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { DigestChain, type Hash64, sameMark } from '../../lib/shadow/digest-chain.ts';
import { ShadowBuffer } from '../../lib/shadow/shadow-buffer.ts';
import { loadHash64 } from '../../lib/shadow/xxhash.ts';

let hash: Hash64;
beforeAll(async () => {
  hash = await loadHash64();
});

const recordsOf = (payloads: readonly Uint8Array[]): StreamRecord[] =>
  payloads.map((data, i) => ({ sequenceNumber: String(1000 + i * 7), partitionKey: `k${i % 3}`, data, arrivedAtMs: i }));
const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 2, maxLength: 60 });
const markOf = (records: readonly StreamRecord[]) => {
  const chain = new DigestChain('TRIM_HORIZON', hash);
  for (const record of records) chain.add(record);
  return chain.mark();
};

describe('DigestChain', () => {
  it('gives for every input the same mark whatever the batches, and another one when a byte flips, a record drops or two swap', () => {
    fc.assert(
      fc.property(payloads, fc.nat(), (data, pick) => {
        const records = recordsOf(data);
        const mark = markOf(records);
        expect(sameMark(mark, markOf(records))).toBe(true);
        const at = pick % (records.length - 1);
        const flipped = records.map((r, i) => (i === at ? { ...r, data: r.data.map((b, j) => (j === 0 ? b ^ 1 : b)) } : r));
        expect(sameMark(mark, markOf(flipped))).toBe(false);
        expect(sameMark(mark, markOf(records.filter((_, i) => i !== at)))).toBe(false);
        const swapped = [...records];
        [swapped[at], swapped[at + 1]] = [swapped[at + 1]!, swapped[at]!];
        expect(markOf(swapped).digest).not.toBe(mark.digest);
      }),
    );
  });

  it('tells a byte of the key from a byte of the data', () => {
    const a = markOf([{ sequenceNumber: '1', partitionKey: 'ab', data: new Uint8Array([99]), arrivedAtMs: 0 }]);
    const b = markOf([{ sequenceNumber: '1', partitionKey: 'a', data: new Uint8Array([98, 99]), arrivedAtMs: 0 }]);
    expect(a.digest).not.toBe(b.digest);
  });
});

/** Of a point with a sequence number of four digits, and of a record under it beside its data. */
const POINT = 60;
const RECORD = 262;

describe('ShadowBuffer', () => {
  it('hands over for every trim and every bound a contiguous run after the asked point, and says where to read on', () => {
    fc.assert(
      fc.property(payloads, fc.integer({ min: 2 * POINT, max: 20_000 }), fc.nat(), fc.nat(), (data, maxBytes, trimAt, askAt) => {
        const records = recordsOf(data);
        const buffer = new ShadowBuffer('TRIM_HORIZON', hash, { maxBytes });
        const trim = trimAt % records.length;
        let read = 0;
        for (const [i, record] of records.entries()) {
          if (buffer.add(record) === 'full') break;
          read += 1;
          if (i === trim) buffer.trimThrough(records[Math.floor(trim / 2)]!.sequenceNumber);
          expect(buffer.bytes).toBeLessThanOrEqual(maxBytes);
        }
        const trimmed = read > trim ? Math.floor(trim / 2) : 0;
        const from = trimmed + (askAt % (read - trimmed));
        const { records: handed, readOnAfter } = buffer.after(records[from]!.sequenceNumber);
        expect(handed).toEqual(records.slice(from + 1, from + 1 + handed.length));
        expect(readOnAfter).toBe(handed.at(-1)?.sequenceNumber ?? records[from]!.sequenceNumber);
        expect(buffer.markAt(records[from]!.sequenceNumber)).toEqual(markOf(records.slice(0, from + 1)));
        expect(buffer.tip).toEqual(markOf(records.slice(0, read)));
      }),
    );
  });

  it('never counts less than nothing, and nothing once everything is trimmed', () => {
    fc.assert(
      fc.property(payloads, fc.integer({ min: 2 * POINT, max: 20_000 }), fc.array(fc.nat()), (data, maxBytes, trims) => {
        const records = recordsOf(data);
        const buffer = new ShadowBuffer('TRIM_HORIZON', hash, { maxBytes });
        for (const [i, record] of records.entries()) {
          while (buffer.add(record) === 'full') buffer.trimThrough(buffer.tip.sequenceNumber);
          buffer.trimThrough(records[(trims[i] ?? 0) % (i + 1)]!.sequenceNumber);
          expect(buffer.bytes).toBeGreaterThanOrEqual(0);
        }
        buffer.trimThrough(records.at(-1)!.sequenceNumber);
        expect([buffer.bytes, buffer.records]).toEqual([0, 0]);
        expect(buffer.tip).toEqual(markOf(records));
      }),
    );
  });

  it('leaves out a record that it has seen', () => {
    const buffer = new ShadowBuffer('999', hash, { maxBytes: 10_000 });
    const [first, second] = recordsOf([new Uint8Array([1]), new Uint8Array([2])]);
    const seen = [first!, second!, first!, { ...first!, sequenceNumber: '998' }].map((record) => buffer.add(record));
    expect(seen).toEqual(['added', 'added', 'seen', 'seen']);
    expect(buffer.records).toBe(2);
  });

  it('knows its start before anything was read, and no point between records', () => {
    const buffer = new ShadowBuffer('50', hash, { maxBytes: 10_000 });
    expect(buffer.markAt('50')).toEqual({ sequenceNumber: '50', count: 0, digest: '0'.repeat(16) });
    buffer.add(recordsOf([new Uint8Array([1])])[0]!);
    expect(buffer.markAt('60')).toBeNull();
    expect(buffer.after('60')).toEqual({ records: [], readOnAfter: '60' });
  });

  it('says for a record that it never saw how far it had come before it, once it has read on', () => {
    const records = recordsOf([new Uint8Array([1]), new Uint8Array([2]), new Uint8Array([3])]);
    const buffer = new ShadowBuffer('50', hash, { maxBytes: 10_000 });
    buffer.add(records[0]!);
    expect(buffer.markThrough(records[1]!.sequenceNumber)).toBeNull();
    buffer.add(records[2]!);
    expect(buffer.markThrough(records[1]!.sequenceNumber)).toEqual(buffer.markAt(records[0]!.sequenceNumber));
    buffer.trimThrough(records[2]!.sequenceNumber);
    expect(buffer.markThrough(records[1]!.sequenceNumber)).toBeNull();
  });

  it('keeps points only when half of its bytes are records, and takes no more when the other half are points', () => {
    const records = recordsOf(Array.from({ length: 10 }, () => new Uint8Array(38)));
    const buffer = new ShadowBuffer('0', hash, { maxBytes: 2 * (RECORD + 38) });
    const taken = records.map((record) => buffer.add(record));
    expect(taken.filter((how) => how === 'added')).toHaveLength(5);
    expect(taken.slice(5).every((how) => how === 'full')).toBe(true);
    expect(buffer.bytes).toBe(RECORD + 38 + 5 * POINT);
    expect(buffer.after('0')).toEqual({ records: [records[0]], readOnAfter: records[0]!.sequenceNumber });
    buffer.trimThrough(records[0]!.sequenceNumber);
    expect(buffer.bytes).toBe(4 * POINT);
    expect(buffer.after(records[0]!.sequenceNumber)).toEqual({ records: [], readOnAfter: records[0]!.sequenceNumber });
    // No data while there are points without: a later record alone would leave a hole.
    expect(buffer.add(records[5]!)).toBe('added');
    expect(buffer.bytes).toBe(5 * POINT);
    buffer.trimThrough(records[5]!.sequenceNumber);
    expect(buffer.add(records[6]!)).toBe('added');
    expect(buffer.after(records[5]!.sequenceNumber).records).toEqual([records[6]]);
  });

  it('lets one point in whatever the bound, so that it never stands still', () => {
    const records = recordsOf([new Uint8Array([1]), new Uint8Array([2])]);
    const buffer = new ShadowBuffer('0', hash, { maxBytes: 1 });
    expect(records.map((record) => buffer.add(record))).toEqual(['added', 'full']);
    buffer.trimThrough(records[0]!.sequenceNumber);
    expect(buffer.add(records[1]!)).toBe('added');
  });
});
