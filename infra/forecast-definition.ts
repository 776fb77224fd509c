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
  // A machine of JSONPath may have states of JSONata, not the other way round; and the local cloud reads a distributed map's items by path only.
  const call = (functionArn: string, payload: string, output: string): object => ({
    QueryLanguage: 'JSONata',
    ...lambdaState(partition, functionArn, payload, output),
    End: true,
  });
  const definition = {
    StartAt: 'Slices',
    States: {
      Slices: {
        Type: 'Map',
        ItemsPath: '$.slices',
        ItemSelector: {
          'application.$': '$.application',
          'streamName.$': '$.streamName',
          'tickMs.$': '$.tickMs',
          'slice.$': '$$.Map.Item.Value',
        },
        MaxConcurrency: SLICES_AT_A_TIME,
        ToleratedFailurePercentage: 100,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'EXPRESS' },
          StartAt: 'ForecastSlice',
          States: { ForecastSlice: call(sliceFunctionArn, '$states.input', '$states.result.Payload.kind') },
        },
        ResultPath: null,
        Next: 'Settle',
      },
      Settle: call(
        settleFunctionArn,
        "$merge([$states.input, {'slices': $count($states.input.slices)}])",
        '$states.result.Payload',
      ),
    },
  };
  return definition;
};
