// test: what a seeded bug is, and how one is made.
// in: rules that are sound · out: rules of which one is broken
import type { Condition, LeaseWrite } from '../../../lib/handover/lease-write.ts';
import type { Rules } from './rules.ts';
import type { Scenario } from './world.ts';

export interface SeededBug {
  readonly name: string;
  readonly break: (sound: Rules) => Rules;
  readonly scenario: Partial<Scenario>;
  readonly finds: RegExp;
  /** Where the bug makes the world endless. @default none worth a name */
  readonly maxStates?: number;
}

export const target: Partial<Scenario> = { driver: 'target', budget: { begin: 1 } };
/** Scenarios in which nothing fails. */
export const machine: Partial<Scenario> = { driver: 'machine', budget: {} };

/** A write without some of its conditions. */
export const unconditioned = (writeName: string, drops: (condition: Condition) => boolean) => (sound: Rules) =>
  changedWrite(writeName, (write) => ({ ...write, conditions: write.conditions.filter((condition) => !drops(condition)) }))(
    sound,
  );
/** A write without some of its changes. */
export const unchanged =
  (writeName: string, ...paths: readonly string[]) =>
  (sound: Rules) =>
    changedWrite(writeName, (write) => ({ ...write, changes: write.changes.filter(({ path }) => !paths.includes(path)) }))(sound);
/** A write changed on its way. */
export const changedWrite =
  (writeName: string, change: (write: LeaseWrite) => LeaseWrite) =>
  (sound: Rules): Rules => ({ ...sound, sent: (write) => sound.sent(write.name === writeName ? change(write) : write) });
export const all = () => true;
export const on =
  (...paths: readonly string[]) =>
  ({ path }: Condition) =>
    paths.includes(path);

export const AGAIN = /comes again though its owner was not lost/;
export const AGAIN_OR_TWO = /comes again|later one|one epoch/;

/** A bug's scenario in full. */
export const scenarioOf = (bug: Pick<SeededBug, 'name' | 'scenario'>): Scenario => ({
  name: bug.name,
  records: 2,
  ends: false,
  driver: 'machine',
  workers: ['A', 'B'],
  budget: {},
  ...bug.scenario,
});
