// lib/forecast: all that a model has learnt, as one run of bytes.
// in: arrays that the parts of a model ask for · out: their bytes in order, or arrays filled from such bytes

type NumberArray = Float64Array | Float32Array | Int32Array;

/** Hands out the arrays in which a model keeps what it learns, and remembers them. Two models that are built alike have the same parts in the same order. */
export class StateParts {
  private readonly parts: NumberArray[] = [];

  /** Numbers that need all their digits. */
  exact(length: number, fill = 0): Float64Array {
    return this.kept(new Float64Array(length).fill(fill));
  }

  /** Numbers for which seven digits are plenty. */
  rough(length: number, fill = 0): Float32Array {
    return this.kept(new Float32Array(length).fill(fill));
  }

  counts(length: number): Int32Array {
    return this.kept(new Int32Array(length));
  }

  get byteLength(): number {
    return this.parts.reduce((sum, part) => sum + part.byteLength, 0);
  }

  writeTo(bytes: Uint8Array, offset: number): void {
    let at = offset;
    for (const part of this.parts) {
      bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
      at += part.byteLength;
    }
  }

  /** Fills all parts from bytes that `writeTo` wrote. */
  readFrom(bytes: Uint8Array, offset: number): void {
    let at = offset;
    for (const part of this.parts) {
      new Uint8Array(part.buffer, part.byteOffset, part.byteLength).set(bytes.subarray(at, at + part.byteLength));
      at += part.byteLength;
    }
  }

  private kept<T extends NumberArray>(part: T): T {
    this.parts.push(part);
    return part;
  }
}
