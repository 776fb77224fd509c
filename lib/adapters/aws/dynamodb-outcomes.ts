// lib/adapters/aws: what feedback learns from, in the control table: pk `outcomes#kind#stream`, sk `atMs#operation…`, kept for 90 days.
// in: OutcomeStore calls · out: batches and queries
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Outcome } from '../../model/operation.ts';
import type { Clock, OutcomeStore } from '../../ports.ts';
import { outcomeKey } from '../outcome-key.ts';
import { pack, unpack } from './packed.ts';
import { DAY_MS, expiresAt, sortableMs, table } from './table.ts';

const partitionOf = (streamName: string, kind: Outcome['kind']): string => `outcomes#${kind}#${streamName}`;

/** The outcomes of a table. */
export const dynamodbOutcomes = (client: DynamoDBClient, clock: Clock, tableName: string): OutcomeStore => {
  const control = table(client, clock, tableName, 'pk', 'sk');
  return {
    put: async (outcomes, signal) => {
      const until = expiresAt(clock.nowMs(), 90 * DAY_MS);
      const items = outcomes.map((outcome) => ({
        pk: partitionOf(outcome.streamName, outcome.kind),
        sk: `${sortableMs(outcome.atMs)}#${outcomeKey(outcome)}`,
        body: pack(Outcome, outcome),
        expiresAt: until,
      }));
      await control.putAll(items, (item) => `${item.pk} ${item.sk}`, signal);
    },
    recent: async (streamName, kind, limit, signal) => {
      const items = await control.query({ partition: partitionOf(streamName, kind), newestFirst: true, limit }, signal);
      return items.map((item) => unpack(Outcome, item.body as Uint8Array, `outcome ${item.sk}`));
    },
  };
};
