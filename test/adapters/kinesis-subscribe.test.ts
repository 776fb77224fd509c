import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { awsClients } from '../../lib/adapters/aws/clients.ts';
import { kinesisReader } from '../../lib/adapters/aws/kinesis-reader.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { InvariantError, PoisonError, ShardGoneError, SubscriptionRefusedError, TransientError } from '../../lib/errors.ts';
import type { RecordBatch, StartingPosition } from '../../lib/ports.ts';

const CONSUMER = 'arn:aws:kinesis:us-east-1:000000000000:stream/orders/consumer/penumbra-0:1';

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** One message of the event stream encoding: lengths, checksum, headers, payload, checksum. */
const frame = (eventType: string, payload: object): Buffer => {
  const headers = Buffer.concat(
    Object.entries({ ':message-type': 'event', ':event-type': eventType, ':content-type': 'application/json' }).flatMap(
      ([name, value]) => [Buffer.from([name.length]), Buffer.from(name), Buffer.from([7, 0, value.length]), Buffer.from(value)],
    ),
  );
  const body = Buffer.from(JSON.stringify(payload));
  const lengths = Buffer.concat([uint32(headers.length + body.length + 16), uint32(headers.length)]);
  const message = Buffer.concat([lengths, uint32(crc32(lengths)), headers, body]);
  return Buffer.concat([message, uint32(crc32(message))]);
};
const event = (more: object): Buffer =>
  frame('SubscribeToShardEvent', { Records: [], ContinuationSequenceNumber: '5', MillisBehindLatest: 0, ...more });
const record = (SequenceNumber: string) => ({
  SequenceNumber,
  PartitionKey: 'k',
  Data: Buffer.from('x').toString('base64'),
  ApproximateArrivalTimestamp: 1_700_000_000,
});

