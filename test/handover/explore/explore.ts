// test: visits every state that the explored world can reach, breadth first.
// in: a scenario, rules · out: how many states there are, and the shortest way to the first that is wrong
//
// A state is a row of numbers, one for each of its parts (pool.ts). What a part can do depends on few others, so that it is computed once for all states that
// agree in those. Merged as one state: the same parts whatever led to them; workers that are gone, whatever they knew; bystanders, of which the first acts first;
// task tokens, named after their states; a read of what does not concern the reader.
import type { LeaseWrite } from '../../../lib/handover/lease-write.ts';
import type { Lease } from '../../../lib/model/lease.ts';
import { controllerSteps, tokenOf } from './controller.ts';
import { firstHistory, type History, noteChild, noteDispatch, noteWrite, type Verdict } from './history.ts';
import type { Outcome, StepKind, View } from './outcome.ts';
import { Pool } from './pool.ts';
import { stuckState } from './progress.ts';
import type { Rules } from './rules.ts';
import { NumberList, StateTable } from './state-table.ts';
import { type SurroundingStep, surroundingSteps } from './surroundings.ts';
import { workerSteps } from './worker-steps.ts';
import {
  type Budget,
  type BudgetKind,
  budgetKinds,
  type Controller,
  faultKinds,
  finalStates,
  firstWorld,
  type Party,
  restarted,
  type Scenario,
  type Surroundings,
  type WorkerId,
} from './world.ts';

export interface Exploration {
  readonly states: number;
  readonly steps: number;
  /** Every reachable state was visited. */
  readonly isComplete: boolean;
  /** How runs end that nothing disturbs any more. */
  readonly ends: ReadonlyMap<string, number>;
  readonly wrong: { readonly what: string; readonly trail: readonly string[] } | null;
}

type Event =
  | { readonly kind: 'dispatch'; readonly by: WorkerId; readonly record: number; readonly epoch: number }
  | { readonly kind: 'write'; readonly write: LeaseWrite; readonly before: number; readonly after: number }
  | { readonly kind: 'child' };

/** A step in numbers: which columns it sets, and what it adds to the history. */
interface Move {
  readonly name: number;
  readonly kind: StepKind;
  readonly sets: readonly (readonly [column: number, value: number])[];
  readonly events: readonly number[];
  readonly delayed: number | null;
  readonly answers: boolean;
  readonly spends: readonly BudgetKind[];
}

const [LEASE, CONTROLLER, SURROUNDINGS, HISTORY, BUDGET, PARTIES] = [0, 1, 2, 3, 4, 5];

/** What was computed for a key before, or is now. */
const once = <T>(known: Map<number, T>, key: number, compute: () => T): T => {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = compute();
  known.set(key, made);
  return made;
};

