// lib/adapters/aws: reports of profiles in the control table, kept for 90 days: pk `profiles#group`, sk `requestedAtMs#profileId` (what one reads in a list) and
// pk `profile#group`, sk the id (all of it).
// in: ProfileReportStore calls · out: puts and queries
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ProfileReport, ProfileSummary } from '../../model/profile-report.ts';
import type { Clock, ProfileReportStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import { pack, unpack } from './packed.ts';
import { DAY_MS, expiresAt, sortableMs, table } from './table.ts';

/** The reports of a table. */
export const dynamodbProfileReports = (client: DynamoDBClient, clock: Clock, tableName: string): ProfileReportStore => {
  const control = table(client, clock, tableName, 'pk', 'sk');
  return {
    put: async (report, signal) => {
      const until = expiresAt(clock.nowMs(), 90 * DAY_MS);
      const items = [
        { pk: `profile#${groupKey(report)}`, sk: report.profileId, body: pack(ProfileReport, report), expiresAt: until },
        {
          pk: `profiles#${groupKey(report)}`,
          sk: `${sortableMs(report.requestedAtMs)}#${report.profileId}`,
          body: pack(ProfileSummary, ProfileSummary.parse(report)),
          expiresAt: until,
        },
      ];
      await control.putAll(items, (item) => `${item.pk} ${item.sk}`, signal);
    },
    get: async (group, profileId, signal) => {
      const [item] = await control.getAll([{ pk: `profile#${groupKey(group)}`, sk: profileId }], signal);
      return item === undefined ? null : unpack(ProfileReport, item.body as Uint8Array, `report ${profileId}`);
    },
    recent: async (group, limit, signal) => {
      const items = await control.query({ partition: `profiles#${groupKey(group)}`, newestFirst: true, limit }, signal);
      return items.map((item) => unpack(ProfileSummary, item.body as Uint8Array, `report ${item.sk}`));
    },
  };
};
