// lib/forecast: all that a model has learnt, as one run of bytes.
// in: arrays that the parts of a model ask for · out: their bytes in order, or arrays filled from such bytes

/** As much as a forecaster of a dozen horizons takes, and a little more. */
const SLAB_BYTES = 40_960;

/**
 * Hands out the arrays in which a model keeps what it learns, all out of a few slabs, so that putting them away is one copy. Two models that are built alike have the
 * same arrays at the same places.
 */
export class StateParts {
  private readonly slabs: { readonly buffer: ArrayBuffer; used: number }[] = [];

  /** Numbers that need all their digits. */
  exact(length: number, fill = 0): Float64Array {
    const { buffer, offset } = this.take(8 * length);
    const part = new Float64Array(buffer, offset, length);
    return fill === 0 ? part : part.fill(fill);
  }

  /** Numbers for which seven digits are plenty. */
  rough(length: number, fill = 0): Float32Array {
    const { buffer, offset } = this.take(4 * length);
    const part = new Float32Array(buffer, offset, length);
    return fill === 0 ? part : part.fill(fill);
  }

  counts(length: number): Int32Array {
    const { buffer, offset } = this.take(4 * length);
    return new Int32Array(buffer, offset, length);
  }

  get byteLength(): number {
    return this.slabs.reduce((sum, { used }) => sum + used, 0);
  }

  writeTo(bytes: Uint8Array, offset: number): void {
    let at = offset;
    for (const { buffer, used } of this.slabs) {
      bytes.set(new Uint8Array(buffer, 0, used), at);
      at += used;
    }
  }

  /** Fills all parts from bytes that `writeTo` wrote. */
  readFrom(bytes: Uint8Array, offset: number): void {
    let at = offset;
    for (const { buffer, used } of this.slabs) {
      new Uint8Array(buffer, 0, used).set(bytes.subarray(at, at + used));
      at += used;
    }
  }

  /** A place for so many bytes, at a multiple of eight. */
  private take(bytes: number): { buffer: ArrayBuffer; offset: number } {
    const needed = Math.ceil(bytes / 8) * 8;
    let slab = this.slabs.at(-1);
    if (slab === undefined || slab.used + needed > slab.buffer.byteLength) {
      slab = { buffer: new ArrayBuffer(Math.max(SLAB_BYTES, needed)), used: 0 };
      this.slabs.push(slab);
    }
    const offset = slab.used;
    slab.used += needed;
    return { buffer: slab.buffer, offset };
  }
}
