import { randomUUID } from 'node:crypto';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { awsPorts } from '../../lib/adapters/aws/aws-ports.ts';
import { TransientError } from '../../lib/errors.ts';
import { is, set, value } from '../../lib/handover/lease-write.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { Ports } from '../../lib/ports.ts';
import { createTables } from '../../local/tables.ts';
import { sampleLease } from '../support/sample-lease.ts';
import { useCloud } from '../support/worlds.ts';

const lease = (): Lease => sampleLease({ streamName: `orders-${randomUUID()}` });
const takeTo = (workerId: string) => ({
  name: 'take',
  conditions: [is('owner', 'a'), is('epoch', 4)],
  changes: [set('owner', value(workerId)), { op: 'add', path: 'epoch', by: 1 } as const],
});

/** DynamoDB behind a proxy that carries requests out and loses answers. */
describe('leases behind a network that loses answers', () => {
  let proxy: Server;
  let ports: Ports;
  let losing = 0;
  let onLost: () => Promise<void> = async () => {};

  beforeAll(async () => {
    useCloud();
    const tables = await createTables(new DynamoDBClient({}), `lost-${randomUUID()}`);
    const target = new URL(inject('cloud').endpoint);
    proxy = createServer((incoming, outgoing) => {
      const forwarded = httpRequest(
        { host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers: incoming.headers },
        async (answer) => {
          if (losing > 0) {
            losing -= 1;
            answer.resume();
            answer.on('end', async () => {
              await onLost();
              incoming.socket.destroy();
            });
            return;
          }
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        },
      );
      incoming.pipe(forwarded);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    process.env.AWS_ENDPOINT_URL = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
    ports = awsPorts(tables);
    await ports.leases.list({ application: 'warm', streamName: 'up' });
    useCloud();
  });
  afterAll(() => {
    proxy.closeAllConnections();
    proxy.close();
  });

  test('a write whose answer is lost is written, though the second try is refused by the first', async () => {
    const before = lease();
    await ports.leases.create(before);
    losing = 1;
    expect(await ports.leases.write(before, before.shardId, takeTo('b'))).toEqual({
      kind: 'written',
      lease: { ...before, owner: 'b', epoch: 5 },
    });
    expect(losing).toBe(0);
  });

  test('a write that another one overtook after its answer was lost is fenced', async () => {
    const before = lease();
    await ports.leases.create(before);
    losing = 1;
    onLost = async () => {
      onLost = async () => {};
      await ports.leases.write(before, before.shardId, {
        name: 'overtake',
        conditions: [is('owner', 'b')],
        changes: [set('owner', value('c')), { op: 'add', path: 'epoch', by: 1 }],
      });
    };
    expect(await ports.leases.write(before, before.shardId, takeTo('b'))).toEqual({
      kind: 'fenced',
      lease: { ...before, owner: 'c', epoch: 6 },
    });
  });

  test('fails with TransientError when every answer is lost', async () => {
    const before = lease();
    await ports.leases.create(before);
    losing = 100;
    await expect(ports.leases.write(before, before.shardId, takeTo('b'))).rejects.toBeInstanceOf(TransientError);
    losing = 0;
  });

  test('fails with TransientError when the call is aborted', async () => {
    await expect(ports.leases.list(lease(), AbortSignal.abort())).rejects.toBeInstanceOf(TransientError);
  });
});
