// infra: the profile machine, drawn from the table of lib/model/profile-machine.ts: each step's function answers with an event of the table.
// in: functions · out: the definition in Amazon States Language
import { profileStateNames as names, type ProfileState, profileTransitions } from '../lib/model/profile-machine.ts';
import { lambdaState } from './lambda-state.ts';

/** The functions; one of them watches in two states. */
export type ProfileStep = 'creating' | 'watching' | 'stopping' | 'analysing' | 'deciding';

export interface ProfileParts {
  readonly partition: string;
  readonly functionArns: Readonly<Record<ProfileStep, string>>;
}

type Working = 'creating' | 'warming' | 'observing' | 'stopping' | 'analysing' | 'deciding';
const STEPS: Readonly<Record<Working, ProfileStep>> = {
  creating: 'creating',
  warming: 'watching',
  observing: 'watching',
  stopping: 'stopping',
  analysing: 'analysing',
  deciding: 'deciding',
};
const PAYLOADS: Partial<Record<Working, string>> = {
  warming: "$merge([$states.input, {'phase': 'warming'}])",
  observing: "$merge([$states.input, {'phase': 'observing'}])",
};
const MERGED = '$merge([$states.input, $states.result.Payload])';
/** The longest run (60 min), warming and stopping, and some. */
const TIMEOUT_SEC = 2 * 3600;

/** A refusal passes through its record: the operation ends with the reason. */
const entryOf = (state: ProfileState): string => (state === 'refused' ? 'RecordRefused' : names[state]);

/** The machine's definition. Any error leads to CleanUp, which ends the run if it still lives. */
export const profileDefinition = ({
  partition,
  functionArns,
}: ProfileParts): { QueryLanguage: string; StartAt: string; TimeoutSeconds: number; States: Record<string, object> } => {
  const states: Record<string, object> = {};
  for (const state of Object.keys(STEPS) as Working[]) {
    const name = names[state];
    const events = Object.entries(profileTransitions[state]) as [string, ProfileState][];
    const [only] = events;
    const branches = events.length > 1;
    states[name] = {
      ...lambdaState(partition, functionArns[STEPS[state]], PAYLOADS[state] ?? '$states.input', MERGED),
      Catch: [
        {
          ErrorEquals: ['States.ALL'],
          Output: `{% $merge([$states.input, {'detail': '${name}: ' & $states.errorOutput.Error & ' ' & $substring($states.errorOutput.Cause, 0, 500)}]) %}`,
          Next: names.cleaning,
        },
      ],
      Next: branches ? `${name}Answer` : entryOf(only![1]),
    };
    if (!branches) continue;
    states[`${name}Answer`] = {
      Type: 'Choice',
      Choices: events.map(([event, to]) => ({
        Condition: `{% $states.input.kind = '${event}' %}`,
        Next: to === state ? `${name}Wait` : entryOf(to),
      })),
    };
    if (events.some(([, to]) => to === state))
      states[`${name}Wait`] = {
        Type: 'Wait',
        Seconds: '{% $states.input.waitSec %}',
        Output: '{% $states.input %}',
        Next: name,
      };
  }
  const record = (end: 'refused' | 'failed', next: string) => ({
    ...lambdaState(partition, functionArns.stopping, `$merge([$states.input, {'end': '${end}'}])`, '$states.input'),
    Next: next,
  });
  states.RecordRefused = record('refused', names.refused);
  states[names.cleaning] = record('failed', names.failed);
  states[names.refused] = { Type: 'Fail', Error: 'ProfileRefused', Cause: '{% $states.input.detail %}' };
  states[names.failed] = { Type: 'Fail', Error: 'ProfileFailed', Cause: '{% $states.input.detail %}' };
  states[names.done] = { Type: 'Succeed' };
  return { QueryLanguage: 'JSONata', StartAt: names.creating, TimeoutSeconds: TIMEOUT_SEC, States: states };
};
