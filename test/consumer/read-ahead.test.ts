// A feed that polls through the real pace, on a scripted clock: what its buffer costs is known to the millisecond.
import { describe, expect, it } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { noUpkeep, ReadAhead } from '../../lib/consumer/read-ahead.ts';
import { ShardFeed } from '../../lib/consumer/shard-feed.ts';
import { BufferBudget, ShardQueue } from '../../lib/consumer/shard-queue.ts';
import type { RecordBatch, StreamReader } from '../../lib/ports.ts';
import { rawRecord } from '../support/owned-shard.ts';

const READ_MS = 50;
const RECORDS = 20;
const BYTES = 100;

/** A backlog without end in answers of 2,000 bytes, and a processor that takes `msPerRecord`. */
const run = async (of: { buffer: number; msPerRecord: number; total?: number; behind?: boolean; ms?: number }) => {
  const clock = scriptedClock(0);
  const count = noUpkeep();
  const monotonicMs = () => clock.monotonicMs();
  const readAhead = new ReadAhead(monotonicMs, count);
  const queue = new ShardQueue(of.buffer, new BufferBudget(of.total ?? 1e9), { readAhead, monotonicMs });
  let next = 0;
  const batch = (): RecordBatch => ({
    records: Array.from({ length: RECORDS }, () => rawRecord(next++, 'k', new Uint8Array(BYTES))),
    millisBehindLatest: of.behind === false ? 0 : 60_000,
    shardEnd: false,
  });
  const poll = () => ({
    next: async () => {
      await clock.sleep(READ_MS);
      return batch();
    },
  });
  const feed = new ShardFeed({ poll } as Partial<StreamReader> as StreamReader, clock, {
    ...{ streamName: 's', shardId: 'shard', after: 'TRIM_HORIZON', consumerArn: null, pollMs: 200, emit: () => {} },
    deliver: async (records, millisBehindLatest) => {
      queue.add(records, millisBehindLatest > 0);
      await queue.room();
    },
    onEnd: () => {},
    onRead: (lateMs) => readAhead.reads(lateMs),
  });
  let processed = 0;
  let isOver = false;
  const processing = (async () => {
    while (!isOver) {
      if (queue.waiting === 0) await clock.sleep(1);
      else {
        queue.take(1);
        await clock.sleep(of.msPerRecord);
        queue.done(1, BYTES);
        processed += 1;
      }
    }
  })();
  for (let at = 0; at < (of.ms ?? 20_000); at += 10) await clock.advance(10);
  readAhead.settle();
  isOver = true;
  queue.close();
  const stopped = feed.stop();
  for (let at = 0; at < 50; at += 1) await clock.advance(10);
  await Promise.all([stopped, processing]);
  return { ...count, processed };
};

describe('ReadAhead', () => {
  it('counts the time that a read held up by the shard’s own buffer leaves the processor without work', async () => {
    // 20 records last 400 ms; the next read begins only when one of 100 bytes is left: 50 ms of answer, of which 20 have work.
    const found = await run({ buffer: BYTES, msPerRecord: 20 });
    expect(found.heldUps).toBeGreaterThan(30);
    expect(Math.abs(found.heldUpMs / found.heldUps - 30)).toBeLessThan(5);
    expect(found.starvedMs / found.heldUpMs).toBeCloseTo(1, 1);
    expect(found.behindMs).toBeGreaterThan(19_000);
    const larger = await run({ buffer: 100 * BYTES, msPerRecord: 20 });
    // What was counted is what a larger buffer gives back.
    expect(larger.heldUpMs).toBe(0);
    expect((larger.processed - found.processed) * 20).toBeGreaterThan(found.heldUpMs * 0.8);
    expect((larger.processed - found.processed) * 20).toBeLessThan(found.heldUpMs * 1.2);
  });

  it('counts nothing as held up where the pace of reads is what ends first: a larger buffer would not help', async () => {
    const [small, large] = [await run({ buffer: BYTES, msPerRecord: 5 }), await run({ buffer: 1e6, msPerRecord: 5 })];
    expect(small.starvedMs).toBeGreaterThan(2000);
    expect(small.heldUpMs).toBe(0);
    expect(large.processed).toBe(small.processed);
  });

  it('counts nothing as held up where the bound of the whole process keeps reads waiting', async () => {
    const found = await run({ buffer: 1e6, msPerRecord: 20, total: BYTES });
    expect(found.starvedMs).toBeGreaterThan(500);
    expect(found.heldUpMs).toBe(0);
  });

  it('counts neither a backlog nor a gap where there is nothing more in the stream', async () => {
    const found = await run({ buffer: BYTES, msPerRecord: 1, behind: false });
    expect(found).toMatchObject({ behindMs: 0, starvedMs: 0, heldUpMs: 0 });
    expect(found.shardMs).toBeGreaterThan(19_000);
  });

  it('tells the bytes that are held over the time', async () => {
    const found = await run({ buffer: 100 * BYTES, msPerRecord: 20 });
    expect(found.bufferByteMs / found.shardMs).toBeGreaterThan(90 * BYTES);
    expect(found.bufferByteMs / found.shardMs).toBeLessThan(125 * BYTES);
  });

  it('counts a gap from when the stream is known to have more', () => {
    let nowMs = 0;
    const count = noUpkeep();
    const readAhead = new ReadAhead(() => nowMs, count);
    readAhead.arrived(10, 1000, false);
    readAhead.processed(1000, 0);
    // Nothing came for a minute; then an empty answer says that there is more, and a second later it comes.
    nowMs += 60_000;
    readAhead.arrived(0, 0, true);
    nowMs += 1000;
    readAhead.arrived(10, 1000, true);
    expect(count).toMatchObject({ starvedMs: 1000, behindMs: 1000, heldUpMs: 0 });
  });

  it('counts of a push only what waited longer than pushes are apart', () => {
    let nowMs = 0;
    const count = noUpkeep();
    const readAhead = new ReadAhead(() => nowMs, count);
    const cycle = (waitedMs: number, gapMs: number) => {
      readAhead.arrived(10, 1000, true);
      nowMs += 100;
      readAhead.processed(1000, 0);
      readAhead.waited(waitedMs);
      nowMs += gapMs;
    };
    cycle(900, 300);
    cycle(1200, 300);
    readAhead.arrived(1, 100, true);
    expect(count).toMatchObject({ starvedMs: 600, heldUpMs: 200, heldUps: 1 });
  });
});
