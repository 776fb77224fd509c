import { randomUUID } from 'node:crypto';
import { CloudWatchClient, GetMetricStatisticsCommand, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { CreateStateMachineCommand, DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { awsPorts } from '../../lib/adapters/aws/aws-ports.ts';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { InvariantError } from '../../lib/errors.ts';
import { type DemandSample, MINUTE_MS } from '../../lib/model/demand.ts';
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import { Command } from '../../lib/model/operation.ts';
import type { MetricPoint, Ports } from '../../lib/ports.ts';
import { eventually, useCloud } from '../support/worlds.ts';

const commandOf = (operationId: string, shardId = 'shardId-000000000000'): Command => ({
  operationId,
  application: 'shop',
  streamName: 'orders',
  requestedBy: 'planner',
  requestedAtMs: 1_700_000_000_000,
  action: {
    kind: 'split',
    actionId: operationId,
    trigger: 'forecast',
    reason: 'p95 passes 70 %',
    expected: { utilizationNow: 0.5, peakUtilization: 0.9, leadTimeSec: 300, costUsdPerMonth: 10.95, recordsAtRiskPerHour: 0 },
    shardId,
    hashKeyRange: WHOLE_RANGE,
    newStartingHashKey: 2n ** 127n,
    childOwners: ['a', 'b'],
  },
});

/** What goes out, and how the other side sees it. */
interface Outside {
  readonly ports: Ports;
  /** Up to `count` commands that arrived, in order of arrival. */
  received(count: number): Promise<Command[]>;
  /** A token that somebody waits for, and what they got for it. */
  waitForToken(): Promise<{ taskToken: string; answer(): Promise<unknown> }>;
  inputOf(executionArn: string): Promise<unknown>;
  putSamples(samples: readonly DemandSample[]): Promise<void>;
  sumOf(point: MetricPoint): Promise<number | undefined>;
}

const memoryOutside = async (): Promise<Outside> => {
  const ports = memoryPorts(systemClock);
  return {
    ports,
    received: async (count) => ports.commands.sent.splice(0, count),
    waitForToken: async () => {
      const taskToken = randomUUID();
      ports.callbacks.waiting.add(taskToken);
      return { taskToken, answer: async () => ports.callbacks.answers.find((answer) => answer.taskToken === taskToken)?.output };
    },
    inputOf: async (executionArn) =>
      ports.machines.executions.find((execution) => execution.executionArn === executionArn)?.input,
    putSamples: async (samples) => {
      ports.metrics.samples.push(...samples);
    },
    sumOf: async (point) => ports.metrics.published.find(({ name }) => name === point.name)?.value,
  };
};

const awsOutside = async (): Promise<Outside> => {
  useCloud();
  const [sqs, stepFunctions, cloudwatch] = [new SQSClient({}), new SFNClient({}), new CloudWatchClient({})];
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({ QueueName: `commands-${randomUUID()}.fifo`, Attributes: { FifoQueue: 'true' } }),
  );
  const makeMachine = async (name: string, definition: object): Promise<string> => {
    const request = new CreateStateMachineCommand({
      name: `${name}-${randomUUID()}`,
      roleArn: 'arn:aws:iam::000000000000:role/test',
      definition: JSON.stringify(definition),
    });
    return (await stepFunctions.send(request)).stateMachineArn!;
  };
  const passing = await makeMachine('pass', { StartAt: 'Pass', States: { Pass: { Type: 'Pass', End: true } } });
  const { QueueUrl: tokenQueue } = await sqs.send(new CreateQueueCommand({ QueueName: `tokens-${randomUUID()}` }));
  const waiting = await makeMachine('wait', {
    StartAt: 'Wait',
    States: {
      Wait: {
        Type: 'Task',
        Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken',
        Parameters: { QueueUrl: tokenQueue, 'MessageBody.$': '$$.Task.Token' },
        TimeoutSeconds: 30,
        End: true,
      },
    },
  });
  const ports = awsPorts({
    leaseTable: 'none',
    workerTable: 'none',
    demandTable: 'none',
    controlTable: 'none',
    commandQueueUrl: QueueUrl!,
    handoverMachineArn: passing,
    reshardMachineArn: waiting,
  });
  const receive = async (url: string | undefined, count: number) =>
    (await sqs.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: count, WaitTimeSeconds: 1 }))).Messages ?? [];
  return {
    ports,
    received: async (count) => {
      const commands: Command[] = [];
      for (
        let batch = await receive(QueueUrl, 10);
        batch.length > 0 && commands.length < count;
        batch = await receive(QueueUrl, 10)
      )
        commands.push(...batch.map(({ Body }) => z.decode(Command, JSON.parse(Body!))));
      return commands;
    },
    waitForToken: async () => {
      const { executionArn } = await ports.machines.start('reshard', randomUUID(), {});
      const taskToken = await eventually(async () => (await receive(tokenQueue, 1))[0]?.Body);
      return {
        taskToken,
        answer: () =>
          eventually(async () => {
            const { status, output } = await stepFunctions.send(new DescribeExecutionCommand({ executionArn }));
            return status === 'SUCCEEDED' ? JSON.parse(output!) : undefined;
          }),
      };
    },
    inputOf: async (executionArn) =>
      JSON.parse((await stepFunctions.send(new DescribeExecutionCommand({ executionArn }))).input!),
    putSamples: async (samples) => {
      for (const { streamName, minuteMs, records, bytes, throttledRecords } of samples) {
        const values = { IncomingRecords: records, IncomingBytes: bytes, WriteProvisionedThroughputExceeded: throttledRecords };
        const MetricData = Object.entries(values).map(([MetricName, Value]) => ({
          MetricName,
          Value,
          Timestamp: new Date(minuteMs),
          Dimensions: [{ Name: 'StreamName', Value: streamName }],
        }));
        await cloudwatch.send(new PutMetricDataCommand({ Namespace: 'AWS/Kinesis', MetricData }));
      }
    },
    sumOf: async (point) => {
      const request = new GetMetricStatisticsCommand({
        Namespace: 'Penumbra',
        MetricName: point.name,
        Dimensions: Object.entries(point.dimensions).map(([Name, Value]) => ({ Name, Value })),
        StartTime: new Date(point.atMs - 5 * MINUTE_MS),
        EndTime: new Date(point.atMs + 5 * MINUTE_MS),
        Period: 60,
        Statistics: ['Sum'],
      });
      return (await cloudwatch.send(request)).Datapoints?.[0]?.Sum;
    },
  };
};

