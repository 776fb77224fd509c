// lib/adapters/aws: the minutes of a history block as one run of bytes.
// in: records and bytes by minute, marks, shares of the slices · out: bytes, and back
//
// Bytes: format, what follows, how many entries; 16 shares as 32-bit floats unless they are even; a bit per entry where one is censored; a column of records, one of bytes.
// Counts are whole numbers near the one before: the difference, folded to be positive, in as few bytes as it needs (LEB128), 0 for a gap. A column with a fraction in it
// (what nobody read yet is shared out) holds 32-bit floats. Nothing is deflated: counts would grow by five bytes, and a reader take twice as long.
import { InvariantError } from '../../errors.ts';
import { type HistoryBlock, SLICE_COUNT } from '../../model/demand.ts';

const FORMAT = 1;
/** What follows, as bits of the second byte. */
const [FLOAT_RECORDS, FLOAT_BYTES, CENSORED, UNEVEN] = [1, 2, 4, 8] as const;
const EVEN_SHARE = 1 / SLICE_COUNT;
/** Folded and one more, a difference of such counts still is a whole number that a double holds. */
const LARGEST_COUNT = 2 ** 50;

type Minutes = Pick<HistoryBlock, 'records' | 'bytes' | 'censored' | 'sliceShares'>;
type Column = readonly (number | null)[];

const isWhole = (column: Column): boolean =>
  column.every((value) => value === null || (Number.isInteger(value) && value <= LARGEST_COUNT));

const pushVarint = (to: number[], code: number): void => {
  let left = code;
  while (left >= 128) {
    to.push((left % 128) + 128);
    left = Math.floor(left / 128);
  }
  to.push(left);
};

const pushFloats = (to: number[], values: Column): void => {
  to.push(...new Uint8Array(Float32Array.from(values, (value) => value ?? Number.NaN).buffer));
};

const pushColumn = (to: number[], column: Column, asFloats: boolean): void => {
  if (asFloats) {
    pushFloats(to, column);
    return;
  }
  let before = 0;
  for (const value of column) {
    const change = value === null ? 0 : value - before;
    pushVarint(to, value === null ? 0 : 1 + (change < 0 ? -2 * change - 1 : 2 * change));
    before = value ?? before;
  }
};

/** A block's numbers as bytes: counts and shares to 24 bits at least, whole counts exactly. */
export const packMinutes = ({ records, bytes, censored, sliceShares }: Minutes): Uint8Array => {
  const [floatRecords, floatBytes] = [!isWhole(records), !isWhole(bytes)];
  const anyCensored = censored.includes(true);
  const uneven = sliceShares.some((share) => share !== EVEN_SHARE);
  const what =
    (floatRecords ? FLOAT_RECORDS : 0) | (floatBytes ? FLOAT_BYTES : 0) | (anyCensored ? CENSORED : 0) | (uneven ? UNEVEN : 0);
  const packed: number[] = [FORMAT, what];
  pushVarint(packed, records.length);
  if (uneven) pushFloats(packed, sliceShares);
  if (anyCensored)
    for (let i = 0; i < censored.length; i += 8)
      packed.push(censored.slice(i, i + 8).reduce((bits, flag, bit) => bits | (flag ? 1 << bit : 0), 0));
  pushColumn(packed, records, floatRecords);
  pushColumn(packed, bytes, floatBytes);
  return Uint8Array.from(packed);
};

/** Reads on through a run of bytes; beyond their end it reads zeros. */
class Reader {
  private readonly from: Uint8Array;
  private readonly view: DataView;
  private at = 0;
  /** Whether all numbers so far are demands: 0 or more, and finite. */
  areDemands = true;

  constructor(from: Uint8Array) {
    this.from = from;
    this.view = new DataView(from.buffer, from.byteOffset, from.byteLength);
  }

  get left(): number {
    return this.from.length - this.at;
  }

  byte(): number {
    return this.from[this.at++] ?? 0;
  }

  varint(): number {
    let [value, unit] = [0, 1];
    for (;;) {
      const byte = this.byte();
      if (byte < 128) return value + byte * unit;
      value += (byte - 128) * unit;
      unit *= 128;
    }
  }

  floats(length: number): number[] {
    const values: number[] = [];
    for (let i = 0; i < length; i++, this.at += 4) {
      const value = this.left < 4 ? 0 : this.view.getFloat32(this.at, true);
      if (value < 0 || value === Number.POSITIVE_INFINITY) this.areDemands = false;
      values.push(value);
    }
    return values;
  }

  column(length: number, asFloats: boolean): (number | null)[] {
    if (asFloats) return this.floats(length).map((value) => (Number.isNaN(value) ? null : value));
    const column: (number | null)[] = [];
    let value = 0;
    for (let i = 0; i < length; i++) {
      // One or two bytes are most of them.
      const first = this.byte();
      const code = first < 128 ? first : first - 128 + 128 * this.varint();
      if (code === 0) {
        column.push(null);
        continue;
      }
      value += code % 2 === 0 ? -code / 2 : (code - 1) / 2;
      if (value < 0) this.areDemands = false;
      column.push(value);
    }
    return column;
  }
}

/** How many entries `packMinutes` put into these bytes: what is too old need not be unpacked. */
export const entriesOf = (packed: Uint8Array): number => {
  const reader = new Reader(packed);
  reader.byte();
  reader.byte();
  return reader.varint();
};

/** The inverse of `packMinutes`. Fails on bytes that it did not write; `where` says whose they are. */
export const unpackMinutes = (packed: Uint8Array, where: string): Minutes => {
  const reader = new Reader(packed);
  const format = reader.byte();
  if (format !== FORMAT) throw new InvariantError(`the minutes in ${where} must be of format ${FORMAT}, got ${format}`);
  const what = reader.byte();
  const entries = reader.varint();
  // An entry takes a byte in each column, at least.
  if (2 * entries > reader.left)
    throw new InvariantError(`the minutes in ${where} are cut off: ${entries} entries do not fit ${packed.length} bytes`);
  const sliceShares = what & UNEVEN ? reader.floats(SLICE_COUNT) : new Array<number>(SLICE_COUNT).fill(EVEN_SHARE);
  const censored = new Array<boolean>(entries).fill(false);
  if (what & CENSORED)
    for (let i = 0; i < entries; i += 8) {
      const bits = reader.byte();
      for (let bit = 0; bit < 8 && i + bit < entries; bit++) censored[i + bit] = (bits & (1 << bit)) !== 0;
    }
  const records = reader.column(entries, (what & FLOAT_RECORDS) !== 0);
  const bytes = reader.column(entries, (what & FLOAT_BYTES) !== 0);
  if (reader.left !== 0)
    throw new InvariantError(`the minutes in ${where} must end with their last column, got ${reader.left} bytes more`);
  if (!reader.areDemands || sliceShares.some(Number.isNaN))
    throw new InvariantError(`the minutes in ${where} must be numbers >= 0 or gaps`);
  return { records, bytes, censored, sliceShares };
};
