// test/simulation: chance from a seed, so that a run can be repeated exactly.
// in: a seed · out: numbers; and a digest of what happened, by which two runs are compared

/** Mulberry32: 32 bits of state, equal on every machine. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** In [from, to). */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** A whole number in from..to. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  isSo(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of them, none when there are none. */
  oneOf<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.next() * all.length)];
  }
}

/** FNV-1a over texts, in the order in which they come. */
export class Log {
  #hash = 0x811c9dc5;
  #lines = 0;
  readonly #kept: string[] | null;

  /** `keep`: the lines themselves, for a person. */
  constructor(keep = false) {
    this.#kept = keep ? [] : null;
  }

  add(line: string): void {
    let hash = this.#hash;
    for (let i = 0; i < line.length; i += 1) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193);
    this.#hash = hash;
    this.#lines += 1;
    this.#kept?.push(line);
  }

  get lines(): readonly string[] {
    return this.#kept ?? [];
  }

  /** The same for the same lines in the same order. */
  get digest(): string {
    return `${this.#lines}-${(this.#hash >>> 0).toString(16)}`;
  }
}
