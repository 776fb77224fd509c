import { describe, expect, it } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { memoryTuning } from '../../lib/adapters/memory/tuning.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import { ConsumerSettings } from '../../lib/consumer/options.ts';
import { TuningAgent } from '../../lib/consumer/tuning-agent.ts';
import type { Tuning, TuningBounds } from '../../lib/model/tuning.ts';

const group = { application: 'shop', streamName: 'orders' };
const { signal } = new AbortController();
const stored = (revision: number, settings: Tuning['settings']): Tuning => ({ ...group, revision, settings, outcomes: [] });

const agentOf = (bounds?: TuningBounds) => {
  const clock = scriptedClock(1_800_000_000_000);
  const store = memoryTuning();
  const applied: number[] = [];
  const events: ConsumerEvent[] = [];
  let asked = 0;
  let answer: Promise<Tuning | null> | null = null;
  const agent = new TuningAgent({
    settings: ConsumerSettings.parse({ ...group, ...(bounds === undefined ? {} : { tuning: bounds }) }),
    ports: {
      clock,
      tuning: {
        ...store,
        get: (of) => {
          asked += 1;
          return answer ?? store.get(of);
        },
      },
    },
    apply: ({ concurrencyPerShard }) => void applied.push(concurrencyPerShard),
    emit: (event) => void events.push(event),
  });
  const answerWith = (next: Promise<Tuning | null>) => {
    answer = next;
  };
  return { agent, clock, store, applied, events, asked: () => asked, answerWith };
};
const lanes: TuningBounds = { concurrencyPerShard: { from: 1, to: 8 } };

describe('TuningAgent', () => {
  it('never asks where the worker’s code declares no bounds, and reports nothing', async () => {
    const { agent, asked } = agentOf();
    await agent.look(true, signal);
    expect(asked()).toBe(0);
    expect(agent.report).toBeUndefined();
  });

  it('asks when something was announced, else once a minute', async () => {
    const { agent, clock, asked } = agentOf(lanes);
    await agent.look(false, signal);
    await agent.look(false, signal);
    expect(asked()).toBe(1);
    await agent.look(true, signal);
    expect(asked()).toBe(2);
    await clock.advance(60_000);
    await agent.look(false, signal);
    expect(asked()).toBe(3);
  });

  it('takes over what is stored, once, and says so', async () => {
    const { agent, store, applied, events } = agentOf(lanes);
    await store.write(stored(1, { concurrencyPerShard: 4, maxBatchRecords: 7 }));
    await agent.look(true, signal);
    await agent.look(true, signal);
    expect(applied).toEqual([4]);
    expect(agent.report).toMatchObject({ inForce: { concurrencyPerShard: 4, maxBatchRecords: 500 }, bounds: lanes });
    expect(events).toEqual([{ kind: 'setting-changed', setting: 'concurrencyPerShard', from: 1, to: 4, why: 'kept' }]);
  });

  it('does not go back to an answer that is older than what it knows', async () => {
    const { agent, store, applied, answerWith } = agentOf(lanes);
    await store.write(stored(1, { concurrencyPerShard: 4 }));
    await store.write(stored(2, { concurrencyPerShard: 6 }));
    await agent.look(true, signal);
    answerWith(Promise.resolve(stored(1, { concurrencyPerShard: 4 })));
    await agent.look(true, signal);
    expect(applied).toEqual([6]);
  });
});