const outsides = [
  { name: 'memory', open: memoryOutside },
  { name: 'aws', open: awsOutside },
];

describe.each(outsides)('orders in $name', ({ open }) => {
  let outside: Outside;
  beforeAll(async () => {
    outside = await open();
  });

  describe('commands', () => {
    test('arrive whole and in order, more than one batch of them', async () => {
      const commands = Array.from({ length: 13 }, (_, i) => commandOf(`order-${String(i).padStart(2, '0')}`, `shardId-${i}`));
      await outside.ports.commands.send(commands);
      const arrived = await outside.received(13);
      expect([...arrived].sort((a, b) => (a.operationId < b.operationId ? -1 : 1))).toEqual(commands);
    });

    test('of one operation arrive once', async () => {
      await outside.ports.commands.send([commandOf('twice')]);
      await outside.ports.commands.send([commandOf('twice'), commandOf('after-twice', 'shardId-99')]);
      expect((await outside.received(2)).map(({ operationId }) => operationId).sort()).toEqual(['after-twice', 'twice']);
    });

    test('none are sent for none', async () => {
      await outside.ports.commands.send([]);
      expect(await outside.received(1)).toEqual([]);
    });
  });

  describe('machines', () => {
    test('start an execution by its name once', async () => {
      const name = `h-${randomUUID()}`;
      const first = await outside.ports.machines.start('handover', name, { handoverId: name, epoch: 3 });
      expect(first).toEqual({ kind: 'started', executionArn: expect.stringMatching(new RegExp(`:${name}$`)) });
      expect(await outside.inputOf(first.executionArn)).toEqual({ handoverId: name, epoch: 3 });
      await systemClock.sleep(300);
      expect(await outside.ports.machines.start('handover', name, { handoverId: name, epoch: 4 })).toEqual({
        kind: 'exists',
        executionArn: first.executionArn,
      });
    });
  });

  describe('callbacks', () => {
    test('answer a waiting task once; the second answer and an unknown token are gone', async () => {
      const { taskToken, answer } = await outside.waitForToken();
      expect(await outside.ports.callbacks.succeed(taskToken, { drained: 5 })).toEqual({ kind: 'answered' });
      expect(await answer()).toEqual({ drained: 5 });
      expect(await outside.ports.callbacks.succeed(taskToken, {})).toEqual({ kind: 'gone' });
      expect(await outside.ports.callbacks.succeed(randomUUID(), {})).toEqual({ kind: 'gone' });
    });
  });

  describe('metrics', () => {
    test('give a sample for each minute that has points, none for the others', async () => {
      const streamName = `orders-${randomUUID()}`;
      const startMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 10 * MINUTE_MS;
      const sampleOf = (minute: number, records: number): DemandSample => ({
        streamName,
        hashKeyRange: WHOLE_RANGE,
        minuteMs: startMs + minute * MINUTE_MS,
        records,
        bytes: records * 100,
        throttledRecords: minute,
      });
      await outside.putSamples([sampleOf(0, 60), sampleOf(1, 0), sampleOf(4, 1200), sampleOf(6, 1)]);
      const samples = await outside.ports.metrics.streamDemand(streamName, startMs, startMs + 6 * MINUTE_MS);
      expect(samples).toEqual([sampleOf(0, 60), sampleOf(1, 0), sampleOf(4, 1200)]);
    });

    test('publish points with name, dimensions and time', async () => {
      const point: MetricPoint = {
        name: `PauseMs${randomUUID()}`,
        value: 29.5,
        unit: 'Milliseconds',
        dimensions: { StreamName: 'orders' },
        atMs: Date.now() - MINUTE_MS,
      };
      await outside.ports.metrics.publish([point]);
      expect(await outside.sumOf(point)).toBe(29.5);
      await outside.ports.metrics.publish([]);
    });
  });
});

describe('aws ports that are not configured', () => {
  test('fail to send and to start, and name what is missing', async () => {
    useCloud();
    const ports = awsPorts({ leaseTable: 'none', workerTable: 'none', demandTable: 'none', controlTable: 'none' });
    await expect(ports.commands.send([commandOf('x')])).rejects.toThrow(InvariantError);
    await expect(ports.machines.start('reshard', 'x', {})).rejects.toThrow('reshardMachineArn must be configured');
  });
});
