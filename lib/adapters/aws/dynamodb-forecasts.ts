// lib/adapters/aws: forecasts in the control table: the newest of each series (pk `forecasts#stream`, sk the series), and every issued one
// (pk `issued#stream`, sk `issuedAtMs#series`). Both live two days: a series whose range is gone disappears by itself.
// in: ForecastStore calls · out: conditional puts, batches, range queries
import { ConditionalCheckFailedException, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { Forecast } from '../../model/forecast.ts';
import { rangeText } from '../../model/hash-key-range.ts';
import type { Clock, ForecastStore } from '../../ports.ts';
import { pack, unpack } from './packed.ts';
import { translate } from './sdk-errors.ts';
import { DAY_MS, expiresAt, type Item, sortableMs, table, toItem } from './table.ts';

const seriesOf = (forecast: Forecast): string => `${forecast.scope}#${forecast.metric}#${rangeText(forecast.hashKeyRange)}`;
const PUTS_AT_A_TIME = 8;

/** The forecasts of a table. */
export const dynamodbForecasts = (client: DynamoDBClient, clock: Clock, tableName: string): ForecastStore => {
  const control = table(client, clock, tableName, 'pk', 'sk');
  const fromStored = (item: Item): Forecast => unpack(Forecast, item.body as Uint8Array, `forecast ${item.pk} ${item.sk}`);

  /** An older forecast, written late, never takes the place of a newer one. */
  const putLatest = async (forecast: Forecast, item: Item, signal?: AbortSignal): Promise<void> => {
    const request = new PutItemCommand({
      TableName: tableName,
      Item: toItem({ ...item, pk: `forecasts#${forecast.streamName}`, sk: seriesOf(forecast) }),
      ConditionExpression: 'attribute_not_exists(issuedAtMs) OR issuedAtMs <= :issuedAtMs',
      ExpressionAttributeValues: toItem({ ':issuedAtMs': forecast.issuedAtMs }),
    });
    try {
      await client.send(request, { ...(signal && { abortSignal: signal }) });
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw translate(error, `put forecast ${seriesOf(forecast)}`);
    }
  };

  return {
    put: async (forecasts, signal) => {
      const until = expiresAt(clock.nowMs(), 2 * DAY_MS);
      const stored = forecasts.map((forecast) => ({
        forecast,
        item: { body: pack(Forecast, forecast), issuedAtMs: forecast.issuedAtMs, expiresAt: until },
      }));
      const issued = stored.map(({ forecast, item }) => ({
        ...item,
        pk: `issued#${forecast.streamName}`,
        sk: `${sortableMs(forecast.issuedAtMs)}#${seriesOf(forecast)}`,
      }));
      await control.putAll(issued, (item) => `${item.pk} ${item.sk}`, signal);
      for (let i = 0; i < stored.length; i += PUTS_AT_A_TIME)
        await Promise.all(stored.slice(i, i + PUTS_AT_A_TIME).map(({ forecast, item }) => putLatest(forecast, item, signal)));
    },
    latest: async (streamName, signal) => (await control.query({ partition: `forecasts#${streamName}` }, signal)).map(fromStored),
    issued: async (streamName, fromMs, untilMs, signal) => {
      const items = await control.query(
        { partition: `issued#${streamName}`, from: sortableMs(fromMs), to: sortableMs(Math.ceil(untilMs)) },
        signal,
      );
      return items.map(fromStored).filter((forecast) => forecast.issuedAtMs >= fromMs && forecast.issuedAtMs < untilMs);
    },
  };
};
