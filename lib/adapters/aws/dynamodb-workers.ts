// lib/adapters/aws: the workers in DynamoDB: pk `group` (reports) or `group#beats` (heartbeats, and the count of announcements), sk `workerId`.
// in: WorkerStore calls · out: one request each
// Heartbeats lie apart from the reports, since DynamoDB bills a query by the whole items that it reads. TTL `expiresAt` is an hour after the last write and only tidies up.
import { DeleteItemCommand, type DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Group } from '../../model/lease.ts';
import { Beat, Worker } from '../../model/worker.ts';
import type { Clock, Heartbeats, WorkerStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import { withBeat } from '../with-beat.ts';
import { decoded } from './packed.ts';
import { sending } from './sdk-errors.ts';
import { expiresAt, HOUR_MS, table, toItem } from './table.ts';

/** A stream's name has no `#`, so no group's key ends like this. */
const beatsOf = (group: Group): string => `${groupKey(group)}#beats`;
/** The sort key of the count; no worker may be called so. */
const ANNOUNCEMENTS = '#announcements';

/** The workers of a table. */
export const dynamodbWorkers = (client: DynamoDBClient, clock: Clock, tableName: string): WorkerStore => {
  const workers = table(client, clock, tableName, 'group', 'workerId');
  const options = (signal?: AbortSignal) => ({ ...(signal && { abortSignal: signal }) });

  const put = (what: string, item: object, signal?: AbortSignal) => {
    const whole = { ...item, expiresAt: expiresAt(clock.nowMs(), HOUR_MS) };
    return sending(what, () => client.send(new PutItemCommand({ TableName: tableName, Item: toItem(whole) }), options(signal)));
  };

  const beats = async (group: Group, { consistent }: { consistent: boolean }, signal?: AbortSignal): Promise<Heartbeats> => {
    const items = await workers.query({ partition: beatsOf(group), eventually: !consistent }, signal);
    return {
      beats: items
        .filter((item) => item.workerId !== ANNOUNCEMENTS)
        .map((item) => decoded(Beat, item, `heartbeat ${item.group}/${item.workerId}`)),
      announcements: (items.find((item) => item.workerId === ANNOUNCEMENTS)?.announcements as number | undefined) ?? 0,
    };
  };

  return {
    beats,

    put: async (worker, signal) => {
      await put(`put worker ${worker.workerId}`, { group: groupKey(worker), ...worker }, signal);
    },

    beat: async (group, beat, signal) => {
      await put(`beat of worker ${beat.workerId}`, { group: beatsOf(group), ...beat }, signal);
    },

    announce: async (group, signal) => {
      const request = new UpdateItemCommand({
        TableName: tableName,
        Key: toItem({ group: beatsOf(group), workerId: ANNOUNCEMENTS }),
        UpdateExpression: 'ADD announcements :one',
        ExpressionAttributeValues: toItem({ ':one': 1 }),
      });
      await sending(`announce in ${groupKey(group)}`, () => client.send(request, options(signal)));
    },

    list: async (group, signal) => {
      const [reports, { beats: newest }] = await Promise.all([
        workers.query({ partition: groupKey(group) }, signal),
        beats(group, { consistent: true }, signal),
      ]);
      const beatOf = new Map(newest.map((beat) => [beat.workerId, beat]));
      return reports.map((item) =>
        withBeat(decoded(Worker, item, `worker ${item.group}/${item.workerId}`), beatOf.get(String(item.workerId))),
      );
    },

    remove: async (group, workerId, signal) => {
      for (const partition of [beatsOf(group), groupKey(group)]) {
        const request = new DeleteItemCommand({ TableName: tableName, Key: toItem({ group: partition, workerId }) });
        await sending(`remove worker ${workerId}`, () => client.send(request, options(signal)));
      }
    },
  };
};
