// infra: the reshard machine, drawn from the table of lib/model/reshard.ts: each step's function answers with an event of the table.
// in: functions and limits · out: the definition in Amazon States Language
import { reshardStateNames as names, type ReshardState, reshardTransitions } from '../lib/model/reshard.ts';
import { lambdaState } from './lambda-state.ts';

/** How long a step may last in all. */
export interface ReshardTimes {
  /** Until the stream is ACTIVE again; Kinesis says "a few minutes". @default 1800 */
  readonly updatingSec?: number;
  /** Until the parents are processed to their end; as long as their backlog needs. @default 3600 */
  readonly drainSec?: number;
}

/** The states that are functions. */
export type ReshardStep = Exclude<ReshardState, 'refused' | 'failed' | 'done'>;

export interface ReshardParts {
  readonly partition: string;
  readonly functionArns: Readonly<Record<ReshardStep, string>>;
  readonly times: Required<ReshardTimes>;
}

/** The defaults filled in. */
export const reshardTimes = (times: ReshardTimes = {}): Required<ReshardTimes> => {
  const full = { updatingSec: 1800, drainSec: 3600, ...times };
  for (const [name, value] of Object.entries(full))
    if (!(value > 0)) throw new RangeError(`reshard times: ${name} must be above 0, got ${value}`);
  return full;
};

/** Refused and failed reshards pass through their record: marks are taken back, the outcome is stored. */
const entryOf = (state: ReshardState): string =>
  ({ refused: 'RecordRefused', failed: 'RecordFailed' })[state as string] ?? names[state];
const MERGED = '$merge([$states.input, $states.result.Payload])';

/** The machine's definition. */
export const reshardDefinition = ({
  partition,
  functionArns,
  times,
}: ReshardParts): { StartAt: string; States: Record<string, object> } => {
  const payloads: Partial<Record<ReshardStep, string>> = {
    updating: `$merge([$states.input, {'timeoutSec': ${times.updatingSec}}])`,
    draining: `$merge([$states.input, {'timeoutSec': ${times.drainSec}}])`,
    retiring: "$merge([$states.input, {'end': 'done'}])",
  };
  const states: Record<string, object> = {};
  for (const step of Object.keys(functionArns) as ReshardStep[]) {
    const events = Object.entries(reshardTransitions[step]) as [string, ReshardState][];
    const [only] = events;
    const branches = events.length > 1;
    states[names[step]] = {
      ...lambdaState(partition, functionArns[step], payloads[step] ?? '$states.input', MERGED),
      // The last step has nowhere to fail to: its execution fails, which raises the alarm.
      ...(step !== 'retiring' && {
        Catch: [
          {
            ErrorEquals: ['States.ALL'],
            Output: `{% $merge([$states.input, {'detail': '${names[step]}: ' & $states.errorOutput.Error & ' ' & $substring($states.errorOutput.Cause, 0, 500)}]) %}`,
            Next: entryOf('failed'),
          },
        ],
      }),
      Next: branches ? `${names[step]}Answer` : entryOf(only![1]),
    };
    if (!branches) continue;
    const answerOf = (to: ReshardState): string => (to === step ? `${names[step]}Wait` : entryOf(to));
    states[`${names[step]}Answer`] = {
      Type: 'Choice',
      Choices: events.map(([event, to]) => ({ Condition: `{% $states.input.kind = '${event}' %}`, Next: answerOf(to) })),
    };
    if (events.some(([, to]) => to === step))
      states[`${names[step]}Wait`] = {
        Type: 'Wait',
        Seconds: '{% $states.input.waitSec %}',
        Output: '{% $states.input %}',
        Next: names[step],
      };
  }
  const record = (end: 'refused' | 'failed') =>
    lambdaState(partition, functionArns.retiring, `$merge([$states.input, {'end': '${end}'}])`, '$states.input');
  states.RecordRefused = { ...record('refused'), Next: names.refused };
  states.RecordFailed = { ...record('failed'), Next: names.failed };
  states[names.refused] = { Type: 'Fail', Error: 'ReshardRefused', Cause: '{% $states.input.detail %}' };
  states[names.failed] = { Type: 'Fail', Error: 'ReshardFailed', Cause: '{% $states.input.detail %}' };
  states[names.done] = { Type: 'Succeed' };
  const definition = { QueryLanguage: 'JSONata', StartAt: names.guarding, States: states };
  return definition;
};
