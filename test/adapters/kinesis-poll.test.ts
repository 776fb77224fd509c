import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { awsClients } from '../../lib/adapters/aws/clients.ts';
import { pollShard } from '../../lib/adapters/aws/kinesis-poll.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { PoisonError, TransientError } from '../../lib/errors.ts';
import type { StartingPosition } from '../../lib/ports.ts';

type Answer = { readonly status?: number; readonly body: object };
const records = (...sequenceNumbers: string[]) =>
  sequenceNumbers.map((SequenceNumber) => ({
    SequenceNumber,
    PartitionKey: 'k',
    Data: '',
    ApproximateArrivalTimestamp: 1_700_000_000.25,
  }));
const expired: Answer = { status: 400, body: { __type: 'ExpiredIteratorException', message: 'Iterator expired' } };
const throttled: Answer = { status: 400, body: { __type: 'ProvisionedThroughputExceededException', message: 'Rate exceeded' } };

/** Kinesis as a server that gives scripted answers and notes what was asked. */
describe('pollShard', () => {
  let server: Server;
  let script: Answer[];
  let asked: { action: string; body: Record<string, unknown> }[];

  beforeEach(async () => {
    script = [];
    asked = [];
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const action = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      asked.push({ action, body: JSON.parse(Buffer.concat(chunks).toString()) });
      const { status = 200, body } =
        action === 'GetShardIterator' ? { body: { ShardIterator: `iterator-${asked.length}` } } : (script.shift() ?? throttled);
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const poll = (position: StartingPosition) => {
    const { port } = server.address() as { port: number };
    const { kinesisReads } = awsClients({ region: 'us-east-1', kinesisEndpoint: `http://127.0.0.1:${port}` });
    return pollShard(kinesisReads, systemClock, 'orders', 'shardId-000000000000', position);
  };
  const iterators = () => asked.filter(({ action }) => action === 'GetShardIterator').map(({ body }) => body);

  test('replaces an expired iterator by one after the last record seen, and repeats nothing', async () => {
    script = [
      { body: { Records: records('10', '11'), NextShardIterator: 'next' } },
      expired,
      { body: { Records: records('11', '12'), NextShardIterator: 'next' } },
    ];
    const iterator = poll({ type: 'TRIM_HORIZON' });
    expect((await iterator.next())?.records).toMatchObject([
      { sequenceNumber: '10', arrivedAtMs: 1_700_000_000_250 },
      { sequenceNumber: '11' },
    ]);
    expect((await iterator.next())?.records).toMatchObject([{ sequenceNumber: '12' }]);
    expect(iterators()).toMatchObject([
      { ShardIteratorType: 'TRIM_HORIZON' },
      { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: '11' },
    ]);
  });

  test('goes back in time, not to LATEST again, when an iterator at LATEST expires before any record', async () => {
    script = [
      { body: { Records: [], NextShardIterator: 'next' } },
      expired,
      { body: { Records: records('10'), NextShardIterator: 'next' } },
    ];
    const iterator = poll({ type: 'LATEST' });
    await iterator.next();
    const beforeSec = Date.now() / 1000;
    expect((await iterator.next())?.records).toHaveLength(1);
    const [, second] = iterators();
    expect(second).toMatchObject({ ShardIteratorType: 'AT_TIMESTAMP' });
    expect(Number(second?.Timestamp)).toBeLessThan(beforeSec);
  });

  test('tells the end once, then null', async () => {
    script = [{ body: { Records: records('10'), MillisBehindLatest: 7 } }];
    const iterator = poll({ type: 'TRIM_HORIZON' });
    expect(await iterator.next()).toMatchObject({ millisBehindLatest: 7, shardEnd: true });
    expect(await iterator.next()).toBeNull();
  });

  test('fails with TransientError when it stays throttled, and goes on afterwards', async () => {
    const iterator = poll({ type: 'TRIM_HORIZON' });
    await expect(iterator.next()).rejects.toBeInstanceOf(TransientError);
    script = [{ body: { Records: records('10'), NextShardIterator: 'next' } }];
    expect((await iterator.next())?.records).toHaveLength(1);
  });

  test('fails when a fresh iterator has expired too, and for a shard that is not there', async () => {
    script = [expired, expired];
    await expect(poll({ type: 'TRIM_HORIZON' }).next()).rejects.toThrow('ExpiredIteratorException');
    script = [{ status: 400, body: { __type: 'ResourceNotFoundException', message: 'no such shard' } }];
    await expect(poll({ type: 'TRIM_HORIZON' }).next()).rejects.toBeInstanceOf(PoisonError);
  });
});
