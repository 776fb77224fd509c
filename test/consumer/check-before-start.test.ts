import { describe, expect, it } from 'vitest';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { checkBeforeStart } from '../../lib/consumer/check-before-start.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
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
const base = { application: 'shop', streamName: 'orders', workerId: 'w1', retrieval: 'polling' } as const;

const check = async (preflight: 'refuse' | 'warn' | 'off', findings: Finding[]) => {
  const events: ConsumerEvent[] = [];
  let looked = 0;
  const port = {
    check: async () => {
      looked += 1;
      return findings;
    },
  };
  const error = await checkBeforeStart({ ...base, preflight }, port, (event) => events.push(event)).catch(
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

  it('fails on a setting of preflight that is none', () => {
    const ports = memoryPorts(systemClock);
    const options = { application: 'shop', streamName: 'orders', ports, processor, preflight: 'maybe' };
    expect(() => new Consumer(options as never)).toThrow(/preflight: .*refuse.*warn.*off.*got "maybe"/);
  });
});
