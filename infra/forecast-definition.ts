// infra: the forecast of a large stream: its slices side by side, then what makes them agree.
// in: functions · out: the definition in Amazon States Language
import { lambdaState } from './lambda-state.ts';

/** Slices that run at a time: each reads the history of its shards. */
const SLICES_AT_A_TIME = 20;

/** The machine's definition. A slice that fails leaves its shards with the forecasts of the tick before; the others go on. */
export const forecastDefinition = (parts: {
  readonly partition: string;
  readonly sliceFunctionArn: string;
  readonly settleFunctionArn: string;
}): { StartAt: string; States: Record<string, object> } => {
  const { partition, sliceFunctionArn, settleFunctionArn } = parts;
  const definition = {
    QueryLanguage: 'JSONata',
    StartAt: 'Slices',
    States: {
      Slices: {
        Type: 'Map',
        Items: '{% $states.input.slices %}',
        ItemSelector: {
          application: '{% $states.input.application %}',
          streamName: '{% $states.input.streamName %}',
          tickMs: '{% $states.input.tickMs %}',
          slice: '{% $states.context.Map.Item.Value %}',
        },
        MaxConcurrency: SLICES_AT_A_TIME,
        ToleratedFailurePercentage: 100,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'EXPRESS' },
          StartAt: 'ForecastSlice',
          States: {
            ForecastSlice: {
              ...lambdaState(partition, sliceFunctionArn, '$states.input', '$states.result.Payload.kind'),
              End: true,
            },
          },
        },
        Output: "{% $merge([$states.input, {'slices': $count($states.input.slices)}]) %}",
        Next: 'Settle',
      },
      Settle: { ...lambdaState(partition, settleFunctionArn, '$states.input', '$states.result.Payload'), End: true },
    },
  };
  return definition;
};
