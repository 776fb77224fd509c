// test: equal values are one, and have a small number.
// in: values · out: their numbers, and back

const sorted = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** A text that equal values share, whatever the order of their keys. */
export const textOf = (value: unknown): string => JSON.stringify(value, sorted);

/** Values of one type by number. */
export class Pool<T extends object> {
  readonly #keyOf: (value: T) => unknown;
  readonly #numbers = new Map<string, number>();
  readonly #known = new WeakMap<T, number>();
  readonly #values: T[] = [];

  /** `keyOf`: what tells two values apart. @default the value */
  constructor(keyOf: (value: T) => unknown = (value) => value) {
    this.#keyOf = keyOf;
  }

  get size(): number {
    return this.#values.length;
  }

  numberOf(value: T): number {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const key = textOf(this.#keyOf(value));
    const number = this.#numbers.get(key) ?? this.#values.length;
    if (number === this.#values.length) {
      this.#numbers.set(key, number);
      this.#values.push(value);
    }
    this.#known.set(value, number);
    return number;
  }

  /** The one value of that number. */
  at(number: number): T {
    const value = this.#values[number];
    if (value === undefined) throw new RangeError(`no value has number ${number}; there are ${this.#values.length}`);
    return value;
  }

  /** The one value that is equal to this. */
  one(value: T): T {
    return this.at(this.numberOf(value));
  }
}
