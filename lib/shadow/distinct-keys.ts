// lib/shadow: how many different keys there were, in four kilobytes: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007), with linear counting for few.
// in: 64-bit hashes of keys · out: an estimate with a standard error of 1.6 %
// Own code: what npm has of it is old, or brings a dozen others along.

const BITS = 12;
const REGISTERS = 2 ** BITS;
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);

/** Counts distinct hashes. */
export class DistinctKeys {
  readonly #registers = new Uint8Array(REGISTERS);

  add(hash64: bigint): void {
    const register = Number(hash64 & BigInt(REGISTERS - 1));
    // The place of the first one among the 52 bits that are left: 20 and 32.
    const rest = Number(hash64 >> BigInt(BITS));
    const high = Math.floor(rest / 2 ** 32);
    const rank = high > 0 ? Math.clz32(high) - 11 : 21 + Math.clz32(rest >>> 0);
    if (rank > (this.#registers[register] ?? 0)) this.#registers[register] = rank;
  }

  get estimate(): number {
    let [sum, empty] = [0, 0];
    for (const rank of this.#registers) {
      sum += 2 ** -rank;
      if (rank === 0) empty += 1;
    }
    const raw = (ALPHA * REGISTERS ** 2) / sum;
    return raw <= 2.5 * REGISTERS && empty > 0 ? REGISTERS * Math.log(REGISTERS / empty) : raw;
  }
}
