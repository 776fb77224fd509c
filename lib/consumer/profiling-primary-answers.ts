// lib/consumer: the host's side of a comparison with the primary: fetches what the shard's owner told of the same records.
// in: records that leg a was given, results of it that wait for the primary's · out: pairs, compared; results that only the primary told, counted
import type { StreamRecord } from '../model/shard.ts';
import type { ResultStore } from '../ports.ts';
import { keyOfResult, type ResultsJoin, type ToldResult } from './profiling-join.ts';
import { NAMES_KEY } from './profiling-primary.ts';

const MOST_AT_ONCE = 2_000;
/** After so long both sides have been through a record: what leg a has not told by then it does not tell. */
const SILENT_MS = 30_000;
const MAX_GIVEN = 20_000;

interface Given {
  readonly record: Pick<StreamRecord, 'sequenceNumber' | 'subSequenceNumber'>;
  readonly sinceMs: number;
  /** Names under which leg a told a result of it. */
  readonly told: Set<string>;
}

const keyOfRecord = ({ sequenceNumber, subSequenceNumber }: Given['record']): string =>
  `${sequenceNumber}.${subSequenceNumber ?? 0}`;

/** Asks the store once a window. */
export class PrimaryAnswers {
  readonly #store: ResultStore;
  readonly #space: string;
  readonly #join: ResultsJoin;
  /** In the order in which they were given. */
  readonly #given = new Map<string, Given>();

  constructor(store: ResultStore, space: string, join: ResultsJoin) {
    this.#store = store;
    this.#space = space;
    this.#join = join;
  }

  /** Leg a is given these records now. */
  given(records: readonly StreamRecord[], nowMs: number): void {
    for (const record of records) {
      const { sequenceNumber, subSequenceNumber } = record;
      if (this.#given.size >= MAX_GIVEN) return;
      const known = { sequenceNumber, ...(subSequenceNumber === undefined ? {} : { subSequenceNumber }) };
      this.#given.set(keyOfRecord(record), { record: known, sinceMs: nowMs, told: new Set() });
    }
  }

  /** Leg a told a result. */
  told(result: ToldResult): void {
    this.#given.get(keyOfRecord(result))?.told.add(result.name);
  }

  async ask(nowMs: number): Promise<void> {
    await this.#askForTold(nowMs);
    await this.#askForUntold(nowMs);
  }

  async #askForTold(nowMs: number): Promise<void> {
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

  /** Of records that leg a is through with, what it has told nothing of under a name that the primary uses. */
  async #askForUntold(nowMs: number): Promise<void> {
    const ripe: Given[] = [];
    for (const [key, given] of this.#given) {
      if (nowMs - given.sinceMs < SILENT_MS || ripe.length >= MOST_AT_ONCE) break;
      ripe.push(given);
      this.#given.delete(key);
    }
    if (ripe.length === 0) return;
    const [names] = await this.#store.get(this.#space, [NAMES_KEY]);
    if (names === null || names === undefined) return;
    const keys = ripe.flatMap(({ record, told }) =>
      (JSON.parse(names) as string[]).filter((name) => !told.has(name)).map((name) => keyOfResult({ ...record, name })),
    );
    for (let at = 0; at < keys.length; at += MOST_AT_ONCE) {
      const asked = keys.slice(at, at + MOST_AT_ONCE);
      const answers = await this.#store.get(this.#space, asked);
      const alone = asked.filter((_, i) => typeof answers[i] === 'string');
      for (const _ of alone) this.#join.toldByRightAlone();
      if (alone.length > 0) await this.#store.remove(this.#space, alone);
    }
  }
}
