// lib/adapters/aws: how what we store becomes an attribute: a schema's value as deflated JSON, numbers as bytes.
// in: values of lib/model · out: bytes, and back
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { z } from 'zod';
import { InvariantError } from '../../errors.ts';

/** What an item holds, read by its schema; an item that does not fit is our own bug. */
export const decoded = <S extends z.ZodType>(schema: S, stored: unknown, where: string): z.output<S> => {
  const result = z.safeDecode(schema, stored as z.input<S>);
  if (!result.success)
    throw new InvariantError(`the item in ${where} does not fit its schema: ${z.prettifyError(result.error)}`, {
      cause: result.error,
    });
  return result.data;
};

/** A schema's value as deflated JSON: a fifth of DynamoDB's own encoding for a forecast or a plan. `dictionary`: what it is expected to contain, which then takes no space. */
export const pack = <S extends z.ZodType>(schema: S, value: z.output<S>, dictionary?: Uint8Array): Uint8Array =>
  deflateRawSync(JSON.stringify(z.encode(schema, value)), { ...(dictionary && { dictionary }) });

/** The inverse of `pack`, by the same dictionary. */
export const unpack = <S extends z.ZodType>(schema: S, bytes: Uint8Array, where: string, dictionary?: Uint8Array): z.output<S> =>
  decoded(schema, JSON.parse(inflateRawSync(bytes, { ...(dictionary && { dictionary }) }).toString('utf8')), where);

/** Numbers that were deflated 32-bit floats, NaN for null: how history blocks were written up to November 2026. */
export const unpackFloats = (bytes: Uint8Array): (number | null)[] => {
  const raw = new Uint8Array(inflateRawSync(bytes));
  return Array.from(new Float32Array(raw.buffer), (value) => (Number.isNaN(value) ? null : value));
};

/** Flags that were deflated bytes of 0 and 1, of the same blocks. */
export const unpackFlags = (bytes: Uint8Array): boolean[] => Array.from(inflateRawSync(bytes), (flag) => flag === 1);

/** Numbers as 64-bit floats, exact. */
export const packNumbers = (values: readonly number[]): Uint8Array => new Uint8Array(Float64Array.from(values).buffer);

/** The inverse of `packNumbers`. */
export const unpackNumbers = (bytes: Uint8Array): number[] => Array.from(new Float64Array(new Uint8Array(bytes).buffer));
