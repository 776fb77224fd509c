// The forecast machine's real definition in a real Step Functions: its slices run side by side, and one that fails does not stop the others.
import { CreateStateMachineCommand, DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { beforeAll, describe, expect, it } from 'vitest';
import { forecastDefinition } from '../../infra/forecast-definition.ts';
import { awsPorts } from '../../lib/adapters/aws/aws-ports.ts';
import type { Machines } from '../../lib/ports.ts';
import { eventually, useCloud } from '../support/worlds.ts';

/** The functions are not here: what they would be called with becomes what they answer. A slice named `broken` fails. */
const played = (): string => {
  const { StartAt, States, ...rest } = forecastDefinition({
    partition: 'aws',
    sliceFunctionArn: 'unused',
    settleFunctionArn: 'unused',
  });
  const map = States.Slices as { ItemProcessor: { States: Record<string, { Arguments: { Payload: string } }> } };
  const called = map.ItemProcessor.States.ForecastSlice!.Arguments.Payload;
  const settle = (States.Settle as { Arguments: { Payload: string } }).Arguments.Payload;
  return JSON.stringify({
    ...rest,
    StartAt,
    States: {
      ...States,
      Slices: {
        ...map,
        ItemProcessor: {
          ...map.ItemProcessor,
          StartAt: 'Play',
          States: {
            Play: {
              Type: 'Choice',
              Choices: [{ Condition: "{% $states.input.slice.kind = 'broken' %}", Next: 'Broken' }],
              Default: 'Answer',
            },
            Broken: { Type: 'Fail', Error: 'TransientError' },
            Answer: { QueryLanguage: 'JSONata', Type: 'Pass', Output: called, End: true },
          },
        },
      },
      Settle: { QueryLanguage: 'JSONata', Type: 'Pass', Output: settle, End: true },
    },
  });
};

let machines: Machines;
let stepFunctions: SFNClient;
beforeAll(async () => {
  useCloud();
  stepFunctions = new SFNClient({});
  const { stateMachineArn } = await stepFunctions.send(
    new CreateStateMachineCommand({
      name: `forecast-${process.pid}`,
      roleArn: 'arn:aws:iam::000000000000:role/trial',
      definition: played(),
    }),
  );
  const none = { leaseTable: '', workerTable: '', demandTable: '', controlTable: '' };
  ({ machines } = awsPorts({ ...none, forecastMachineArn: stateMachineArn! }));
});

describe('the forecast machine', () => {
  it('runs every slice and then settles, also where a slice failed', async () => {
    const slices = [
      { kind: 'stream' },
      { kind: 'broken' },
      { kind: 'shards', startingHashKey: '0', endingHashKey: (2n ** 127n).toString() },
    ];
    const input = { application: 'shop', streamName: 'orders', tickMs: 1_700_000_000_000, slices };
    const started = await machines.start('forecast', `tick-${Date.now()}`, input);
    const ended = await eventually(async () => {
      const execution = await stepFunctions.send(new DescribeExecutionCommand({ executionArn: started.executionArn }));
      return execution.status === 'RUNNING' ? undefined : execution;
    }, 20_000);
    expect(ended.status).toBe('SUCCEEDED');
    expect(JSON.parse(ended.output!)).toEqual({ ...input, slices: 3 });
  });
});
