import { describe, expect, it } from 'vitest';
import { BufferBudget, ShardQueue } from '../../lib/consumer/shard-queue.ts';
import { rawRecord } from '../support/owned-shard.ts';

const of = (...sizes: number[]) => sizes.map((size, i) => rawRecord(i, 'k', new Uint8Array(size)));
/** Whether reading may go on, as seen after everything has settled. */
const isOpen = async (queue: ShardQueue) => {
  let open = false;
  queue.room().then(() => {
    open = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return () => open;
};

describe('ShardQueue', () => {
  it('gives the records in the order in which they came, however many are taken at a time', () => {
    const queue = new ShardQueue(1000, new BufferBudget(1000));
    const records = of(...new Array<number>(100).fill(1));
    queue.add(records.slice(0, 60));
    const taken: unknown[] = [];
    for (let count = 1; queue.waiting > 0; count += 1) {
      const next = queue.peek(count);
      queue.take(next.length);
      taken.push(...next);
      if (count === 3) queue.add(records.slice(60));
    }
    expect(taken).toEqual(records);
  });

  it('lets reading go on below its own bound, counting records until they are processed', async () => {
    const queue = new ShardQueue(10, new BufferBudget(1000));
    queue.add(of(6, 6));
    const open = await isOpen(queue);
    queue.take(2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBe(false);
    expect([queue.records, queue.bytes]).toEqual([2, 12]);
    queue.done(1, 6);
    await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBe(true);
  });

  it('waits for the bound of the whole process, until other shards make room', async () => {
    const budget = new BufferBudget(20);
    const [a, b] = [new ShardQueue(1000, budget), new ShardQueue(1000, budget)];
    a.add(of(15));
    b.add(of(10));
    const open = await isOpen(b);
    expect(open()).toBe(false);
    a.take(1);
    a.done(1, 15);
    await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBe(true);
    expect(budget.bytes).toBe(10);
  });

  it('lets a shard that holds nothing read on whatever the others hold', async () => {
    const budget = new BufferBudget(20);
    const [full, empty] = [new ShardQueue(1000, budget), new ShardQueue(1000, budget)];
    full.add(of(50));
    expect((await isOpen(empty))()).toBe(true);
    empty.add(of(50));
    const open = await isOpen(empty);
    expect(open()).toBe(false);
    empty.take(1);
    empty.done(1, 50);
    await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBe(true);
  });

  it('gives all it holds back to the process when it is closed, lets the reader go and takes no more', async () => {
    const budget = new BufferBudget(20);
    const queue = new ShardQueue(10, budget);
    queue.add(of(50));
    const open = await isOpen(queue);
    queue.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBe(true);
    queue.add(of(50));
    // A call that was in flight ends only now.
    queue.done(1, 50);
    expect([budget.bytes, queue.bytes, queue.records]).toEqual([0, 0, 0]);
  });
});
