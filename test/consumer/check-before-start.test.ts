import { describe, expect, it } from 'vitest';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { checkBeforeStart } from '../../lib/consumer/check-before-start.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import { effectsProcessor } from '../../lib/effects/effects-processor.ts';
import { StartRefusedError } from '../../lib/errors.ts';
import type { Finding } from '../../lib/model/finding.ts';

const finding = (change: Partial<Finding>): Finding => ({
  kind: 'table-missing',
  what: 'leaseTable leases',
  received: 'no such table',
  allowed: 'a table',
  doThis: 'deploy the stack',
  fatal: true,
  ...change,
});
const base = {
  application: 'shop',
  streamName: 'orders',
  workerId: 'w1',
  retrieval: 'polling',
  concurrencyPerShard: 1,
  tuning: {},
} as const;

const check = async (preflight: 'refuse' | 'warn' | 'off', findings: Finding[]) => {
  const events: ConsumerEvent[] = [];
  let looked = 0;
  const port = {
    check: async () => {
      looked += 1;
      return findings;
    },
  };
  const error = await checkBeforeStart({ ...base, preflight }, {}, port, (event) => events.push(event)).catch(
    (thrown: unknown) => thrown,
  );
  return { error, events, looked };
};

describe('checkBeforeStart', () => {
  const clock = finding({ kind: 'clock-wrong', what: 'the wall clock', received: '9 s ahead', doThis: 'set it', fatal: false });

  it('lets a worker start that nothing is found about', async () => {
    expect(await check('refuse', [])).toEqual({ error: undefined, events: [], looked: 1 });
  });

  it('fails with every fatal finding and what to do about it, and tells the others by events', async () => {
    const permission = finding({ kind: 'permission-missing', what: 'permissions on stream orders', doThis: 'attach the policy' });
    const { error, events } = await check('refuse', [finding({}), permission, clock]);
    expect(error).toBeInstanceOf(StartRefusedError);
    expect((error as StartRefusedError).findings).toEqual([finding({}), permission]);
    expect((error as Error).message).toBe(
      [
        'worker w1 of shop on orders does not start: 2 things would fail later',
        '- leaseTable leases: got no such table; needed: a table. To do: deploy the stack',
        '- permissions on stream orders: got no such table; needed: a table. To do: attach the policy',
      ].join('\n'),
    );
    expect(events).toEqual([{ kind: 'preflight', finding: clock }]);
  });

  it('only tells when it is to warn', async () => {
    const { error, events } = await check('warn', [finding({}), clock]);
    expect(error).toBeUndefined();
    expect(events).toEqual([
      { kind: 'preflight', finding: finding({}) },
      { kind: 'preflight', finding: clock },
    ]);
  });

  it('does not look when it is off', async () => {
    expect(await check('off', [finding({})])).toEqual({ error: undefined, events: [], looked: 0 });
  });
});

describe('Consumer.start', () => {
  const processor = { process: async () => {} };

  it('fails on a stream that is not there, with what to do', async () => {
    const ports = memoryPorts(systemClock);
    const consumer = new Consumer({ application: 'shop', streamName: 'orders', ports, processor });
    await expect(consumer.start()).rejects.toThrow(
      /does not start: one thing would fail later\n- stream orders: got no such stream in memory; .* To do: create it, correct streamName/,
    );
    await consumer.stop();
  });

  it('fails with more lanes than the processor bears, in the settings or in the bounds for tuning, and says how many it bears', async () => {
    const ports = memoryPorts(systemClock);
    ports.streams.createStream('orders', 1);
    const options = { application: 'shop', streamName: 'orders', ports, processor: { ...processor, maxConcurrencyPerShard: 2 } };
    const consumer = new Consumer({ ...options, concurrencyPerShard: 4, tuning: { concurrencyPerShard: { from: 1, to: 8 } } });
    const refused = (await consumer.start().catch((error: unknown) => error)) as StartRefusedError;
    await consumer.stop();
    expect(refused).toBeInstanceOf(StartRefusedError);
    expect(refused.findings).toMatchObject([
      { kind: 'too-many-lanes', what: 'concurrencyPerShard', received: '4', allowed: expect.stringMatching(/^at most 2, /) },
      { kind: 'too-many-lanes', what: 'tuning.concurrencyPerShard.to', received: '8' },
    ]);
    const bears = new Consumer({ ...options, concurrencyPerShard: 2, tuning: { concurrencyPerShard: { from: 1, to: 2 } } });
    await bears.start();
    expect((await ports.workers.list({ application: 'shop', streamName: 'orders' }))[0]?.maxConcurrencyPerShard).toBe(2);
    await bears.stop();
  });

  it('tells of no more lanes for tuning than the processor bears, where it only warns', async () => {
    const ports = memoryPorts(systemClock);
    ports.streams.createStream('orders', 1);
    const options = { application: 'shop', streamName: 'orders', ports, processor: { ...processor, maxConcurrencyPerShard: 2 } };
    const consumer = new Consumer({ ...options, preflight: 'warn', tuning: { concurrencyPerShard: { from: 1, to: 8 } } });
    await consumer.start();
    const [report] = await ports.workers.list({ application: 'shop', streamName: 'orders' });
    await consumer.stop();
    expect(report?.tuning?.bounds).toEqual({ concurrencyPerShard: { from: 1, to: 2 } });
  });

  it('fails with effectsProcessor in more than one lane', async () => {
    const ports = memoryPorts(systemClock);
    ports.streams.createStream('orders', 1);
    const effects = effectsProcessor({ write: async () => ({ kind: 'written' }) }, () => []);
    const options = { application: 'shop', streamName: 'orders', ports, processor: effects };
    const consumer = new Consumer({ ...options, tuning: { concurrencyPerShard: { from: 1, to: 8 } } });
    await expect(consumer.start()).rejects.toThrow(
      /tuning\.concurrencyPerShard\.to: got 8; needed: at most 1, which the processor declares by maxConcurrencyPerShard\. To do: set/,
    );
    await consumer.stop();
  });

  it.each([0, 1.5, 65, '2'])('fails on a processor that declares %s lanes', (maxConcurrencyPerShard) => {
    const ports = memoryPorts(systemClock);
    const options = { application: 'shop', streamName: 'orders', ports, processor: { ...processor, maxConcurrencyPerShard } };
    expect(() => new Consumer(options as never)).toThrow(
      `processor.maxConcurrencyPerShard must be a whole number from 1 to 64, got ${maxConcurrencyPerShard}`,
    );
  });

  it('fails on a setting of preflight that is none', () => {
    const ports = memoryPorts(systemClock);
    const options = { application: 'shop', streamName: 'orders', ports, processor, preflight: 'maybe' };
    expect(() => new Consumer(options as never)).toThrow(/preflight: .*refuse.*warn.*off.*got "maybe"/);
  });
});
