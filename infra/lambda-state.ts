// infra: a state that calls one of our functions.
// in: function, payload · out: the state's text, without its Next

/** Throttled, busy, or not reachable: again, with back-off. Our own PoisonError and InvariantError never get better. */
const RETRIES = [
  {
    ErrorEquals: [
      'TransientError',
      'Lambda.ServiceException',
      'Lambda.AWSLambdaException',
      'Lambda.SdkClientException',
      'Lambda.TooManyRequestsException',
      'Lambda.Unknown',
      'Sandbox.Timedout',
    ],
    IntervalSeconds: 2,
    BackoffRate: 2,
    MaxAttempts: 8,
    MaxDelaySeconds: 30,
    JitterStrategy: 'FULL',
  },
];

/** Calls a function with a JSONata payload. `output` sees its answer as `$states.result.Payload`. */
export const lambdaState = (partition: string, functionArn: string, payload: string, output: string): object => ({
  Type: 'Task',
  Resource: `arn:${partition}:states:::lambda:invoke`,
  Arguments: { FunctionName: functionArn, Payload: `{% ${payload} %}` },
  TimeoutSeconds: 60,
  Retry: RETRIES,
  Output: `{% ${output} %}`,
});
