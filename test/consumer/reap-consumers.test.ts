import { describe, expect, it } from 'vitest';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { mayReapConsumers, reapConsumers } from '../../lib/consumer/reap-consumers.ts';
import { consumerNameOf, profilingConsumerNameOf } from '../../lib/model/consumer-name.ts';
import { sampleLease } from '../support/sample-lease.ts';

describe('mayReapConsumers', () => {
  const shadowed = sampleLease({ shadow: { workerId: 'b', state: 'tracking', purpose: 'request', requestedAtMs: 1 } });

  it('holds for the last worker that leaves, itself still listed or not', () => {
    expect(mayReapConsumers('a', ['a'], [sampleLease()])).toBe(true);
    expect(mayReapConsumers('a', [], [])).toBe(true);
  });

  it('does not hold while another worker lives, or a shadow stands', () => {
    expect(mayReapConsumers('a', ['a', 'b'], [sampleLease()])).toBe(false);
    expect(mayReapConsumers('a', ['a'], [sampleLease(), shadowed])).toBe(false);
  });
});

describe('reapConsumers', () => {
  it('deregisters ours, those that are not registered without an error, and never another’s', async () => {
    const { streams, control } = memoryPorts(scriptedClock(0));
    const { streamArn } = streams.createStream('orders', 1);
    for (const name of [consumerNameOf('shop', 1), profilingConsumerNameOf('shop'), consumerNameOf('other', 0), 'theirs'])
      await control.ensureConsumer(streamArn, name);
    await reapConsumers(control, streamArn, { application: 'shop' });
    expect((await control.listConsumers(streamArn)).map(({ consumerName }) => consumerName)).toEqual([
      consumerNameOf('other', 0),
      'theirs',
    ]);
  });
});
