// lib/consumer: results of the same records from two sides, set beside each other as they come.
// in: results as both sides tell them · out: how many are equal, where the others differ, samples of those
import type { ComparedResults, ProfilingMismatch } from '../model/profiling.ts';
import { differencesBetween } from '../shadow/compare-results.ts';

/** One result, as it is told: its record, its name, its value as JSON. */
export interface ToldResult {
  readonly sequenceNumber: string;
  readonly subSequenceNumber?: number;
  readonly partitionKey: string;
  readonly name: string;
  readonly json: string;
}

/** The same on both sides, and the key in a result store. */
export const keyOfResult = ({ sequenceNumber, subSequenceNumber, name }: Omit<ToldResult, 'json' | 'partitionKey'>): string =>
  `${sequenceNumber}.${subSequenceNumber ?? 0}:${name}`;

/** A value as it is kept and compared: JSON, with large integers and bytes as text. Undefined is null. */
export const jsonOf = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    return inner instanceof Uint8Array ? Buffer.from(inner).toString('base64') : inner;
  }) ?? 'null';

/** For so long one side may be behind the other. */
const WAITS_MS = 60_000;
const MAX_WAITING = 20_000;
const MAX_SAMPLES = 20;
const MAX_FIELDS = 100;
const MAX_TEXT = 200;

interface Waiting {
  readonly told: ToldResult;
  readonly side: 'left' | 'right';
  readonly sinceMs: number;
}

/** Joins two sides. */
export class ResultsJoin {
  readonly #left: ComparedResults['left'];
  readonly #right: ComparedResults['right'];
  readonly #ignore: readonly string[];
  /** In the order in which they came. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #counts = { compared: 0, equal: 0, different: 0, onlyLeft: 0, onlyRight: 0 };
  readonly #fields = new Map<string, number>();
  readonly #samples: ProfilingMismatch[] = [];

  constructor(left: ComparedResults['left'], right: ComparedResults['right'], ignore: readonly string[]) {
    this.#left = left;
    this.#right = right;
    this.#ignore = ignore;
  }

  tell(side: 'left' | 'right', told: ToldResult, nowMs: number): void {
    const key = keyOfResult(told);
    const other = this.#waiting.get(key);
    if (other === undefined || other.side === side) {
      this.#waiting.delete(key);
      this.#waiting.set(key, { told, side, sinceMs: nowMs });
      if (this.#waiting.size > MAX_WAITING) this.#giveUpOldest();
      return;
    }
    this.#waiting.delete(key);
    if (side === 'left') this.#compare(told, other.told);
    else this.#compare(other.told, told);
  }

  /** The right side told a result of a record that the left side has long been through without a word. */
  toldByRightAlone(): void {
    this.#counts.onlyRight += 1;
  }

  /** Gives up what the other side has not told within a minute. */
  settle(nowMs: number): void {
    for (const { sinceMs } of this.#waiting.values()) {
      if (nowMs - sinceMs < WAITS_MS) return;
      this.#giveUpOldest();
    }
  }

  /** What the left side told and the right side has yet to tell, the oldest first. */
  waitingForRight(limit: number): ToldResult[] {
    const found: ToldResult[] = [];
    for (const { told, side } of this.#waiting.values()) {
      if (found.length >= limit) break;
      if (side === 'left') found.push(told);
    }
    return found;
  }

  compared(): ComparedResults {
    return {
      left: this.#left,
      right: this.#right,
      ...this.#counts,
      fields: Object.fromEntries(this.#fields),
      samples: [...this.#samples],
    };
  }

  #giveUpOldest(): void {
    for (const [key, { side }] of this.#waiting) {
      this.#waiting.delete(key);
      if (side === 'left') this.#counts.onlyLeft += 1;
      else this.#counts.onlyRight += 1;
      return;
    }
  }

  #compare(left: ToldResult, right: ToldResult): void {
    this.#counts.compared += 1;
    const differences =
      left.json === right.json ? [] : differencesBetween(JSON.parse(left.json), JSON.parse(right.json), this.#ignore);
    if (differences.length === 0) {
      this.#counts.equal += 1;
      return;
    }
    this.#counts.different += 1;
    for (const { path } of differences) {
      if (this.#fields.has(path) || this.#fields.size < MAX_FIELDS) this.#fields.set(path, (this.#fields.get(path) ?? 0) + 1);
    }
    if (this.#samples.length >= MAX_SAMPLES) return;
    const cut = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value).slice(0, MAX_TEXT));
    const { sequenceNumber, partitionKey, name } = left;
    this.#samples.push({
      sequenceNumber,
      partitionKey: partitionKey.slice(0, MAX_TEXT),
      name,
      differences: differences.map(({ path, left: a, right: b }) => ({ path, left: cut(a), right: cut(b) })),
    });
  }
}
