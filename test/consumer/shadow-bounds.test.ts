// One standby shadow against its bound, on a scripted clock: what it does when it is full, and that it never stands still for good.
import { describe, expect, it } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { ShardShadow } from '../../lib/consumer/shard-shadow.ts';
import type { Mark } from '../../lib/model/lease.ts';
import type { RecordBatch } from '../../lib/ports.ts';
import { DigestChain } from '../../lib/shadow/digest-chain.ts';
import { rawRecord, StreamOfOne, testHash } from '../support/owned-shard.ts';
import { sampleLease } from '../support/sample-lease.ts';

/** Of a point whose sequence number has three digits. */
const POINT = 59;
const records = Array.from({ length: 40 }, (_, i) => rawRecord(i, 'k', new Uint8Array(100)));
/** The owner's mark after so many records. */
const markAfter = (count: number): Mark => {
  const chain = new DigestChain('TRIM_HORIZON', testHash);
  for (const record of records.slice(0, count)) chain.add(record);
  return chain.mark();
};

/** A shadow of a shard with 40 records, with room for so many points, after its first read. */
const shadowOf = async (points: number) => {
  const clock = scriptedClock(1_700_000_000_000);
  const stream = new StreamOfOne();
  stream.records.push(...records);
  const shadow = new ShardShadow(sampleLease(), 'TRIM_HORIZON', {
    reader: stream.reader,
    clock,
    hash: testHash,
    maxBytes: 2 * POINT * points,
    consumerArn: null,
    emit: () => {},
  });
  await clock.advance(10);
  return { clock, stream, shadow, maxBytes: 2 * POINT * points };
};

describe('ShardShadow', () => {
  it('stops reading at its bound, says how far that puts it behind, and goes on when the owner has proved what it holds', async () => {
    const { clock, shadow, maxBytes } = await shadowOf(15);
    expect(shadow.bufferedRecords).toBe(15);
    await clock.advance(30_000);
    expect(shadow.bufferedRecords).toBe(15);
    expect(shadow.bufferedBytes).toBeLessThanOrEqual(maxBytes);
    expect(shadow.lagMs).toBe(30_010);
    expect(shadow.compare(markAfter(10))).toMatchObject({ kind: 'same' });
    await clock.advance(10);
    expect(shadow.bufferedRecords).toBe(15);
    expect(shadow.markAt(records[24]?.sequenceNumber ?? '')).toEqual(markAfter(25));
    expect(shadow.compare(markAfter(25))).toMatchObject({ kind: 'same' });
    await clock.advance(10);
    expect([shadow.bufferedRecords, shadow.lagMs]).toEqual([15, 0]);
    await shadow.stop();
  });

  it('forgets what it holds when the owner has gone beyond it, reads on, and proves the whole way at the next mark', async () => {
    const { clock, shadow } = await shadowOf(5);
    expect(shadow.compare(markAfter(33))).toEqual({ kind: 'not-comparable' });
    for (let i = 0; i < 10; i += 1) {
      await clock.advance(10);
      shadow.compare(markAfter(33));
    }
    expect(shadow.verified).toEqual(markAfter(33));
    await shadow.stop();
  });

  it('tells a difference at a record that it never saw, as soon as it has read on', async () => {
    const { clock, stream, shadow } = await shadowOf(60);
    const skipped = rawRecord(41, 'k');
    const chain = new DigestChain('TRIM_HORIZON', testHash);
    for (const record of [...records, skipped]) chain.add(record);
    expect(shadow.compare(chain.mark())).toEqual({ kind: 'not-comparable' });
    stream.records.push(rawRecord(42, 'k'));
    await clock.advance(2000);
    expect(shadow.compare(chain.mark())).toEqual({ kind: 'different', owner: chain.mark(), shadow: markAfter(40) });
    await shadow.stop();
  });

  it('does not wait for room when it is to catch up: whoever asks is the one that makes it', async () => {
    const full = await shadowOf(5);
    await full.shadow.catchUp(null);
    await full.shadow.stop();
    const filling = await shadowOf(60);
    filling.stream.records.push(...Array.from({ length: 100 }, (_, i) => rawRecord(100 + i, 'k')));
    let isBack = false;
    const catchingUp = filling.shadow.catchUp(null).then(() => {
      isBack = true;
    });
    await filling.clock.advance(5000);
    expect(isBack).toBe(true);
    expect(filling.shadow.bufferedRecords).toBe(60);
    await catchingUp;
    await filling.shadow.stop();
  });

  it('has caught up as soon as a push brings the record, whatever becomes of a slow read', async () => {
    const clock = scriptedClock(1_700_000_000_000);
    let push: (batch: RecordBatch) => void = () => {};
    const shadow = new ShardShadow(sampleLease(), 'TRIM_HORIZON', {
      reader: {
        poll: () => ({ next: () => clock.sleep(60_000).then(() => null) }),
        async *subscribe() {
          yield { records: [records[0]!], millisBehindLatest: 0, shardEnd: false };
          yield await new Promise<RecordBatch>((resolve) => {
            push = resolve;
          });
        },
      },
      clock,
      hash: testHash,
      maxBytes: 100_000,
      consumerArn: async () => 'arn',
      emit: () => {},
    });
    await clock.advance(10);
    let isBack = false;
    const through = records[1]!.sequenceNumber;
    const catchingUp = shadow.catchUp(through).then(() => {
      isBack = true;
    });
    await clock.advance(100);
    expect(isBack).toBe(false);
    push({ records: [records[1]!], millisBehindLatest: 0, shardEnd: false });
    await clock.advance(1);
    expect(isBack).toBe(true);
    expect(shadow.markAt(through)).toEqual(markAfter(2));
    await catchingUp;
    const stopping = shadow.stop();
    await clock.advance(60_000);
    await stopping;
  });

  it('hands over what it holds from the middle of an answer, and where to read on, but not its reading', async () => {
    const { shadow } = await shadowOf(15);
    shadow.compare(markAfter(1));
    const { handed, feed, feedContinues } = shadow.handOver(markAfter(1).sequenceNumber);
    expect(handed).toEqual({ records: [records[1]], readOnAfter: records[1]?.sequenceNumber });
    expect(feedContinues).toBe(false);
    // The feed may live on with the owner, and it knows the shadow.
    expect([shadow.bufferedRecords, shadow.bufferedBytes]).toEqual([0, 0]);
    await feed.stop();
  });
});
