// lib/adapters/aws: policies (pk `policy#group`, sk `policy`, for ever) and plans (pk `plans#group`, sk `createdAtMs#planId`, 30 days) in the control table.
// in: PolicyStore and PlanStore calls · out: one request each
import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { Plan } from '../../model/plan.ts';
import { Policy } from '../../model/policy.ts';
import type { Clock, PlanStore, PolicyStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';
import { decoded, pack, unpack } from './packed.ts';
import { sending } from './sdk-errors.ts';
import { DAY_MS, expiresAt, sortableMs, table, toItem } from './table.ts';

/** The policies of a table: plain items, so that a person can read them. */
export const dynamodbPolicies = (client: DynamoDBClient, clock: Clock, tableName: string): PolicyStore => {
  const control = table(client, clock, tableName, 'pk', 'sk');
  return {
    put: async (policy, signal) => {
      const request = new PutItemCommand({
        TableName: tableName,
        Item: toItem({ pk: `policy#${groupKey(policy)}`, sk: 'policy', policy }),
      });
      await sending(`put policy ${groupKey(policy)}`, () => client.send(request, { ...(signal && { abortSignal: signal }) }));
    },
    get: async (group, signal) => {
      const [item] = await control.getAll([{ pk: `policy#${groupKey(group)}`, sk: 'policy' }], signal);
      return item === undefined ? null : decoded(Policy, item.policy, `policy ${groupKey(group)}`);
    },
  };
};

/** The plans of a table. A plan put again takes the place of itself. */
export const dynamodbPlans = (client: DynamoDBClient, clock: Clock, tableName: string): PlanStore => {
  const control = table(client, clock, tableName, 'pk', 'sk');
  return {
    put: async (plan, signal) => {
      const item = {
        pk: `plans#${groupKey(plan)}`,
        sk: `${sortableMs(plan.createdAtMs)}#${plan.planId}`,
        body: pack(Plan, plan),
        expiresAt: expiresAt(clock.nowMs(), 30 * DAY_MS),
      };
      const request = new PutItemCommand({ TableName: tableName, Item: toItem(item) });
      await sending(`put plan ${plan.planId}`, () => client.send(request, { ...(signal && { abortSignal: signal }) }));
    },
    recent: async (group, limit, signal) => {
      const items = await control.query({ partition: `plans#${groupKey(group)}`, newestFirst: true, limit }, signal);
      return items.map((item) => unpack(Plan, item.body as Uint8Array, `plan ${item.sk}`));
    },
  };
};
