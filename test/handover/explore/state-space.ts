// test: the states of one scenario as rows of numbers, and the moves between them.
// in: a row · out: what can happen next, and the row after it
//
// What a part can do depends on few others, so that it is computed once for all states that agree in those.
import { controllerSteps, tokenOf } from './controller.ts';
import { firstHistory } from './history.ts';
import type { Outcome, StepKind, View } from './outcome.ts';
import { Parts } from './parts.ts';
import type { Rules } from './rules.ts';
import { type SurroundingStep, surroundingSteps } from './surroundings.ts';
import { workerSteps } from './worker-steps.ts';
import {
  type Budget,
  type BudgetKind,
  budgetKinds,
  faultKinds,
  firstWorld,
  type Party,
  restarted,
  type Scenario,
  type WorkerId,
  type World,
} from './world.ts';

/** A step in numbers: which columns it sets, and what it adds to the history. */
export interface Move {
  readonly name: number;
  readonly kind: StepKind;
  readonly sets: readonly (readonly [column: number, value: number])[];
  readonly events: readonly number[];
  readonly delayed: number | null;
  readonly answers: boolean;
  readonly spends: readonly BudgetKind[];
}

const [LEASE, CONTROLLER, SURROUNDINGS, HISTORY, BUDGET, PARTIES] = [0, 1, 2, 3, 4, 5];
const isAble = (party: Party | undefined): boolean => party?.life === 'up' && party.right !== 'lapsed' && party.stopping === 'no';

/** One scenario under some rules. */
export class StateSpace {
  readonly width: number;
  readonly #scenario: Scenario;
  readonly #rules: Rules;
  readonly #parts: Parts;
  readonly #moves = new Map<number, Map<number, readonly Move[]>>();
  readonly #bystander: number;

  constructor(scenario: Scenario, rules: Rules) {
    this.#scenario = scenario;
    this.#rules = rules;
    this.#parts = new Parts(scenario.records);
    this.#bystander = this.#parts.parties.numberOf(restarted);
    this.width = PARTIES + scenario.workers.length;
  }

