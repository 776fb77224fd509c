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

describe('ShadowBuffer', () => {
  it('hands over for every trim and every bound a contiguous run after the asked point, and says where to read on', () => {
    fc.assert(
      fc.property(payloads, fc.integer({ min: 1, max: 800 }), fc.nat(), fc.nat(), (data, maxBytes, trimAt, askAt) => {
        const records = recordsOf(data);
        const buffer = new ShadowBuffer('TRIM_HORIZON', hash, { maxBytes, maxEntries: 1000 });
        const trim = trimAt % records.length;
        for (const [i, record] of records.entries()) {
          buffer.add(record);
          if (i === trim) buffer.trimThrough(records[Math.floor(trim / 2)]!.sequenceNumber);
          expect(buffer.bytes).toBeLessThanOrEqual(maxBytes);
        }
        const from = Math.floor(trim / 2) + (askAt % (records.length - Math.floor(trim / 2)));
        const { records: handed, readOnAfter } = buffer.after(records[from]!.sequenceNumber);
        expect(handed).toEqual(records.slice(from + 1, from + 1 + handed.length));
        expect(readOnAfter).toBe(handed.at(-1)?.sequenceNumber ?? records[from]!.sequenceNumber);
        expect(buffer.markAt(records[from]!.sequenceNumber)).toEqual(markOf(records.slice(0, from + 1)));
      }),
    );
  });

  it('leaves out a record that it has seen', () => {
    const buffer = new ShadowBuffer('999', hash, { maxBytes: 100, maxEntries: 10 });
    const [first, second] = recordsOf([new Uint8Array([1]), new Uint8Array([2])]);
    for (const record of [first!, second!, first!, { ...first!, sequenceNumber: '998' }]) buffer.add(record);
    expect(buffer.records).toBe(2);
  });

  it('knows its start before anything was read, and no point between records', () => {
    const buffer = new ShadowBuffer('50', hash, { maxBytes: 100, maxEntries: 10 });
    expect(buffer.markAt('50')).toEqual({ sequenceNumber: '50', count: 0, digest: '0'.repeat(16) });
    buffer.add(recordsOf([new Uint8Array([1])])[0]!);
    expect(buffer.markAt('60')).toBeNull();
    expect(buffer.after('60')).toEqual({ records: [], readOnAfter: '60' });
  });

  it('is full at its bound of entries and has room again after a mark', () => {
    const buffer = new ShadowBuffer('0', hash, { maxBytes: 1, maxEntries: 2 });
    const records = recordsOf([new Uint8Array([1]), new Uint8Array([2])]);
    for (const record of records) buffer.add(record);
    expect(buffer.full).toBe(true);
    buffer.trimThrough(records[1]!.sequenceNumber);
    expect(buffer.full).toBe(false);
    expect(buffer.bytes).toBe(0);
  });
});