/** Kinesis as a server that accepts a subscription and then behaves as badly as a test wants. */
describe('subscribe', () => {
  let server: Server;
  let onSubscribe: (response: ServerResponse) => void;
  let onOther: (response: ServerResponse) => void;
  let subscribed: Record<string, unknown>[];
  let connections: { open: number };

  beforeEach(async () => {
    const mine = { open: 0 };
    connections = mine;
    subscribed = [];
    onOther = (response) =>
      response.end(
        '{"Shards":[{"ShardId":"shardId-0","HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"9"},"SequenceNumberRange":{"StartingSequenceNumber":"1"}}]}',
      );
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      if (!String(request.headers['x-amz-target']).endsWith('SubscribeToShard')) return void onOther(response);
      subscribed.push(JSON.parse(Buffer.concat(chunks).toString()));
      mine.open += 1;
      response.on('close', () => {
        mine.open -= 1;
      });
      onSubscribe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const subscribe = (
    signal: AbortSignal,
    { consumerArn = CONSUMER, position = { type: 'TRIM_HORIZON' } as StartingPosition, times = {} } = {},
  ) => {
    const { port } = server.address() as { port: number };
    const clients = awsClients({ region: 'us-east-1', kinesisEndpoint: `http://127.0.0.1:${port}` });
    const reader = kinesisReader(clients, systemClock, { headersMs: 300, silenceMs: 400, quietMs: 150, ...times });
    return reader.subscribe(consumerArn, 'shardId-0', position, signal);
  };
  const read = async (signal: AbortSignal, options: Parameters<typeof subscribe>[1] = {}): Promise<RecordBatch[]> => {
    const batches: RecordBatch[] = [];
    for await (const batch of subscribe(signal, options)) batches.push(batch);
    return batches;
  };
  const never = new AbortController().signal;
  const withHeaders = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' });
    response.flushHeaders();
  };
  const closed = async () => {
    for (let waited = 0; connections.open > 0 && waited < 2_000; waited += 10) await systemClock.sleep(10);
    return connections.open === 0;
  };

  test('fails with TransientError without an answer in time, and closes the connection', async () => {
    onSubscribe = () => {};
    await expect(read(never)).rejects.toThrow(/no answer within 300 ms/);
    expect(await closed()).toBe(true);
  });

  test('ends after the silence of a half-open connection, and closes it', async () => {
    onSubscribe = (response) => {
      withHeaders(response);
      response.write(event({ Records: [record('7')] }));
    };
    const began = performance.now();
    expect(await read(never)).toMatchObject([{ records: [{ sequenceNumber: '7' }], shardEnd: false }]);
    expect(performance.now() - began).toBeGreaterThan(390);
    expect(await closed()).toBe(true);
  });

  test('ends with the batch that tells of the shard’s end, and closes the connection', async () => {
    onSubscribe = (response) => {
      withHeaders(response);
      response.write(event({ Records: [record('7')] }));
      response.write(
        event({
          Records: [record('7'), record('8')],
          ContinuationSequenceNumber: null,
          ChildShards: [
            { ShardId: 'shardId-1', ParentShards: ['shardId-0'], HashKeyRange: { StartingHashKey: '0', EndingHashKey: '9' } },
          ],
        }),
      );
    };
    const batches = await read(never);
    expect(batches.map(({ records, shardEnd }) => [records.map(({ sequenceNumber }) => sequenceNumber), shardEnd])).toEqual([
      [['7'], false],
      [['8'], true],
    ]);
    expect(await closed()).toBe(true);
  });

  test('ends when it is left, before the headers and after them, and closes the connection', async () => {
    for (const behaviour of [() => {}, withHeaders]) {
      onSubscribe = behaviour;
      const leaving = new AbortController();
      setTimeout(() => leaving.abort(), 100);
      const began = performance.now();
      expect(await read(leaving.signal, { times: { headersMs: 20_000, silenceMs: 20_000 } })).toEqual([]);
      expect(performance.now() - began).toBeLessThan(10_000);
      expect(await closed()).toBe(true);
    }
  });

  test('never fills a pool of connections: sixty that were left do not keep the next from its headers', async () => {
    onSubscribe = withHeaders;
    for (let i = 0; i < 60; i += 1) {
      const leaving = new AbortController();
      const reading = read(leaving.signal);
      setTimeout(() => leaving.abort(), 5);
      await reading;
    }
    expect(await closed()).toBe(true);
  });

  test('begins at a moment', async () => {
    onSubscribe = (response) => {
      withHeaders(response);
      response.end(event({}));
    };
    await read(never, { position: { type: 'AT_TIMESTAMP', timestampMs: 1_700_000_000_250 } });
    expect(subscribed).toMatchObject([{ StartingPosition: { Type: 'AT_TIMESTAMP', Timestamp: 1_700_000_000.25 } }]);
  });

  test('gives a record of 10 MiB byte for byte', async () => {
    const data = randomBytes(10 * 1024 * 1024);
    onSubscribe = (response) => {
      withHeaders(response);
      response.end(event({ Records: [{ ...record('7'), Data: data.toString('base64') }] }));
    };
    const [batch] = await read(never, { times: { headersMs: 10_000 } });
    expect(batch?.records).toHaveLength(1);
    expect(data.equals(batch!.records[0]!.data)).toBe(true);
  });

  test('takes no more from the connection than it needs while its reader is busy, and calls that no silence', async () => {
    const MESSAGES = 100;
    // Made before: the server shares its process with the reader, which must not hear nothing for that.
    const filler = { ...record('0'), Data: randomBytes(256 * 1024).toString('base64') };
    const events = Array.from({ length: MESSAGES }, (_, i) => event({ Records: [{ ...filler, SequenceNumber: String(i + 1) }] }));
    let accepted = 0;
    onSubscribe = async (response) => {
      withHeaders(response);
      for (const each of events) {
        const isTaken = response.write(each);
        accepted += 1;
        if (!isTaken) await once(response, 'drain');
      }
      response.end();
    };
    const seen: string[] = [];
    let acceptedWhileBusy = 0;
    for await (const batch of subscribe(never, { times: { headersMs: 10_000, silenceMs: 2_000 } })) {
      if (seen.length === 0) {
        // Longer than the silence that ends a subscription.
        await systemClock.sleep(2_500);
        acceptedWhileBusy = accepted;
      }
      seen.push(...batch.records.map(({ sequenceNumber }) => sequenceNumber));
    }
    expect(acceptedWhileBusy).toBeLessThan(MESSAGES / 2);
    expect(seen).toEqual(Array.from({ length: MESSAGES }, (_, i) => String(i + 1)));
  });

  test('stays open when the question whether the shard was closed is not answered', async () => {
    onOther = (response) => response.writeHead(500).end('{}');
    onSubscribe = (response) => {
      withHeaders(response);
      response.write(event({}));
      setTimeout(() => response.write(event({ Records: [record('7')] })), 300);
      setTimeout(() => response.end(), 350);
    };
    const batches = await read(never);
    expect(batches.flatMap(({ records }) => records)).toHaveLength(1);
  });

  test('closes the connection when its reader breaks out of the loop', async () => {
    onSubscribe = (response) => {
      withHeaders(response);
      response.write(event({ Records: [record('7')] }));
    };
    for await (const _ of subscribe(never)) break;
    expect(await closed()).toBe(true);
  });

  test('fails with ShardGoneError when the stream does not list the shard, and with PoisonError when only the consumer is not there', async () => {
    onSubscribe = (response) =>
      response
        .writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
        .end('{"__type":"ResourceNotFoundException","message":"not there"}');
    expect(((await read(never).catch((error: unknown) => error)) as Error).constructor).toBe(PoisonError);
    onOther = (response) => response.end('{"Shards":[]}');
    await expect(read(never)).rejects.toBeInstanceOf(ShardGoneError);
  });

  test('fails with SubscriptionRefusedError when the slot is taken, and closes the connection', async () => {
    onSubscribe = (response) =>
      response
        .writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
        .end('{"__type":"ResourceInUseException","message":"taken"}');
    await expect(read(never)).rejects.toBeInstanceOf(SubscriptionRefusedError);
    expect(await closed()).toBe(true);
  });

  test('fails with TransientError when the connection breaks in the middle', async () => {
    onSubscribe = (response) => {
      withHeaders(response);
      response.write(Buffer.from([0, 0, 0, 99, 0, 0]));
      setTimeout(() => response.destroy(), 50);
    };
    await expect(read(never)).rejects.toBeInstanceOf(TransientError);
  });

  test('fails with InvariantError on what is no consumer ARN', async () => {
    await expect(read(never, { consumerArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/orders' })).rejects.toBeInstanceOf(
      InvariantError,
    );
  });
});
