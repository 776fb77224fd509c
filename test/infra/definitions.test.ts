import { describe, expect, it } from 'vitest';
import { handoverDefinition, handoverTimes } from '../../infra/handover-definition.ts';
import { profileDefinition } from '../../infra/profile-definition.ts';
import { reshardDefinition, reshardTimes } from '../../infra/reshard-definition.ts';
import { machineWrites } from '../../lib/handover/machine-writes.ts';
import { type HandoverState, handoverStateNames, handoverTransitions } from '../../lib/model/handover.ts';
import { type ProfileState, profileStateNames, profileTransitions } from '../../lib/model/profile-machine.ts';
import { type ReshardState, reshardStateNames, reshardTransitions } from '../../lib/model/reshard.ts';

interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly TimeoutSeconds?: number;
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: { Next: string }[];
  readonly Catch?: { ErrorEquals: string[]; Next: string }[];
  readonly Assign?: Readonly<Record<string, string>>;
  readonly Arguments?: Record<string, unknown>;
}
type States = Record<string, State>;

const handover = handoverDefinition({
  partition: 'aws',
  leaseTable: 'Leases',
  recordFunctionArn: 'arn:record',
  times: handoverTimes(),
});
const handoverStates = handover.States as States;
const reshard = reshardDefinition({
  partition: 'aws',
  functionArns: {
    guarding: 'arn:guard',
    changing: 'arn:change',
    updating: 'arn:await',
    leasing: 'arn:leases',
    draining: 'arn:drained',
    retiring: 'arn:retire',
  },
  times: reshardTimes(),
});
const reshardStates = reshard.States as States;

const following = (state: State | undefined): string[] => [
  ...(state?.Next ? [state.Next] : []),
  ...(state?.Default ? [state.Default] : []),
  ...(state?.Choices ?? []).map((choice) => choice.Next),
  ...(state?.Catch ?? []).map((caught) => caught.Next),
];

/** The states of the table that can come next, through states that are only the machine's own. */
const reached = (states: States, from: string, named: ReadonlySet<string>, follow = following): Set<string> => {
  const found = new Set<string>();
  const seen = new Set<string>();
  const walk = (name: string): void => {
    for (const next of follow(states[name])) {
      if (named.has(next)) found.add(next);
      else if (!seen.has(next)) {
        seen.add(next);
        walk(next);
      }
    }
  };
  walk(from);
  return found;
};

describe('handoverDefinition', () => {
  const named = new Set<string>(Object.values(handoverStateNames));

  it.each(Object.keys(handoverTransitions) as HandoverState[])('leads from %s to exactly the states of the table', (state) => {
    const wanted = new Set(
      Object.values(handoverTransitions[state] as Record<string, HandoverState>).map((to) => handoverStateNames[to]),
    );
    expect(reached(handoverStates, handoverStateNames[state], named)).toEqual(wanted);
  });

  it('starts where the table starts', () => {
    expect(handover.StartAt).toBe(handoverStateNames.preparing);
  });

  it('runs no function between PauseIngestion and ActivateProcessing', () => {
    const path: string[] = [];
    for (
      let name: string = handoverStateNames.pausing;
      name !== handoverStateNames.deactivating;
      name = handoverStates[name]!.Next!
    )
      path.push(name);
    expect(path).toEqual(['PauseIngestion', 'RedirectStream', 'VerifyConsistency', 'ActivateProcessing']);
    for (const name of path)
      expect(handoverStates[name]?.Resource).toMatch(/^arn:aws:states:::aws-sdk:dynamodb:updateItem(\.waitForTaskToken)?$/);
  });

  it('waits for a worker, with a timeout, exactly where a worker answers', () => {
    const waiting = Object.entries(handoverStates).filter(([, state]) => state.Resource?.endsWith('.waitForTaskToken'));
    expect(waiting.map(([name, state]) => [name, state.TimeoutSeconds])).toEqual([
      ['Prepare', 60],
      ['PauseIngestion', 3],
      ['ActivateProcessing', 5],
      ['DeactivatePartition', 10],
    ]);
  });

  it('leads every failure of a state before the point of no return to Restore, never to success', () => {
    for (const name of ['Prepare', 'PauseIngestion', 'RedirectStream', 'VerifyConsistency', 'ActivateProcessing']) {
      const caught = handoverStates[name]?.Catch ?? [];
      expect(caught.map(({ ErrorEquals, Next }) => [ErrorEquals, Next])).toEqual([[['States.ALL'], 'Restore']]);
    }
  });

  it('writes exactly what the table of writes says: every path of every condition and change is named, and no other', () => {
    const stateOf: Record<keyof typeof machineWrites, string> = {
      prepare: 'Prepare',
      pause: 'PauseIngestion',
      redirect: 'RedirectStream',
      verify: 'VerifyConsistency',
      allowActivation: 'ActivateProcessing',
      deactivate: 'DeactivatePartition',
      resume: 'ResumeIngestion',
      abandon: 'Restore',
      restore: 'RestoreAfterRedirect',
    };
    for (const [name, write] of Object.entries(machineWrites)) {
      const text = handoverStates[stateOf[name as keyof typeof machineWrites]]?.Arguments as Record<string, string>;
      const aliased = (path: string) =>
        path
          .split('.')
          .map((segment) => `#${segment}`)
          .join('.');
      for (const { path } of write.conditions) expect(text.ConditionExpression).toContain(aliased(path));
      for (const { path } of write.changes) expect(text.UpdateExpression).toContain(aliased(path));
      // A comparison of two paths comes in brackets with its own AND; the item's existence comes first.
      expect(text.ConditionExpression?.replace(/\(attribute_exists\([^)]*\) AND [^)]*\)/g, 'pair').split(' AND ')).toHaveLength(
        write.conditions.length + 1,
      );
      expect(text.TableName).toBe('Leases');
    }
  });

  it('binds the writes to the execution’s own input and to the state’s own token', () => {
    const values = handoverStates.Prepare?.Arguments?.ExpressionAttributeValues as Record<
      string,
      { M?: object; S?: string; N?: string }
    >;
    const map = Object.values(values).find((value) => value.M !== undefined)?.M as Record<string, { S?: string; N?: string }>;
    expect(map.id).toEqual({ S: '{% $states.context.Execution.Input.handoverId %}' });
    expect(map.epoch).toEqual({ N: '{% $string($states.context.Execution.Input.epoch) %}' });
    expect(map.taskToken).toEqual({ S: '{% $states.context.Task.Token %}' });
    expect(map.pauseBudgetMs).toEqual({ N: '2500' });
  });

  it('reads in the pause only what Prepare has assigned from the execution’s own input, and the state’s own token', () => {
    const assigned = handoverStates.Prepare?.Assign ?? {};
    for (const [name, from] of Object.entries(assigned))
      expect(from).toBe(
        name === 'epoch'
          ? '{% $string($states.context.Execution.Input.epoch) %}'
          : `{% $states.context.Execution.Input.${name} %}`,
      );
    const known = [...Object.keys(assigned).map((name) => `{% $${name} %}`), '{% $states.context.Task.Token %}'];
    for (const name of ['PauseIngestion', 'RedirectStream', 'VerifyConsistency', 'ActivateProcessing']) {
      const read = JSON.stringify(handoverStates[name]?.Arguments).match(/\{%.*?%\}/g) ?? [];
      expect(read).toContain('{% $shardId %}');
      expect(read.filter((expression) => !known.includes(expression))).toEqual([]);
    }
  });

  it('compares drained and proof within the item', () => {
    expect(handoverStates.VerifyConsistency?.Arguments?.ConditionExpression).toContain('#handover.#drained = #handover.#proof');
  });

  it('leaves no state unreachable', () => {
    const all = new Set([handover.StartAt]);
    for (const name of all) for (const next of following(handoverStates[name])) all.add(next);
    expect([...all].sort()).toEqual(Object.keys(handoverStates).sort());
  });
});

