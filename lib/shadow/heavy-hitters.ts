// lib/shadow: the keys that come most often, in a fixed memory: the Space-Saving sketch (Metwally, Agrawal, El Abbadi 2005).
// in: keys as they come · out: the most frequent ones with their counts, each too high by at most its error, which is at most records / counters
// Own code: the libraries that have such a sketch bring a dozen others along or are no longer kept.

/** One counted key. Its true count lies from `count - error` to `count`. */
export interface CountedKey {
  readonly key: string;
  readonly count: number;
  readonly error: number;
  readonly bytes: number;
}

interface Counter {
  count: number;
  error: number;
  bytes: number;
}

/** Counts with a fixed number of counters. Every key with more than records / counters of them is among them. */
export class HeavyHitters {
  readonly #counters = new Map<string, Counter>();
  /** The keys of each count, so that a least one is found at once. */
  readonly #byCount = new Map<number, Set<string>>();
  readonly #capacity: number;
  #least = 0;
  #records = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get records(): number {
    return this.#records;
  }

  add(key: string, bytes: number): void {
    this.#records += 1;
    const known = this.#counters.get(key);
    if (known !== undefined) {
      this.#move(key, known.count, known.count + 1);
      known.count += 1;
      known.bytes += bytes;
    } else if (this.#counters.size < this.#capacity) this.#begin(key, 0, bytes);
    else {
      // A newcomer takes the place of one that came least, and may have come as often unseen.
      const [least = ''] = this.#byCount.get(this.#least) ?? [];
      const error = this.#least;
      this.#forget(least, error);
      this.#counters.delete(least);
      this.#begin(key, error, bytes);
    }
  }

  /** The most frequent ones first. */
  top(limit: number): CountedKey[] {
    return [...this.#counters]
      .map(([key, counter]) => ({ key, ...counter }))
      .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
      .slice(0, limit);
  }

  /** The share of all records that the `limit` most frequent keys have at least; 0 while there are none. */
  topShare(limit: number): number {
    const sum = this.top(limit).reduce((total, { count, error }) => total + count - error, 0);
    return this.#records === 0 ? 0 : sum / this.#records;
  }

  #begin(key: string, error: number, bytes: number): void {
    this.#counters.set(key, { count: error + 1, error, bytes });
    this.#place(key, error + 1);
    if (this.#counters.size <= this.#capacity && error === 0) this.#least = 1;
    else while (!this.#byCount.has(this.#least)) this.#least += 1;
  }

  #move(key: string, from: number, to: number): void {
    this.#place(key, to);
    this.#forget(key, from);
    if (from === this.#least && !this.#byCount.has(from)) this.#least = to;
  }

  #place(key: string, count: number): void {
    const keys = this.#byCount.get(count) ?? new Set<string>();
    keys.add(key);
    this.#byCount.set(count, keys);
  }

  #forget(key: string, count: number): void {
    const keys = this.#byCount.get(count);
    keys?.delete(key);
    if (keys?.size === 0) this.#byCount.delete(count);
  }
}
