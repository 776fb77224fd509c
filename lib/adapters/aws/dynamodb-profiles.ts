// lib/adapters/aws: profiling runs in the worker table; ended ones and measures are kept for a week. pk `group#profiling`: the live run of a shard (sk `live#shardId`), ended ones (sk
// `run#profileId`). pk `group#profiling#profileId`: windows (sk `window#index`) and `totals`, packed. The workers' own rights on the table are enough.
// in: ProfilingStore calls · out: conditional writes, queries
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { TransientError } from '../../errors.ts';
import type { Group } from '../../model/lease.ts';
import { hostLost, isHostLost, ProfilingRun, ProfilingTotals, ProfilingWindow } from '../../model/profiling.ts';
import type { Clock, ProfilingStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import { decoded, pack, unpack } from './packed.ts';
import { attemptsOf, sending, translate } from './sdk-errors.ts';
import { DAY_MS, expiresAt, fromItem, HOUR_MS, type Item, sortableMs, table, toItem } from './table.ts';

const KEPT_MS = 7 * DAY_MS;
/** A live run lasts for an hour at most; its host prolongs it with every window. */
const LIVE_MS = 2 * HOUR_MS;
const runsOf = (group: Group): string => `${groupKey(group)}#profiling`;
const measuresOf = (group: Group, profileId: string): string => `${runsOf(group)}#${profileId}`;
const liveSort = (shardId: string): string => `live#${shardId}`;
const runSort = (profileId: string): string => `run#${profileId}`;
const runOf = (item: Item): ProfilingRun => decoded(ProfilingRun, item, `profiling run ${item.group}/${item.workerId}`);

/** The runs of a table whose keys are `group` and `workerId`. */
export const dynamodbProfiles = (client: DynamoDBClient, clock: Clock, tableName: string): ProfilingStore => {
  const workers = table(client, clock, tableName, 'group', 'workerId');
  const options = (signal?: AbortSignal) => ({ ...(signal && { abortSignal: signal }) });
  const itemOf = (run: ProfilingRun, sort: string, livesMs: number) =>
    toItem({
      group: runsOf(run),
      workerId: sort,
      ...z.encode(ProfilingRun, run),
      expiresAt: expiresAt(clock.nowMs(), livesMs),
    });
  const under = async (group: Group, prefix: string, signal?: AbortSignal): Promise<ProfilingRun[]> =>
    (await workers.query({ partition: runsOf(group), from: prefix, to: `${prefix}\u{10ffff}` }, signal)).map(runOf);

  const store: ProfilingStore = {
    create: async (run, nowMs, signal) => {
      const what = `create profiling run ${run.profileId}`;
      const request = new PutItemCommand({
        TableName: tableName,
        Item: itemOf(run, liveSort(run.shardId), LIVE_MS),
        ConditionExpression: 'attribute_not_exists(workerId)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      });
      try {
        await client.send(request, options(signal));
        return { kind: 'created' };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw translate(error, what);
        if (error.Item === undefined) throw new TransientError(`${what}: refused without the item`, { cause: error });
        const former = runOf(fromItem(error.Item));
        // The SDK sends again when an answer gets lost; then our own write is what refuses us.
        if (former.profileId === run.profileId && attemptsOf(error) > 1) return { kind: 'created' };
        if (!isHostLost(former, nowMs)) return { kind: 'exists', run: former };
        await store.end(former, hostLost(former, nowMs), signal);
        return store.create(run, nowMs, signal);
      }
    },

    live: (group, signal) => under(group, 'live#', signal),

    get: async (group, profileId, signal) => {
      const sort = runSort(profileId);
      const find = async () => (await store.live(group, signal)).find((run) => run.profileId === profileId);
      const ended = async () => (await workers.query({ partition: runsOf(group), from: sort, to: sort }, signal)).map(runOf)[0];
      // It may end between the two looks.
      return (await find()) ?? (await ended()) ?? null;
    },

    recent: async (group, limit, signal) =>
      (await under(group, 'run#', signal))
        .sort((a, b) => b.requestedAtMs - a.requestedAtMs || (a.profileId < b.profileId ? 1 : -1))
        .slice(0, limit),

    change: async ({ application, streamName, shardId, profileId }, change, signal) => {
      const entries = Object.entries(change).filter(([, to]) => to !== undefined);
      const request = new UpdateItemCommand({
        TableName: tableName,
        Key: toItem({ group: runsOf({ application, streamName }), workerId: liveSort(shardId) }),
        UpdateExpression: `SET ${[...entries.map(([name]) => `#${name} = :${name}`), '#expiresAt = :expiresAt'].join(', ')}`,
        ConditionExpression: '#profileId = :profileId',
        ExpressionAttributeNames: Object.fromEntries(
          [...entries.map(([name]) => name), 'profileId', 'expiresAt'].map((name) => [`#${name}`, name]),
        ),
        ExpressionAttributeValues: toItem({
          ...Object.fromEntries(entries.map(([name, to]) => [`:${name}`, to])),
          ':profileId': profileId,
          ':expiresAt': expiresAt(clock.nowMs(), LIVE_MS),
        }),
        ReturnValues: 'ALL_NEW',
      });
      try {
        const { Attributes } = await client.send(request, options(signal));
        return { kind: 'changed', run: runOf(fromItem(Attributes ?? {})) };
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return { kind: 'gone' };
        throw translate(error, `change profiling run ${profileId}`);
      }
    },

    end: async (run, end, signal) => {
      const { shardId, profileId } = run;
      const newest = (await store.live(run, signal)).find((one) => one.profileId === profileId);
      if (newest === undefined) return { kind: 'gone' };
      const request = new TransactWriteItemsCommand({
        TransactItems: [
          {
            Delete: {
              TableName: tableName,
              Key: toItem({ group: runsOf(run), workerId: liveSort(shardId) }),
              ConditionExpression: 'profileId = :profileId',
              ExpressionAttributeValues: toItem({ ':profileId': profileId }),
            },
          },
          {
            Put: { TableName: tableName, Item: itemOf({ ...newest, state: 'ended', ended: end }, runSort(profileId), KEPT_MS) },
          },
        ],
      });
      try {
        await client.send(request, options(signal));
        return { kind: 'ended' };
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) throw translate(error, `end profiling run ${profileId}`);
        if (error.CancellationReasons?.some(({ Code }) => Code === 'ConditionalCheckFailed')) return { kind: 'gone' };
        throw new TransientError(`end profiling run ${profileId}: ${error.message}`, { cause: error });
      }
    },

    putMeasures: async (group, window, totals, signal) => {
      const { profileId } = window;
      const put = (sort: string, body: Uint8Array) => {
        const item = { group: measuresOf(group, profileId), workerId: sort, body, expiresAt: expiresAt(clock.nowMs(), KEPT_MS) };
        return sending(`put ${sort} of profiling run ${profileId}`, () =>
          client.send(new PutItemCommand({ TableName: tableName, Item: toItem(item) }), options(signal)),
        );
      };
      await Promise.all([
        put(`window#${sortableMs(window.index)}`, pack(ProfilingWindow, window)),
        put('totals', pack(ProfilingTotals, totals)),
      ]);
    },

    windows: async (group, profileId, signal) => {
      const items = await workers.query(
        { partition: measuresOf(group, profileId), from: 'window#', to: 'window#\u{10ffff}' },
        signal,
      );
      return items.map((item) => unpack(ProfilingWindow, item.body as Uint8Array, `${item.workerId} of ${profileId}`));
    },

    totals: async (group, profileId, signal) => {
      const [item] = await workers.query({ partition: measuresOf(group, profileId), from: 'totals', to: 'totals' }, signal);
      return item === undefined ? null : unpack(ProfilingTotals, item.body as Uint8Array, `totals of ${profileId}`);
    },
  };
  return store;
};
