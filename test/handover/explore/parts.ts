// test: the parts of a state as small numbers, and what happens to a part alone.
// in: values of the world · out: their numbers and back; budgets spent, callbacks answered, writes sent, histories judged, each computed once
import type { LeaseWrite } from '../../../lib/handover/lease-write.ts';
import type { Lease } from '../../../lib/model/lease.ts';
import { type History, noteChild, noteDispatch, noteWrite, type Verdict } from './history.ts';
import { Pool } from './pool.ts';
import {
  type Budget,
  type BudgetKind,
  budgetKinds,
  type Controller,
  faultKinds,
  type Party,
  type Surroundings,
  type WorkerId,
} from './world.ts';

/** Something that the history takes note of. */
export type Event =
  | { readonly kind: 'dispatch'; readonly by: WorkerId; readonly record: number; readonly epoch: number }
  | { readonly kind: 'write'; readonly write: LeaseWrite; readonly before: number; readonly after: number }
  | { readonly kind: 'child' };

/** What was computed for a key before, or is now. */
const once = <T>(known: Map<number, T>, key: number, compute: () => T): T => {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = compute();
  known.set(key, made);
  return made;
};

/** All pools of one exploration. */
export class Parts {
  readonly leases = new Pool<Lease>();
  readonly controllers = new Pool<Controller>();
  readonly writes = new Pool<LeaseWrite>();
  readonly surroundings = new Pool<Surroundings>((all) => ({
    ...all,
    onTheWay: all.onTheWay.map((write) => this.writes.numberOf(write)).sort((a, b) => a - b),
  }));
  readonly histories = new Pool<History>();
  readonly budgets = new Pool<Budget>();
  readonly events = new Pool<Event>((event) =>
    event.kind === 'write' ? { ...event, write: this.writes.numberOf(event.write) } : event,
  );
  readonly parties = new Pool<Party>((party) => ({
    ...party,
    seen: party.seen === null ? null : this.leases.numberOf(party.seen),
    taking: party.taking === null ? null : this.leases.numberOf(party.taking),
  }));
  readonly names = new Pool<{ name: string }>();
  readonly #records: number;
  readonly #verdicts = new Map<number, number | string>();
  readonly #answered = new Map<number, number>();
  readonly #sent = new Map<number, number>();
  readonly #spent = new Map<number, number>();

  constructor(records: number) {
    this.#records = records;
  }

  /** The number of a party whose leases are those of the pool. */
  partyOf(party: Party): number {
    const one = (lease: Lease | null) => (lease === null ? null : this.leases.one(lease));
    return this.parties.numberOf({ ...party, seen: one(party.seen), taking: one(party.taking) });
  }

  /** The controller has been answered. */
  answered(controller: number): number {
    return once(this.#answered, controller, () =>
      this.controllers.numberOf({ ...this.controllers.at(controller), answered: true }),
    );
  }

  /** One more write is on its way. */
  sent(surroundings: number, write: number): number {
    return once(this.#sent, surroundings * 65_536 + write, () => {
      const all = this.surroundings.at(surroundings);
      return this.surroundings.numberOf({ ...all, onTheWay: [...all.onTheWay, this.writes.at(write)] });
    });
  }

  spent(budget: number, kind: BudgetKind): number {
    return once(this.#spent, budget * 16 + budgetKinds.indexOf(kind), () => {
      const before = this.budgets.at(budget);
      const faults = before.faults - (faultKinds.has(kind) ? 1 : 0);
      return this.budgets.numberOf({ ...before, [kind]: before[kind] - 1, faults });
    });
  }

  /** The history with one more event, or what is wrong with it. */
  judged(history: number, event: number): number | string {
    return once<number | string>(this.#verdicts, history * 2 ** 24 + event, () => {
      const verdict = this.#verdictOf(this.histories.at(history), this.events.at(event));
      return verdict.kind === 'wrong' ? verdict.what : this.histories.numberOf(verdict.history);
    });
  }

  #verdictOf(history: History, event: Event): Verdict {
    if (event.kind === 'child') return noteChild(history, this.#records);
    if (event.kind === 'dispatch') return noteDispatch(history, event.by, event.record, event.epoch);
    return noteWrite(history, event.write, this.leases.at(event.before), this.leases.at(event.after), this.#records);
  }
}
