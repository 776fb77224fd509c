// lib/consumer: the host's side of a comparison with the primary: fetches what the shard's owner told of the same records.
// in: results of leg a that wait for the primary's · out: pairs, compared
import type { ResultStore } from '../ports.ts';
import { keyOfResult, type ResultsJoin } from './profiling-join.ts';

const MOST_AT_ONCE = 2_000;

/** Asks the store once a window. */
export class PrimaryAnswers {
  readonly #store: ResultStore;
  readonly #space: string;
  readonly #join: ResultsJoin;

  constructor(store: ResultStore, space: string, join: ResultsJoin) {
    this.#store = store;
    this.#space = space;
    this.#join = join;
  }

  async ask(nowMs: number): Promise<void> {
    const waiting = this.#join.waitingForRight(MOST_AT_ONCE);
    if (waiting.length === 0) return;
    const keys = waiting.map(keyOfResult);
    const answers = await this.#store.get(this.#space, keys);
    const answered: string[] = [];
    answers.forEach((json, i) => {
      const [told, key] = [waiting[i], keys[i]];
      if (json === null || told === undefined || key === undefined) return;
      this.#join.tell('right', { ...told, json }, nowMs);
      answered.push(key);
    });
    if (answered.length > 0) await this.#store.remove(this.#space, answered);
  }
}
