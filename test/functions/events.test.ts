import { describe, expect, it } from 'vitest';
import { putEvent } from '../../functions/event-put.ts';
import { removeEvent } from '../../functions/event-remove.ts';
import { events } from '../../functions/events.ts';
import { forecast } from '../../functions/forecast.ts';
import { predictions } from '../../functions/predictions.ts';
import { type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../../lib/model/demand.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { Policy } from '../../lib/model/policy.ts';
import { group, NOW, world } from './scenes.ts';

const HOUR_MS = 60 * MINUTE_MS;
const sale = {
  ...group,
  when: { kind: 'once', fromMs: NOW + 10 * MINUTE_MS, untilMs: NOW + 2 * HOUR_MS },
  effect: { kind: 'factor', factor: 3 },
};
const path = { eventId: 'sale' };

/** Two flat hours of one shard, up to the last full minute. */
const withPast = async () => {
  const it = world();
  it.ports.streams.createStream(group.streamName, 1);
  const startMs = Math.floor(NOW / HOUR_MS) * HOUR_MS - 2 * HOUR_MS;
  const blocks = [0, 1].map(
    (hour): HistoryBlock => ({
      streamName: group.streamName,
      hashKeyRange: WHOLE_RANGE,
      startMs: startMs + hour * HOUR_MS,
      records: new Array<number>(60).fill(6000),
      bytes: new Array<number>(60).fill(6_000_000),
      censored: new Array<boolean>(60).fill(false),
      sliceShares: new Array<number>(SLICE_COUNT).fill(1 / SLICE_COUNT),
    }),
  );
  await it.ports.history.put(blocks);
  return it;
};

describe('a holiday that is like the earlier ones', () => {
  const DAY_MS = 24 * HOUR_MS;
  const midnight = Math.floor(NOW / DAY_MS) * DAY_MS;
  const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  const earlier = midnight - 56 * DAY_MS;
  /** Load of a minute: usual days double at a quarter past noon, holidays stay as they are; eight weeks ago all was a third of today's. */
  const loadAt = (ms: number): number => {
    const dayMs = Math.floor(ms / DAY_MS) * DAY_MS;
    const isHoliday = dayMs === midnight || dayMs === earlier;
    const level = ms < midnight - 30 * DAY_MS ? 2000 : 6000;
    return level * (!isHoliday && ms - dayMs >= 12.25 * HOUR_MS ? 2 : 1);
  };
  const blockOf = (startMs: number, steps: number, stepSec: 60 | 900): HistoryBlock => {
    const records = Array.from({ length: steps }, (_, i) => (loadAt(startMs + i * stepSec * 1000) * stepSec) / 60);
    return {
      streamName: group.streamName,
      hashKeyRange: WHOLE_RANGE,
      startMs,
      ...(stepSec === 900 && { stepSec }),
      records,
      bytes: records.map((each) => each * 100),
      censored: records.map(() => false),
      sliceShares: new Array<number>(SLICE_COUNT).fill(1 / SLICE_COUNT),
    };
  };
  /** The forecast of today's noon; `remembered` days of the coarse tier are there. */
  const forecastWith = async (remembered: readonly number[]) => {
    const it = world();
    it.ports.streams.createStream(group.streamName, 1);
    await it.ports.policies.put(Policy.parse({ ...group, forecastModels: [] }));
    const hours = Array.from({ length: 8 * 24 + 12 }, (_, i) => blockOf(midnight - 8 * DAY_MS + i * HOUR_MS, 60, 60));
    await it.ports.history.put([...hours, ...remembered.map((startMs) => blockOf(startMs, 96, 900))]);
    const when = { kind: 'days', dates: [dateOf(earlier), dateOf(midnight)], timeZone: 'UTC' };
    const holiday = { ...group, when, effect: { kind: 'like-each-other' } };
    expect(await it.call(putEvent, { path: { eventId: 'holidays' }, body: holiday })).toMatchObject({ status: 200 });
    await forecast.run(group, it.scene());
    const made = (await it.ports.forecasts.latest(group.streamName)).find(({ metric }) => metric === 'records')!;
    return { made, last: made.quantiles[1]!.at(-1)! };
  };

  it('learns from one eight weeks back, on the level of today', async () => {
    const without = await forecastWith([]);
    expect(without.made.reason).toContain('like the earlier ones, of which the history has none yet');
    expect(without.last).toBeGreaterThan(150);
    const week = Array.from({ length: 8 }, (_, i) => earlier - i * DAY_MS);
    const { made, last } = await forecastWith(week);
    expect(made.reason).toContain('known event holidays: like the earlier ones, 2026-11-20');
    expect(last / without.last).toBeCloseTo(0.5, 1);
  });
});

describe('events', () => {
  it('are stated, listed, replaced and taken back', async () => {
    const { call } = world();
    expect(await call(putEvent, { path, body: sale })).toMatchObject({
      status: 200,
      body: { eventId: 'sale', createdAtMs: NOW, effect: { factor: 3 } },
    });
    const range = { startingHashKey: '0', endingHashKey: '99' };
    await call(putEvent, { path, body: { ...sale, hashKeyRange: range, effect: { kind: 'do-not-learn' } } });
    const { body } = await call(events, { query: group });
    expect(body.events).toMatchObject([{ eventId: 'sale', hashKeyRange: range, effect: { kind: 'do-not-learn' } }]);
    expect(await call(removeEvent, { query: group, path })).toEqual({ status: 200, body: { eventId: 'sale' } });
    expect(await call(removeEvent, { query: group, path })).toMatchObject({ status: 404, body: { error: 'UnknownEvent' } });
    expect((await call(events, { query: group })).body).toEqual({ events: [] });
  });

  it('fail on what is wrong, with what was received', async () => {
    const { call } = world();
    const wrong = {
      ...sale,
      when: { kind: 'once', fromMs: 5, untilMs: 5 },
      effect: { kind: 'factor', factor: -1 },
      colour: 'red',
    };
    const { status, body } = await call(putEvent, { path, body: wrong });
    expect(status).toBe(400);
    const fields = (body.fields as { field: string }[]).map(({ field }) => field);
    expect(fields).toEqual(expect.arrayContaining(['when', 'effect.factor', 'colour']));
    const cron = { ...sale, when: { kind: 'cron', cron: '99 x * * *', durationMin: 5 } };
    expect(await call(putEvent, { path, body: cron })).toMatchObject({
      status: 400,
      body: { fields: [{ field: 'when.cron', received: '99 x * * *' }] },
    });
    expect(await call(putEvent, { path: { eventId: 'a b' }, body: sale })).toMatchObject({ status: 400 });
  });

  it('fail when there are too many to be read with every forecast', async () => {
    const { call, ports } = world();
    for (let i = 0; i < 200; i++)
      await ports.events.put({
        ...group,
        eventId: `e${i}`,
        when: { kind: 'once', fromMs: 1, untilMs: 2 },
        effect: { kind: 'do-not-learn' },
        createdAtMs: NOW,
      });
    expect(await call(putEvent, { path, body: sale })).toMatchObject({ status: 409, body: { error: 'TooManyEvents' } });
    expect(await call(putEvent, { path: { eventId: 'e7' }, body: sale })).toMatchObject({ status: 200 });
  });

  it('change the forecast of their hours, are told in its reason, and show in the predictions', async () => {
    const { call, ports, scene } = await withPast();
    await call(putEvent, { path, body: sale });
    await forecast.run(group, scene());
    const { status, body } = await call(predictions, { query: group });
    expect(status).toBe(200);
    const view = body as unknown as {
      events: object[];
      series: { scope: string; metric: string; reason: string; points: { atMs: number; median: number }[] }[];
    };
    expect(view.events).toEqual([{ eventId: 'sale', effect: '×3', fromMs: sale.when.fromMs, untilMs: sale.when.untilMs }]);
    const stream = view.series.find((each) => each.scope === 'stream' && each.metric === 'records')!;
    expect(stream.reason).toContain('known event sale: ×3');
    const [first, last] = [stream.points[0]!.median, stream.points.at(-1)!.median];
    expect(first).toBeCloseTo(100, -1);
    expect(last / first).toBeCloseTo(3, 1);
    expect((await ports.forecasts.latest(group.streamName)).every(({ reason }) => reason.includes('known event sale'))).toBe(
      true,
    );
  });
});
