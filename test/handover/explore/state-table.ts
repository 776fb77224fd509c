// test: a set of states, each a row of small numbers, in the order in which they were found.
// in: rows · out: their indexes; exact, since whole rows are compared
const EMPTY = -1;

/** Grows as it fills. */
export class StateTable {
  readonly #width: number;
  #rows: Uint32Array;
  #slots: Int32Array;
  #size = 0;

  constructor(width: number, capacity = 1 << 12) {
    this.#width = width;
    this.#rows = new Uint32Array(width * capacity);
    this.#slots = new Int32Array(capacity * 2).fill(EMPTY);
  }

  get size(): number {
    return this.#size;
  }

  /** Puts the row at `index` into `row`. */
  read(index: number, row: Uint32Array): void {
    const from = index * this.#width;
    for (let i = 0; i < this.#width; i += 1) row[i] = this.#rows[from + i] ?? 0;
  }

  /** The index of the row, which is new if it equals the size before. */
  add(row: Uint32Array): number {
    let slot = this.#slotOf(row);
    for (let index = this.#slots[slot] ?? EMPTY; index !== EMPTY; index = this.#slots[slot] ?? EMPTY) {
      if (this.#equals(index, row)) return index;
      slot = (slot + 1) % this.#slots.length;
    }
    const index = this.#size;
    if ((index + 1) * this.#width > this.#rows.length) {
      this.#grow();
      return this.add(row);
    }
    this.#rows.set(row, index * this.#width);
    this.#slots[slot] = index;
    this.#size += 1;
    return index;
  }

  #equals(index: number, row: Uint32Array): boolean {
    const from = index * this.#width;
    for (let i = 0; i < this.#width; i += 1) if (this.#rows[from + i] !== row[i]) return false;
    return true;
  }

  #slotOf(row: Uint32Array): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < this.#width; i += 1) {
      hash = Math.imul(hash ^ (row[i] ?? 0), 0x01000193);
      hash ^= hash >>> 15;
      hash = Math.imul(hash, 0x2c1b3c6d);
    }
    return (hash >>> 0) % this.#slots.length;
  }

  #grow(): void {
    const rows = new Uint32Array(this.#rows.length * 2);
    rows.set(this.#rows);
    this.#rows = rows;
    this.#slots = new Int32Array((rows.length / this.#width) * 2).fill(EMPTY);
    const row = new Uint32Array(this.#width);
    for (let index = 0; index < this.#size; index += 1) {
      this.read(index, row);
      let slot = this.#slotOf(row);
      while (this.#slots[slot] !== EMPTY) slot = (slot + 1) % this.#slots.length;
      this.#slots[slot] = index;
    }
  }
}

/** A list of 32-bit numbers that grows. */
export class NumberList {
  #numbers = new Int32Array(1 << 12);
  #length = 0;

  get length(): number {
    return this.#length;
  }
  at(index: number): number {
    return this.#numbers[index] ?? 0;
  }
  push(number: number): void {
    if (this.#length === this.#numbers.length) {
      const longer = new Int32Array(this.#length * 2);
      longer.set(this.#numbers);
      this.#numbers = longer;
    }
    this.#numbers[this.#length] = number;
    this.#length += 1;
  }
}
