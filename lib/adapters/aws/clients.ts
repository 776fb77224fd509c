// lib/adapters/aws: the SDK's clients, each with its own connections, time-outs and retries.
// in: region and endpoints (the SDK reads AWS_REGION, AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_KINESIS by itself) · out: clients
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ECSClient } from '@aws-sdk/client-ecs';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';

export interface ClientConfig {
  readonly region?: string;
  readonly kinesisEndpoint?: string;
}

export interface AwsClients {
  readonly dynamodb: DynamoDBClient;
  /** Kinesis's control plane. */
  readonly kinesisControl: KinesisClient;
  /** Splits and merges: sent once, since a second try meets the first one's effect. */
  readonly kinesisChanges: KinesisClient;
  /** GetShardIterator and GetRecords: sent once, since a refused read counts too, and its reader keeps the pace (lib/consumer/poll-pace). */
  readonly kinesisReads: KinesisClient;
  /** SubscribeToShard only: each subscription holds a connection for five minutes. */
  readonly kinesisSubscriptions: KinesisClient;
  /** Whether Kinesis is an emulator on plain HTTP. */
  readonly plainKinesis: boolean;
  readonly cloudwatch: CloudWatchClient;
  readonly sqs: SQSClient;
  readonly stepFunctions: SFNClient;
  readonly ecs: ECSClient;
}

/** HTTP/1.1 with kept connections and a time-out that really ends the request. */
const http1 = (maxSockets: number, requestTimeoutMs: number) =>
  new NodeHttpHandler({
    connectionTimeout: 2_000,
    requestTimeout: requestTimeoutMs,
    throwOnRequestTimeout: true,
    httpAgent: { keepAlive: true, maxSockets },
    httpsAgent: { keepAlive: true, maxSockets },
  });

/** Makes the clients. The Kinesis client of the SDK speaks HTTP/2 by default with a session per call (aws-sdk-js-v3 #8279): ordinary calls get HTTP/1.1. */
export const awsClients = (config: ClientConfig): AwsClients => {
  const region = config.region === undefined ? {} : { region: config.region };
  const kinesis = { ...region, ...(config.kinesisEndpoint === undefined ? {} : { endpoint: config.kinesisEndpoint }) };
  const kinesisEndpoint = config.kinesisEndpoint ?? process.env.AWS_ENDPOINT_URL_KINESIS ?? process.env.AWS_ENDPOINT_URL ?? '';
  const plainKinesis = kinesisEndpoint.startsWith('http://');
  const subscriptionHandler = plainKinesis
    ? {
        requestHandler: new NodeHttpHandler({
          requestTimeout: 0,
          socketTimeout: 0,
          connectionTimeout: 2_000,
          httpAgent: { keepAlive: false, maxSockets: 10_000 },
        }),
      }
    : {};
  return {
    dynamodb: new DynamoDBClient({ ...region, maxAttempts: 4, requestHandler: http1(256, 3_000) }),
    kinesisControl: new KinesisClient({ ...kinesis, maxAttempts: 5, requestHandler: http1(50, 10_000) }),
    kinesisChanges: new KinesisClient({ ...kinesis, maxAttempts: 1, requestHandler: http1(10, 20_000) }),
    kinesisReads: new KinesisClient({ ...kinesis, maxAttempts: 1, requestHandler: http1(1_024, 10_000) }),
    kinesisSubscriptions: new KinesisClient({ ...kinesis, maxAttempts: 1, ...subscriptionHandler }),
    plainKinesis,
    cloudwatch: new CloudWatchClient({ ...region, maxAttempts: 4, requestHandler: http1(20, 10_000) }),
    sqs: new SQSClient({ ...region, useQueueUrlAsEndpoint: false, maxAttempts: 4, requestHandler: http1(20, 10_000) }),
    stepFunctions: new SFNClient({ ...region, maxAttempts: 4, requestHandler: http1(50, 10_000) }),
    ecs: new ECSClient({ ...region, maxAttempts: 4, requestHandler: http1(5, 10_000) }),
  };
};
