// lib/adapters/aws: how forecasts did, in the control table: pk `track#stream`, sk `metric#sixteenth of the key space`, kept for a week. A bucket that the
// newest put did not write is of a former layout.
// in: TrackRecordStore calls · out: batches, one query
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { rangeText } from '../../model/hash-key-range.ts';
import { TrackRecord } from '../../model/track-record.ts';
import type { Clock, TrackRecordStore } from '../../ports.ts';
import { pack, unpack } from './packed.ts';
import { DAY_MS, expiresAt, type Item, table } from './table.ts';

const Records = z.array(TrackRecord);
const bucketOf = ({ metric, hashKeyRange }: TrackRecord): string => `${metric}#${rangeText(hashKeyRange)[0]}`;

/** All records of a stream as their items. */
export const trackItems = (streamName: string, records: readonly TrackRecord[], savedAtMs: number): Item[] =>
  [...Map.groupBy(records, bucketOf)].map(([sk, bucket]) => ({
    pk: `track#${streamName}`,
    sk,
    savedAtMs,
    body: pack(Records, bucket),
    expiresAt: expiresAt(savedAtMs, 7 * DAY_MS),
  }));

/** The track records of a table. */
export const dynamodbTrackRecords = (client: DynamoDBClient, clock: Clock, tableName: string): TrackRecordStore => {
  const control = table(client, clock, tableName, 'pk', 'sk');
  return {
    put: (streamName, records, signal) => {
      const savedAtMs = clock.nowMs();
      return control.putAll(trackItems(streamName, records, savedAtMs), ({ pk, sk }) => `${pk} ${sk}`, signal);
    },
    read: async (streamName, signal) => {
      const items = await control.query({ partition: `track#${streamName}` }, signal);
      const newest = Math.max(...items.map(({ savedAtMs }) => savedAtMs as number));
      return items
        .filter(({ savedAtMs }) => savedAtMs === newest)
        .flatMap(({ sk, body }) => unpack(Records, body as Uint8Array, `track record ${streamName} ${sk}`));
    },
  };
};