  first(): Uint32Array {
    const parts = this.#parts;
    const world = firstWorld(this.#scenario);
    const { budget } = this.#scenario;
    const full = Object.fromEntries(budgetKinds.map((kind) => [kind, budget[kind] ?? 0])) as Budget;
    return Uint32Array.from([
      parts.leases.numberOf(world.lease),
      parts.controllers.numberOf(world.controller),
      parts.surroundings.numberOf(world.surroundings),
      parts.histories.numberOf(firstHistory),
      parts.budgets.numberOf({ ...full, faults: budget.faults ?? Number.MAX_SAFE_INTEGER }),
      ...world.parties.map((party) => parts.parties.numberOf(party)),
    ]);
  }

  /** The world of a row, and the highest record that was dispatched. */
  worldOf(row: Uint32Array): World & { readonly high: number } {
    const parts = this.#parts;
    return {
      lease: parts.leases.at(row[LEASE] ?? 0),
      controller: parts.controllers.at(row[CONTROLLER] ?? 0),
      surroundings: parts.surroundings.at(row[SURROUNDINGS] ?? 0),
      parties: this.#scenario.workers.map((_, i) => parts.parties.at(row[PARTIES + i] ?? 0)),
      high: parts.histories.at(row[HISTORY] ?? 0).high,
    };
  }

  isAnyoneAble(row: Uint32Array): boolean {
    for (let i = PARTIES; i < this.width; i += 1) if (isAble(this.#parts.parties.at(row[i] ?? 0))) return true;
    return false;
  }

  nameOf(move: number): string {
    return this.#parts.names.at(move).name;
  }

  /** Changes the row by a move; returns what is wrong with it. */
  make(move: Move, row: Uint32Array): string | null {
    const parts = this.#parts;
    for (const [column, value] of move.sets) row[column] = value;
    if (move.answers) row[CONTROLLER] = parts.answered(row[CONTROLLER] ?? 0);
    if (move.delayed !== null) row[SURROUNDINGS] = parts.sent(row[SURROUNDINGS] ?? 0, move.delayed);
    for (const kind of move.spends) row[BUDGET] = parts.spent(row[BUDGET] ?? 0, kind);
    for (const event of move.events) {
      const judged = parts.judged(row[HISTORY] ?? 0, event);
      if (typeof judged === 'string') return judged;
      row[HISTORY] = judged;
    }
    return null;
  }

  /** Everything that can happen in a state. */
  *movesOf(row: Uint32Array): Generator<Move> {
    const parts = this.#parts;
    const { workers } = this.#scenario;
    const lease = row[LEASE] ?? 0;
    const { controller, surroundings, parties } = this.worldOf(row);
    const budget = parts.budgets.at(row[BUDGET] ?? 0);
    const may = budgetKinds.filter((kind) => budget[kind] > 0 && (!faultKinds.has(kind) || budget.faults > 0));
    const wanted = controller.waiting && !controller.answered ? tokenOf(controller.state) : null;
    const expired = workers.filter((_, i) => this.#rules.isExpired(parties[i] ?? restarted));
    const able = workers.filter((_, i) => isAble(parties[i]));
    const viewOf = (id: WorkerId | null): View => ({
      scenario: this.#scenario,
      rules: this.#rules,
      lease: parts.leases.at(lease),
      wanted,
      expired: new Set(expired),
      heirs: able.filter((other) => other !== id),
      may: new Set(may),
      attempt: budget.begin,
    });
    const maskOf = (ids: readonly WorkerId[]) => ids.reduce((mask, id) => mask | (1 << workers.indexOf(id)), 0);
    const mayMask = may.reduce((mask, kind) => mask | (1 << budgetKinds.indexOf(kind)), 0);
    const token = wanted === null ? 0 : (row[CONTROLLER] ?? 0) + 1;
    const context = (((token * 4 + budget.begin) * 16 + maskOf(expired)) * 16 + maskOf(able)) * 256 + mayMask;
    yield* this.#remembered(row[CONTROLLER] ?? 0, lease, 14, mayMask, () =>
      controllerSteps(controller, viewOf(null)).map((step) => this.#moveOf(step, lease, null)),
    );
    yield* this.#remembered(row[SURROUNDINGS] ?? 0, lease, 15, mayMask, () =>
      surroundingSteps(surroundings, viewOf(null)).map((step) => this.#surroundingMoveOf(step, lease)),
    );
    for (const [i, id] of workers.entries()) {
      const number = row[PARTIES + i] ?? 0;
      // Of two bystanders that nothing tells apart the first acts first.
      if (i > 2 && number === this.#bystander && row[PARTIES + i - 1] === this.#bystander) continue;
      yield* this.#remembered(number, lease, i, context, () =>
        workerSteps(parts.parties.at(number), id, viewOf(id)).map((step) => this.#moveOf(step, lease, i)),
      );
    }
  }

  #remembered(part: number, lease: number, who: number, context: number, compute: () => readonly Move[]): readonly Move[] {
    const key = (part * 65_536 + lease) * 16 + who;
    const known = this.#moves.get(key) ?? new Map<number, readonly Move[]>();
    this.#moves.set(key, known);
    const moves = known.get(context) ?? compute();
    known.set(context, moves);
    return moves;
  }

  #moveOf(step: Outcome, lease: number, party: number | null): Move {
    const parts = this.#parts;
    const sets: [number, number][] = [];
    const events: number[] = [];
    if (step.party !== undefined && party !== null) sets.push([PARTIES + party, parts.partyOf(step.party)]);
    if (step.controller !== undefined) sets.push([CONTROLLER, parts.controllers.numberOf(step.controller)]);
    if (step.landed !== undefined) {
      const after = parts.leases.numberOf(step.landed.lease);
      sets.push([LEASE, after]);
      events.push(parts.events.numberOf({ kind: 'write', write: step.landed.write, before: lease, after }));
    }
    const by = party === null ? undefined : this.#scenario.workers[party];
    if (step.dispatched !== undefined && by !== undefined)
      events.push(parts.events.numberOf({ kind: 'dispatch', by, ...step.dispatched }));
    return {
      name: parts.names.numberOf({ name: step.name }),
      kind: step.kind,
      sets,
      events,
      delayed: step.delayed === undefined ? null : parts.writes.numberOf(step.delayed),
      answers: step.answers === true,
      spends: step.spends ?? [],
    };
  }

  #surroundingMoveOf(step: SurroundingStep, lease: number): Move {
    const move = this.#moveOf(step, lease, null);
    const events = step.child ? [...move.events, this.#parts.events.numberOf({ kind: 'child' })] : move.events;
    return { ...move, events, sets: [...move.sets, [SURROUNDINGS, this.#parts.surroundings.numberOf(step.surroundings)]] };
  }
}
