// lib/forecast: a forecaster put away between runs, and taken out again.
// in: a forecaster · out: bytes; in: bytes · out: the same forecaster, or why they are no use
//
// Bytes: magic and version, checksum, the make (step, start, steps of all horizons, mean demand, scale), then everything learnt. Little-endian, as all machines are on which this runs.
import { ForecastScale } from '../model/forecast.ts';
import { IncrementalForecaster, type Make } from './incremental-forecaster.ts';

const MAGIC = 0x50464331;
/** Grows whenever the make or the order of the parts changes, so that old bytes are refused and not misread. */
export const STATE_VERSION = 9;
const FIXED_BYTES = 48;

export type Thawed =
  | { readonly kind: 'thawed'; readonly forecaster: IncrementalForecaster }
  | { readonly kind: 'unusable'; readonly reason: string };

/** All that a forecaster knows, as bytes. */
export const freeze = (forecaster: IncrementalForecaster): Uint8Array => {
  const { horizonSteps, stepSec, startMs, meanDemand, scale } = forecaster.make;
  const headBytes = headLength(horizonSteps.length);
  const bytes = new Uint8Array(headBytes + forecaster.parts.byteLength);
  const head = new DataView(bytes.buffer);
  head.setUint32(0, MAGIC);
  head.setUint32(4, STATE_VERSION, true);
  head.setUint32(12, horizonSteps.length, true);
  head.setFloat64(16, startMs, true);
  head.setFloat64(24, meanDemand, true);
  head.setFloat64(32, stepSec, true);
  head.setUint32(40, ForecastScale.options.indexOf(scale), true);
  horizonSteps.forEach((steps, i) => {
    head.setUint32(FIXED_BYTES + 4 * i, steps, true);
  });
  forecaster.parts.writeTo(bytes, headBytes);
  head.setUint32(8, checksumOf(bytes), true);
  return bytes;
};

/** The forecaster of `freeze`, made for these horizons and this step. Its next forecasts are those that it would have made. */
export const thaw = (bytes: Uint8Array, horizonSteps: readonly number[], stepSec: number): Thawed => {
  const unusable = (reason: string): Thawed => ({ kind: 'unusable', reason });
  const headBytes = headLength(horizonSteps.length);
  if (bytes.byteLength < FIXED_BYTES) return unusable(`a state has at least ${FIXED_BYTES} bytes, got ${bytes.byteLength}`);
  // A copy of bytes that do not begin at a multiple of four: the checksum reads words.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const head = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  if (head.getUint32(0) !== MAGIC) return unusable('the bytes are not the state of a forecaster');
  const version = head.getUint32(4, true);
  if (version !== STATE_VERSION) return unusable(`the state is of version ${version}, this is version ${STATE_VERSION}`);
  if (head.getUint32(8, true) !== checksumOf(aligned)) return unusable('the bytes are damaged: their checksum does not match');
  const stored = Array.from({ length: head.getUint32(12, true) }, (_, i) => head.getUint32(FIXED_BYTES + 4 * i, true));
  if (stored.length !== horizonSteps.length || stored.some((steps, i) => steps !== horizonSteps[i]))
    return unusable(`the state is for horizons of ${stored.join()} steps, asked for ${horizonSteps.join()}`);
  if (head.getFloat64(32, true) !== stepSec)
    return unusable(`the state is for steps of ${head.getFloat64(32, true)} s, asked for ${stepSec} s`);
  const scale = ForecastScale.options[head.getUint32(40, true)];
  if (scale === undefined) return unusable(`the state is on a scale of number ${head.getUint32(40, true)}, which is unknown`);
  const make: Make = { horizonSteps, stepSec, startMs: head.getFloat64(16, true), meanDemand: head.getFloat64(24, true), scale };
  const forecaster = new IncrementalForecaster(make);
  if (aligned.byteLength !== headBytes + forecaster.parts.byteLength)
    return unusable(`a state of these horizons has ${headBytes + forecaster.parts.byteLength} bytes, got ${aligned.byteLength}`);
  forecaster.parts.readFrom(aligned, headBytes);
  return { kind: 'thawed', forecaster };
};

const headLength = (horizons: number): number => FIXED_BYTES + 4 * horizons + (horizons % 2 === 0 ? 0 : 4);

/** FNV-1a over words of all but the place of the checksum. */
const checksumOf = (bytes: Uint8Array): number => {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
  let hash = 0x811c9dc5 ^ bytes.byteLength;
  for (let i = 0; i < words.length; i++) if (i !== 2) hash = Math.imul(hash ^ words[i]!, 0x01000193);
  return hash >>> 0;
};
