// lib/adapters/aws: forecasts in the control table: the newest of each series (pk `forecasts#stream`, sk the series), which lives two days: a series whose
// range is gone disappears by itself. What is to be scored (pk `issued#stream`, sk `issuedAtMs#first series`) and what the slices of a tick laid down
// (pk `slices#stream`, sk `tick#slice#part`) lies many series to an item: deflated together they take a tenth of the space.
// in: ForecastStore calls · out: conditional puts, batches, range queries
import { ConditionalCheckFailedException, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { Forecast, IssuedForecast } from '../../model/forecast.ts';
import type { Clock, ForecastStore } from '../../ports.ts';
import { METRICS, seriesKey, shardKeysWithin } from '../series-key.ts';
import { FORECAST_DICTIONARY } from './forecast-dictionary.ts';
import { pack, unpack } from './packed.ts';
import { translate } from './sdk-errors.ts';
import { DAY_MS, expiresAt, HOUR_MS, type Item, sortableMs, table, toItem } from './table.ts';

const PUTS_AT_A_TIME = 16;
/** So many forecasts stay far below an item's 400 KB. */
const SERIES_TO_AN_ITEM = 100;
const ManyIssued = z.array(IssuedForecast);
const ManyForecasts = z.array(Forecast);

const partsOf = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(all.length / SERIES_TO_AN_ITEM) }, (_, i) =>
    all.slice(i * SERIES_TO_AN_ITEM, (i + 1) * SERIES_TO_AN_ITEM),
  );
const keyOf = ({ pk, sk }: Item): string => `${pk} ${sk}`;

/** The newest forecast of a series as its item. */
export const latestItem = (forecast: Forecast, until: number): Item => ({
  pk: `forecasts#${forecast.streamName}`,
  sk: seriesKey(forecast),
  body: pack(Forecast, forecast, FORECAST_DICTIONARY),
  issuedAtMs: forecast.issuedAtMs,
  expiresAt: until,
});

/** What is to be scored as items of many series each. */
export const issuedItems = (forecasts: readonly IssuedForecast[], until: number): Item[] =>
  [...Map.groupBy(forecasts, ({ streamName, issuedAtMs }) => `${sortableMs(issuedAtMs)}#${streamName}`).values()]
    .flatMap(partsOf)
    .map((part) => ({
      pk: `issued#${part[0]!.streamName}`,
      sk: `${sortableMs(part[0]!.issuedAtMs)}#${seriesKey(part[0]!)}`,
      body: pack(ManyIssued, part),
      expiresAt: until,
    }));

/** The forecasts of a table. */
export const dynamodbForecasts = (client: DynamoDBClient, clock: Clock, tableName: string): ForecastStore => {
  const control = table(client, clock, tableName, 'pk', 'sk');
  const fromStored = (item: Item): Forecast =>
    unpack(Forecast, item.body as Uint8Array, `forecast ${item.pk} ${item.sk}`, FORECAST_DICTIONARY);

  /** An older forecast, written late, never takes the place of a newer one. */
  const putLatest = async (forecast: Forecast, until: number, signal?: AbortSignal): Promise<void> => {
    const request = new PutItemCommand({
      TableName: tableName,
      Item: toItem(latestItem(forecast, until)),
      ConditionExpression: 'attribute_not_exists(issuedAtMs) OR issuedAtMs <= :issuedAtMs',
      ExpressionAttributeValues: toItem({ ':issuedAtMs': forecast.issuedAtMs }),
    });
    try {
      await client.send(request, { ...(signal && { abortSignal: signal }) });
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw translate(error, `put forecast ${seriesKey(forecast)}`);
    }
  };

  return {
    put: async (forecasts, signal) => {
      const until = expiresAt(clock.nowMs(), 2 * DAY_MS);
      for (let i = 0; i < forecasts.length; i += PUTS_AT_A_TIME)
        await Promise.all(forecasts.slice(i, i + PUTS_AT_A_TIME).map((forecast) => putLatest(forecast, until, signal)));
    },
    latest: async (streamName, signal, of) => {
      const partition = `forecasts#${streamName}`;
      if (of === undefined) return (await control.query({ partition }, signal)).map(fromStored);
      const ranges =
        of === 'stream' ? [{ from: 'stream#', to: 'stream#~' }] : METRICS.map((metric) => shardKeysWithin(metric, of));
      const found = await Promise.all(ranges.map((range) => control.query({ partition, ...range }, signal)));
      return found
        .flat()
        .sort((a, b) => ((a.sk as string) < (b.sk as string) ? -1 : 1))
        .map(fromStored);
    },
    issue: async (forecasts, signal) => {
      const until = expiresAt(clock.nowMs(), 3 * HOUR_MS);
      const items = issuedItems(forecasts, until);
      await control.putAll(items, keyOf, signal);
    },
    issued: async (streamName, fromMs, untilMs, signal) => {
      const items = await control.query(
        { partition: `issued#${streamName}`, from: sortableMs(fromMs), to: sortableMs(Math.ceil(untilMs)) },
        signal,
      );
      return items
        .flatMap(({ sk, body }) => unpack(ManyIssued, body as Uint8Array, `issued ${streamName} ${sk}`))
        .filter((forecast) => forecast.issuedAtMs >= fromMs && forecast.issuedAtMs < untilMs);
    },
    putSlice: (streamName, tickMs, slice, forecasts, signal) => {
      const until = expiresAt(clock.nowMs(), HOUR_MS);
      const items = partsOf(forecasts).map((part, i) => ({
        pk: `slices#${streamName}`,
        sk: `${sortableMs(tickMs)}#${slice}#${i.toString().padStart(4, '0')}`,
        body: pack(ManyForecasts, part),
        expiresAt: until,
      }));
      return control.putAll(items, keyOf, signal);
    },
    slices: async (streamName, tickMs, signal) => {
      const tick = sortableMs(tickMs);
      const items = await control.query({ partition: `slices#${streamName}`, from: `${tick}#`, to: `${tick}#~` }, signal);
      return items.flatMap(({ sk, body }) => unpack(ManyForecasts, body as Uint8Array, `slice ${streamName} ${sk}`));
    },
  };
};
