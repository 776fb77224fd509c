// bench: what no placement can be better than, by linear programming.
// in: loads of the shards, their owners, capacities · out: the lowest possible highest utilisation, the fewest moves
import { type Constraint, solve } from 'yalps';

export interface Placement {
  /** Load of each shard, and which worker has it. */
  readonly shards: readonly { readonly load: number; readonly worker: number }[];
  readonly capacities: readonly number[];
  /** Workers above this share of their capacity must give something away. */
  readonly target: number;
}

/** The lowest that the highest utilisation can be if shards could be cut at will: min T, load of each worker ≤ T × its capacity, all load placed. */
export const lowestUtilization = ({ shards, capacities }: Placement): number => {
  const total = shards.reduce((sum, { load }) => sum + load, 0);
  const constraints = new Map<string, Constraint>([['all', { equal: total }]]);
  const variables = new Map<string, [string, number][]>();
  const highest: [string, number][] = [['utilization', 1]];
  capacities.forEach((capacity, w) => {
    constraints.set(`w${w}`, { min: 0 });
    variables.set(`load${w}`, [
      ['all', 1],
      [`w${w}`, -1],
    ]);
    highest.push([`w${w}`, capacity]);
  });
  variables.set('T', highest);
  const solved = solve({ direction: 'minimize', objective: 'utilization', constraints, variables });
  if (solved.status !== 'optimal') throw new Error(`the bound on utilisation is ${solved.status}`);
  return solved.result;
};

/** The fewest shards that must leave, worker by worker: min Σ y, Σ load × y ≥ what is above the target, 0 ≤ y ≤ 1; rounded up, since a shard moves whole. */
export const fewestMoves = ({ shards, capacities, target }: Placement): number =>
  capacities.reduce((moves, capacity, w) => {
    const own = shards.filter((shard) => shard.worker === w);
    const excess = own.reduce((sum, { load }) => sum + load, 0) - target * capacity;
    if (excess <= 1e-9) return moves;
    const constraints = new Map<string, Constraint>([['excess', { min: excess }]]);
    const variables = new Map<string, [string, number][]>();
    own.forEach(({ load }, i) => {
      constraints.set(`y${i}`, { max: 1 });
      variables.set(`shard${i}`, [
        ['moves', 1],
        ['excess', load],
        [`y${i}`, 1],
      ]);
    });
    const solved = solve({ direction: 'minimize', objective: 'moves', constraints, variables });
    if (solved.status !== 'optimal') throw new Error(`the bound on moves of worker ${w} is ${solved.status}`);
    return moves + Math.ceil(solved.result - 1e-6);
  }, 0);
