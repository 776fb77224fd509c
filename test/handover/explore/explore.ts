// test: visits every state that the explored world can reach, breadth first.
// in: a scenario, rules · out: how many states there are, and the shortest way to the first that is wrong
//
// Merged as one state: the same parts whatever led to them; workers that are gone, whatever they knew; bystanders, of which the first acts first; task tokens,
// named after their states; a read of what does not concern the reader.
import { described, endOf } from './end.ts';
import { stuckState } from './progress.ts';
import type { Rules } from './rules.ts';
import { StateSpace } from './state-space.ts';
import { NumberList, StateTable } from './state-table.ts';
import type { Scenario } from './world.ts';

export interface Exploration {
  readonly states: number;
  readonly steps: number;
  /** Every reachable state was visited. */
  readonly isComplete: boolean;
  /** How runs end that nothing disturbs any more. */
  readonly ends: ReadonlyMap<string, number>;
  readonly wrong: { readonly what: string; readonly trail: readonly string[] } | null;
}

/** Visits the states of a scenario until something is wrong, there are no more, or `maxStates` are seen. */
export const explore = (scenario: Scenario, rules: Rules, maxStates: number): Exploration => {
  const space = new StateSpace(scenario, rules);
  const table = new StateTable(space.width);
  const [parents, names] = [new NumberList(), new NumberList()];
  const [from, to, good] = [new NumberList(), new NumberList(), new NumberList()];
  const ends = new Map<string, number>();
  const row = new Uint32Array(space.width);
  const next = new Uint32Array(space.width);
  let steps = 0;
  table.add(space.first());
  parents.push(-1);
  names.push(0);
  const trailOf = (state: number): string[] => {
    const trail: string[] = [];
    for (let at = state; parents.at(at) >= 0; at = parents.at(at)) trail.unshift(space.nameOf(names.at(at)));
    return trail;
  };
  const report = (isComplete: boolean, wrong: Exploration['wrong']): Exploration => ({
    states: table.size,
    steps,
    isComplete,
    ends,
    wrong,
  });
  let state = 0;
  for (; state < table.size && table.size < maxStates; state += 1) {
    table.read(state, row);
    const end = endOf(space.worldOf(row), scenario);
    if (end !== null) {
      good.push(state);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    const isAnyoneAble = space.isAnyoneAble(row);
    for (const move of space.movesOf(row)) {
      next.set(row);
      const wrong = space.make(move, next);
      if (wrong !== null) return report(false, { what: wrong, trail: [...trailOf(state), space.nameOf(move.name)] });
      steps += 1;
      const before = table.size;
      const index = table.add(next);
      if (index === before) {
        parents.push(state);
        names.push(move.name);
      }
      // Who is away need not come back while another can go on; nobody need fail, or want anything.
      if (move.kind === 'progress' || (move.kind === 'return' && !isAnyoneAble)) {
        from.push(state);
        to.push(index);
      }
    }
  }
  // What was not visited any more is given the benefit of the doubt.
  for (let rest = state; rest < table.size; rest += 1) good.push(rest);
  const stuck = stuckState(table.size, from, to, good);
  if (stuck === null) return report(state === table.size, null);
  table.read(stuck, row);
  return report(state === table.size, { what: `stuck: ${described(space.worldOf(row), scenario)}`, trail: trailOf(stuck) });
};
