import { describe, expect, it } from 'vitest';
import { withBreakpoint } from '../../bench/held-machine.ts';
import { handoverDefinition, handoverTimes } from '../../infra/handover-definition.ts';
import { handoverStateNames } from '../../lib/model/handover.ts';

const definition = handoverDefinition({
  partition: 'aws',
  leaseTable: 'leases',
  recordFunctionArn: 'f',
  times: handoverTimes(),
}) as {
  StartAt: string;
  States: Record<string, Record<string, unknown>>;
};

/** Every state that another one leads to, and from where. */
const waysTo = (name: string, { States }: typeof definition): string[] =>
  Object.entries(States)
    .filter(([, state]) => JSON.stringify(state).includes(`"Next":"${name}"`) || state.Default === name)
    .map(([from]) => from);

describe('withBreakpoint', () => {
  it.each(['pausing', 'redirecting', 'verifying', 'activating', 'deactivating', 'resuming'] as const)(
    'leads every way to %s over the breakpoint, and changes nothing else',
    (before) => {
      const name = handoverStateNames[before];
      const held = withBreakpoint(definition, name, 'leases') as typeof definition;
      expect(waysTo(name, held)).toEqual(['Breakpoint']);
      expect(waysTo('Breakpoint', held)).toEqual(waysTo(name, definition));
      const { Breakpoint: _, ...others } = held.States;
      expect(JSON.parse(JSON.stringify(others).replaceAll('"Breakpoint"', `"${name}"`))).toEqual(
        JSON.parse(JSON.stringify(definition.States)),
      );
    },
  );

  it('fails for a state that the machine does not have', () => {
    expect(() => withBreakpoint(definition, 'Rest', 'leases')).toThrow(/no state Rest, it has Prepare, PauseIngestion/);
  });
});
