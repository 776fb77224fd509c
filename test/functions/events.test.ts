import { describe, expect, it } from 'vitest';
import { putEvent } from '../../functions/event-put.ts';
import { removeEvent } from '../../functions/event-remove.ts';
import { events } from '../../functions/events.ts';
import { forecast } from '../../functions/forecast.ts';
import { predictions } from '../../functions/predictions.ts';
import { type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../../lib/model/demand.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
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
