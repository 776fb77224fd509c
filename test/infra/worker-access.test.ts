import { beforeAll, describe, expect, it } from 'vitest';
import { preflightWorld } from '../adapters/preflight-world.ts';
import { templateOf } from './templates.ts';

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
}

let statements: Statement[];
beforeAll(() => {
  const [policy] = Object.values(templateOf().findResources('AWS::IAM::ManagedPolicy'));
  statements = policy!.Properties.PolicyDocument.Statement as Statement[];
}, 60_000);

/** The actions allowed on resources whose text holds `resource`. */
const allowedOn = (resource: string): string[] =>
  statements
    .filter((each) => JSON.stringify(each.Resource).includes(resource))
    .flatMap(({ Action }) => [Action].flat())
    .sort();

describe('workerStatements', () => {
  it('allows on each table what a worker and its checks do there, and nothing on the control table', () => {
    expect(allowedOn('LeaseTable')).toEqual(
      ['BatchGetItem', 'DeleteItem', 'DescribeTable', 'GetItem', 'PutItem', 'Query', 'UpdateItem'].map(
        (action) => `dynamodb:${action}`,
      ),
    );
    expect(allowedOn('WorkerTable')).toEqual(
      ['DeleteItem', 'DescribeTable', 'DescribeTimeToLive', 'PutItem', 'Query', 'UpdateItem'].map(
        (action) => `dynamodb:${action}`,
      ),
    );
    expect(allowedOn('DemandTable')).toEqual(
      ['BatchWriteItem', 'DescribeTable', 'DescribeTimeToLive'].map((action) => `dynamodb:${action}`),
    );
    expect(allowedOn('ControlTable')).toEqual([]);
  });

  it('allows everything that the checks before a start ask', async () => {
    const world = preflightWorld();
    await world.check();
    const tables: Record<string, string> = { leases: 'LeaseTable', workers: 'WorkerTable', demand: 'DemandTable' };
    const refused = world.sent.filter(({ name, input }) => {
      const table = String(input.TableName ?? Object.keys((input.RequestItems as object | undefined) ?? {})[0]);
      const resource = tables[table];
      return resource === undefined
        ? !allowedOn('stream/orders').includes(`kinesis:${name}`)
        : !allowedOn(resource).includes(`dynamodb:${name}`);
    });
    expect(world.sent.length).toBeGreaterThan(15);
    expect(refused).toEqual([]);
  });

  it.each(['SubscribeToShard', 'DeregisterStreamConsumer'])('allows %s only for consumers of its own application', (action) => {
    const subscribing = statements.find(({ Action }) => [Action].flat().includes(`kinesis:${action}`));
    const consumers = JSON.stringify(subscribing?.Resource).match(/stream\/orders\/consumer\/[^"]*/g);
    expect(consumers).toEqual(['stream/orders/consumer/penumbra-shop-*']);
  });
});
