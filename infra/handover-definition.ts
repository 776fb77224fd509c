// infra: the handover machine, drawn from the table of lib/model/handover.ts and the writes of lib/handover/machine-writes.ts.
// in: names and limits · out: the definition in Amazon States Language
// Between PauseIngestion and ActivateProcessing the states write the lease item directly; no function runs while a shard is paused.
import { type MachineWriteName, machineWrites } from '../lib/handover/machine-writes.ts';
import { type HandoverState, handoverTransitions, handoverStateNames as names } from '../lib/model/handover.ts';
import { lambdaState } from './lambda-state.ts';
import { fromExecution, fromVariables, inputVariables, leaseKey, writeArguments } from './render-write-state.ts';

/** Seconds after which a state gives up; `pauseBudgetMs` is what the owner's own clock allows before it takes the shard back. */
export interface HandoverTimes {
  /** @default 60 */
  readonly prepareSec?: number;
  /** @default 3 */
  readonly pauseSec?: number;
  /** @default 5 */
  readonly activateSec?: number;
  /** @default 10 */
  readonly deactivateSec?: number;
  /** Must be below `pauseSec`. @default 2500 */
  readonly pauseBudgetMs?: number;
}

export interface HandoverParts {
  readonly partition: string;
  readonly leaseTable: string;
  readonly recordFunctionArn: string;
  readonly times: Required<HandoverTimes>;
}

/** The defaults filled in. Fails when the owner would wait longer than the machine. */
export const handoverTimes = (times: HandoverTimes = {}): Required<HandoverTimes> => {
  const full = { prepareSec: 60, pauseSec: 3, activateSec: 5, deactivateSec: 10, pauseBudgetMs: 2500, ...times };
  for (const [name, value] of Object.entries(full))
    if (!(value > 0)) throw new RangeError(`handover times: ${name} must be above 0, got ${value}`);
  if (full.pauseBudgetMs >= full.pauseSec * 1000)
    throw new RangeError(
      `handover times: pauseBudgetMs must be below pauseSec (${full.pauseSec * 1000} ms), got ${full.pauseBudgetMs}`,
    );
  return full;
};

/** What each state writes, whether a worker answers it, and which event of the table its success and its failure are. */
interface Step {
  readonly write: MachineWriteName;
  readonly waitsSec?: (times: Required<HandoverTimes>) => number;
  readonly success: string;
  readonly failure: string;
}
const steps = {
  preparing: { write: 'prepare', waitsSec: (t) => t.prepareSec, success: 'ready', failure: 'timedOut' },
  pausing: { write: 'pause', waitsSec: (t) => t.pauseSec, success: 'drained', failure: 'timedOut' },
  redirecting: { write: 'redirect', success: 'redirected', failure: 'contested' },
  verifying: { write: 'verify', success: 'matched', failure: 'diverged' },
  activating: { write: 'allowActivation', waitsSec: (t) => t.activateSec, success: 'activated', failure: 'refused' },
  deactivating: { write: 'deactivate', waitsSec: (t) => t.deactivateSec, success: 'released', failure: 'timedOut' },
} as const satisfies Partial<Record<HandoverState, Step>>;

/** The shard stands still in these. */
const inThePause: ReadonlySet<string> = new Set<HandoverState>(['pausing', 'redirecting', 'verifying', 'activating']);

const FENCED = ['DynamoDb.ConditionalCheckFailedException', 'DynamoDB.ConditionalCheckFailedException'];
/** Outside the pause there is time to try again. A refused condition is an answer, not a fault. */
const retry = (errors: readonly string[]) => [
  { ErrorEquals: [...FENCED], MaxAttempts: 0 },
  { ErrorEquals: [...errors], IntervalSeconds: 1, BackoffRate: 2, MaxAttempts: 6, MaxDelaySeconds: 20, JitterStrategy: 'FULL' },
];

/** Where an event of the table leads in the machine: both ends pass through their record. */
const entryOf = (state: HandoverState): string =>
  ({ done: 'RecordMoved', abandoned: 'RecordRestored' })[state as string] ?? names[state];
const next = (state: keyof typeof handoverTransitions, event: string): string => {
  const transitions: Readonly<Record<string, HandoverState>> = handoverTransitions[state];
  const to = transitions[event];
  if (to === undefined)
    throw new RangeError(
      `the handover table has no event ${event} in state ${state}, it has ${Object.keys(transitions).join(', ')}`,
    );
  return entryOf(to);
};

const failedIn = (state: string): string =>
  `{% $merge([$states.input, {'failedIn': '${state}', 'error': $states.errorOutput.Error, 'cause': $substring($states.errorOutput.Cause, 0, 500)}]) %}`;
const UNCHANGED = '{% $states.input %}';
const isThisHandover = '$states.result.Item.handover.M.id.S = $states.context.Execution.Input.handoverId';
const oldHandover = '$states.result.Attributes.handover.M';