/** One exploration's parts and its memory of what they can do. */
class Explorer {
  readonly #scenario: Scenario;
  readonly #rules: Rules;
  readonly #leases = new Pool<Lease>();
  readonly #controllers = new Pool<Controller>();
  readonly #surroundings = new Pool<Surroundings>((all) => ({
    ...all,
    onTheWay: all.onTheWay.map((write) => this.#writes.numberOf(write)).sort((a, b) => a - b),
  }));
  readonly #histories = new Pool<History>();
  readonly #budgets = new Pool<Budget>();
  readonly #writes = new Pool<LeaseWrite>();
  readonly #events = new Pool<Event>((event) =>
    event.kind === 'write' ? { ...event, write: this.#writes.numberOf(event.write) } : event,
  );
  readonly #parties = new Pool<Party>((party) => ({
    ...party,
    seen: party.seen === null ? null : this.#leases.numberOf(party.seen),
    taking: party.taking === null ? null : this.#leases.numberOf(party.taking),
  }));
  readonly #names = new Pool<{ name: string }>();
  readonly #moves = new Map<number, Map<number, readonly Move[]>>();
  readonly #verdicts = new Map<number, number | string>();
  readonly #answers = new Map<number, number>();
  readonly #sendings = new Map<number, number>();
  readonly #spendings = new Map<number, number>();
  readonly #width: number;
  readonly #bystander = this.#parties.numberOf(restarted);

  constructor(scenario: Scenario, rules: Rules) {
    this.#scenario = scenario;
    this.#rules = rules;
    this.#width = PARTIES + scenario.workers.length;
  }

  explore(maxStates: number): Exploration {
    const table = new StateTable(this.#width);
    const [parents, steps] = [new NumberList(), new NumberList()];
    const [from, to, good] = [new NumberList(), new NumberList(), new NumberList()];
    const ends = new Map<string, number>();
    const row = new Uint32Array(this.#width);
    const next = new Uint32Array(this.#width);
    let taken = 0;
    table.add(this.#first());
    parents.push(-1);
    steps.push(0);
    const trailOf = (state: number): string[] => {
      const trail: string[] = [];
      for (let at = state; (parents.at(at) ?? -1) >= 0; at = parents.at(at)) trail.unshift(this.#names.at(steps.at(at)).name);
      return trail;
    };
    const report = (isComplete: boolean, wrong: Exploration['wrong']): Exploration => ({
      states: table.size,
      steps: taken,
      isComplete,
      ends,
      wrong,
    });
    let state = 0;
    for (; state < table.size && table.size < maxStates; state += 1) {
      table.read(state, row);
      const end = this.#endOf(row);
      if (end !== null) {
        good.push(state);
        ends.set(end, (ends.get(end) ?? 0) + 1);
      }
      const isAnyoneAble = this.#isAnyoneAble(row);
      for (const move of this.#movesOf(row)) {
        next.set(row);
        const wrong = this.#make(move, next);
        if (wrong !== null) return report(false, { what: wrong, trail: [...trailOf(state), this.#names.at(move.name).name] });
        taken += 1;
        const before = table.size;
        const index = table.add(next);
        if (index === before) {
          parents.push(state);
          steps.push(move.name);
        }
        if (move.kind === 'progress' || (move.kind === 'return' && !isAnyoneAble)) {
          from.push(state);
          to.push(index);
        }
      }
    }
    // What was not visited any more is given the benefit of the doubt.
    for (let rest = state; rest < table.size; rest += 1) good.push(rest);
    const stuck = stuckState(table.size, from, to, good);
    const isComplete = state === table.size;
    if (stuck === null) return report(isComplete, null);
    table.read(stuck, row);
    return report(isComplete, { what: `stuck: ${this.#describe(row)}`, trail: trailOf(stuck) });
  }

  #first(): Uint32Array {
    const world = firstWorld(this.#scenario);
    const { budget } = this.#scenario;
    const full = Object.fromEntries(
      [...budgetKinds, 'faults' as const].map((kind) => [kind, budget[kind] ?? (kind === 'faults' ? 99 : 0)]),
    ) as Budget;
    return Uint32Array.from([
      this.#leases.numberOf(world.lease),
      this.#controllers.numberOf(world.controller),
      this.#surroundings.numberOf(world.surroundings),
      this.#histories.numberOf(firstHistory),
      this.#budgets.numberOf(full),
      ...world.parties.map((party) => this.#parties.numberOf(party)),
    ]);
  }

  #partiesOf(row: Uint32Array): Party[] {
    return this.#scenario.workers.map((_, i) => this.#parties.at(row[PARTIES + i] ?? 0));
  }

  #isAnyoneAble(row: Uint32Array): boolean {
    return this.#partiesOf(row).some((party) => party.life === 'up' && party.right !== 'lapsed' && party.stopping === 'no');
  }

  /** How a run has ended that may rest in this state; null: it is not over. */
  #endOf(row: Uint32Array): string | null {
    const { records, ends, workers } = this.#scenario;
    const lease = this.#leases.at(row[LEASE] ?? 0);
    const controller = this.#controllers.at(row[CONTROLLER] ?? 0);
    const { onTheWay, child } = this.#surroundings.at(row[SURROUNDINGS] ?? 0);
    if (!finalStates.has(controller.state) || onTheWay.length > 0 || lease.handover !== undefined || lease.reshard !== undefined)
      return null;
    if (this.#histories.at(row[HISTORY] ?? 0).high < records) return null;
    const name = `${controller.state}, ${lease.state}`;
    // One that is away, or knows that its right has lapsed, dispatches nothing, whatever it still holds.
    const owners = this.#partiesOf(row)
      .map((party, i) => ({ ...party, id: workers[i] }))
      .filter(({ owned, life, right }) => owned !== null && life === 'up' && right !== 'lapsed');
    if (ends) return lease.state === 'ended' && child === 'processed' && owners.length === 0 ? name : null;
    const [owner] = owners;
    const isSettled =
      owners.length === 1 &&
      owner !== undefined &&
      owner.right === 'held' &&
      owner.owned?.paused === false &&
      owner.owned.epoch === lease.epoch &&
      lease.owner === owner.id;
    return isSettled ? `${name}, owner ${lease.owner}` : null;
  }

  #describe(row: Uint32Array): string {
    const { owner, epoch, state, handover, shadow } = this.#leases.at(row[LEASE] ?? 0);
    const controller = this.#controllers.at(row[CONTROLLER] ?? 0);
    const parties = this.#partiesOf(row).map(
      ({ life, right, owned }, i) =>
        `${this.#scenario.workers[i]} ${life} ${right} ${owned === null ? 'owns nothing' : `owns under ${owned.epoch}${owned.paused ? ', paused' : ''}`}`,
    );
    return `lease of ${owner ?? 'nobody'} under ${epoch}, ${state}, handover ${handover?.phase ?? 'none'}, shadow ${shadow?.state ?? 'none'}; machine ${controller.state}; ${parties.join('; ')}`;
  }

  *#movesOf(row: Uint32Array): Generator<Move> {
    const { workers } = this.#scenario;
    const lease = row[LEASE] ?? 0;
    const parties = this.#partiesOf(row);
    const controller = this.#controllers.at(row[CONTROLLER] ?? 0);
    const budget = this.#budgets.at(row[BUDGET] ?? 0);
    const may = budgetKinds.filter((kind) => budget[kind] > 0 && (!faultKinds.has(kind) || budget.faults > 0));
    const wanted = controller.waiting && !controller.answered ? tokenOf(controller.state) : null;
    const expired = workers.filter((_, i) => this.#rules.isExpired(parties[i] ?? restarted));
    const able = workers.filter(
      (_, i) => parties[i]?.life === 'up' && parties[i].right !== 'lapsed' && parties[i].stopping === 'no',
    );
    const maskOf = (ids: readonly WorkerId[]) => ids.reduce((mask, id) => mask | (1 << workers.indexOf(id)), 0);
    const mayMask = may.reduce((mask, kind) => mask | (1 << budgetKinds.indexOf(kind)), 0);
    const token = wanted === null ? 0 : (row[CONTROLLER] ?? 0) + 1;
    const context = (((token * 4 + budget.begin) * 16 + maskOf(expired)) * 16 + maskOf(able)) * 256 + mayMask;
    const viewOf = (id: WorkerId | null): View => ({
      scenario: this.#scenario,
      rules: this.#rules,
      lease: this.#leases.at(lease),
      wanted,
      expired: new Set(expired),
      heirs: able.filter((other) => other !== id),
      may: new Set(may),
      attempt: budget.begin,
    });
    yield* this.#remembered(row[CONTROLLER] ?? 0, lease, 14, mayMask, () =>
      controllerSteps(controller, viewOf(null)).map((step) => this.#moveOf(step, lease, null)),
    );
    yield* this.#remembered(row[SURROUNDINGS] ?? 0, lease, 15, mayMask, () =>
      surroundingSteps(this.#surroundings.at(row[SURROUNDINGS] ?? 0), viewOf(null)).map((step) =>
        this.#surroundingMoveOf(step, lease),
      ),
    );
    for (const [i, id] of workers.entries()) {
      const number = row[PARTIES + i] ?? 0;
      if (i > 2 && number === this.#bystander && row[PARTIES + i - 1] === this.#bystander) continue;
      yield* this.#remembered(number, lease, i, context, () =>
        workerSteps(this.#parties.at(number), id, viewOf(id)).map((step) => this.#moveOf(step, lease, i)),
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
    const sets: [number, number][] = [];
    const events: number[] = [];
    if (step.party !== undefined && party !== null)
      sets.push([PARTIES + party, this.#parties.numberOf(this.#settled(step.party))]);
    if (step.controller !== undefined) sets.push([CONTROLLER, this.#controllers.numberOf(step.controller)]);
    if (step.landed !== undefined) {
      const after = this.#leases.numberOf(step.landed.lease);
      sets.push([LEASE, after]);
      events.push(this.#events.numberOf({ kind: 'write', write: step.landed.write, before: lease, after }));
    }
    const by = party === null ? undefined : this.#scenario.workers[party];
    if (step.dispatched !== undefined && by !== undefined)
      events.push(this.#events.numberOf({ kind: 'dispatch', by, ...step.dispatched }));
    return {
      name: this.#names.numberOf({ name: step.name }),
      kind: step.kind,
      sets,
      events,
      delayed: step.delayed === undefined ? null : this.#writes.numberOf(step.delayed),
      answers: step.answers === true,
      spends: step.spends ?? [],
    };
  }

  /** The same party, with its leases as the pool has them. */
  #settled(party: Party): Party {
    const one = (lease: Lease | null) => (lease === null ? null : this.#leases.one(lease));
    return { ...party, seen: one(party.seen), taking: one(party.taking) };
  }

  #surroundingMoveOf(step: SurroundingStep, lease: number): Move {
    const move = this.#moveOf(step, lease, null);
    const events = step.child ? [...move.events, this.#events.numberOf({ kind: 'child' })] : move.events;
    return { ...move, events, sets: [...move.sets, [SURROUNDINGS, this.#surroundings.numberOf(step.surroundings)]] };
  }

  /** Changes the row; returns what is wrong with it. */
  #make(move: Move, row: Uint32Array): string | null {
    for (const [column, value] of move.sets) row[column] = value;
    if (move.answers) row[CONTROLLER] = this.#answered(row[CONTROLLER] ?? 0);
    if (move.delayed !== null) row[SURROUNDINGS] = this.#sent(row[SURROUNDINGS] ?? 0, move.delayed);
    for (const kind of move.spends) row[BUDGET] = this.#spend(row[BUDGET] ?? 0, kind);
    for (const event of move.events) {
      const verdict = this.#judge(row[HISTORY] ?? 0, event);
      if (typeof verdict === 'string') return verdict;
      row[HISTORY] = verdict;
    }
    return null;
  }

  #answered(controller: number): number {
    return once(this.#answers, controller, () =>
      this.#controllers.numberOf({ ...this.#controllers.at(controller), answered: true }),
    );
  }

  #sent(surroundings: number, write: number): number {
    return once(this.#sendings, surroundings * 65_536 + write, () => {
      const all = this.#surroundings.at(surroundings);
      return this.#surroundings.numberOf({ ...all, onTheWay: [...all.onTheWay, this.#writes.at(write)] });
    });
  }

  #spend(budget: number, kind: BudgetKind): number {
    return once(this.#spendings, budget * 16 + budgetKinds.indexOf(kind), () => {
      const before = this.#budgets.at(budget);
      const faults = before.faults - (faultKinds.has(kind) ? 1 : 0);
      return this.#budgets.numberOf({ ...before, [kind]: before[kind] - 1, faults });
    });
  }

  #judge(history: number, event: number): number | string {
    return once<number | string>(this.#verdicts, history * 2 ** 24 + event, () => {
      const verdict = this.#verdictOf(this.#histories.at(history), this.#events.at(event));
      return verdict.kind === 'wrong' ? verdict.what : this.#histories.numberOf(verdict.history);
    });
  }

  #verdictOf(history: History, event: Event): Verdict {
    const { records } = this.#scenario;
    if (event.kind === 'child') return noteChild(history, records);
    if (event.kind === 'dispatch') return noteDispatch(history, event.by, event.record, event.epoch);
    return noteWrite(history, event.write, this.#leases.at(event.before), this.#leases.at(event.after), records);
  }
}

/** Visits the states of a scenario until something is wrong, there are no more, or `maxStates` are seen. */
export const explore = (scenario: Scenario, rules: Rules, maxStates: number): Exploration =>
  new Explorer(scenario, rules).explore(maxStates);
