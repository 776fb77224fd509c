import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { awsClients } from '../../lib/adapters/aws/clients.ts';
import { pollShard } from '../../lib/adapters/aws/kinesis-poll.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { PoisonError, ShardGoneError, ThrottledError, TransientError } from '../../lib/errors.ts';
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

const notFound: Answer = { status: 400, body: { __type: 'ResourceNotFoundException', message: 'no such shard' } };
const listing = (...shardIds: string[]): Answer => ({
  body: {
    Shards: shardIds.map((ShardId) => ({
      ShardId,
      HashKeyRange: { StartingHashKey: '0', EndingHashKey: '9' },
      SequenceNumberRange: { StartingSequenceNumber: '1' },
    })),
  },
});

/** Kinesis as a server that gives scripted answers and notes what was asked. */
describe('pollShard', () => {
  let server: Server;
  let script: Answer[];
  let shards: Answer;
  let asked: { action: string; body: Record<string, unknown> }[];

  beforeEach(async () => {
    script = [];
    shards = listing('shardId-000000000000');
    asked = [];
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const action = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      asked.push({ action, body: JSON.parse(Buffer.concat(chunks).toString()) });
      const { status = 200, body } =
        action === 'GetShardIterator'
          ? { body: { ShardIterator: `iterator-${asked.length}` } }
          : action === 'ListShards'
            ? shards
            : (script.shift() ?? throttled);
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
    return pollShard({ reads: kinesisReads, control: kinesisReads }, systemClock, 'orders', 'shardId-000000000000', position);
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

  test('begins at a moment, and begins there again when its iterator expires before any record', async () => {
    script = [expired, { body: { Records: records('10'), NextShardIterator: 'next' } }];
    const iterator = poll({ type: 'AT_TIMESTAMP', timestampMs: 1_700_000_000_250 });
    expect((await iterator.next())?.records).toHaveLength(1);
    expect(iterators()).toMatchObject(Array(2).fill({ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: 1_700_000_000.25 }));
  });

  test('does not go to LATEST again when its first iterator expires before the first look', async () => {
    script = [expired, { body: { Records: records('10'), NextShardIterator: 'next' } }];
    await poll({ type: 'LATEST' }).next();
    expect(iterators()).toMatchObject([{ ShardIteratorType: 'LATEST' }, { ShardIteratorType: 'AT_TIMESTAMP' }]);
  });

  test('gives a record of 10 MiB byte for byte', async () => {
    const data = randomBytes(10 * 1024 * 1024);
    script = [{ body: { Records: [{ ...records('10')[0], Data: data.toString('base64') }], NextShardIterator: 'next' } }];
    const batch = await poll({ type: 'TRIM_HORIZON' }).next();
    expect(batch?.records).toHaveLength(1);
    expect(data.equals(batch!.records[0]!.data)).toBe(true);
  });

  test('fails with ThrottledError, after one request, when it is throttled, and goes on with the same iterator afterwards', async () => {
    const iterator = poll({ type: 'TRIM_HORIZON' });
    await expect(iterator.next()).rejects.toBeInstanceOf(ThrottledError);
    expect(asked.map(({ action }) => action)).toEqual(['GetShardIterator', 'GetRecords']);
    script = [{ body: { Records: records('10'), NextShardIterator: 'next' } }];
    expect((await iterator.next())?.records).toHaveLength(1);
    expect(iterators()).toHaveLength(1);
  });

  test('fails when a fresh iterator has expired too', async () => {
    script = [expired, expired];
    await expect(poll({ type: 'TRIM_HORIZON' }).next()).rejects.toThrow('ExpiredIteratorException');
  });

  test('fails with ShardGoneError only when the stream answers and does not list the shard', async () => {
    const failure = async () => {
      script = [notFound];
      return (await poll({ type: 'TRIM_HORIZON' })
        .next()
        .catch((error: unknown) => error)) as Error;
    };
    expect((await failure()).constructor).toBe(PoisonError);
    shards = listing('shardId-000000000007');
    expect(await failure()).toBeInstanceOf(ShardGoneError);
    shards = notFound;
    expect((await failure()).constructor).toBe(PoisonError);
    shards = { status: 400, body: { __type: 'LimitExceededException', message: 'too many' } };
    expect(await failure()).toBeInstanceOf(TransientError);
  });
});