/** The machine's definition. */
export const handoverDefinition = ({
  partition,
  leaseTable,
  recordFunctionArn,
  times,
}: HandoverParts): { StartAt: string; States: Record<string, object> } => {
  const update = (write: MachineWriteName, waitsSec?: number, from = fromExecution): object => ({
    Type: 'Task',
    Resource: `arn:${partition}:states:::aws-sdk:dynamodb:updateItem${waitsSec === undefined ? '' : '.waitForTaskToken'}`,
    TimeoutSeconds: waitsSec ?? 5,
    Arguments: writeArguments(machineWrites[write], leaseTable, times.pauseBudgetMs, from),
  });
  const states: Record<string, object> = {};
  for (const [state, step] of Object.entries(steps) as [keyof typeof steps, Step][]) {
    // The old owner's farewell may fail without harm; every failure before it leads back.
    const harmless = state === 'deactivating';
    states[names[state]] = {
      ...update(step.write, step.waitsSec?.(times), inThePause.has(state) ? fromVariables : fromExecution),
      ...(state === 'preparing' && { Assign: inputVariables }),
      ...(harmless && {
        Retry: retry(['DynamoDb.SdkClientException', 'DynamoDb.InternalServerErrorException', 'DynamoDb.ThrottlingException']),
      }),
      Catch: [
        { ErrorEquals: ['States.ALL'], Output: harmless ? UNCHANGED : failedIn(names[state]), Next: next(state, step.failure) },
      ],
      Output: UNCHANGED,
      Next: next(state, step.success),
    };
  }
  states[names.resuming] = {
    ...update('resume'),
    Arguments: {
      ...writeArguments(machineWrites.resume, leaseTable, times.pauseBudgetMs, fromExecution),
      ReturnValues: 'ALL_OLD',
    },
    Retry: retry(['States.ALL']),
    // Fenced: somebody took over after the activation, and cleared the handover.
    Catch: [{ ErrorEquals: ['States.ALL'], Output: UNCHANGED, Next: next('resuming', 'resumed') }],
    Output: `{% $merge([$states.input, {'pausedAtMs': ${oldHandover}.pausedAtMs.N, 'activatedAtMs': ${oldHandover}.activatedAtMs.N}]) %}`,
    Next: next('resuming', 'resumed'),
  };
  // Restore has three looks: nothing was redirected yet; it was, and is taken back; or it cannot be taken back, and the item says why.
  states[names.restoring] = {
    ...update('abandon'),
    Retry: retry(['States.ALL']),
    Catch: [{ ErrorEquals: ['States.ALL'], Output: UNCHANGED, Next: 'RestoreAfterRedirect' }],
    Output: `{% $merge([$states.input, {'end': $states.input.failedIn = '${names.preparing}' ? 'abandoned' : 'restored'}]) %}`,
    Next: next('restoring', 'restored'),
  };
  states.RestoreAfterRedirect = {
    ...update('restore'),
    Retry: retry(['States.ALL']),
    Catch: [{ ErrorEquals: ['States.ALL'], Output: UNCHANGED, Next: 'ReadLease' }],
    Output: "{% $merge([$states.input, {'end': 'restored'}]) %}",
    Next: next('restoring', 'restored'),
  };
  states.ReadLease = {
    Type: 'Task',
    Resource: `arn:${partition}:states:::aws-sdk:dynamodb:getItem`,
    TimeoutSeconds: 5,
    Arguments: { TableName: leaseTable, Key: leaseKey(fromExecution), ConsistentRead: true },
    Retry: retry(['States.ALL']),
    Output: `{% $merge([$states.input, {'phase': ${isThisHandover} ? $states.result.Item.handover.M.phase.S : 'none'}]) %}`,
    Next: 'IsActivated',
  };
  states.IsActivated = {
    Type: 'Choice',
    Choices: [{ Condition: "{% $states.input.phase in ['activated', 'released'] %}", Next: next('restoring', 'activated') }],
    Default: next('restoring', 'restored'),
  };
  const record = (end: string) =>
    lambdaState(partition, recordFunctionArn, `$merge([$states.input, {'end': ${end}}])`, '$states.input');
  states.RecordMoved = { ...record("'moved'"), Next: names.done };
  states.RecordRestored = { ...record("$exists($states.input.end) ? $states.input.end : 'abandoned'"), Next: names.abandoned };
  states[names.done] = { Type: 'Succeed' };
  states[names.abandoned] = {
    Type: 'Fail',
    Error: `{% $states.input.failedIn = '${names.verifying}' and $states.input.end = 'restored' ? 'ShadowDiverged' : 'HandoverAbandoned' %}`,
    Cause: "{% $states.input.failedIn & ': ' & $states.input.error %}",
  };
  const definition = { QueryLanguage: 'JSONata', StartAt: names.preparing, States: states };
  return definition;
};
