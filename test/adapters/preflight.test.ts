import { describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { type Answers, preflightWorld, schemaOf, sdkError, TABLES } from './preflight-world.ts';

const found = (answers: Answers, more: Parameters<typeof preflightWorld>[0] = {}) => preflightWorld({ ...more, answers }).check();
const denied = (action: string) =>
  sdkError('AccessDeniedException', `User: arn:aws:iam::1:role/task is not authorized to perform: ${action}`);

describe('awsPreflight', () => {
  it('finds nothing where all is well', async () => {
    expect(await found({})).toEqual([]);
  });

  it('takes a service that knows no DryRun for one that permits', async () => {
    expect(await found({ GetRecords: { Records: [] } })).toEqual([]);
  });

  it('asks with DryRun, and about a consumer that was never registered, so that nobody’s subscription is disturbed', async () => {
    const world = preflightWorld();
    await world.check();
    expect(world.sent.find(({ name }) => name === 'GetRecords')?.input).toMatchObject({ DryRun: true, Limit: 1 });
    expect(world.sent.find(({ name }) => name === 'SubscribeToShard')?.input).toMatchObject({
      DryRun: true,
      ConsumerARN: 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders/consumer/penumbra-shop-0:1',
    });
  });

  it('writes only under conditions that contradict themselves, on a key of its own', async () => {
    const world = preflightWorld();
    await world.check();
    const writes = world.sent.filter(({ name }) => ['PutItem', 'UpdateItem', 'DeleteItem'].includes(name));
    expect(writes).toHaveLength(6);
    for (const { input } of writes) {
      expect(input.ConditionExpression).toBe('attribute_exists(#key) AND attribute_not_exists(#key)');
      expect(JSON.stringify(input.Key ?? input.Item)).toContain('{"S":"#preflight"}');
    }
    const [batch] = world.sent.filter(({ name }) => name === 'BatchWriteItem');
    expect(batch?.input.RequestItems).toEqual({
      demand: [{ DeleteRequest: { Key: { pk: { S: 'counters#orders' }, sk: { S: '#preflight' } } } }],
    });
  });

  it('asks nothing about fan-out of a worker that only polls', async () => {
    const world = preflightWorld({ answers: { SubscribeToShard: denied('kinesis:SubscribeToShard') } });
    expect(await world.check({ retrieval: 'polling' })).toEqual([]);
    expect(world.sent.map(({ name }) => name)).not.toContain('SubscribeToShard');
  });

  it('leaves a subscription that was opened although it was only to be tried', async () => {
    const impatient = { ...systemClock, sleep: async () => {} };
    const findings = await found({ SubscribeToShard: 'never' }, { clock: impatient });
    expect(findings).toMatchObject([{ kind: 'not-checked', what: expect.stringContaining('SubscribeToShard'), fatal: false }]);
  });

  it('throws when it is aborted', async () => {
    const leaving = new AbortController();
    const checking = preflightWorld({ answers: { SubscribeToShard: 'never' } }).check({}, leaving.signal);
    setTimeout(() => leaving.abort(), 20);
    await expect(checking).rejects.toThrow('checks before the start');
  });
});

describe('awsPreflight on the stream', () => {
  it('fails on a stream that is not there, naming region and endpoint', async () => {
    const missing = sdkError('ResourceNotFoundException');
    const [finding] = await found({ DescribeStreamSummary: missing, ListShards: missing });
    expect(finding).toMatchObject({
      kind: 'stream-missing',
      what: 'stream orders',
      received: 'no such stream in eu-west-1 (https://kinesis.eu-west-1.amazonaws.com)',
      fatal: true,
    });
  });

  it.each([
    ['DELETING', true],
    ['CREATING', false],
  ])('tells of a stream that is %s (fatal: %s)', async (StreamStatus, fatal) => {
    const findings = await found({
      DescribeStreamSummary: { StreamDescriptionSummary: { StreamStatus } },
      ListShards: { Shards: [] },
    });
    expect(findings).toMatchObject([{ kind: 'stream-not-ready', received: `status ${StreamStatus}`, fatal }]);
  });

  it('tells of a stream on demand without refusing it', async () => {
    const findings = await found({
      DescribeStreamSummary: {
        StreamDescriptionSummary: { StreamStatus: 'ACTIVE', StreamModeDetails: { StreamMode: 'ON_DEMAND' } },
      },
    });
    expect(findings).toMatchObject([{ kind: 'stream-on-demand', fatal: false }]);
  });

  it('fails on reading that is not permitted, with every action that is denied', async () => {
    const findings = await found({
      GetRecords: denied('kinesis:GetRecords'),
      DescribeStreamSummary: denied('kinesis:DescribeStreamSummary'),
    });
    expect(findings).toMatchObject([
      { kind: 'permission-missing', what: 'permissions on stream orders in eu-west-1', fatal: true },
    ]);
    expect(findings[0]?.received).toMatch(
      /^kinesis:DescribeStreamSummary, kinesis:GetRecords denied: User: arn:aws:iam::1:role\/task is not authorized/,
    );
  });

  it.each([
    ['fan-out', true],
    ['fan-out-for-shadows', false],
  ] as const)('tells that %s may not subscribe (fatal: %s)', async (retrieval, fatal) => {
    const world = preflightWorld({ answers: { SubscribeToShard: denied('kinesis:SubscribeToShard') } });
    expect(await world.check({ retrieval })).toMatchObject([
      { kind: 'permission-missing', what: 'permissions on fan-out consumers of stream orders in eu-west-1', fatal },
    ]);
  });

  it('fails on a key that the role may not use', async () => {
    expect(await found({ GetRecords: sdkError('KMSAccessDeniedException') })).toMatchObject([
      { kind: 'stream-unreadable', doThis: expect.stringContaining('kms:Decrypt'), fatal: true },
    ]);
  });

  it('takes a throttled read for a permitted one', async () => {
    expect(await found({ GetRecords: sdkError('ProvisionedThroughputExceededException') })).toEqual([]);
  });
});

describe('awsPreflight on the tables', () => {
  it('fails on a table that is not there, even where it may not be described', async () => {
    const missing = sdkError('ResourceNotFoundException');
    expect(await found({ 'DescribeTable workers': denied('dynamodb:DescribeTable'), 'PutItem workers': missing })).toMatchObject([
      { kind: 'table-missing', what: 'workerTable workers in eu-west-1', fatal: true },
    ]);
  });

  it('fails on the table of something else, with the keys expected and found', async () => {
    const leaseKey = {
      Table: { ...schemaOf('leaseKey', 'x').Table, KeySchema: [{ AttributeName: 'leaseKey', KeyType: 'HASH' }] },
    };
    expect(await found({ 'DescribeTable leases': leaseKey })).toMatchObject([
      {
        kind: 'table-of-another-schema',
        what: 'leaseTable leases in eu-west-1',
        received: 'the keys leaseKey (HASH, S)',
        allowed: 'the keys group (HASH, S), shardId (RANGE, S)',
        fatal: true,
      },
    ]);
  });

  it('fails on keys of another type', async () => {
    expect(await found({ 'DescribeTable demand': schemaOf('pk', 'sk', 'N') })).toMatchObject([
      { kind: 'table-of-another-schema', received: 'the keys pk (HASH, N), sk (RANGE, N)' },
    ]);
  });

  it('fails on keys that do not fit, even where the table may not be described', async () => {
    const answers = {
      'DescribeTable leases': denied('dynamodb:DescribeTable'),
      'UpdateItem leases': sdkError('ValidationException', 'The provided key element does not match the schema'),
    };
    expect(await found(answers)).toMatchObject([
      { kind: 'table-of-another-schema', received: 'keys that do not fit', fatal: true },
    ]);
  });

  it.each(['CREATING', 'INACCESSIBLE_ENCRYPTION_CREDENTIALS'])('fails on a table that is %s', async (TableStatus) => {
    const table = { Table: { ...schemaOf('group', 'shardId').Table, TableStatus } };
    expect(await found({ 'DescribeTable leases': table })).toMatchObject([
      { kind: 'table-not-ready', received: `status ${TableStatus}`, fatal: true },
    ]);
  });

  it.each([
    [{ TimeToLiveStatus: 'DISABLED' }, 'time to live DISABLED'],
    [{ TimeToLiveStatus: 'ENABLED', AttributeName: 'ttl' }, 'time to live ENABLED by ttl'],
  ])('tells of a time to live that is not ours: %j', async (TimeToLiveDescription, received) => {
    expect(await found({ 'DescribeTimeToLive demand': { TimeToLiveDescription } })).toMatchObject([
      { kind: 'time-to-live-off', what: 'demandTable demand in eu-west-1', received, fatal: false },
    ]);
  });

  it('fails on a worker that may not write its leases, once for all that is denied there', async () => {
    const findings = await found({
      'PutItem leases': denied('dynamodb:PutItem'),
      'UpdateItem leases': denied('dynamodb:UpdateItem'),
    });
    expect(findings).toMatchObject([
      { kind: 'permission-missing', what: 'permissions on leaseTable leases in eu-west-1', fatal: true },
    ]);
    expect(findings[0]?.received).toMatch(/^dynamodb:PutItem, dynamodb:UpdateItem denied: User/);
  });

  it('tells of a table that it may not describe, without refusing what works', async () => {
    expect(await found({ 'DescribeTable leases': denied('dynamodb:DescribeTable') })).toMatchObject([
      {
        kind: 'not-checked',
        what: 'leaseTable leases in eu-west-1',
        doThis: expect.stringContaining('dynamodb:DescribeTable'),
        fatal: false,
      },
    ]);
  });

  it('tells of an answer that it does not understand', async () => {
    expect(await found({ 'Query workers': sdkError('UnknownOperationException', 'no such thing') })).toMatchObject([
      { kind: 'not-checked', what: `dynamodb:Query on workerTable ${TABLES.workerTable}`, fatal: false },
    ]);
  });
});

describe('awsPreflight on the way to the services', () => {
  const tables = Object.values(TABLES);
  const requests = [
    'DescribeStreamSummary',
    'ListShards',
    'Query',
    'BatchGetItem',
    'PutItem',
    'UpdateItem',
    'DeleteItem',
    'BatchWriteItem',
  ].concat(tables.flatMap((table) => [`DescribeTable ${table}`, `DescribeTimeToLive ${table}`]));
  const everywhere = (error: Error): Answers => Object.fromEntries(requests.map((request) => [request, error]));

  it('fails once without a region', async () => {
    expect(await found({}, { region: '' })).toMatchObject([
      { kind: 'region-missing', doThis: expect.stringContaining('AWS_REGION') },
    ]);
  });

  it('fails once without credentials', async () => {
    const findings = await found(
      everywhere(sdkError('CredentialsProviderError', 'Could not load credentials from any providers')),
    );
    expect(findings).toMatchObject([
      { kind: 'credentials-missing', doThis: expect.stringContaining('taskRoleArn'), fatal: true },
    ]);
  });

  it('fails once a service on credentials that it refuses', async () => {
    const findings = await found(everywhere(sdkError('ExpiredTokenException', 'The security token has expired')));
    expect(findings.map(({ kind, what }) => [kind, what])).toEqual([
      ['credentials-refused', 'the AWS credentials, shown to Kinesis in eu-west-1'],
      ['credentials-refused', 'the AWS credentials, shown to DynamoDB in eu-west-1'],
    ]);
  });

  it.each([
    ['a code', sdkError('Error', 'getaddrinfo failed', { code: 'ENOTFOUND' })],
    [
      'words only',
      sdkError('Error', 'The pending stream has been canceled (caused by: getaddrinfo ENOTFOUND x)', { code: undefined }),
    ],
  ])('fails on a service that cannot be reached, told by %s', async (_, error) => {
    const findings = await found(everywhere(error));
    expect(findings.map(({ kind, what }) => [kind, what])).toEqual([
      ['service-unreachable', 'Kinesis at https://kinesis.eu-west-1.amazonaws.com'],
      ['service-unreachable', 'DynamoDB at https://dynamodb.eu-west-1.amazonaws.com'],
    ]);
  });

  it('goes on past a service that is busy, and says what was not checked', async () => {
    expect(await found({ DescribeStreamSummary: sdkError('LimitExceededException', 'Rate exceeded') })).toMatchObject([
      { kind: 'not-checked', what: 'kinesis:DescribeStreamSummary on stream orders in eu-west-1', fatal: false },
    ]);
  });
});

describe('awsPreflight on the clock', () => {
  it.each([
    [-8_000, /^[78]\.\d s ahead of AWS$/, false],
    [30_000, /^(29|30)\.\d s behind AWS$/, false],
    [90_000, /^(89|90)\.\d s behind AWS$/, true],
  ])('tells of servers that are %i ms ahead', async (serverAheadMs, received, fatal) => {
    const findings = await found({}, { serverAheadMs });
    expect(findings).toMatchObject([{ kind: 'clock-wrong', received: expect.stringMatching(received), fatal }]);
  });

  it('says nothing of what a Date cannot tell', async () => {
    expect(await found({}, { serverAheadMs: 4_500 })).toEqual([]);
  });

  it('puts what is fatal first', async () => {
    const findings = await found({ 'PutItem leases': denied('dynamodb:PutItem') }, { serverAheadMs: 30_000 });
    expect(findings.map(({ kind }) => kind)).toEqual(['permission-missing', 'clock-wrong']);
  });
});
