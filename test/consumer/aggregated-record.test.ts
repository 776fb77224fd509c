import { describe, expect, it } from 'vitest';
import { deaggregated, looksAggregated } from '../../lib/consumer/aggregated-record.ts';
import { hashKeyOf } from '../../lib/consumer/demand-counter.ts';
import { type HashKeyRange, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { aggregated, aggregateMessage, sealed, type UserRecord } from '../support/kpl-aggregate.ts';
import { rawRecord } from '../support/owned-shard.ts';

const text = (value: string) => new TextEncoder().encode(value);
const user = (partitionKey: string, data: string, explicitHashKey?: string): UserRecord => ({
  partitionKey,
  data: text(data),
  ...(explicitHashKey === undefined ? {} : { explicitHashKey }),
});
const raw = (data: Uint8Array) => rawRecord(7, 'a', data);
/** The example of aggregation-format.md in bytes, written down by hand: key table "pk", one record with data "hi". */
const BY_HAND = Uint8Array.from([0x0a, 2, 0x70, 0x6b, 0x1a, 6, 0x08, 0, 0x1a, 2, 0x68, 0x69]);

describe('deaggregated', () => {
  it('takes a record apart: own keys, own data, sub-sequence numbers from 0, the sequence number and arrival of the whole', () => {
    const found = deaggregated(raw(aggregated([user('k1', 'one'), user('k2', 'two', '5'), user('k1', '')])), WHOLE_RANGE);
    const shared = { sequenceNumber: '107', arrivedAtMs: 1_700_000_000_000 };
    expect(found.kind).toBe('aggregate');
    expect(
      found.kind === 'aggregate' && found.records.map((each) => ({ ...each, data: Buffer.from(each.data).toString() })),
    ).toEqual([
      { ...shared, subSequenceNumber: 0, partitionKey: 'k1', data: 'one' },
      { ...shared, subSequenceNumber: 1, partitionKey: 'k2', explicitHashKey: '5', data: 'two' },
      { ...shared, subSequenceNumber: 2, partitionKey: 'k1', data: '' },
    ]);
  });

  it('reads a message that was written by hand', () => {
    const found = deaggregated(raw(sealed(BY_HAND)), WHOLE_RANGE);
    expect(
      found.kind === 'aggregate' && found.records.map((each) => [each.partitionKey, Buffer.from(each.data).toString()]),
    ).toEqual([['pk', 'hi']]);
  });

  it('copies no data: a part is a view into the record', () => {
    const data = new Uint8Array(aggregated([user('k', 'payload')]));
    const found = deaggregated(raw(data), WHOLE_RANGE);
    expect(found.kind === 'aggregate' && found.records[0]?.data.buffer).toBe(data.buffer);
  });

  it('takes apart data that begins within a larger buffer', () => {
    const data = aggregated([user('k', 'payload')]);
    const larger = new Uint8Array(data.byteLength + 7);
    larger.set(data, 5);
    const found = deaggregated(raw(larger.subarray(5, 5 + data.byteLength)), WHOLE_RANGE);
    expect(found.kind === 'aggregate' && Buffer.from(found.records[0]?.data ?? []).toString()).toBe('payload');
  });

  it('leaves all of it out when one record lies outside the shard, by its key or its explicit hash key', () => {
    const half: HashKeyRange = { startingHashKey: 0n, endingHashKey: 2n ** 127n - 1n };
    const inside = Array.from({ length: 50 }, (_, i) => `key-${i}`).filter((key) => hashKeyOf(key) < 2n ** 127n);
    const outside = Array.from({ length: 50 }, (_, i) => `key-${i}`).filter((key) => hashKeyOf(key) >= 2n ** 127n);
    const [a = '', b = ''] = inside;
    const [c = ''] = outside;
    expect(deaggregated(raw(aggregated([user(a, '1'), user(b, '2')])), half).kind).toBe('aggregate');
    expect(deaggregated(raw(aggregated([user(a, '1'), user(c, '2'), user(b, '3')])), half)).toEqual({
      kind: 'foreign',
      records: 3,
      hashKey: hashKeyOf(c),
    });
    // The explicit hash key decides where there is one.
    expect(deaggregated(raw(aggregated([user(c, '1', '0')])), half).kind).toBe('aggregate');
    expect(deaggregated(raw(aggregated([user(a, '1', (2n ** 127n).toString())])), half)).toMatchObject({ kind: 'foreign' });
  });

  it('delivers as it is what only begins like an aggregated record', () => {
    const data = new Uint8Array(aggregated([user('k', 'payload')]));
    const wrongDigest = data.with(data.length - 1, (data.at(-1) ?? 0) ^ 1);
    const changed = data.with(6, (data[6] ?? 0) ^ 1);
    for (const bytes of [wrongDigest, changed, data.subarray(0, 20), data.subarray(0, 4), new Uint8Array(), text('plain')]) {
      expect(deaggregated(raw(bytes), WHOLE_RANGE)).toEqual({ kind: 'plain' });
    }
  });

  it('delivers as it is what has a right digest over something else', () => {
    const noKeyIndex = Uint8Array.from([0x0a, 1, 0x70, 0x1a, 2, 0x1a, 0]);
    const noData = Uint8Array.from([0x0a, 1, 0x70, 0x1a, 2, 0x08, 0]);
    const keyBeyondTable = Uint8Array.from([0x0a, 1, 0x70, 0x1a, 4, 0x08, 3, 0x1a, 0]);
    const hashKeyBeyondTable = Uint8Array.from([0x0a, 1, 0x70, 0x1a, 6, 0x08, 0, 0x10, 0, 0x1a, 0]);
    const longerThanItSays = BY_HAND.with(5, 4);
    const truncated = BY_HAND.subarray(0, BY_HAND.length - 1);
    const noHashKey = aggregateMessage([user('k', 'x', 'not a number')]);
    for (const message of [
      noKeyIndex,
      noData,
      keyBeyondTable,
      hashKeyBeyondTable,
      longerThanItSays,
      truncated,
      noHashKey,
      text('no protobuf at all'),
    ]) {
      expect(deaggregated(raw(sealed(message)), WHOLE_RANGE)).toEqual({ kind: 'plain' });
    }
  });

  it('finds no record in an aggregate of none', () => {
    expect(deaggregated(raw(sealed(aggregateMessage([]))), WHOLE_RANGE)).toEqual({ kind: 'plain' });
    expect(deaggregated(raw(sealed(Uint8Array.from([0x0a, 1, 0x70]))), WHOLE_RANGE)).toEqual({ kind: 'aggregate', records: [] });
  });
});

describe('looksAggregated', () => {
  it('asks for the four first bytes and room for a digest', () => {
    expect(looksAggregated(sealed(BY_HAND))).toBe(true);
    expect(looksAggregated(Uint8Array.from([0xf3, 0x89, 0x9a, 0xc2, ...new Array(16).fill(0)]))).toBe(false);
    expect(looksAggregated(Uint8Array.from([0xf3, 0x89, 0x9a, 0xc3, ...new Array(30).fill(0)]))).toBe(false);
  });
});
