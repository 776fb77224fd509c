// lib/adapters/aws: known events in the control table: pk `events#group`, sk its id; kept for ever by cron, else until a fortnight after its last day.
// in: EventStore calls · out: one request each
import { DeleteItemCommand, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { type EventTime, KnownEvent } from '../../model/known-event.ts';
import type { Clock, EventStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import { pack, unpack } from './packed.ts';
import { sending } from './sdk-errors.ts';
import { DAY_MS, expiresAt, type Item, table, toItem } from './table.ts';

/** History keeps minutes for 15 days; a day's end lies up to 26 hours after its beginning in UTC. */
const KEPT_AFTER_MS = 17 * DAY_MS;

const lastMs = (when: EventTime): number | null => {
  if (when.kind === 'cron') return null;
  return when.kind === 'once'
    ? when.untilMs
    : Math.max(...when.dates.map((date) => Date.parse(`${date}T00:00:00Z`))) + 2 * DAY_MS;
};

/** The events of a table. */
export const dynamodbEvents = (client: DynamoDBClient, clock: Clock, tableName: string): EventStore => {
  const control = table(client, clock, tableName, 'pk', 'sk');
  const partitionOf = (group: Parameters<EventStore['list']>[0]): string => `events#${groupKey(group)}`;
  return {
    put: async (event, signal) => {
      const last = lastMs(event.when);
      const item: Item = {
        pk: partitionOf(event),
        sk: event.eventId,
        body: pack(KnownEvent, event),
        // One that is stated after its time still counts for what is learnt.
        ...(last !== null && { expiresAt: expiresAt(Math.max(last, clock.nowMs()), KEPT_AFTER_MS) }),
      };
      await sending(`put event ${event.eventId}`, () =>
        client.send(new PutItemCommand({ TableName: tableName, Item: toItem(item) }), { ...(signal && { abortSignal: signal }) }),
      );
    },
    list: async (group, signal) =>
      (await control.query({ partition: partitionOf(group) }, signal)).map((item) =>
        unpack(KnownEvent, item.body as Uint8Array, `event ${item.sk}`),
      ),
    remove: async (group, eventId, signal) => {
      const request = new DeleteItemCommand({
        TableName: tableName,
        Key: toItem({ pk: partitionOf(group), sk: eventId }),
        ReturnValues: 'ALL_OLD',
      });
      const { Attributes } = await sending(`remove event ${eventId}`, () =>
        client.send(request, { ...(signal && { abortSignal: signal }) }),
      );
      return { kind: Attributes === undefined ? 'unknown' : 'removed' };
    },
  };
};