describe('reshardDefinition', () => {
  const named = new Set<string>(Object.values(reshardStateNames));
  const withoutCatch = (state: State | undefined): string[] => following(state && { ...state, Catch: [] });

  it.each(Object.keys(reshardTransitions) as ReshardState[])('leads from %s to exactly the states of the table', (state) => {
    const wanted = new Set(
      Object.values(reshardTransitions[state] as Record<string, ReshardState>).map((to) => reshardStateNames[to]),
    );
    expect(reached(reshardStates, reshardStateNames[state], named, withoutCatch)).toEqual(wanted);
  });

  it('records every error as a failure, and waits between two looks', () => {
    for (const [name, state] of Object.entries(reshardStates)) {
      for (const caught of state.Catch ?? []) expect([name, caught.Next]).toEqual([name, 'RecordFailed']);
      if (name.endsWith('Answer')) for (const { Next } of state.Choices ?? []) expect(Next).not.toBe(name.replace('Answer', ''));
    }
    expect(reshardStates.AwaitActiveWait?.Type).toBe('Wait');
    expect(reshardStates.AwaitDrainWait?.Type).toBe('Wait');
  });

  it('leaves no state unreachable', () => {
    const all = new Set([reshard.StartAt]);
    for (const name of all) for (const next of following(reshardStates[name])) all.add(next);
    expect([...all].sort()).toEqual(Object.keys(reshardStates).sort());
  });
});

describe('profileDefinition', () => {
  const profile = profileDefinition({
    partition: 'aws',
    functionArns: {
      creating: 'arn:create',
      watching: 'arn:watch',
      stopping: 'arn:stop',
      analysing: 'arn:analyse',
      deciding: 'arn:decide',
    },
  });
  const states = profile.States as States;
  const named = new Set<string>(Object.values(profileStateNames));
  const withoutErrors = (state: State | undefined): string[] => [
    ...(state?.Next ? [state.Next] : []),
    ...(state?.Choices ?? []).map((choice) => choice.Next),
  ];

  it.each(Object.keys(profileTransitions) as ProfileState[])('leads from %s to exactly the states of the table', (state) => {
    const wanted = new Set(
      Object.values(profileTransitions[state] as Record<string, ProfileState>).map((to) => profileStateNames[to]),
    );
    expect(reached(states, profileStateNames[state], named, withoutErrors)).toEqual(wanted);
  });

  it('starts where the table starts, and cleans up after every error', () => {
    expect(profile.StartAt).toBe('Create');
    for (const name of ['Create', 'Warm', 'Observe', 'Stop', 'Analyse', 'Decide'])
      expect(states[name]?.Catch).toMatchObject([{ ErrorEquals: ['States.ALL'], Next: 'CleanUp' }]);
    expect(states.CleanUp?.Next).toBe('Failed');
  });

  it('outlasts the longest run', () => {
    expect(profile.TimeoutSeconds).toBeGreaterThan(60 * 60 + 10 * 60);
  });
});
