// Every interleaving of a handover, on the code that runs in production, up to a bound. Figures go to stderr; PENUMBRA_EXPLORE=deep looks further.
import { afterAll, describe, expect, it } from 'vitest';
import { explore } from './explore/explore.ts';
import { soundRules } from './explore/rules.ts';
import { deepScenarios, scenarios } from './explore/scenarios.ts';
import { scenarioOf } from './explore/seeded-bug.ts';
import { handoverBugs, secondLocks } from './explore/seeded-handover-bugs.ts';
import { ownershipBugs } from './explore/seeded-ownership-bugs.ts';
import type { Scenario } from './explore/world.ts';

const AT_LEAST = 1_000_000;
const MAX_STATES = 60_000_000;
const MAX_STATES_OF_A_BUG = 300_000;
const SECONDS = 1000;
const isDeep = process.env.PENUMBRA_EXPLORE === 'deep';

const say = (line: string) => process.stderr.write(`explorer: ${line}\n`);
const counted = (count: number) => count.toLocaleString('en');

describe('explore', () => {
  const seen = { states: 0, steps: 0, ms: 0 };
  afterAll(() => {
    say(`${counted(seen.states)} distinct states, ${counted(seen.steps)} steps, ${(seen.ms / 1000).toFixed(1)} s`);
    if (seen.states > 0) expect(seen.states).toBeGreaterThanOrEqual(AT_LEAST);
  });

  for (const scenario of isDeep ? [...scenarios, ...deepScenarios] : scenarios) {
    it(
      `finds one owner, nothing skipped, nothing out of order and nothing stuck in every run: ${scenario.name}`,
      () => {
        const beganAt = performance.now();
        const { states, steps, isComplete, ends, wrong } = explore(scenario, soundRules, MAX_STATES);
        seen.states += states;
        seen.steps += steps;
        seen.ms += performance.now() - beganAt;
        say(`${counted(states)} states: ${scenario.name}`);
        expect(wrong).toBeNull();
        expect(isComplete).toBe(true);
        expect(ends.size).toBeGreaterThan(0);
      },
      (isDeep ? 3600 : 180) * SECONDS,
    );
  }

  it('finds runs in which the shard moves and runs in which it stays, with the machine and without', () => {
    const plain = { name: 'plain', records: 2, ends: false, workers: ['A', 'B'] } as const;
    const endsOf = (driver: 'machine' | 'target') =>
      [
        ...explore({ ...plain, driver, budget: driver === 'target' ? { begin: 1 } : {} }, soundRules, MAX_STATES).ends.keys(),
      ].sort();
    // Abandoned by a machine that was slow for so long that the target went on in its place: owner B.
    expect(endsOf('machine')).toEqual(['abandoned, active, owner A', 'abandoned, active, owner B', 'done, active, owner B']);
    expect(endsOf('target')).toEqual(['none, active, owner A', 'none, active, owner B']);
  });

  it('finds the same number of states each time, whoever counts', () => {
    const scenario = {
      name: 'twice',
      records: 1,
      ends: true,
      workers: ['A', 'B'],
      driver: 'machine',
      budget: { crash: 1 },
    } as const;
    const [once, twice] = [explore(scenario, soundRules, MAX_STATES), explore(scenario, soundRules, MAX_STATES)];
    expect([once.states, once.steps]).toEqual([twice.states, twice.steps]);
  });

  const soundly = new Map<string, string | null>();
  const withoutBug = (scenario: Scenario): string | null => {
    const key = JSON.stringify({ ...scenario, name: '' });
    if (!soundly.has(key)) soundly.set(key, explore(scenario, soundRules, MAX_STATES_OF_A_BUG).wrong?.what ?? null);
    return soundly.get(key) ?? null;
  };
  for (const bug of [...handoverBugs, ...ownershipBugs]) {
    it(
      `finds the seeded bug: ${bug.name}`,
      () => {
        const { wrong, states } = explore(scenarioOf(bug), bug.break(soundRules), bug.maxStates ?? MAX_STATES_OF_A_BUG);
        say(`bug found after ${counted(states)} states, in ${wrong?.trail.length} steps: ${bug.name}: ${wrong?.what}`);
        expect(wrong?.what).toMatch(bug.finds);
        expect(withoutBug(scenarioOf(bug))).toBeNull();
      },
      120 * SECONDS,
    );
  }

  for (const lock of secondLocks)
    it(
      `finds no harm where another condition holds the same: ${lock.name}`,
      () => {
        const { wrong, isComplete } = explore(scenarioOf(lock), lock.break(soundRules), MAX_STATES);
        expect(wrong).toBeNull();
        expect(isComplete).toBe(true);
      },
      120 * SECONDS,
    );
});
