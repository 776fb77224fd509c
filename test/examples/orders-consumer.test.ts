import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { healthOf } from '../../examples/orders-consumer/src/health.ts';
import { totalsOf } from '../../examples/orders-consumer/src/order-totals.ts';
import { settingsOf, zoneOf } from '../../examples/orders-consumer/src/settings.ts';
import { PoisonError } from '../../lib/errors.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';

const record = (text: string | Uint8Array, sequenceNumber = '1'): StreamRecord => ({
  sequenceNumber,
  partitionKey: 'k',
  data: typeof text === 'string' ? new TextEncoder().encode(text) : text,
  arrivedAtMs: 0,
});
const order = (customerId: string, amountCents: number) => record(JSON.stringify({ orderId: 'o', customerId, amountCents }));

describe('totalsOf', () => {
  it('makes one update per customer, since a transaction takes an item once', () => {
    const updates = totalsOf('totals', [order('a', 100), order('b', 5), order('a', 20)]).map(({ Update }) => Update);
    expect(updates.map((update) => [update?.Key, update?.ExpressionAttributeValues])).toEqual([
      [{ customerId: { S: 'a' } }, { ':orders': { N: '2' }, ':amount': { N: '120' } }],
      [{ customerId: { S: 'b' } }, { ':orders': { N: '1' }, ':amount': { N: '5' } }],
    ]);
    expect(updates.every((update) => update?.TableName === 'totals')).toBe(true);
  });

  it.each([
    ['what is no JSON', record('{', '7'), /record 7 must be JSON in UTF-8, got 1 bytes/],
    ['bytes that are no text', record(Uint8Array.of(0xff, 0xfe), '7'), /record 7 must be JSON/],
    ['null', record('null', '7'), /record 7: customerId must be a text, got undefined/],
    ['a customer without a name', record('{"customerId":""}', '7'), /customerId must be a text, got ""/],
    ['an amount in words', record('{"customerId":"a","amountCents":"1"}', '7'), /amountCents must be a whole number, got "1"/],
  ])('fails on %s for ever, naming the record', (_, wrong, message) => {
    const totals = () => totalsOf('totals', [order('a', 1), wrong]);
    expect(totals).toThrow(PoisonError);
    expect(totals).toThrow(message);
  });
});

describe('settingsOf', () => {
  const env = {
    APPLICATION: 'shop',
    STREAM_NAME: 'orders',
    LEASE_TABLE: 'l',
    WORKER_TABLE: 'w',
    DEMAND_TABLE: 'd',
    CONTROL_TABLE: 'c',
    TOTALS_TABLE: 't',
  };

  it('reads the environment', () => {
    expect(settingsOf(env)).toEqual({
      application: 'shop',
      streamName: 'orders',
      tables: { leaseTable: 'l', workerTable: 'w', demandTable: 'd', controlTable: 'c' },
      totalsTable: 't',
      healthPort: 8080,
    });
  });

  it('fails with the name of every variable that is missing', () => {
    expect(() => settingsOf({ ...env, LEASE_TABLE: '', STREAM_NAME: undefined })).toThrow('must have STREAM_NAME, LEASE_TABLE');
  });

  it('fails on a port that is none', () => {
    expect(() => settingsOf({ ...env, HEALTH_PORT: '0' })).toThrow('HEALTH_PORT must be a port from 1 to 65535, got 0');
  });
});

describe('zoneOf', () => {
  it('asks the metadata of an ECS task', async () => {
    const asked: (string | undefined)[] = [];
    const metadata = createServer(({ url }, response) => {
      asked.push(url);
      response.end('{"AvailabilityZone":"eu-west-1b"}');
    }).listen(0, '127.0.0.1');
    await once(metadata, 'listening');
    const { port } = metadata.address() as { port: number };
    expect(await zoneOf({ ECS_CONTAINER_METADATA_URI_V4: `http://127.0.0.1:${port}/v4/x` })).toBe('eu-west-1b');
    expect(asked).toEqual(['/v4/x/task']);
    metadata.close();
  });

  it('knows none outside of ECS', async () => {
    expect(await zoneOf({})).toBe('unknown');
  });
});

describe('healthOf', () => {
  it('leaves a worker that lost DynamoDB a minute, and one that starts or drains its time', () => {
    expect(healthOf({ state: 'running', mayAct: true }, 0, 1e6).kind).toBe('healthy');
    expect(healthOf({ state: 'running', mayAct: false }, 0, 60_000).kind).toBe('healthy');
    expect(healthOf({ state: 'starting', mayAct: false }, 0, 1e6).kind).toBe('healthy');
    expect(healthOf({ state: 'draining', mayAct: false }, 0, 1e6).kind).toBe('healthy');
    expect(healthOf({ state: 'running', mayAct: false }, 0, 60_001)).toEqual({
      kind: 'unhealthy',
      reason: 'heartbeats have not been stored for 60 s',
    });
    expect(healthOf({ state: 'stopped', mayAct: true }, 0, 0).kind).toBe('unhealthy');
  });
});
